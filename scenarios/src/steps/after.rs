//! `after`: a request after the answer to the one before, plus think time.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::{Does, Flag, RequestSpec, SequenceStep, think};

/// A request of a sequence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AfterStep {
    /// What is sent.
    pub request: RequestSpec,
    /// How often it is sent, one after another, `${index}` counting from 0.
    pub repeat: u32,
}

impl AfterStep {
    pub(super) fn read(section: &Section<'_>) -> Option<SequenceStep> {
        let request = RequestSpec::read(section);
        let think = think(section);
        let repeat = section.integer_or("repeat", 1..=1000, 1);
        let on_resume = section.flag_or("on_resume", false);
        let once = section.flag_or("once", false);
        let unless = section.has("unless").then(|| section.texts("unless"));
        let unless = unless.unwrap_or(Some(Vec::new())).unwrap_or_default();
        let unless: Option<Vec<Flag>> = unless
            .iter()
            .map(|name| {
                let found = Flag::of(name);
                if found.is_none() {
                    let hint = Some(format!("known are {}", Flag::names()));
                    section.problem_at("unless", format!("there is no flag `{name}`"), hint);
                }
                found
            })
            .collect();
        let request = request?;
        Some(SequenceStep {
            when: request.when.clone(),
            does: Does::Request(Self { request, repeat: repeat? as u32 }),
            think: think?,
            on_resume: on_resume?,
            once: once?,
            unless: unless?,
        })
    }
}
