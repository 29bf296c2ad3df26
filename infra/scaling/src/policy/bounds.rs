//! How many instances there may be, and how many there are at the start.

use hulk_record::whole_instances;
use hulk_settings::Section;
use serde::{Deserialize, Serialize};

const INSTANCES_MAX: u64 = 1_000_000;

/// What every policy that follows a measure keeps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// Never fewer instances.
    pub min_instances: u32,
    /// Never more instances.
    pub max_instances: u32,
    /// Instances at the start.
    pub initial_instances: u32,
}

impl Bounds {
    /// Reads the three numbers; it starts with `initial_instances`, or with the fewest.
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let min_instances = section.integer("min_instances", 0..=INSTANCES_MAX);
        let max_instances = section.integer("max_instances", 1..=INSTANCES_MAX);
        let fewest = min_instances.unwrap_or_default();
        let initial = section.integer_or("initial_instances", 0..=INSTANCES_MAX, fewest);
        let (min, max, initial) = (min_instances?, max_instances?, initial?);
        if min > max {
            let hint = Some(format!("at most `min_instances = {max}`, which is `max_instances`"));
            let message = "there must be no fewer at most than at least";
            section.problem_at("min_instances", message, hint);
        } else if !(min..=max).contains(&initial) {
            let message =
                format!("`initial_instances` is {initial}: it must be from {min} to {max}");
            let hint = Some(format!("leave it out to start with {min}"));
            section.problem_at("initial_instances", message, hint);
        }
        Some(Self {
            min_instances: min as u32,
            max_instances: max as u32,
            initial_instances: initial as u32,
        })
    }

    /// The nearest number of instances within the bounds.
    pub(super) fn hold(&self, instances: u32) -> u32 {
        instances.min(self.max_instances).max(self.min_instances)
    }
}

/// Reads how many instances a step is: `key`, at least one.
pub(super) fn step(section: &Section<'_>, key: &'static str) -> Option<u32> {
    section.integer(key, 1..=INSTANCES_MAX).map(|instances| instances as u32)
}

/// So many instances as carry `load`, each with a load of `each`.
pub(super) fn instances_for(load: f64, each: f64) -> u32 {
    whole_instances(load / each) as u32
}
