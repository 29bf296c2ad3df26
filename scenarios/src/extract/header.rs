//! `header`: the value of a header.

use serde::{Deserialize, Serialize};

use super::Headers;

/// The name of a header, lower case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderName(String);

impl HeaderName {
    /// Checks a name.
    ///
    /// # Errors
    /// When no header can have it.
    pub fn new(text: &str) -> Result<Self, String> {
        if is_token(text) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        Err(format!("`{text}` is not the name of a header"))
    }

    /// The name.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The first value of that name.
    pub fn find<'a>(&self, headers: &'a dyn Headers) -> Option<&'a str> {
        headers.get(&self.0)
    }
}

/// Whether it can be a name: made of letters, digits and the signs that a name may have.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// What names of header fields are made of (RFC 9110, 5.6.2).
pub fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
