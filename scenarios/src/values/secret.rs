//! A text that is not shown.

use std::env::VarError;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A text that is sent and never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// What the environment has under a name.
    ///
    /// # Errors
    /// Why there is nothing, in words; never the content itself.
    pub(crate) fn from_environment(name: &str) -> Result<Self, String> {
        match std::env::var(name) {
            Ok(text) => Ok(Self(text)),
            Err(VarError::NotPresent) => {
                Err(format!("the environment has no `{name}`: set it and start again"))
            }
            Err(VarError::NotUnicode(_)) => {
                Err(format!("`{name}` of the environment is not UTF-8"))
            }
        }
    }

    /// The text, to be sent.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
