//! From a curve to visits, second by second.
//!
//! ```text
//!            second k           second k + 1
//!   wanted ●──────────────────●──────────────────●   exact at every whole second
//!            who goes unforced    (drawn on arrival)
//!            + who comes back     after an exit, as drawn
//!            + arrivals, spread   where too few are left
//!            − early leavers      where too many are left, the lowest ranked first
//!            + pushed people      on top, not counted against the curve
//! ```

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hulk_record::{MatchTime, hash_of, seed_of, unit_of};

use crate::{Audience, Back, Exit, Response, Stay, Visit};

/// One tick, in match µs. It is also the shortest stay: whoever comes within a tick is still
/// there at its end, so that the count of arrivals of a tick needs no second round.
const TICK_US: i64 = 1_000_000;

/// Every visit of the audience, sorted by (arrive, viewer). Viewers are numbered from 0: by place,
/// but that within a second those whom a push brings come after the others.
pub(crate) fn visits(audience: &Audience) -> Vec<Visit> {
    let mut sweep = Sweep::new(audience);
    sweep.begin();
    for tick in 0..sweep.departing.len() {
        sweep.step(tick);
    }
    let mut visits = sweep.visits;
    visits.sort_by_key(|visit| (visit.arrive, visit.viewer));
    visits
}

struct Sweep<'a> {
    audience: &'a Audience,
    until: MatchTime,
    length_seed: u64,
    again_seed: u64,
    arrival_seed: u64,
    early_seed: u64,
    /// By viewer.
    visits: Vec<Visit>,
    /// How many of the curve's viewers go by themselves in each tick, before the end.
    departing: Vec<u32>,
    /// How many of the curve's viewers are present at the start of the tick.
    present: u32,
    /// Viewers who may be present: those who left are removed when somebody looks.
    candidates: Vec<u32>,
    ranking: Option<Ranking>,
    exits: Vec<ExitWindow>,
    /// Who may go by themselves in each tick that an exit reaches, and press Back.
    leaving: Vec<Vec<u32>>,
    /// Who comes back in each tick.
    returning: Vec<Vec<u32>>,
    /// When pushes bring people, and for which moment, the next one last.
    pushed: Vec<(MatchTime, u16)>,
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

/// Whoever leaves from `from` to just before `to` answers the moment.
struct ExitWindow {
    moment: u16,
    from: MatchTime,
    to: MatchTime,
    exit: Exit,
    seed: u64,
}

impl<'a> Sweep<'a> {
    fn new(audience: &'a Audience) -> Self {
        let ticks = audience.length_s() as usize;
        let mut sweep = Self {
            audience,
            until: audience.until(),
            length_seed: seed_of(audience.seed, "traffic/view-length"),
            again_seed: seed_of(audience.seed, "traffic/view-length-again"),
            arrival_seed: seed_of(audience.seed, "traffic/arrival"),
            early_seed: seed_of(audience.seed, "traffic/early-leave"),
            visits: Vec::new(),
            departing: vec![0; ticks],
            present: 0,
            candidates: Vec::new(),
            ranking: None,
            exits: Vec::new(),
            leaving: vec![Vec::new(); ticks],
            returning: vec![Vec::new(); ticks],
            pushed: Vec::new(),
        };
        for (moment, at, response, seed) in audience.responses() {
            match response {
                Response::Exit(exit) => {
                    let to = at.plus(MatchTime::from_s(exit.within_s).0);
                    sweep.exits.push(ExitWindow { moment, from: at, to, exit, seed });
                }
                Response::Push(push) => {
                    // At the very start are only those who were there before.
                    let arrivals = push.arrivals(at, audience.scale, seed);
                    let arrivals = arrivals.map(|at| (at.max(MatchTime(1)), moment));
                    sweep.pushed.extend(arrivals.filter(|(at, _)| *at < sweep.until));
                }
                Response::Act(_) => {}
            }
        }
        sweep.pushed.sort_unstable_by_key(|arrival| Reverse(*arrival));
        sweep
    }

