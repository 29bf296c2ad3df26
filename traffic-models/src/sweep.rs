//! From a curve to visits, second by second.
//!
//! ```text
//!            second k           second k + 1
//!   wanted ●──────────────────●──────────────────●   exact at every whole second
//!            who goes unforced    (drawn on arrival)
//!            + arrivals, spread   where too few are left
//!            − early leavers      where too many are left, the lowest ranked first
//! ```

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hulk_record::{MatchTime, hash_of, seed_of, unit_of};

use crate::{Audience, Visit};

/// One tick, in match µs. It is also the shortest visit: whoever comes within a tick is still
/// there at its end, so that the count of arrivals of a tick needs no second round.
const TICK_US: i64 = 1_000_000;

/// Every visit of the audience, sorted by (arrive, viewer); a viewer is numbered by place.
pub(crate) fn visits(audience: &Audience) -> Vec<Visit> {
    let mut sweep = Sweep::new(audience);
    sweep.begin();
    for tick in 0..sweep.departing.len() {
        sweep.step(tick);
    }
    sweep.visits
}

struct Sweep<'a> {
    audience: &'a Audience,
    until: MatchTime,
    length_seed: u64,
    arrival_seed: u64,
    early_seed: u64,
    visits: Vec<Visit>,
    /// How many go by themselves in each tick, before the end.
    departing: Vec<u32>,
    /// How many are present at the start of the tick.
    present: u32,
    /// Viewers who may be present: those who left are removed when somebody looks.
    candidates: Vec<u32>,
    ranking: Option<Ranking>,
}

/// The order in which viewers leave early in one segment of the curve.
struct Ranking {
    segment: usize,
    seed: u64,
    lowest: BinaryHeap<Reverse<(u64, u32)>>,
}

impl Ranking {
    fn place(&self, viewer: u32) -> Reverse<(u64, u32)> {
        Reverse((hash_of(self.seed, u64::from(viewer)), viewer))
    }
}

impl<'a> Sweep<'a> {
    fn new(audience: &'a Audience) -> Self {
        Self {
            audience,
            until: audience.until(),
            length_seed: seed_of(audience.seed, "traffic/view-length"),
            arrival_seed: seed_of(audience.seed, "traffic/arrival"),
            early_seed: seed_of(audience.seed, "traffic/early-leave"),
            visits: Vec::new(),
            departing: vec![0; audience.length_s() as usize],
            present: 0,
            candidates: Vec::new(),
            ranking: None,
        }
    }

    /// Those who are there already.
    fn begin(&mut self) {
        if self.departing.is_empty() {
            return;
        }
        self.present = self.audience.wanted(MatchTime(0));
        for viewer in 0..self.present {
            let rest_s = self.audience.view_length.rest_s(self.length_seed_of(viewer));
            self.enter(viewer, MatchTime(0), MatchTime::from_s(rest_s).max(MatchTime(1)), true);
        }
    }

    fn step(&mut self, tick: usize) {
        let start = MatchTime(tick as i64 * TICK_US);
        let wanted = self.audience.wanted(start.plus(TICK_US));
        let staying = self.present.saturating_sub(self.departing[tick]);
        let segment = self.audience.curve.segment_at(self.audience.minute_at(start));
        self.ranking = self.ranking.take().filter(|ranking| ranking.segment == segment);
        if wanted >= staying {
            self.arrive(start, wanted - staying);
        } else {
            self.leave_early(start, segment, staying - wanted);
        }
        self.present = wanted;
    }

    /// `count` new viewers within the tick, stratified by their numbers.
    fn arrive(&mut self, start: MatchTime, count: u32) {
        let first = self.visits.len() as u32;
        for rank in 0..count {
            // 2^32 visits would take 100 GB: numbers do not run out first.
            let viewer = first.wrapping_add(rank);
            let at = start.plus(spread(self.arrival_seed, viewer, rank, count));
            let whole_s = self.audience.view_length.whole_s(self.length_seed_of(viewer));
            let leave = at.plus(MatchTime::from_s(whole_s).0.max(TICK_US));
            self.enter(viewer, at, leave, false);
        }
    }

    fn enter(&mut self, viewer: u32, arrive: MatchTime, leave: MatchTime, already: bool) {
        if leave < self.until {
            self.departing[tick_of(leave)] += 1;
        }
        let leave = leave.min(self.until);
        self.visits.push(Visit { viewer, arrive, leave, already_watching: already });
        self.candidates.push(viewer);
        if let Some(ranking) = &mut self.ranking {
            let place = ranking.place(viewer);
            ranking.lowest.push(place);
        }
    }

    /// The `count` lowest ranked of those who would still be there at the end of the tick go
    /// within it.
    fn leave_early(&mut self, start: MatchTime, segment: usize, count: u32) {
        let mut ranking = self.ranking.take().unwrap_or_else(|| self.rank(start, segment));
        let end = start.plus(TICK_US);
        let mut rank = 0;
        while rank < count {
            let Some(Reverse((_, viewer))) = ranking.lowest.pop() else { break };
            let visit = self.visits[viewer as usize];
            if visit.leave <= end && visit.leave < self.until {
                continue;
            }
            let mut at = start.plus(spread(self.early_seed, viewer, rank, count));
            if !visit.already_watching {
                at = at.max(visit.arrive.plus(TICK_US));
            }
            if visit.leave < self.until {
                self.departing[tick_of(visit.leave)] -= 1;
            }
            self.visits[viewer as usize].leave = at;
            rank += 1;
        }
        self.ranking = Some(ranking);
    }

    /// Everyone present, in the order of this segment. A segment in which nobody must leave early
    /// never pays for it.
    fn rank(&mut self, start: MatchTime, segment: usize) -> Ranking {
        let visits = &self.visits;
        self.candidates.retain(|viewer| visits[*viewer as usize].leave > start);
        let seed = hash_of(self.early_seed, segment as u64);
        let mut ranking = Ranking { segment, seed, lowest: BinaryHeap::new() };
        ranking.lowest = self.candidates.iter().map(|viewer| ranking.place(*viewer)).collect();
        ranking
    }

    fn length_seed_of(&self, viewer: u32) -> u64 {
        hash_of(self.length_seed, u64::from(viewer))
    }
}

/// The µs into a tick of the `rank`-th of `count`: `(rank + u) / count`, strictly inside.
fn spread(seed: u64, viewer: u32, rank: u32, count: u32) -> i64 {
    let u = unit_of(hash_of(seed, u64::from(viewer)));
    let share = (f64::from(rank) + u) / f64::from(count);
    ((share * TICK_US as f64) as i64).clamp(1, TICK_US - 1)
}

/// The tick in which a departure is felt: a viewer who leaves at its end is not there then.
fn tick_of(leave: MatchTime) -> usize {
    ((leave.0 - 1) / TICK_US) as usize
}
