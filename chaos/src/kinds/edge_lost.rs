//! `edge_lost`: an edge is gone, with its connections and its cache.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

/// An edge is gone, with its connections and its cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeLost {
    /// Its name.
    pub edge: String,
}

impl EdgeLost {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        section.text("edge").map(|edge| Self { edge })
    }

    pub(super) fn describe(&self) -> String {
        format!("edge `{}` is lost", self.edge)
    }
}
