//! `env`: from the environment of whoever loads the rehearsal.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::{Fixed, Secret};

/// A variable of the environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Env {
    /// Its name.
    pub name: String,
}

impl Env {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        section.text("name").map(|name| Self { name })
    }

    pub(super) fn resolve(&self) -> Result<Fixed, String> {
        match std::env::var(&self.name) {
            Ok(text) => Ok(Fixed { text: Secret::new(text) }),
            Err(std::env::VarError::NotPresent) => {
                Err(format!("the environment has no `{}`: set it and start again", self.name))
            }
            // Never the content itself: it may be a key.
            Err(std::env::VarError::NotUnicode(_)) => {
                Err(format!("`{}` of the environment is not UTF-8", self.name))
            }
        }
    }
}
