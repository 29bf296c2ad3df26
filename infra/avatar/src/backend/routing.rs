//! To which GPU a session goes: where it was before, or where there is the most room.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hulk_record::Offset;

/// How many sessions are remembered at most; beyond it the one that would expire first is not.
const SESSIONS_MAX: usize = 100_000;

/// A GPU that may take a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) gpu: usize,
    pub(crate) streams: usize,
    pub(crate) limit: usize,
    pub(crate) distance_us: i64,
}

impl Room {
    /// Less loaded by its share of the limit, then nearer, then first in the list.
    fn before(&self, other: &Self) -> Ordering {
        // a ÷ b against c ÷ d, without rounding.
        let load = (self.streams * other.limit).cmp(&(other.streams * self.limit));
        load.then(self.distance_us.cmp(&other.distance_us)).then(self.gpu.cmp(&other.gpu))
    }
}

/// The one that a new session goes to.
pub(crate) fn least_loaded(rooms: impl Iterator<Item = Room>) -> Option<usize> {
    rooms.min_by(Room::before).map(|room| room.gpu)
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Entry {
    gpu: usize,
    expires: Offset,
}

/// The store that leads a session back to its GPU; sessions come as the hash of their key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Affinity {
    ttl_us: i64,
    /// How long after its join a session is written; until then a second join does not find it.
    write_after_us: i64,
    sessions: BTreeMap<u64, Entry>,
    by_expiry: BTreeSet<(Offset, u64)>,
    /// What is still to be written: when, which session, and its GPU.
    writes: VecDeque<(Offset, u64, usize)>,
    lost: bool,
}

impl Affinity {
    pub(crate) fn new(ttl_us: i64, write_after_us: i64) -> Self {
        Self {
            ttl_us,
            write_after_us,
            sessions: BTreeMap::new(),
            by_expiry: BTreeSet::new(),
            writes: VecDeque::new(),
            lost: false,
        }
    }

    /// Where a session was before.
    pub(crate) fn get(&mut self, now: Offset, session: u64) -> Option<usize> {
        self.settle(now);
        self.sessions.get(&session).map(|entry| entry.gpu)
    }

    /// Notes or renews where a session is.
    pub(crate) fn put(&mut self, now: Offset, session: u64, gpu: usize) {
        self.writes.push_back((now.plus(self.write_after_us), session, gpu));
        if self.writes.len() > SESSIONS_MAX {
            self.writes.pop_front();
        }
        self.settle(now);
    }

    /// The store is emptied, and takes nothing until it is healed.
    pub(crate) fn lose(&mut self, now: Offset) {
        self.settle(now);
        self.sessions.clear();
        self.by_expiry.clear();
        self.lost = true;
    }

    pub(crate) fn heal(&mut self, now: Offset) {
        // What would have been written until now is gone.
        self.settle(now);
        self.lost = false;
    }

    fn settle(&mut self, now: Offset) {
        while let Some(&(at, session, gpu)) = self.writes.front().filter(|(at, ..)| *at <= now) {
            self.writes.pop_front();
            if !self.lost {
                self.write(session, Entry { gpu, expires: at.plus(self.ttl_us) });
            }
        }
        while let Some(&(at, session)) = self.by_expiry.first().filter(|(at, _)| *at <= now) {
            self.by_expiry.remove(&(at, session));
            self.sessions.remove(&session);
        }
    }

    fn write(&mut self, session: u64, entry: Entry) {
        self.by_expiry.insert((entry.expires, session));
        if let Some(before) = self.sessions.insert(session, entry)
            && before.expires != entry.expires
        {
            self.by_expiry.remove(&(before.expires, session));
        }
        if self.sessions.len() > SESSIONS_MAX
            && let Some((_, oldest)) = self.by_expiry.pop_first()
        {
            self.sessions.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_US: i64 = 3_600_000_000;

    fn room(gpu: usize, streams: usize, limit: usize, distance_us: i64) -> Room {
        Room { gpu, streams, limit, distance_us }
    }

    #[test]
    fn the_least_loaded_is_chosen_by_its_share_then_by_distance_then_by_its_place() {
        let of = |rooms: &[Room]| least_loaded(rooms.iter().copied());
        assert_eq!(of(&[]), None);
        // 2 of 5 is more than 4 of 12.
        assert_eq!(of(&[room(0, 2, 5, 0), room(1, 4, 12, 9)]), Some(1));
        // 1 of 3 is as much as 4 of 12.
        assert_eq!(of(&[room(0, 1, 3, 5_000), room(1, 4, 12, 2_000)]), Some(1));
        assert_eq!(of(&[room(1, 1, 3, 5_000), room(0, 4, 12, 5_000)]), Some(0));
    }

    #[test]
    fn a_session_is_found_for_an_hour_after_its_last_use() {
        let mut affinity = Affinity::new(HOUR_US, 0);
        affinity.put(Offset(0), 7, 3);
        assert_eq!(affinity.get(Offset(HOUR_US - 1), 7), Some(3));
        assert_eq!(affinity.get(Offset(HOUR_US - 1), 8), None);
        affinity.put(Offset(HOUR_US - 1), 7, 3);
        assert_eq!(affinity.get(Offset(2 * HOUR_US - 2), 7), Some(3));
        assert_eq!(affinity.get(Offset(2 * HOUR_US - 1), 7), None);
        assert!(affinity.by_expiry.is_empty());
    }

    #[test]
    fn what_is_written_late_is_not_found_before() {
        let mut affinity = Affinity::new(HOUR_US, 50_000);
        affinity.put(Offset(0), 7, 3);
        assert_eq!(affinity.get(Offset(49_999), 7), None);
        affinity.put(Offset(49_999), 7, 4);
        assert_eq!(affinity.get(Offset(50_000), 7), Some(3));
        assert_eq!(affinity.get(Offset(99_999), 7), Some(4), "the last to write wins");
    }

    #[test]
    fn a_store_that_is_lost_forgets_and_takes_nothing() {
        let mut affinity = Affinity::new(HOUR_US, 0);
        affinity.put(Offset(0), 7, 3);
        affinity.lose(Offset(1));
        affinity.put(Offset(2), 8, 3);
        assert_eq!([7, 8].map(|session| affinity.get(Offset(3), session)), [None, None]);
        affinity.heal(Offset(4));
        assert_eq!(affinity.get(Offset(5), 8), None);
        affinity.put(Offset(6), 8, 2);
        assert_eq!(affinity.get(Offset(7), 8), Some(2));
    }

    #[test]
    fn too_many_sessions_push_the_oldest_out() {
        let mut affinity = Affinity::new(HOUR_US, 0);
        for session in 0..=SESSIONS_MAX as u64 {
            affinity.put(Offset(session as i64), session, 1);
        }
        let now = Offset(SESSIONS_MAX as i64);
        assert_eq!((affinity.get(now, 0), affinity.get(now, 1)), (None, Some(1)));
        assert_eq!([affinity.sessions.len(), affinity.by_expiry.len()], [SESSIONS_MAX; 2]);
    }
}
