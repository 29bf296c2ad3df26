//! Who watches when.

use hulk_record::{MatchTime, shard_slot};
use serde::{Deserialize, Serialize};

use crate::{Audience, sweep};

/// One viewer's stay: present from `arrive` to just before `leave`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Visit {
    /// The viewer's number; nobody comes twice.
    pub viewer: u32,
    /// When the viewer comes; 0 for whoever is there already.
    pub arrive: MatchTime,
    /// When the viewer goes, at the latest the end of the schedule.
    pub leave: MatchTime,
    /// Whether the viewer was there before the window began.
    pub already_watching: bool,
}

/// Bytes of a visit in [`Schedule::to_bytes`].
pub const VISIT_BYTES: usize = 21;

/// Every visit of an audience, or of a shard of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Sorted by (arrive, viewer).
    pub visits: Vec<Visit>,
    /// The end of the window; match time 0 is its start.
    pub until: MatchTime,
}

impl Schedule {
    /// The whole schedule: the same on every machine, for the same audience.
    ///
    /// At every whole second the number present is exactly [`Audience::wanted`]. The audience's
    /// numbers are taken as they are: a scale or window that makes too many visits for the
    /// machine's memory (24 bytes each) is the caller's to refuse.
    pub fn generate(audience: &Audience) -> Self {
        Self { visits: sweep::visits(audience), until: audience.until() }
    }

    /// The visits of the viewers whose shard slot is accepted.
    #[must_use]
    pub fn shard(&self, slots: impl Fn(u32) -> bool) -> Self {
        let keep = |visit: &&Visit| slots(shard_slot(u64::from(visit.viewer)));
        Self { visits: self.visits.iter().filter(keep).copied().collect(), until: self.until }
    }

    /// The union of shards: of disjoint shards of one schedule that cover it, the schedule.
    pub fn merge(shards: impl IntoIterator<Item = Self>) -> Self {
        let mut whole = Self { visits: Vec::new(), until: MatchTime(0) };
        for shard in shards {
            whole.visits.extend_from_slice(&shard.visits);
            whole.until = whole.until.max(shard.until);
        }
        whole.visits.sort_unstable_by_key(|visit| (visit.arrive, visit.viewer));
        whole
    }

    /// Little-endian bytes: `until` (i64 µs), then per visit `viewer` (u32), `arrive` and `leave`
    /// (i64 µs) and `already_watching` (one byte, 0 or 1).
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + self.visits.len() * VISIT_BYTES);
        bytes.extend_from_slice(&self.until.0.to_le_bytes());
        for visit in &self.visits {
            bytes.extend_from_slice(&visit.viewer.to_le_bytes());
            bytes.extend_from_slice(&visit.arrive.0.to_le_bytes());
            bytes.extend_from_slice(&visit.leave.0.to_le_bytes());
            bytes.push(u8::from(visit.already_watching));
        }
        bytes
    }

    /// How many are present at a time; takes a walk over all visits.
    pub fn present_at(&self, at: MatchTime) -> u32 {
        let here = |visit: &&Visit| visit.arrive <= at && at < visit.leave;
        self.visits.iter().filter(here).count() as u32
    }

    /// How many are present at 0, `step`, 2·`step`, … µs, up to but without the end.
    pub fn presence_every(&self, step: i64) -> Vec<u32> {
        let step = step.max(1);
        let count = (self.until.0.max(0) as u64).div_ceil(step as u64) as usize;
        // Changes at the first instant at or after them, then their running sum.
        let mut changes = vec![0_i64; count + 1];
        let place =
            |at: MatchTime| ((at.0.max(0) as u64).div_ceil(step as u64) as usize).min(count);
        for visit in &self.visits {
            changes[place(visit.arrive)] += 1;
            changes[place(visit.leave)] -= 1;
        }
        let sums = changes.iter().scan(0_i64, |present, change| {
            *present += change;
            Some(*present as u32)
        });
        sums.take(count).collect()
    }

    /// The most viewers present at one time.
    pub fn peak_present(&self) -> u32 {
        let mut leaves: Vec<MatchTime> = self.visits.iter().map(|visit| visit.leave).collect();
        leaves.sort_unstable();
        let mut gone = 0;
        let mut peak = 0;
        for (come, visit) in (1..).zip(&self.visits) {
            while leaves.get(gone).is_some_and(|leave| *leave <= visit.arrive) {
                gone += 1;
            }
            peak = peak.max(come - gone);
        }
        peak as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(viewer: u32, arrive: i64, leave: i64) -> Visit {
        Visit {
            viewer,
            arrive: MatchTime(arrive),
            leave: MatchTime(leave),
            already_watching: arrive == 0,
        }
    }

    #[test]
    fn presence_counts_from_arrival_to_just_before_leaving() {
        let visits = vec![visit(0, 0, 10), visit(1, 4, 7), visit(2, 7, 12)];
        let schedule = Schedule { visits, until: MatchTime(12) };
        let present = [1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 1, 1];
        assert_eq!(schedule.presence_every(1), present);
        assert_eq!(schedule.presence_every(5), [1, 2, 1]);
        for (at, count) in present.into_iter().enumerate() {
            assert_eq!(schedule.present_at(MatchTime(at as i64)), count);
        }
        assert_eq!(schedule.peak_present(), 2);
        assert_eq!(Schedule::merge([]).peak_present(), 0);
        assert_eq!(schedule.to_bytes().len(), 8 + 3 * VISIT_BYTES);
    }
}
