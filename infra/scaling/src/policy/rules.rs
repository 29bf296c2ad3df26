//! Rules as Azure's autoscale has them: any rule out scales out, all rules in must agree, and
//! nothing is taken away where the load of what is left would call for it again at once.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::bounds::{Bounds, step};
use super::memory::Memory;
use super::{Observation, Rule};

/// The rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// Requests per second with which an instance is full.
    pub rps_per_instance: f64,
    /// Any of these adds instances: the one that adds most.
    pub out: Vec<ScaleRule>,
    /// All of these together take some away: as few as any of them says.
    pub inward: Vec<ScaleRule>,
    /// How long nothing is changed after a change, in match seconds.
    pub cooldown_s: f64,
    /// How many instances there may be.
    pub bounds: Bounds,
}

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ScaleRule {
    /// What it looks at.
    pub measure: Measured,
    /// Out: from here on; in: below this.
    pub threshold: f64,
    /// So many instances more, or fewer.
    pub instances: u32,
}

/// What a rule looks at: a mean over the instances that serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    /// How busy an instance is, in percent.
    CpuPercent,
    /// Requests per second of an instance.
    Rps,
    /// Viewers for each instance.
    Viewers,
}

impl Rules {
    /// Reads the rules.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let rps_per_instance = section.number("rps_per_instance", 1e-3..=1e9);
        let out = section.list("out", ScaleRule::read);
        let inward = section.list("in", ScaleRule::read);
        let cooldown_s = section.number_or("cooldown_s", 0.0..=36_000.0, 300.0);
        let bounds = Bounds::read(section);
        Some(Self {
            rps_per_instance: rps_per_instance?,
            out: out?,
            inward: inward?,
            cooldown_s: cooldown_s?,
            bounds: bounds?,
        })
    }

    /// A measure's mean where so many instances share the load.
    fn mean(&self, measure: Measured, seen: &Observation, instances: u32) -> f64 {
        let instances = f64::from(instances);
        match measure {
            // Shared out over fewer, they may be asked for more than they can do.
            Measured::CpuPercent => {
                let busy = seen.busy(self.rps_per_instance).unwrap_or(0.0);
                100.0 * busy * f64::from(seen.ready) / instances
            }
            Measured::Rps => seen.rps / instances,
            Measured::Viewers => seen.viewers / instances,
        }
    }
}

impl Rule for Rules {
    fn desired(&self, seen: &Observation, _: &mut Memory) -> u32 {
        if seen.ready == 0 {
            return self.bounds.hold(seen.running);
        }
        let is = |rule: &ScaleRule, instances| {
            self.mean(rule.measure, seen, instances) >= rule.threshold
        };
        let more =
            self.out.iter().filter(|rule| is(rule, seen.ready)).map(|rule| rule.instances).max();
        let agreed = self.inward.iter().all(|rule| !is(rule, seen.ready));
        let fewer = self.inward.iter().map(|rule| rule.instances).min().filter(|_| agreed);
        let wanted = match (more, fewer) {
            (Some(more), _) => seen.running.saturating_add(more),
            (None, Some(fewer)) => {
                let left = self.bounds.hold(seen.running.saturating_sub(fewer));
                let again = left == 0 || self.out.iter().any(|rule| is(rule, left));
                if again { seen.running } else { left }
            }
            (None, None) => seen.running,
        };
        self.bounds.hold(wanted)
    }

    fn initial(&self, _: f64) -> u32 {
        self.bounds.initial_instances
    }

    fn cooldown_s(&self) -> f64 {
        self.cooldown_s
    }
}

impl ScaleRule {
    fn read(section: &Section<'_>) -> Option<Self> {
        let words = [
            ("cpu_percent", Measured::CpuPercent),
            ("rps", Measured::Rps),
            ("viewers", Measured::Viewers),
        ];
        let measure = section.word("measure", &words);
        let threshold = section.number("threshold", 0.0..=1e12);
        let instances = step(section, "instances");
        Some(Self { measure: measure?, threshold: threshold?, instances: instances? })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{policy, wanted};

    const POLICY: &str = "rules = { rps_per_instance = 100, min_instances = 1, max_instances = 10, \
                          out = [{ measure = \"cpu_percent\", threshold = 80, instances = 1 }, { measure = \
                          \"rps\", threshold = 95, instances = 3 }], in = [{ measure = \"cpu_percent\", \
                          threshold = 65, instances = 1 }, { measure = \"rps\", threshold = 62, instances = \
                          2 }] }";

    #[test]
    fn golden_a_scale_in_that_would_scale_out_again_is_skipped() {
        // 60 % of three are 90 % of two, which is above 80; 50 % are 75 %.
        let policy = policy(POLICY);
        assert_eq!([180.0, 150.0].map(|rps| wanted(&policy, rps, 3, 3)), [3, 2]);
    }

    #[test]
    fn any_rule_scales_out_by_the_most_and_all_must_agree_to_scale_in() {
        let policy = policy(POLICY);
        let at = |rps: f64| wanted(&policy, rps, 4, 4);
        assert_eq!([at(319.0), at(320.0), at(380.0)], [4, 5, 7]);
        // 63 %: one rule says fewer, the other does not.
        assert_eq!([at(252.0), at(180.0)], [4, 3]);
    }
}
