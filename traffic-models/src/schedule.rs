//! Who watches when.

use hulk_record::{MatchTime, shard_slot};
use serde::{Deserialize, Serialize};

use crate::{Audience, Response, sweep};

/// One viewer's visit: present from `arrive` to just before `leave`, and once more if `back` says
/// so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Visit {
    /// The viewer's number; nobody has two visits.
    pub viewer: u32,
    /// When the viewer comes; 0 for whoever is there already.
    pub arrive: MatchTime,
    /// When the viewer leaves the video, at the latest the end of the schedule.
    pub leave: MatchTime,
    /// Whether the viewer was there before the window began.
    pub already_watching: bool,
    /// The moment (index in [`Audience::moments`]) whose push brought the viewer.
    pub push: Option<u16>,
    /// At `leave` the viewer presses Back, in answer to a moment.
    pub back: Option<Back>,
}

/// How a viewer leaves in answer to a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Back {
    /// The moment (index in [`Audience::moments`]).
    pub moment: u16,
    /// Whether Back leads to the home page.
    pub to_home: bool,
    /// The viewer watches again.
    pub returns: Option<Stay>,
}

/// A stretch in which a viewer is present: from `arrive` to just before `leave`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stay {
    /// When it begins.
    pub arrive: MatchTime,
    /// When it ends, at the latest the end of the schedule.
    pub leave: MatchTime,
}

/// A viewer who is present does something in answer to a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Action {
    /// When.
    pub at: MatchTime,
    /// Who.
    pub viewer: u32,
    /// The moment (index in [`Audience::moments`]).
    pub moment: u16,
}

/// Bytes of a visit in [`Schedule::to_bytes`].
pub const VISIT_BYTES: usize = 41;
/// Bytes of an action in [`Schedule::to_bytes`].
pub const ACTION_BYTES: usize = 14;

impl Visit {
    /// When the viewer is present: once or twice.
    pub fn stays(&self) -> impl Iterator<Item = Stay> {
        let first = Stay { arrive: self.arrive, leave: self.leave };
        [Some(first), self.back.and_then(|back| back.returns)].into_iter().flatten()
    }

    /// Whether the viewer is present at a time.
    pub fn present_at(&self, at: MatchTime) -> bool {
        self.stays().any(|stay| stay.arrive <= at && at < stay.leave)
    }

    fn bytes(&self) -> [u8; VISIT_BYTES] {
        let back = self.back.unwrap_or(Back { moment: 0, to_home: false, returns: None });
        let again = back
            .returns
            .unwrap_or(Stay { arrive: MatchTime::default(), leave: MatchTime::default() });
        let flags = [
            self.already_watching,
            self.push.is_some(),
            self.back.is_some(),
            back.to_home,
            back.returns.is_some(),
        ];
        let flags = (0..).zip(flags).fold(0, |byte, (bit, flag)| byte | u8::from(flag) << bit);
        let mut bytes = [0; VISIT_BYTES];
        bytes[..4].copy_from_slice(&self.viewer.to_le_bytes());
        bytes[4..12].copy_from_slice(&self.arrive.0.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.leave.0.to_le_bytes());
        bytes[20] = flags;
        bytes[21..23].copy_from_slice(&self.push.unwrap_or(0).to_le_bytes());
        bytes[23..25].copy_from_slice(&back.moment.to_le_bytes());
        bytes[25..33].copy_from_slice(&again.arrive.0.to_le_bytes());
        bytes[33..].copy_from_slice(&again.leave.0.to_le_bytes());
        bytes
    }
}

/// Every visit of an audience, or of a shard of it, and what viewers do meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Sorted by (arrive, viewer).
    pub visits: Vec<Visit>,
    /// Sorted by (at, viewer, moment).
    pub actions: Vec<Action>,
    /// The end of the window; match time 0 is its start.
    pub until: MatchTime,
}

impl Schedule {
    /// The whole schedule: the same on every machine, for the same audience.
    ///
    /// At every whole second the number present is exactly [`Schedule::wanted_every`]. The
    /// audience's numbers are taken as they are: a scale or window that makes too many visits for
    /// the machine's memory (64 bytes each) is the caller's to refuse.
    pub fn generate(audience: &Audience) -> Self {
        let visits = match &audience.executor {
            Some(executor) => executor.visits(),
            None => sweep::visits(audience),
        };
        let actions = actions(audience, &visits);
        Self { visits, actions, until: audience.until() }
    }

    /// The visits and actions of the viewers whose shard slot is accepted.
    #[must_use]
    pub fn shard(&self, slots: impl Fn(u32) -> bool) -> Self {
        let mine = |viewer: u32| slots(shard_slot(u64::from(viewer)));
        Self {
            visits: self.visits.iter().filter(|visit| mine(visit.viewer)).copied().collect(),
            actions: self.actions.iter().filter(|action| mine(action.viewer)).copied().collect(),
            until: self.until,
        }
    }

