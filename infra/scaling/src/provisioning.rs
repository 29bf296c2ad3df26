//! From a wanted number of instances to serving ones: decision, node and application delays.

use std::collections::VecDeque;

use hulk_record::MatchTime;
use hulk_settings::Section;
use serde::{Deserialize, Serialize};

/// How long capacity takes to arrive and to go, in match seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provisioning {
    /// How often the policy looks.
    pub evaluate_s: f64,
    /// From what the policy sees to the order.
    pub decide_s: f64,
    /// From the order to a running node.
    pub node_s: f64,
    /// From a running node to an application that serves.
    pub app_s: f64,
    /// How long fewer instances must have been wanted before some are taken away.
    pub scale_in_hold_s: f64,
}

impl Provisioning {
    /// Reads the delays.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let evaluate_s = section.number("evaluate_s", 0.1..=3600.0);
        let decide_s = section.number("decide_s", 0.0..=36_000.0);
        let node_s = section.number("node_s", 0.0..=36_000.0);
        let app_s = section.number("app_s", 0.0..=36_000.0);
        let scale_in_hold_s = section.number("scale_in_hold_s", 0.0..=36_000.0);
        Some(Self {
            evaluate_s: evaluate_s?,
            decide_s: decide_s?,
            node_s: node_s?,
            app_s: app_s?,
            scale_in_hold_s: scale_in_hold_s?,
        })
    }

    /// From what the policy sees to capacity that serves, in match seconds.
    pub fn total_s(&self) -> f64 {
        self.decide_s + self.node_s + self.app_s
    }
}

/// The instances of one service: ready, on their way, wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaler {
    delays: Provisioning,
    cooldown_s: f64,
    /// Until then nothing is changed.
    calm_until: MatchTime,
    ready: u32,
    desired: u32,
    /// (when ready, how many), in order of time.
    coming: VecDeque<(MatchTime, u32)>,
    next_look: MatchTime,
    /// Since when fewer than all have been wanted, and the most that was wanted since.
    fewer: Option<(MatchTime, u32)>,
}

impl Scaler {
    /// `ready` instances serve, and the policy looks first at `first_look`. After a change nothing
    /// is changed for `cooldown_s` match seconds.
    pub fn new(delays: Provisioning, cooldown_s: f64, ready: u32, first_look: MatchTime) -> Self {
        Self {
            delays,
            cooldown_s,
            calm_until: first_look,
            ready,
            desired: ready,
            coming: VecDeque::new(),
            next_look: first_look,
            fewer: None,
        }
    }

    /// Instances that serve.
    pub fn ready(&self) -> u32 {
        self.ready
    }

    /// Instances that the policy last wanted.
    pub fn desired(&self) -> u32 {
        self.desired
    }

    /// Instances ordered and not serving yet.
    pub fn pending(&self) -> u32 {
        self.coming.iter().map(|(_, count)| count).sum()
    }

    /// Instances that serve or are on their way.
    pub fn running(&self) -> u32 {
        self.ready + self.pending()
    }

    /// When something happens next: an arrival of capacity, or a look of the policy.
    pub fn next_change(&self) -> MatchTime {
        self.coming.front().map_or(self.next_look, |(at, _)| self.next_look.min(*at))
    }

    /// What is due at `now`: capacity that arrives. Whether it did.
    pub fn arrive(&mut self, now: MatchTime) -> bool {
        let before = self.ready;
        while let Some((_, count)) = self.coming.front().filter(|(at, _)| *at <= now) {
            self.ready += count;
            self.coming.pop_front();
        }
        self.ready != before
    }

    /// Whether the policy is to look at `now`.
    pub fn is_due(&self, now: MatchTime) -> bool {
        self.next_look <= now
    }

    /// The policy looked at `now` and wants so many. Returns whether the ready ones changed.
    pub fn want(&mut self, now: MatchTime, desired: u32) -> bool {
        self.next_look = now.plus(micros(self.delays.evaluate_s));
        if now < self.calm_until {
            return false;
        }
        self.desired = desired;
        let all = self.running();
        if desired >= all {
            self.fewer = None;
            if desired > all {
                let at = now.plus(micros(self.delays.total_s()));
                self.coming.push_back((at, desired - all));
                self.calm_until = now.plus(micros(self.cooldown_s));
            }
            return false;
        }
        let (since, most) = self.fewer.map_or((now, desired), |(s, m)| (s, m.max(desired)));
        self.fewer = Some((since, most));
        if now.since(since) < micros(self.delays.scale_in_hold_s) {
            return false;
        }
        self.fewer = None;
        self.calm_until = now.plus(micros(self.cooldown_s));
        self.keep(most)
    }

