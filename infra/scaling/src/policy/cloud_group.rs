//! A cloud group: instances that follow the request rate, in steps, with pauses between them.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::bounds::{Bounds, instances_for, step};
use super::memory::Memory;
use super::{Observation, Rule};

/// A cloud group's rule: as many instances as serve the measured requests at the target
/// utilisation, within bounds, changed by at most a step at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CloudGroup {
    /// Requests per second that an instance serves.
    pub rps_per_instance: f64,
    /// Share of that which an instance is to be asked for.
    pub target_utilisation: f64,
    /// At most so many more or fewer at a time.
    pub step_instances: u32,
    /// How long nothing is changed after a change, in match seconds.
    pub cooldown_s: f64,
    /// How many instances there may be.
    pub bounds: Bounds,
}

impl CloudGroup {
    /// Reads the rule's numbers; it starts with `initial_instances`, or with the fewest.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let rps_per_instance = section.number("rps_per_instance", 1e-3..=1e9);
        let target_utilisation = section.number("target_utilisation", 0.01..=1.0);
        let bounds = Bounds::read(section);
        let step_instances = step(section, "step_instances");
        let cooldown_s = section.number("cooldown_s", 0.0..=36_000.0);
        Some(Self {
            rps_per_instance: rps_per_instance?,
            target_utilisation: target_utilisation?,
            bounds: bounds?,
            step_instances: step_instances?,
            cooldown_s: cooldown_s?,
        })
    }

    /// How many instances `rps` requests per match second (full scale) ask for, at most a step away
    /// from the `running` ones.
    pub fn desired(&self, rps: f64, running: u32) -> u32 {
        let served = self.rps_per_instance * self.target_utilisation;
        let wanted = self.bounds.hold(instances_for(rps, served));
        let fewest = running.saturating_sub(self.step_instances);
        wanted.clamp(fewest, running.saturating_add(self.step_instances))
    }
}

impl Rule for CloudGroup {
    fn desired(&self, seen: &Observation, _: &mut Memory) -> u32 {
        self.desired(seen.rps, seen.running)
    }

    fn initial(&self, _: f64) -> u32 {
        self.bounds.initial_instances
    }

    fn cooldown_s(&self) -> f64 {
        self.cooldown_s
    }
}

#[cfg(test)]
mod tests {
    use hulk_record::MatchTime;
    use hulk_settings::{Source, read};
    use proptest::prelude::*;

    use super::*;
    use crate::{Provisioning, Scaler, Zones};

    fn group() -> CloudGroup {
        CloudGroup {
            rps_per_instance: 2500.0,
            target_utilisation: 0.6,
            bounds: Bounds { min_instances: 40, max_instances: 100, initial_instances: 40 },
            step_instances: 20,
            cooldown_s: 120.0,
        }
    }

    #[test]
    fn golden_instances_for_request_rates() {
        // 1,500 requests/s an instance: 90,000/s are 60, 90,001 one more, and a step is 20.
        let group = group();
        let at = |rps, running| group.desired(rps, running);
        assert_eq!([at(90_000.0, 60), at(90_001.0, 60), at(90_000.0, 40)], [60, 61, 60]);
        assert_eq!([at(1e9, 40), at(1e9, 95), at(0.0, 100), at(0.0, 45)], [60, 100, 80, 40]);
        assert_eq!(at(0.1 * 3.0 * 500_000.0, 100), 100, "a rounding is no instance");
    }

    #[test]
    fn bounds_that_do_not_fit_are_problems() {
        let text = "rps_per_instance = 1\ntarget_utilisation = 1.5\nmin_instances = 4\n\
                    max_instances = 9\nstep_instances = 1\ncooldown_s = 0\n";
        let found = |extra: &str| {
            let source = Source::new("p.toml", format!("{text}{extra}"));
            let problems = read(&source, CloudGroup::read).unwrap_err();
            problems.list.into_iter().map(|problem| problem.message).collect::<Vec<_>>()
        };
        assert_eq!(
            found("initial_instances = 3"),
            [
                "`target_utilisation` is 1.5: it must be from 0.01 to 1",
                "`initial_instances` is 3: it must be from 4 to 9",
            ]
        );
    }

    fn delays(decide_s: f64, scale_in_hold_s: f64) -> Provisioning {
        Provisioning::fixed(15.0, [decide_s, 30.0, 45.0], scale_in_hold_s)
    }

    proptest! {
        #[test]
        fn cloud_group_never_leaves_its_bounds(
            loads in proptest::collection::vec(0.0..400_000.0_f64, 1..200),
            decide_s in 0.0..600.0_f64,
            hold_s in 0.0..600.0_f64,
            min in 0..60_u32,
            room in 0..60_u32,
            step in 1..40_u32,
        ) {
            let group = CloudGroup {
                bounds: Bounds {
                    min_instances: min,
                    max_instances: (min + room).max(1),
                    initial_instances: min,
                },
                step_instances: step,
                ..group()
            };
            let bounds = group.bounds.min_instances..=group.bounds.max_instances;
            let (delays, mut zones) = (delays(decide_s, hold_s), Zones::new(&[]));
            let bought = (1, &mut zones);
            let mut scaler = Scaler::new(delays, group.cooldown_s, min, MatchTime(0), bought);
            let (mut running, mut changed) = (min, None::<MatchTime>);
            for (look, rps) in (0..).zip(loads) {
                let now = MatchTime(look * 15_000_000);
                while scaler.next_change() < now {
                    scaler.arrive(scaler.next_change());
                }
                scaler.arrive(now);
                scaler.want(now, group.desired(rps, scaler.running()), &mut zones);
                prop_assert!(bounds.contains(&scaler.running()), "{}", scaler.running());
                prop_assert!(bounds.contains(&scaler.desired()));
                prop_assert!(scaler.ready() >= group.bounds.min_instances);
                if scaler.running() != running {
                    prop_assert!(scaler.running().abs_diff(running) <= step, "more than a step");
                    let pause = changed.map(|before| now.since(before));
                    prop_assert!(pause.is_none_or(|us| us >= 120_000_000), "{pause:?}");
                    (running, changed) = (scaler.running(), Some(now));
                }
            }
        }
    }
}
