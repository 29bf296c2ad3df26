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
        Secret::from_environment(&self.name).map(|text| Fixed { text })
    }
}
