//! `regex`: what a pattern finds in a body.

use regex::bytes::Regex;
use serde::{Deserialize, Serialize};

/// A regular expression, compiled once; equal to another of the same text.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// Where it is wrong, in one line.
    pub fn new(text: &str) -> Result<Self, String> {
        Regex::new(text).map(Self).map_err(|error| {
            // The crate draws the place over several lines; the last one says what is wrong.
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default();
            let reason = reason.trim_start_matches("error: ");
            format!("the pattern `{text}` is not a regular expression: {reason}")
        })
    }

    /// As the file has it.
    pub fn text(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it is found.
    pub fn is_in(&self, body: &[u8]) -> bool {
        self.0.is_match(body)
    }

    /// Its first group, or all of it where it has none; nothing where that is not UTF-8.
    pub(super) fn find(&self, body: &[u8]) -> Option<String> {
        let found = self.0.captures(body)?;
        let found = if found.len() > 1 { found.get(1) } else { found.get(0) };
        String::from_utf8(found?.as_bytes().to_vec()).ok()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Pattern {}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::new(&text)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.text().to_owned()
    }
}
