//! Kinds of faults: one file and one variant each.

mod edge_lost;
mod latency;

pub use edge_lost::EdgeLost;
use hulk_settings::Section;
pub use latency::Latency;
use serde::{Deserialize, Serialize};

/// What is broken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Answers come later.
    Latency(Latency),
    /// An edge is gone.
    EdgeLost(EdgeLost),
}

impl FaultKind {
    /// Reads the kind from the table that holds it: one key, its name.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        match section.variant(&["latency", "edge_lost"])? {
            (0, inner) => Latency::read(&inner).map(Self::Latency),
            (_, inner) => EdgeLost::read(&inner).map(Self::EdgeLost),
        }
    }

    /// Its name in a file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Latency(_) => "latency",
            Self::EdgeLost(_) => "edge_lost",
        }
    }

    /// The service, edge or tier that it is done to.
    pub fn place(&self) -> &str {
        match self {
            Self::Latency(latency) => &latency.service,
            Self::EdgeLost(lost) => &lost.edge,
        }
    }

    /// What it does, in words.
    pub fn describe(&self) -> String {
        match self {
            Self::Latency(latency) => latency.describe(),
            Self::EdgeLost(lost) => lost.describe(),
        }
    }
}
