//! `slow_down`: a client that asks less often while answers are slow or refused.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

/// When and how far the time between requests grows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SlowDown {
    /// An answer that takes longer is slow, in ms of wall time.
    pub latency_ms: f64,
    /// By how much the time grows with each slow or refused answer, and shrinks with each other.
    pub factor: f64,
    /// At most so many times the usual time.
    pub factor_max: f64,
}

impl SlowDown {
    /// Reads a `[slow_down]`.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let latency_ms = section.number("latency_ms", 1.0..=600_000.0);
        let factor = section.number_or("factor", 1.01..=100.0, 2.0);
        let factor_max = section.number_or("factor_max", 1.01..=1000.0, 8.0);
        Some(Self { latency_ms: latency_ms?, factor: factor?, factor_max: factor_max? })
    }
}

/// How much a viewer lengthens the time between requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pace {
    factor: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { factor: 1.0 }
    }
}

impl Pace {
    /// An answer came after `latency_ms` of wall time; `rejected` when it was a 429 or 503.
    pub(crate) fn saw(&mut self, slow_down: &SlowDown, latency_ms: f64, rejected: bool) {
        self.factor = if rejected || latency_ms > slow_down.latency_ms {
            (self.factor * slow_down.factor).min(slow_down.factor_max)
        } else {
            (self.factor / slow_down.factor).max(1.0)
        };
    }

    /// By what the time between requests is to be multiplied, from 1.
    pub(crate) fn factor(&self) -> f64 {
        self.factor
    }
}
