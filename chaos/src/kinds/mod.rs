//! Kinds of faults: one file and one variant each.

mod edge_lost;
mod gpu;
mod latency;
mod no_capacity;
mod toxic;
mod zone_lost;

pub use edge_lost::EdgeLost;
pub use gpu::GpuFault;
use hulk_settings::Section;
pub use latency::Latency;
pub use no_capacity::NoCapacity;
use serde::{Deserialize, Serialize};
pub use toxic::{Given, ToxicFault};
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
    /// A proxy before the target treats its connections badly.
    Toxic(ToxicFault),
    /// Something befalls the GPUs of an avatar backend.
    Gpu(GpuFault),
}

impl FaultKind {
    /// Reads the kind from the table that holds it: one key, its name.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let kinds = ["latency", "edge_lost", "zone_lost", "no_capacity", "toxic", "gpu"];
        match section.variant(&kinds)? {
            (0, inner) => Latency::read(&inner).map(Self::Latency),
            (1, inner) => EdgeLost::read(&inner).map(Self::EdgeLost),
            (2, inner) => ZoneLost::read(&inner).map(Self::ZoneLost),
            (3, inner) => NoCapacity::read(&inner).map(Self::NoCapacity),
            (4, inner) => ToxicFault::read(&inner).map(Self::Toxic),
            (_, inner) => GpuFault::read(&inner).map(Self::Gpu),
        }
    }

    /// Its name in a file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Latency(_) => "latency",
            Self::EdgeLost(_) => "edge_lost",
            Self::ZoneLost(_) => "zone_lost",
            Self::NoCapacity(_) => "no_capacity",
            Self::Toxic(_) => "toxic",
            Self::Gpu(_) => "gpu",
        }
    }

    /// The service, edge, tier, zone or proxy that it is done to.
    pub fn place(&self) -> &str {
        match self {
            Self::Latency(latency) => &latency.service,
            Self::EdgeLost(lost) => &lost.edge,
            Self::ZoneLost(lost) => &lost.zone,
            Self::NoCapacity(none) => &none.zone,
            Self::Toxic(toxic) => &toxic.proxy,
            Self::Gpu(fault) => fault.place(),
        }
    }

    /// What it does, in words.
    pub fn describe(&self) -> String {
        match self {
            Self::Latency(latency) => latency.describe(),
            Self::EdgeLost(lost) => lost.describe(),
            Self::ZoneLost(lost) => lost.describe(),
            Self::NoCapacity(none) => none.describe(),
            Self::Toxic(toxic) => toxic.describe(),
            Self::Gpu(fault) => fault.describe(),
        }
    }
}
