//! `backoff`: waits that double.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::doubled_s;

/// Waits that double, without any draw: viewers who failed together come back together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Backoff {
    /// The first wait, in match seconds.
    pub first_s: f64,
    /// The longest wait, in match seconds.
    pub max_s: f64,
    /// Attempts in all, the first included; without it there is no end to them.
    pub attempts_max: Option<u32>,
}

impl Backoff {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let first_s = section.number("first_s", 0.01..=3600.0);
        let max_s = section.number("max_s", 0.01..=3600.0);
        let attempts_max = if section.has("attempts_max") {
            section.integer("attempts_max", 1..=1_000_000).map(|attempts| Some(attempts as u32))
        } else {
            Some(None)
        };
        Some(Self { first_s: first_s?, max_s: max_s?, attempts_max: attempts_max? })
    }

    pub(super) fn wait_s(&self, attempt: u32) -> Option<f64> {
        let left = self.attempts_max.is_none_or(|attempts| attempt < attempts);
        left.then(|| doubled_s(self.first_s, self.max_s, attempt))
    }
}
