//! A staircase: rising rates of arrivals against a fixed number of instances.

use hulk_scaling::{Bounds, Policy, Requests};
use hulk_traffic_models::{Audience, Executor, RampingArrivalRate, Stage, Then};

use super::Rehearsal;
use crate::Target;

/// Arrivals of all stairs together.
const ARRIVALS_MAX: f64 = 2e7;
/// Instances of what the journeys do not ask themselves: it shall not be what gives way.
const BEHIND: u32 = 1_000_000;

/// Rising rates of arrivals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Staircase {
    /// Arrivals in a match second of the first stair.
    pub from_per_s: f64,
    /// Arrivals in a match second of the last stair.
    pub to_per_s: f64,
    /// How many stairs there are, at least 2.
    pub stairs: u32,
    /// Length of a stair in match seconds.
    pub stair_s: f64,
    /// Instances of each service that the journeys ask.
    pub instances: u32,
}

/// A stair, in match seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stair {
    /// When it begins.
    pub from_s: f64,
    /// When it is over.
    pub to_s: f64,
    /// Arrivals in a match second.
    pub per_s: f64,
}

impl Staircase {
    /// The stairs in the order of time, all equally high and long.
    pub fn stairs(&self) -> Vec<Stair> {
        let last = f64::from(self.stairs.max(2) - 1);
        let stair = |place: u32| Stair {
            from_s: f64::from(place) * self.stair_s,
            to_s: f64::from(place + 1) * self.stair_s,
            per_s: self.from_per_s + (self.to_per_s - self.from_per_s) * f64::from(place) / last,
        };
        (0..self.stairs.max(2)).map(stair).collect()
    }
}

impl Rehearsal {
    /// The same journeys against the same target, with this load; the embedded platform's services
    /// have as many instances as the staircase says and keep them. There are no faults.
    ///
    /// # Errors
    /// Why it cannot be: the file has an audience that stays, or there would be too many arrivals.
    pub fn on_staircase(&self, staircase: &Staircase) -> Result<Self, String> {
        let then = self.audience.executor.as_ref().map(Executor::then);
        if then.is_none_or(|then| then == Then::Watch) {
            return Err(format!(
                "{}: a staircase offers arrivals to the `after` steps of journeys: name a file whose \
                 `[load]` is neither `mass_action` nor an `[audience]`",
                self.file
            ));
        }
        let stairs = staircase.stairs();
        let arrivals: f64 = stairs.iter().map(|stair| stair.per_s * staircase.stair_s).sum();
        if arrivals > ARRIVALS_MAX {
            return Err(format!(
                "the staircase has {arrivals:.0} arrivals: at most {ARRIVALS_MAX:.0}; make the stairs \
                 shorter or lower"
            ));
        }
        let stages = stairs.iter().flat_map(|stair| {
            [0.0, staircase.stair_s].map(|over_s| Stage { to: stair.per_s, over_s })
        });
        let rate =
            RampingArrivalRate { from_per_s: staircase.from_per_s, stages: stages.collect() };
        let mut changed = self.clone();
        changed.name = format!("{}-calibrate", self.name);
        changed.audience = Audience::of(Executor::RampingArrivalRate(rate), self.audience.seed);
        changed.faults = Vec::new();
        if let Target::Embedded(embedded) = &mut changed.target {
            let services = embedded.platform.services.iter();
            embedded.policies = services
                .map(|service| match self.script.services.contains(&service.name) {
                    true => fixed(staircase.instances),
                    false => fixed(BEHIND),
                })
                .collect();
        }
        Ok(changed)
    }
}

/// So many instances, whatever is asked.
fn fixed(instances: u32) -> Policy {
    let bounds =
        Bounds { min_instances: instances, max_instances: instances, initial_instances: instances };
    Policy::Requests(Requests { rated_per_min: 1.0, buffer: 0.0, bounds })
}
