//! `every`: a request on a fixed grid from the visit's start, while the viewer watches. A slow
//! answer never shifts the grid; only a client that slows down on purpose stretches it.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::RequestSpec;

/// A step of watching.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EveryStep {
    /// What is sent.
    pub request: RequestSpec,
    /// Distance of the grid's points, in match seconds.
    pub period_s: f64,
}

impl EveryStep {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let request = RequestSpec::read(section);
        let period_s = section.number("period_s", 0.1..=86_400.0);
        Some(Self { request: request?, period_s: period_s? })
    }
}
