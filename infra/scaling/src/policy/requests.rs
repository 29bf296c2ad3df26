//! Scaling by traffic: requests a minute, by what an instance is rated for, and a share on top.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::bounds::{Bounds, instances_for};
use super::memory::Memory;
use super::{Observation, Rule};

/// The rule's numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Requests {
    /// Requests per match minute that an instance is rated for.
    pub rated_per_min: f64,
    /// Share of instances added on top: 0.3 is +30 %.
    pub buffer: f64,
    /// How many instances there may be.
    pub bounds: Bounds,
}

impl Requests {
    /// Reads the rule's numbers; the buffer is 0.3 where the file says nothing.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let rated_per_min = section.number("rated_per_min", 0.06..=6e10);
        let buffer = section.number_or("buffer", 0.0..=100.0, 0.3);
        let bounds = Bounds::read(section);
        Some(Self { rated_per_min: rated_per_min?, buffer: buffer?, bounds: bounds? })
    }
}

impl Rule for Requests {
    fn desired(&self, seen: &Observation, _: &mut Memory) -> u32 {
        let per_min = seen.rps * 60.0 * (1.0 + self.buffer);
        self.bounds.hold(instances_for(per_min, self.rated_per_min))
    }

    fn initial(&self, _: f64) -> u32 {
        self.bounds.initial_instances
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{policy, wanted};

    #[test]
    fn golden_instances_for_requests_a_minute() {
        // A gateway rated for 1,000 requests a minute, and 30 % more of it.
        let gateway =
            policy("requests = { rated_per_min = 1000, min_instances = 2, max_instances = 5000 }");
        let per_min = |n: f64| wanted(&gateway, n / 60.0, 10, 10);
        assert_eq!([1.0, 10_000.0, 10_001.0, 1e6, 1e9].map(per_min), [2, 13, 14, 1_300, 5_000]);
    }
}