    /// The union of shards: of disjoint shards of one schedule that cover it, the schedule.
    pub fn merge(shards: impl IntoIterator<Item = Self>) -> Self {
        let mut whole = Self { visits: Vec::new(), actions: Vec::new(), until: MatchTime(0) };
        for shard in shards {
            whole.visits.extend_from_slice(&shard.visits);
            whole.actions.extend_from_slice(&shard.actions);
            whole.until = whole.until.max(shard.until);
        }
        whole.visits.sort_unstable_by_key(|visit| (visit.arrive, visit.viewer));
        whole.actions.sort_unstable_by_key(action_order);
        whole
    }

    /// Little-endian bytes: `until` (i64 µs) and the number of visits (u64), then
    ///
    /// - per visit `viewer` (u32), `arrive` and `leave` (i64 µs), one byte of flags (from the
    ///   lowest bit: already watching, pushed, back, to home, returns), the moments of the push and
    ///   of the back (u16), and the two ends of the second stay (i64 µs): 0 for what is not there;
    /// - per action `at` (i64 µs), `viewer` (u32) and `moment` (u16).
    pub fn to_bytes(&self) -> Vec<u8> {
        let (visits, actions) = (self.visits.len(), self.actions.len());
        let mut bytes = Vec::with_capacity(16 + visits * VISIT_BYTES + actions * ACTION_BYTES);
        bytes.extend_from_slice(&self.until.0.to_le_bytes());
        bytes.extend_from_slice(&(visits as u64).to_le_bytes());
        for visit in &self.visits {
            bytes.extend_from_slice(&visit.bytes());
        }
        for action in &self.actions {
            bytes.extend_from_slice(&action.at.0.to_le_bytes());
            bytes.extend_from_slice(&action.viewer.to_le_bytes());
            bytes.extend_from_slice(&action.moment.to_le_bytes());
        }
        bytes
    }

    /// How many are present at a time; takes a walk over all visits.
    pub fn present_at(&self, at: MatchTime) -> u32 {
        self.visits.iter().filter(|visit| visit.present_at(at)).count() as u32
    }

    /// How many are present at 0, `step`, 2·`step`, … µs, up to but without the end.
    pub fn presence_every(&self, step: i64) -> Vec<u32> {
        self.count_every(step, |_| true)
    }

    /// How many must be present at those times: the curve's viewers, and on top of them the people
    /// brought by pushes who are there; an executor's users. None where nobody can know it
    /// beforehand. Of a whole schedule and its audience.
    pub fn wanted_every(&self, audience: &Audience, step: i64) -> Vec<u32> {
        if !audience.wants_presence() {
            return Vec::new();
        }
        if audience.executor.is_some() {
            return self.presence_every(step);
        }
        let times = (0..).map(|index: i64| MatchTime(index.saturating_mul(step.max(1))));
        let pushed = self.count_every(step, |visit| visit.push.is_some());
        pushed.into_iter().zip(times).map(|(pushed, at)| pushed + audience.wanted(at)).collect()
    }

    fn count_every(&self, step: i64, of: impl Fn(&Visit) -> bool) -> Vec<u32> {
        let step = step.max(1);
        let count = (self.until.0.max(0) as u64).div_ceil(step as u64) as usize;
        // Changes at the first instant at or after them, then their running sum.
        let mut changes = vec![0_i64; count + 1];
        let place =
            |at: MatchTime| ((at.0.max(0) as u64).div_ceil(step as u64) as usize).min(count);
        for stay in self.visits.iter().filter(|visit| of(visit)).flat_map(Visit::stays) {
            changes[place(stay.arrive)] += 1;
            changes[place(stay.leave)] -= 1;
        }
        let sums = changes.iter().scan(0_i64, |present, change| {
            *present += change;
            Some(*present as u32)
        });
        sums.take(count).collect()
    }

    /// The most viewers present at one time.
    pub fn peak_present(&self) -> u32 {
        peak(self.visits.iter().flat_map(Visit::stays))
    }

    /// The most viewers who hold a user at one time, if each keeps it for so many match seconds.
    pub fn peak_within(&self, hold_s: f64) -> u32 {
        let hold_us = MatchTime::from_s(hold_s.max(0.0)).0;
        peak(self.visits.iter().map(|visit| {
            let leave = visit.leave.min(visit.arrive.plus(hold_us));
            Stay { arrive: visit.arrive, leave }
        }))
    }

    /// The most viewers who hold a user at one time, if each keeps it from coming to leaving, for
    /// `home_s` match seconds after pressing Back, and all the while until a second stay is over.
    pub fn peak_held(&self, home_s: f64) -> u32 {
        let home_us = MatchTime::from_s(home_s.max(0.0)).0;
        peak(self.visits.iter().map(|visit| {
            let leave = match visit.back {
                None => visit.leave,
                Some(Back { returns: None, .. }) => visit.leave.plus(home_us),
                Some(Back { returns: Some(again), .. }) => again.leave,
            };
            Stay { arrive: visit.arrive, leave }
        }))
    }
}

