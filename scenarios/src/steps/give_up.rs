//! `give_up`: the viewer closes the app before watching.

use hulk_settings::Section;

use super::{Does, SequenceStep, think};
use crate::choice::When;

/// Reads the step.
pub(super) fn read(section: &Section<'_>) -> Option<SequenceStep> {
    let name = section.text("name");
    let think = think(section);
    let when = When::read_optional(section, "when");
    Some(SequenceStep {
        does: Does::GiveUp { name: name? },
        think: think?,
        when: when?,
        on_resume: false,
        once: false,
        unless: Vec::new(),
    })
}
