//! Where a key comes from.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::Secret;

/// A key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Key {
    /// The key itself.
    Given(Secret),
    /// The name of the value that holds it.
    Value(String),
}

impl Key {
    /// Reads a key from `given`, or the name of another value from `value`.
    pub(super) fn read(
        section: &Section<'_>,
        given: &'static str,
        value: &'static str,
    ) -> Option<Self> {
        match (section.text_optional(given), section.text_optional(value)) {
            (Some(text), None) => Some(Self::Given(Secret::new(text))),
            (None, Some(name)) => Some(Self::Value(name)),
            (None, None) if section.has(given) || section.has(value) => None,
            _ => {
                let hint = Some(format!("`{value}` names a `[value.NAME]` that holds it"));
                section.problem(format!("a key needs either `{given}` or `{value}`"), hint);
                None
            }
        }
    }

    /// The name of the value that holds it.
    pub(super) fn value(&self) -> Option<&str> {
        match self {
            Self::Given(_) => None,
            Self::Value(name) => Some(name),
        }
    }

    /// Its text, which is `handed` in where another value holds it.
    pub(super) fn text<'a>(&'a self, handed: Option<&'a str>) -> &'a str {
        match self {
            Self::Given(secret) => secret.reveal(),
            Self::Value(_) => handed.unwrap_or_default(),
        }
    }
}
