//! How fast a service is asked, and how many instances that needs.

use std::collections::VecDeque;

use hulk_record::{MatchTime, whole_instances};

/// What a service was asked, looked at again and again.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pace {
    /// Over how long demand is counted, in match seconds.
    window_s: f64,
    /// What an instance carries here: requests per match second.
    instance_rps: f64,
    /// When it was looked at, and its count by then; the first is the start of the window.
    looks: VecDeque<(MatchTime, u64)>,
}

impl Pace {
    pub(crate) fn new(window_s: f64, instance_rps: f64) -> Self {
        Self { window_s, instance_rps, looks: VecDeque::new() }
    }

    /// It was asked so often by then.
    pub(crate) fn note(&mut self, at: MatchTime, asked: u64) {
        if at < MatchTime(0) {
            // The lead-in is not the match.
            self.looks.clear();
        }
        self.looks.push_back((at, asked));
        let from = at.plus_s(-self.window_s);
        while self.looks.get(1).is_some_and(|(second, _)| *second <= from) {
            self.looks.pop_front();
        }
    }

    /// Requests per match second here, between the last two looks.
    pub(crate) fn latest_rps(&self) -> f64 {
        let before = self.looks.len().checked_sub(2);
        self.since(before.and_then(|place| self.looks.get(place)))
    }

    /// Whole instances that its requests need, by their rate over the window or since the start.
    pub(crate) fn needed(&self) -> u32 {
        whole_instances(self.since(self.looks.front()) / self.instance_rps) as u32
    }

    fn since(&self, then: Option<&(MatchTime, u64)>) -> f64 {
        let (Some((from, before)), Some((to, now))) = (then, self.looks.back()) else { return 0.0 };
        let seconds = to.since(*from) as f64 / 1e6;
        if seconds > 0.0 { now.saturating_sub(*before) as f64 / seconds } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A window of 30 s; an instance carries 10 requests a second.
    fn noted(looks: &[(f64, u64)]) -> Pace {
        let mut pace = Pace::new(30.0, 10.0);
        looks.iter().for_each(|(second, asked)| pace.note(MatchTime::from_s(*second), *asked));
        pace
    }

    #[test]
    fn demand_is_counted_over_the_window_and_the_rate_since_the_last_look() {
        assert_eq!((noted(&[]).needed(), noted(&[(0.0, 5)]).latest_rps()), (0, 0.0));
        let pace = noted(&[(0.0, 0), (10.0, 100), (20.0, 100), (30.0, 301)]);
        assert_eq!((pace.needed(), pace.latest_rps()), (2, 20.1), "301 in 30 s, 201 in 10 s");
        // From 10 s on: 300 in 30 s are just one instance.
        let pace = noted(&[(0.0, 0), (10.0, 100), (20.0, 100), (30.0, 301), (40.0, 400)]);
        assert_eq!(pace.needed(), 1);
        // What lies between two looks counts whole: the window is never shorter than it should be.
        assert_eq!(noted(&[(0.0, 0), (29.0, 0), (50.0, 1000)]).needed(), 2);
        assert_eq!(noted(&[(0.0, 0), (100.0, 0), (200.0, 0)]).looks.len(), 2, "and is bounded");
    }

    #[test]
    fn the_lead_in_needs_nothing() {
        let pace = noted(&[(-2.0, 0), (-1.0, 9_000), (1.0, 9_010)]);
        assert_eq!((pace.needed(), pace.latest_rps()), (1, 5.0));
    }

    #[test]
    fn a_look_twice_at_a_time_tells_nothing() {
        assert_eq!(noted(&[(1.0, 5), (1.0, 9)]).latest_rps(), 0.0);
    }
}