    /// Those who are there already.
    fn begin(&mut self) {
        if self.departing.is_empty() {
            return;
        }
        self.present = self.audience.wanted(MatchTime(0));
        for viewer in 0..self.present {
            let rest_s = self.audience.view_length.rest_s(self.length_seed_of(viewer));
            let leave = MatchTime::from_s(rest_s).max(MatchTime(1));
            self.enter(MatchTime(0), leave, true, None);
        }
    }

    fn step(&mut self, tick: usize) {
        let start = MatchTime(tick as i64 * TICK_US);
        let end = start.plus(TICK_US);
        for viewer in std::mem::take(&mut self.leaving[tick]) {
            let leave = self.visits[viewer as usize].leave;
            // The others left earlier than they meant to.
            if start < leave && leave <= end {
                self.press_back(viewer);
            }
        }
        let wanted = self.audience.wanted(end);
        let (returning, returned) = self.room_for_returns(tick, wanted);
        let staying = self.present.saturating_sub(self.departing[tick]) + returned;
        let segment = self.audience.curve.segment_at(self.audience.minute_at(start));
        self.ranking = self.ranking.take().filter(|ranking| ranking.segment == segment);
        if wanted >= staying {
            self.arrive(start, wanted - staying);
        } else {
            self.leave_early(start, segment, staying - wanted);
        }
        // Only now: whoever comes within the tick may not leave in it.
        for viewer in returning {
            self.stays_until(viewer, self.stay_of(viewer).leave);
        }
        self.arrive_pushed(end);
        self.present = wanted;
    }

    /// `count` new viewers within the tick, stratified by their numbers.
    fn arrive(&mut self, start: MatchTime, count: u32) {
        let first = self.visits.len() as u32;
        for rank in 0..count {
            // 2^32 visits would take 270 GB: numbers do not run out first.
            let viewer = first.wrapping_add(rank);
            let at = start.plus(spread(self.arrival_seed, viewer, rank, count));
            self.enter(at, self.end_of_stay(at, self.length_seed_of(viewer)), false, None);
        }
    }

    /// Whom pushes bring within the tick that ends at `end`.
    fn arrive_pushed(&mut self, end: MatchTime) {
        while let Some((at, moment)) = self.pushed.pop_if(|(at, _)| *at <= end) {
            let viewer = self.visits.len() as u32;
            self.enter(at, self.end_of_stay(at, self.length_seed_of(viewer)), false, Some(moment));
        }
    }

    fn end_of_stay(&self, arrive: MatchTime, seed: u64) -> MatchTime {
        let whole_s = self.audience.view_length.whole_s(seed);
        arrive.plus(MatchTime::from_s(whole_s).0.max(TICK_US))
    }

    /// A new visit, of the next viewer.
    fn enter(&mut self, arrive: MatchTime, leave: MatchTime, already: bool, push: Option<u16>) {
        let viewer = self.visits.len() as u32;
        self.visits.push(Visit {
            viewer,
            arrive,
            leave: leave.min(self.until),
            already_watching: already,
            push,
            back: None,
        });
        self.stays_until(viewer, leave);
        if leave < self.until && self.exit_at(leave).is_some() {
            self.leaving[tick_of(leave)].push(viewer);
        }
    }

    /// A viewer who has come means to go at `leave`, and may have to go early.
    fn stays_until(&mut self, viewer: u32, leave: MatchTime) {
        if leave < self.until && self.visits[viewer as usize].push.is_none() {
            self.departing[tick_of(leave)] += 1;
        }
        self.candidates.push(viewer);
        if let Some(ranking) = &mut self.ranking {
            let place = ranking.place(viewer);
            ranking.lowest.push(place);
        }
    }

