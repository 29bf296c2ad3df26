//! `after`: a request after the answer to the one before, plus think time.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::RequestSpec;

/// A step of the start of a visit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AfterStep {
    /// What is sent.
    pub request: RequestSpec,
    /// Think time before it, in match seconds; the first step's counts from the arrival.
    pub think_s: f64,
    /// How often it is sent, one after another, `${index}` counting from 0.
    pub repeat: u32,
    /// Whether viewers who are already watching when the window starts do it too.
    pub on_resume: bool,
}

impl AfterStep {
    pub(super) fn read(section: &Section<'_>, variables: &mut Vec<String>) -> Option<Self> {
        let request = RequestSpec::read(section, variables);
        let think_s = section.number_or("think_s", 0.0..=3600.0, 0.0);
        let repeat = section.integer_or("repeat", 1..=1000, 1);
        let on_resume = section.flag_or("on_resume", false);
        Some(Self {
            request: request?,
            think_s: think_s?,
            repeat: repeat? as u32,
            on_resume: on_resume?,
        })
    }
}
