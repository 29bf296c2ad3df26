//! `fixed`: always the same text.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::Secret;

/// A text. Not printed: it may have come from the environment or a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fixed {
    /// The text.
    pub text: Secret,
}

impl Fixed {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        section.text("text").map(|text| Self { text: Secret::new(text) })
    }
}