    /// The lowest ranked of those who would still be there at the end of the tick go within it,
    /// until `count` of the curve's viewers have gone. Pushed people of their ranks go with them.
    fn leave_early(&mut self, start: MatchTime, segment: usize, count: u32) {
        let mut ranking = self.ranking.take().unwrap_or_else(|| self.rank(start, segment));
        let end = start.plus(TICK_US);
        let mut rank = 0;
        while rank < count {
            let Some(Reverse((_, viewer))) = ranking.lowest.pop() else { break };
            let stay = self.stay_of(viewer);
            let gone = stay.leave <= end && stay.leave < self.until;
            // Whoever is away now is ranked again on coming back.
            let away = stay.arrive > start;
            if gone || away {
                continue;
            }
            let visit = self.visits[viewer as usize];
            let mut at = start.plus(spread(self.early_seed, viewer, rank, count));
            if !visit.already_watching || visit.back.is_some() {
                at = at.max(stay.arrive.plus(TICK_US));
            }
            if visit.push.is_none() {
                if stay.leave < self.until {
                    self.departing[tick_of(stay.leave)] -= 1;
                }
                rank += 1;
            }
            self.leave_at(viewer, at);
        }
        self.ranking = Some(ranking);
    }

    /// The viewer's stay ends at `at`.
    fn leave_at(&mut self, viewer: u32, at: MatchTime) {
        let visit = &mut self.visits[viewer as usize];
        match &mut visit.back {
            Some(Back { returns: Some(again), .. }) => again.leave = at,
            _ => {
                visit.leave = at;
                self.press_back(viewer);
            }
        }
    }

    /// Everyone present, in the order of this segment. A segment in which nobody must leave early
    /// never pays for it.
    fn rank(&mut self, start: MatchTime, segment: usize) -> Ranking {
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.retain(|viewer| self.stay_of(*viewer).leave > start);
        let seed = hash_of(self.early_seed, segment as u64);
        let mut ranking = Ranking { segment, seed, lowest: BinaryHeap::new() };
        ranking.lowest = candidates.iter().map(|viewer| ranking.place(*viewer)).collect();
        self.candidates = candidates;
        ranking
    }

    /// The viewer's stay that is under way, to come or the last.
    fn stay_of(&self, viewer: u32) -> Stay {
        let visit = &self.visits[viewer as usize];
        let first = Stay { arrive: visit.arrive, leave: visit.leave };
        visit.back.and_then(|back| back.returns).unwrap_or(first)
    }

    /// The exit that someone who leaves then answers: of the latest moment.
    fn exit_at(&self, leave: MatchTime) -> Option<&ExitWindow> {
        self.exits.iter().rev().find(|exit| exit.from <= leave && leave < exit.to)
    }

    /// A viewer who has left presses Back, if a moment asks for it, and may come back later.
    fn press_back(&mut self, viewer: u32) {
        let leave = self.visits[viewer as usize].leave;
        let Some(ExitWindow { moment, exit, seed, .. }) = self.exit_at(leave) else { return };
        let (moment, to_home) = (*moment, exit.goes_home(*seed, viewer));
        let again = exit.watches_again(*seed, viewer, leave).filter(|at| *at < self.until);
        let returns = again.map(|arrive| {
            let seed = hash_of(self.again_seed, u64::from(viewer));
            Stay { arrive, leave: self.end_of_stay(arrive, seed).min(self.until) }
        });
        if let Some(stay) = returns {
            self.returning[tick_of(stay.arrive)].push(viewer);
        }
        self.visits[viewer as usize].back = Some(Back { moment, to_home, returns });
    }

    /// Who comes back in the tick, and how many of them are the curve's viewers. Where the curve
    /// wants fewer than that, the others do not come back.
    fn room_for_returns(&mut self, tick: usize, wanted: u32) -> (Vec<u32>, u32) {
        let mut returning = std::mem::take(&mut self.returning[tick]);
        returning.sort_unstable_by_key(|viewer| (self.stay_of(*viewer).arrive, *viewer));
        let mut returned = 0;
        returning.retain(|viewer| {
            let visit = &mut self.visits[*viewer as usize];
            if visit.push.is_some() {
                return true;
            }
            let room = returned < wanted;
            if let (false, Some(back)) = (room, &mut visit.back) {
                back.returns = None;
            }
            returned += u32::from(room);
            room
        });
        (returning, returned)
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
