//! Edges, and the tier behind them.

use std::num::NonZeroU32;

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

/// A cache of answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TierSpec {
    /// What it adds to each answer, in ms of wall time.
    pub base_latency_ms: f64,
    /// How many answers it keeps: beyond that the least recently used one goes.
    pub cache_entries: NonZeroU32,
}

/// A place where viewers connect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EdgeSpec {
    /// Its name.
    pub name: String,
    /// Its cache.
    pub tier: TierSpec,
    /// What it sends of the stream at most, in Gbit/s at full scale.
    pub bandwidth_gbps: Option<f64>,
}

impl TierSpec {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let base_latency_ms = section.number("base_latency_ms", 0.0..=60_000.0);
        let cache_entries = section.integer("cache_entries", 1..=1_000_000);
        Some(Self {
            base_latency_ms: base_latency_ms?,
            cache_entries: NonZeroU32::new(cache_entries? as u32)?,
        })
    }
}

impl EdgeSpec {
    pub(super) fn read(name: String, section: &Section<'_>) -> Option<Self> {
        let tier = TierSpec::read(section);
        let bandwidth_gbps = bandwidth(section);
        Some(Self { name, tier: tier?, bandwidth_gbps: bandwidth_gbps? })
    }
}

/// Reads a ceiling of bandwidth, if there is one.
pub(super) fn bandwidth(section: &Section<'_>) -> Option<Option<f64>> {
    match section.has("bandwidth_gbps") {
        true => section.number("bandwidth_gbps", 1e-6..=1e9).map(Some),
        false => Some(None),
    }
}
