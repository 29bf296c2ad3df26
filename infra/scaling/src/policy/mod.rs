//! Autoscaling policies: an observation in, a wanted number of instances out. One file each.

mod bounds;
mod cloud_group;
mod commentary;
mod hpa;
mod ladder;
mod memory;
mod requests;
mod rules;
mod scheduled;
mod step_scaling;
mod target_tracking;

#[cfg(test)]
mod tests;

pub use bounds::Bounds;
pub use cloud_group::CloudGroup;
pub use commentary::{Advice, Chat, Commentary, Direction, NoAdvice, Role};
pub use hpa::{By, Hpa, Limit};
use hulk_record::MatchTime;
use hulk_settings::Section;
pub use ladder::Ladder;
pub use memory::Memory;
pub use requests::Requests;
pub use rules::{Measured, Rules, ScaleRule};
pub use scheduled::{Ahead, Known, Scheduled};
use serde::{Deserialize, Serialize};
pub use step_scaling::{Breach, StepScaling};
pub use target_tracking::TargetTracking;

/// What a policy may look at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// When it looks.
    pub at: MatchTime,
    /// Viewers present, at full scale.
    pub viewers: f64,
    /// Requests per match second at full scale since the last look: viewers' and other services'.
    pub rps: f64,
    /// Instances that serve or are on their way.
    pub running: u32,
    /// Instances that serve.
    pub ready: u32,
}

impl Observation {
    /// How busy the instances are that serve, each of which carries `rps_per_instance`: from 0 to 1,
    /// for nothing is busier than full. None where none serves.
    fn busy(&self, rps_per_instance: f64) -> Option<f64> {
        (self.ready > 0).then(|| (self.rps / (f64::from(self.ready) * rps_per_instance)).min(1.0))
    }
}

/// What each policy does.
trait Rule {
    /// How many instances it wants.
    fn desired(&self, seen: &Observation, memory: &mut Memory) -> u32;

    /// How many instances serve at the start, when the lead-in brings in `viewers_at_0` (full
    /// scale).
    fn initial(&self, viewers_at_0: f64) -> u32;

    /// How long nothing is changed after a change, in match seconds.
    fn cooldown_s(&self) -> f64 {
        0.0
    }

    /// Whether it looks at the request rate: then its first look comes after a first period, for
    /// the starts of the lead-in are not those of the match.
    fn sees_requests(&self) -> bool {
        true
    }
}

/// A policy by its name in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Instances laid down for each rung of the audience, plus a buffer.
    Ladder(Ladder),
    /// Instances that follow the request rate in steps.
    CloudGroup(CloudGroup),
    /// Kubernetes' horizontal pod autoscaler.
    Hpa(Hpa),
    /// A measure that is kept at its target: out in proportion, in slowly.
    TargetTracking(TargetTracking),
    /// Steps by how far a measure is beyond its threshold.
    StepScaling(StepScaling),
    /// Rules of which any scales out, and all must agree to scale in.
    Rules(Rules),
    /// Requests a minute by what an instance is rated for, and a share on top.
    Requests(Requests),
    /// A ladder, and what is laid down ahead of what the match's commentary lets expect.
    Commentary(Commentary),
    /// One of them, and what is laid down ahead of what is known to come.
    Scheduled(Scheduled),
}

impl Policy {
    /// The names of all in a file.
    pub const NAMES: [&str; 8] = [
        "ladder",
        "cloud_group",
        "hpa",
        "target_tracking",
        "step_scaling",
        "rules",
        "requests",
        "commentary",
    ];

    /// Reads a policy: a table with one key, its name, and `ahead` beside it where something is known
    /// to come.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let ahead = section.list("ahead", Ahead::read);
        let policy = Self::read_one(section)?;
        match ahead? {
            none if none.is_empty() => Some(policy),
            ahead => Some(Self::Scheduled(Scheduled { ahead, otherwise: Box::new(policy) })),
        }
    }

    fn read_one(section: &Section<'_>) -> Option<Self> {
        let (name, inner) = section.variant(&Self::NAMES)?;
        match name {
            0 => Ladder::read(&inner).map(Self::Ladder),
            1 => CloudGroup::read(&inner).map(Self::CloudGroup),
            2 => Hpa::read(&inner).map(Self::Hpa),
            3 => TargetTracking::read(&inner).map(Self::TargetTracking),
            4 => StepScaling::read(&inner).map(Self::StepScaling),
            5 => Rules::read(&inner).map(Self::Rules),
            6 => Requests::read(&inner).map(Self::Requests),
            _ => Commentary::read(&inner).map(Self::Commentary),
        }
    }

    /// Its name in a file; what is laid down ahead does not change that.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ladder(_) => "ladder",
            Self::CloudGroup(_) => "cloud_group",
            Self::Hpa(_) => "hpa",
            Self::TargetTracking(_) => "target_tracking",
            Self::StepScaling(_) => "step_scaling",
            Self::Rules(_) => "rules",
            Self::Requests(_) => "requests",
            Self::Commentary(_) => "commentary",
            Self::Scheduled(rule) => rule.otherwise.name(),
        }
    }

    fn rule(&self) -> &dyn Rule {
        match self {
            Self::Ladder(rule) => rule,
            Self::CloudGroup(rule) => rule,
            Self::Hpa(rule) => rule,
            Self::TargetTracking(rule) => rule,
            Self::StepScaling(rule) => rule,
            Self::Rules(rule) => rule,
            Self::Requests(rule) => rule,
            Self::Commentary(rule) => rule,
            Self::Scheduled(rule) => rule,
        }
    }

    /// Puts what is known to come where it is on the run's clock: `time_of` knows the day.
    ///
    /// # Errors
    /// The name of a moment that the day does not have.
    pub fn settle(&mut self, time_of: &dyn Fn(&Known) -> Option<MatchTime>) -> Result<(), String> {
        match self {
            Self::Scheduled(rule) => rule.settle(time_of),
            _ => Ok(()),
        }
    }

    /// The rule that hears the commentary, where there is one.
    pub fn commentary(&self) -> Option<&Commentary> {
        match self {
            Self::Commentary(rule) => Some(rule),
            Self::Scheduled(rule) => rule.otherwise.commentary(),
            _ => None,
        }
    }

    /// Asks nobody: what the commentary means is told by the rules alone.
    pub fn without_chat(&mut self) {
        match self {
            Self::Commentary(rule) => rule.chat = None,
            Self::Scheduled(rule) => rule.otherwise.without_chat(),
            _ => {}
        }
    }

    /// How many instances it wants; the memory is this service's alone.
    pub fn desired(&self, seen: &Observation, memory: &mut Memory) -> u32 {
        self.rule().desired(seen, memory)
    }

    /// How many instances serve at the start, when the lead-in brings in `viewers_at_0` (full
    /// scale).
    pub fn initial(&self, viewers_at_0: f64) -> u32 {
        self.rule().initial(viewers_at_0)
    }

    /// How long nothing is changed after a change, in match seconds.
    pub fn cooldown_s(&self) -> f64 {
        self.rule().cooldown_s()
    }

    /// Whether it looks at the request rate: then its first look comes after a first period, for
    /// the starts of the lead-in are not those of the match.
    pub fn sees_requests(&self) -> bool {
        self.rule().sees_requests()
    }
}
