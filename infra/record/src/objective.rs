//! Objectives, as data.

use serde::{Deserialize, Serialize};

use crate::Measure;

/// Something that must hold for the run to pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// Its name in reports.
    pub name: String,
    /// The service that it is about.
    pub service: String,
    /// What must hold.
    pub bound: Bound,
}

/// What an objective bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// A quantile of latency, counted only in intervals in which supply ≥ demand.
    Latency {
        /// Response or service time.
        measure: Measure,
        /// In parts per million: 990 000 is p99.
        quantile_ppm: u32,
        /// At most, in ms of wall time.
        max_ms: f64,
    },
    /// The share of first attempts that were answered as expected, of those not given up.
    ServedShare {
        /// At least, from 0 to 1.
        min: f64,
    },
    /// The capacity debt ∫(d−s)⁺dt.
    CapacityDebt {
        /// At most, in instance-minutes of match time.
        max_instance_min: f64,
    },
    /// A quantile of the time from a player's start to its first frame.
    Startup {
        /// In parts per million: 990 000 is p99.
        quantile_ppm: u32,
        /// At most, in ms of wall time.
        max_ms: f64,
    },
    /// Time stalled ÷ (time stalled + time watched), over all viewers.
    StallRatio {
        /// At most, from 0 to 1.
        max: f64,
    },
}
