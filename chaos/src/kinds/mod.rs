//! Kinds of faults: one file and one variant each.

mod edge_lost;
mod latency;
mod no_capacity;
mod zone_lost;

pub use edge_lost::EdgeLost;
use hulk_settings::Section;
pub use latency::Latency;
pub use no_capacity::NoCapacity;
use serde::{Deserialize, Serialize};
pub use zone_lost::ZoneLost;

/// What is broken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Answers come later.
    Latency(Latency),
    /// An edge is gone.
    EdgeLost(EdgeLost),
    /// A zone is gone.
    ZoneLost(ZoneLost),
    /// A zone has nothing to give.
    NoCapacity(NoCapacity),
}

impl FaultKind {
    /// Reads the kind from the table that holds it: one key, its name.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        match section.variant(&["latency", "edge_lost", "zone_lost", "no_capacity"])? {
            (0, inner) => Latency::read(&inner).map(Self::Latency),
            (1, inner) => EdgeLost::read(&inner).map(Self::EdgeLost),
            (2, inner) => ZoneLost::read(&inner).map(Self::ZoneLost),
            (_, inner) => NoCapacity::read(&inner).map(Self::NoCapacity),
        }
    }

    /// Its name in a file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Latency(_) => "latency",
            Self::EdgeLost(_) => "edge_lost",
            Self::ZoneLost(_) => "zone_lost",
            Self::NoCapacity(_) => "no_capacity",
        }
    }

    /// The service, edge, tier or zone that it is done to.
    pub fn place(&self) -> &str {
        match self {
            Self::Latency(latency) => &latency.service,
            Self::EdgeLost(lost) => &lost.edge,
            Self::ZoneLost(lost) => &lost.zone,
            Self::NoCapacity(none) => &none.zone,
        }
    }

    /// What it does, in words.
    pub fn describe(&self) -> String {
        match self {
            Self::Latency(latency) => latency.describe(),
            Self::EdgeLost(lost) => lost.describe(),
            Self::ZoneLost(lost) => lost.describe(),
            Self::NoCapacity(none) => none.describe(),
        }
    }
}