    /// Another policy decides from `now` on: what serves and what is on its way stays, and the
    /// pause and the hold of the one before end.
    pub fn follow(&mut self, now: MatchTime, cooldown_s: f64) {
        self.cooldown_s = cooldown_s;
        self.calm_until = now;
        self.fewer = None;
    }

    /// Takes away all but so many: what is on its way first, the newest order before others.
    fn keep(&mut self, most: u32) -> bool {
        let mut surplus = self.running().saturating_sub(most);
        while let Some((_, count)) = self.coming.back_mut().filter(|_| surplus > 0) {
            let cancelled = surplus.min(*count);
            *count -= cancelled;
            surplus -= cancelled;
            if *count == 0 {
                self.coming.pop_back();
            }
        }
        self.ready -= surplus;
        surplus > 0
    }
}

fn micros(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaler(ready: u32) -> Scaler {
        let delays = Provisioning {
            evaluate_s: 15.0,
            decide_s: 75.0,
            node_s: 90.0,
            app_s: 75.0,
            scale_in_hold_s: 60.0,
        };
        Scaler::new(delays, 0.0, ready, MatchTime(0))
    }

    #[test]
    fn capacity_arrives_after_decision_node_and_application() {
        let mut scaler = scaler(10);
        scaler.want(MatchTime(0), 14);
        scaler.want(MatchTime::from_s(15.0), 16);
        assert_eq!((scaler.ready(), scaler.pending()), (10, 6));
        assert!(!scaler.arrive(MatchTime::from_s(239.9)));
        assert!(scaler.arrive(MatchTime::from_s(240.0)));
        assert_eq!((scaler.ready(), scaler.pending()), (14, 2));
        assert!(scaler.arrive(MatchTime::from_s(255.0)));
        assert_eq!((scaler.ready(), scaler.pending()), (16, 0));
    }

    #[test]
    fn capacity_goes_only_after_the_hold_and_to_the_most_wanted_in_it() {
        let mut scaler = scaler(20);
        for (second, desired) in [(0.0, 8), (15.0, 12), (30.0, 9), (45.0, 5)] {
            assert!(!scaler.want(MatchTime::from_s(second), desired), "{second}");
        }
        assert!(scaler.want(MatchTime::from_s(60.0), 5));
        assert_eq!(scaler.ready(), 12);
    }

    #[test]
    fn wanting_as_many_again_ends_the_hold() {
        let mut scaler = scaler(20);
        scaler.want(MatchTime(0), 8);
        scaler.want(MatchTime::from_s(45.0), 20);
        assert!(!scaler.want(MatchTime::from_s(60.0), 8));
        assert_eq!(scaler.ready(), 20);
    }

    #[test]
    fn what_is_on_its_way_goes_before_what_serves() {
        let mut scaler = scaler(10);
        scaler.want(MatchTime(0), 14);
        scaler.want(MatchTime::from_s(15.0), 20);
        scaler.want(MatchTime::from_s(30.0), 13);
        assert!(!scaler.want(MatchTime::from_s(90.0), 11), "those that serve stay");
        assert_eq!((scaler.ready(), scaler.pending()), (10, 3));
        scaler.want(MatchTime::from_s(105.0), 8);
        assert!(scaler.want(MatchTime::from_s(165.0), 8));
        assert_eq!((scaler.ready(), scaler.pending()), (8, 0));
    }

    #[test]
    fn nothing_changes_in_the_cooldown() {
        let delays = scaler(0).delays;
        let mut scaler = Scaler::new(delays, 60.0, 10, MatchTime(0));
        scaler.want(MatchTime(0), 14);
        scaler.want(MatchTime::from_s(45.0), 30);
        assert_eq!((scaler.running(), scaler.desired()), (14, 14));
        scaler.want(MatchTime::from_s(60.0), 30);
        assert_eq!(scaler.running(), 30);
    }
}