/// Who acts in answer to moments. Whoever is gone by then does not act.
fn actions(audience: &Audience, visits: &[Visit]) -> Vec<Action> {
    let mut actions = Vec::new();
    // By number, to look viewers up: it is their place unless a push came between.
    let mut order: Vec<u32> = vec![0; visits.len()];
    for (place, visit) in (0..).zip(visits) {
        order[visit.viewer as usize] = place;
    }
    for (moment, at, response, seed) in audience.responses() {
        let Response::Act(act) = response else { continue };
        let present = visits.iter().filter(|visit| visit.present_at(at)).map(|visit| visit.viewer);
        for (at, viewer) in act.plans(at, present, seed) {
            if visits[order[viewer as usize] as usize].present_at(at) {
                actions.push(Action { at, viewer, moment });
            }
        }
    }
    actions.sort_unstable_by_key(action_order);
    actions
}

fn action_order(action: &Action) -> (MatchTime, u32, u16) {
    (action.at, action.viewer, action.moment)
}

/// The most stays at one time. Who leaves as another comes makes room first.
fn peak(stays: impl Iterator<Item = Stay>) -> u32 {
    let (mut arrivals, mut leaves): (Vec<MatchTime>, Vec<MatchTime>) =
        stays.map(|stay| (stay.arrive, stay.leave)).unzip();
    arrivals.sort_unstable();
    leaves.sort_unstable();
    let mut gone = 0;
    let mut peak = 0;
    for (come, arrive) in (1..).zip(arrivals) {
        while leaves.get(gone).is_some_and(|leave| *leave <= arrive) {
            gone += 1;
        }
        peak = peak.max(come - gone);
    }
    peak as u32
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
            push: None,
            back: None,
        }
    }

    fn schedule(visits: Vec<Visit>, until: i64) -> Schedule {
        Schedule { visits, actions: Vec::new(), until: MatchTime(until) }
    }

    fn back(visit: Visit, again: Option<(i64, i64)>) -> Visit {
        let stay = |(arrive, leave)| Stay { arrive: MatchTime(arrive), leave: MatchTime(leave) };
        let back = Back { moment: 3, to_home: true, returns: again.map(stay) };
        Visit { back: Some(back), ..visit }
    }

    #[test]
    fn presence_counts_from_arrival_to_just_before_leaving() {
        let schedule = schedule(vec![visit(0, 0, 10), visit(1, 4, 7), visit(2, 7, 12)], 12);
        let present = [1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 1, 1];
        assert_eq!(schedule.presence_every(1), present);
        assert_eq!(schedule.presence_every(5), [1, 2, 1]);
        for (at, count) in present.into_iter().enumerate() {
            assert_eq!(schedule.present_at(MatchTime(at as i64)), count);
        }
        assert_eq!(schedule.peak_present(), 2);
        assert_eq!(Schedule::merge([]).peak_present(), 0);
        assert_eq!(schedule.to_bytes().len(), 16 + 3 * VISIT_BYTES);
    }

    #[test]
    fn second_stays_are_counted_and_users_are_held_in_between() {
        let s = 1_000_000;
        let visits = vec![
            back(visit(0, 0, 2 * s), Some((5 * s, 8 * s))),
            back(visit(1, 0, 2 * s), None),
            visit(2, 6 * s, 9 * s),
        ];
        let schedule = schedule(visits, 10 * s);
        assert_eq!(schedule.presence_every(s), [2, 2, 0, 0, 0, 1, 2, 2, 1, 0]);
        assert_eq!(schedule.present_at(MatchTime(7 * s)), 2);
        assert_eq!(schedule.peak_present(), 2);
        // Viewer 0 from 0 to 8, viewer 1 until home is over, viewer 2 from 6 to 9.
        assert_eq!(schedule.peak_held(0.0), 2);
        assert_eq!(schedule.peak_held(4.0), 2);
        assert_eq!(schedule.peak_held(4.1), 3);
    }

    #[test]
    fn bytes_are_laid_out_as_they_are_described() {
        let mut visit = back(visit(0x0102, 5, 6), Some((7, 8)));
        visit.push = Some(9);
        let action = Action { at: MatchTime(11), viewer: 12, moment: 13 };
        let schedule = Schedule { actions: vec![action], ..schedule(vec![visit], 10) };
        let mut expected = Vec::new();
        for (number, width) in [
            (10, 8),
            (1, 8),
            (0x0102, 4),
            (5, 8),
            (6, 8),
            (0b11110, 1),
            (9, 2),
            (3, 2),
            (7, 8),
            (8, 8),
            (11, 8),
            (12, 4),
            (13, 2),
        ] {
            expected.extend_from_slice(&u64::to_le_bytes(number)[..width]);
        }
        assert_eq!(expected.len(), 16 + VISIT_BYTES + ACTION_BYTES);
        assert_eq!(schedule.to_bytes(), expected);
    }

    #[test]
    fn a_visit_takes_64_bytes_of_memory() {
        assert_eq!(size_of::<Visit>(), 64);
    }
}
