//! Step scaling as clouds offer it: the further a measure is beyond its threshold, the larger the
//! step. There is no pause: what warms up counts towards the step.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::bounds::{Bounds, step};
use super::memory::{Alarm, Memory};
use super::{Observation, Rule};

/// The rule's numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepScaling {
    /// Requests per second with which an instance is full.
    pub rps_per_instance: f64,
    /// Steps out, by how busy the instances are at least: the last that is reached counts.
    pub out: Vec<Breach>,
    /// Steps in, by how busy they are at most: the last that is reached counts.
    pub inward: Vec<Breach>,
    /// So long a first step must be reached, in match seconds.
    pub after_s: f64,
    /// How many instances there may be.
    pub bounds: Bounds,
}

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Breach {
    /// From where on, as a share of what an instance carries.
    pub utilisation: f64,
    /// So many instances more, or fewer.
    pub instances: u32,
}

impl StepScaling {
    /// Reads the rule. Steps out rise, steps in fall.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let rps_per_instance = section.number("rps_per_instance", 1e-3..=1e9);
        let out = Breach::read_all(section, "out", |a, b| a < b);
        let inward = Breach::read_all(section, "in", |a, b| a > b);
        let after_s = section.number_or("after_s", 0.0..=36_000.0, 60.0);
        let bounds = Bounds::read(section);
        let (out, inward) = (out?, inward?);
        let crossed =
            out.first().zip(inward.first()).is_some_and(|(o, i)| o.utilisation <= i.utilisation);
        if crossed {
            let hint = "let the first step in begin below the first step out".to_owned();
            section.problem_at("in", "the steps in and out overlap", Some(hint));
        }
        Some(Self {
            rps_per_instance: rps_per_instance?,
            out,
            inward,
            after_s: after_s?,
            bounds: bounds?,
        })
    }
}

impl Rule for StepScaling {
    fn desired(&self, seen: &Observation, memory: &mut Memory) -> u32 {
        let busy = seen.busy(self.rps_per_instance);
        let reached = |steps: &[Breach], is: fn(f64, f64) -> bool| {
            steps.iter().rfind(|step| busy.is_some_and(|busy| is(busy, step.utilisation))).copied()
        };
        let out = reached(&self.out, |busy, from| busy >= from);
        let inward = reached(&self.inward, |busy, from| busy <= from);
        let high = memory.lasts(Alarm::High, seen.at, out.is_some(), self.after_s);
        let low = memory.lasts(Alarm::Low, seen.at, inward.is_some(), self.after_s);
        let wanted = match (out.filter(|_| high), inward.filter(|_| low)) {
            (Some(step), _) => seen.ready.saturating_add(step.instances).max(seen.running),
            (None, Some(step)) if seen.running == seen.ready => {
                seen.running.saturating_sub(step.instances)
            }
            _ => seen.running,
        };
        self.bounds.hold(wanted)
    }

    fn initial(&self, _: f64) -> u32 {
        self.bounds.initial_instances
    }
}

impl Breach {
    fn read_all(
        section: &Section<'_>,
        key: &'static str,
        in_order: fn(f64, f64) -> bool,
    ) -> Option<Vec<Self>> {
        let steps = section.list(key, Self::read)?;
        let orderly =
            steps.windows(2).all(|pair| in_order(pair[0].utilisation, pair[1].utilisation));
        if !orderly {
            let hint = "write them in the order in which they are reached".to_owned();
            section.problem_at(key, "the steps are not in order", Some(hint));
        }
        Some(steps)
    }

    fn read(section: &Section<'_>) -> Option<Self> {
        let utilisation = section.number("utilisation", 0.0..=1.0);
        let instances = step(section, "instances");
        Some(Self { utilisation: utilisation?, instances: instances? })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Trace, policy};

    const POLICY: &str = "step_scaling = { rps_per_instance = 100, min_instances = 2, max_instances = 100, \
                          out = [{ utilisation = 0.6, instances = 10 }, { utilisation = 0.8, instances = \
                          20 }], in = [{ utilisation = 0.3, instances = 5 }] }";

    #[test]
    fn golden_trace_of_ten_or_twenty_a_step() {
        let mut trace = Trace::new(policy(POLICY), 20, 60.0);
        assert_eq!(
            trace.looks(3, 1_300.0),
            [20, 30, 30],
            "65 % of 20 ask for ten, 43 % of 30 for none"
        );
        assert_eq!(trace.looks(3, 2_700.0), [30, 50, 50], "90 % ask for twenty");
        assert_eq!(trace.looks(4, 600.0), [50, 45, 40, 35], "five fewer each look");
    }

    #[test]
    fn what_warms_up_counts_towards_the_step() {
        let mut trace = Trace::new(policy(POLICY), 20, 60.0);
        trace.start_delay_looks = 2;
        // A higher step meanwhile adds the difference alone.
        assert_eq!(trace.looks(2, 1_300.0), [20, 30]);
        assert_eq!(trace.looks(1, 1_700.0), [40]);
    }
}
