//! Autoscaling policies: an observation in, a wanted number of instances out. One file each.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use crate::{CloudGroup, Ladder};

/// What a policy may look at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// Viewers present, at full scale.
    pub viewers: f64,
    /// Requests per match second at full scale since the last look: viewers' and other services'.
    pub rps: f64,
    /// Instances that serve or are on their way.
    pub running: u32,
    /// Instances that serve.
    pub ready: u32,
}

/// A policy by its name in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Instances laid down for each rung of the audience, plus a buffer.
    Ladder(Ladder),
    /// Instances that follow the request rate in steps.
    CloudGroup(CloudGroup),
}

impl Policy {
    /// Reads a policy: a table with one key, its name.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        match section.variant(&["ladder", "cloud_group"])? {
            (0, inner) => Ladder::read(&inner).map(Self::Ladder),
            (_, inner) => CloudGroup::read(&inner).map(Self::CloudGroup),
        }
    }

    /// How many instances it wants.
    pub fn desired(&self, seen: Observation) -> u32 {
        match self {
            Self::Ladder(ladder) => ladder.desired(seen.viewers),
            Self::CloudGroup(group) => group.desired(seen.rps, seen.running),
        }
    }

    /// How many instances serve at the start, when the lead-in brings in `viewers_at_0` (full
    /// scale).
    pub fn initial(&self, viewers_at_0: f64) -> u32 {
        match self {
            Self::Ladder(ladder) => ladder.desired(viewers_at_0),
            Self::CloudGroup(group) => group.initial_instances,
        }
    }

    /// How long nothing is changed after a change, in match seconds.
    pub fn cooldown_s(&self) -> f64 {
        match self {
            Self::Ladder(_) => 0.0,
            Self::CloudGroup(group) => group.cooldown_s,
        }
    }

    /// Whether it looks at the request rate: then its first look comes after a first period, for
    /// the starts of the lead-in are not those of the match.
    pub fn sees_requests(&self) -> bool {
        match self {
            Self::Ladder(_) => false,
            Self::CloudGroup(_) => true,
        }
    }
}
