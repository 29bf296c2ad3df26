//! The edge's cache: keeps answers for their time to live and asks the origin once for all who
//! wait for the same path.

use std::collections::HashMap;

use hulk_record::MatchTime;

use crate::platform::Body;

/// Beyond so many entries the expired ones are looked for at every new one.
const SWEEP_ABOVE: usize = 256;

#[derive(Debug, Clone)]
enum Entry {
    /// The origin was asked; these requests wait for it.
    Filling(Vec<u64>),
    /// Kept until then.
    Fresh(MatchTime, Body),
}

/// What the cache says to a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Lookup {
    /// Here it is.
    Hit(Body),
    /// The origin has been asked already; the request waits with the others.
    Wait,
    /// Ask the origin.
    Miss,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct EdgeCache {
    entries: HashMap<String, Entry>,
}

impl EdgeCache {
    /// Looks a path up; on a miss the request waits for [`Self::fill`] or [`Self::fail`].
    pub(crate) fn look(&mut self, now: MatchTime, path: &str, id: u64) -> Lookup {
        match self.entries.get_mut(path) {
            Some(Entry::Fresh(until, body)) if now < *until => Lookup::Hit(body.clone()),
            Some(Entry::Filling(waiting)) => {
                waiting.push(id);
                Lookup::Wait
            }
            _ => {
                if self.entries.len() > SWEEP_ABOVE {
                    self.sweep(now);
                }
                self.entries.insert(path.to_owned(), Entry::Filling(vec![id]));
                Lookup::Miss
            }
        }
    }

    /// The origin answered: everyone who waited gets it.
    pub(crate) fn fill(&mut self, path: &str, until: MatchTime, body: Body) -> Vec<u64> {
        match self.entries.insert(path.to_owned(), Entry::Fresh(until, body)) {
            Some(Entry::Filling(waiting)) => waiting,
            _ => Vec::new(),
        }
    }

    /// The origin did not answer: nothing is kept.
    pub(crate) fn fail(&mut self, path: &str) -> Vec<u64> {
        match self.entries.remove(path) {
            Some(Entry::Filling(waiting)) => waiting,
            _ => Vec::new(),
        }
    }

    fn sweep(&mut self, now: MatchTime) {
        self.entries.retain(|_, entry| match entry {
            Entry::Filling(_) => true,
            Entry::Fresh(until, _) => now < *until,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_miss_asks_for_all_and_what_is_kept_expires() {
        let mut cache = EdgeCache::default();
        let at = MatchTime::from_s;
        assert_eq!(cache.look(at(0.0), "/a", 1), Lookup::Miss);
        assert_eq!(cache.look(at(0.1), "/a", 2), Lookup::Wait);
        assert_eq!(cache.fill("/a", at(3.0), Body::Bytes(7)), [1, 2]);
        assert_eq!(cache.look(at(2.9), "/a", 3), Lookup::Hit(Body::Bytes(7)));
        assert_eq!(cache.look(at(3.0), "/a", 4), Lookup::Miss);
        assert_eq!(cache.fail("/a"), [4]);
        assert_eq!(cache.look(at(3.1), "/a", 5), Lookup::Miss);
    }

    #[test]
    fn the_cache_stays_bounded() {
        let mut cache = EdgeCache::default();
        for n in 0..10_000_i64 {
            let (now, path) = (MatchTime::from_s(n as f64), format!("/{n}"));
            cache.look(now, &path, 0);
            cache.fill(&path, now.plus(60_000_000), Body::Empty);
        }
        assert!(cache.entries.len() <= SWEEP_ABOVE + 2, "{}", cache.entries.len());
    }
}
