//! Autoscaling policies: an observation in, a wanted number of instances out. One file each.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use crate::Ladder;

/// What a policy may look at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// Viewers present, at full scale.
    pub viewers: f64,
}

/// A policy by its name in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Instances laid down for each rung of the audience, plus a buffer.
    Ladder(Ladder),
}

impl Policy {
    /// Reads a policy: a table with one key, its name.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let (_, inner) = section.variant(&["ladder"])?;
        Ladder::read(&inner).map(Self::Ladder)
    }

    /// How many instances it wants.
    pub fn desired(&self, seen: Observation) -> u32 {
        match self {
            Self::Ladder(ladder) => ladder.desired(seen),
        }
    }
}
