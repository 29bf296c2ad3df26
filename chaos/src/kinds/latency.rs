//! `latency`: every answer of a service comes later.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

/// Every answer of a service comes later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Whose answers: a service, an edge by its name, or `mid-tier`.
    pub service: String,
    /// How much later, in ms of wall time.
    pub add_ms: f64,
}

impl Latency {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let service = section.text("service");
        let add_ms = section.number("add_ms", 0.001..=600_000.0);
        Some(Self { service: service?, add_ms: add_ms? })
    }

    pub(super) fn describe(&self) -> String {
        format!("every answer of `{}` comes {} ms later", self.service, self.add_ms)
    }
}
