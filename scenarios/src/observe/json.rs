//! Any JSON document that has the numbers.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::{FeedPlace, Figures};

/// A JSON document, and by JSON pointers (RFC 6901) where its numbers are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JsonFeed {
    /// The document.
    pub place: FeedPlace,
    /// Where each number is.
    pub figures: Figures<String>,
}

impl JsonFeed {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let place = FeedPlace::read(section, "/");
        let figures = Figures::read(section, |section, key, text| {
            if text.is_empty() || text.starts_with('/') {
                return Some(text);
            }
            let hint = Some(format!("a JSON pointer starts with `/`: `{key} = \"/{text}\"`"));
            section.problem_at(key, format!("`{text}` is no JSON pointer"), hint);
            None
        });
        Some(Self { place: place?, figures: figures? })
    }
}
