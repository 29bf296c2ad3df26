//! Target tracking as clouds offer it: a measure is kept at its target, out in proportion and soon,
//! in slowly and late. Instances that warm up are not measured.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::bounds::{Bounds, instances_for};
use super::memory::{Alarm, Memory};
use super::{Observation, Rule};

/// The rule's numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetTracking {
    /// Requests per second with which an instance is full.
    pub rps_per_instance: f64,
    /// Share of that which is wanted.
    pub target_utilisation: f64,
    /// So long it must be above the target before instances are added, in match seconds.
    pub out_after_s: f64,
    /// So long it must be well below before some are taken away, in match seconds.
    pub in_after_s: f64,
    /// Well below: this share of the target.
    pub in_below: f64,
    /// At most this share of the instances goes at a time.
    pub in_share: f64,
    /// How many instances there may be.
    pub bounds: Bounds,
}

impl TargetTracking {
    /// Reads the rule; what is left out is as clouds have it: three minutes out, fifteen in.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let rps_per_instance = section.number("rps_per_instance", 1e-3..=1e9);
        let target_utilisation = section.number("target_utilisation", 0.01..=1.0);
        let out_after_s = section.number_or("out_after_s", 0.0..=36_000.0, 180.0);
        let in_after_s = section.number_or("in_after_s", 0.0..=36_000.0, 900.0);
        let in_below = section.number_or("in_below", 0.0..=1.0, 0.9);
        let in_share = section.number_or("in_share", 0.001..=1.0, 0.1);
        let bounds = Bounds::read(section);
        Some(Self {
            rps_per_instance: rps_per_instance?,
            target_utilisation: target_utilisation?,
            out_after_s: out_after_s?,
            in_after_s: in_after_s?,
            in_below: in_below?,
            in_share: in_share?,
            bounds: bounds?,
        })
    }
}

impl Rule for TargetTracking {
    fn desired(&self, seen: &Observation, memory: &mut Memory) -> u32 {
        let busy = seen.busy(self.rps_per_instance);
        let over = busy.is_some_and(|busy| busy > self.target_utilisation);
        let under = busy.is_some_and(|busy| busy < self.target_utilisation * self.in_below);
        let out = memory.lasts(Alarm::High, seen.at, over, self.out_after_s);
        let inward = memory.lasts(Alarm::Low, seen.at, under, self.in_after_s);
        let needed = busy.map_or(seen.running, |busy| {
            instances_for(busy * f64::from(seen.ready), self.target_utilisation)
        });
        let wanted = if out {
            // Those that warm up were ordered for this very load.
            needed.max(seen.running)
        } else if inward && seen.running == seen.ready {
            let least = f64::from(seen.running) * (1.0 - self.in_share);
            needed.max(least.ceil() as u32).min(seen.running)
        } else {
            seen.running
        };
        self.bounds.hold(wanted)
    }

    fn initial(&self, _: f64) -> u32 {
        self.bounds.initial_instances
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Trace, policy};

    const POLICY: &str = "target_tracking = { rps_per_instance = 100, target_utilisation = 0.5, \
                          min_instances = 4, max_instances = 60 }";

    #[test]
    fn golden_trace_out_in_proportion_after_three_minutes() {
        let mut trace = Trace::new(policy(POLICY), 10, 60.0);
        // 800 a second are 80 % of ten: sixteen are wanted once that has lasted.
        assert_eq!(trace.looks(5, 800.0), [10, 10, 10, 16, 16]);
        // Pinned at full, it can ask for twice as many at most; the three minutes begin anew.
        assert_eq!(trace.looks(5, 9_000.0), [16, 16, 16, 32, 60]);
    }

    #[test]
    fn those_that_warm_up_are_not_measured_and_not_ordered_twice() {
        let mut trace = Trace::new(policy(POLICY), 10, 60.0);
        trace.start_delay_looks = 3;
        assert_eq!(trace.looks(7, 800.0), [10, 10, 10, 16, 16, 16, 16]);
    }

    #[test]
    fn golden_trace_in_slowly_after_fifteen_minutes() {
        let mut trace = Trace::new(policy(POLICY), 40, 60.0);
        let looks = trace.looks(20, 500.0);
        assert!(looks[..15].iter().all(|wanted| *wanted == 40), "{looks:?}");
        assert_eq!(looks[15..], [36, 33, 30, 27, 25]);
        // With eleven they are 45.45 % busy, which is above 0.9 of the target.
        assert_eq!(trace.looks(12, 500.0)[9..], [12, 11, 11]);
    }
}
