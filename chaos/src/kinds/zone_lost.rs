//! `zone_lost`: a zone is gone, with the instances that stand there.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

/// A zone is gone, with the instances that stand there, and nothing can be had there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneLost {
    /// Its name.
    pub zone: String,
}

impl ZoneLost {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        section.text("zone").map(|zone| Self { zone })
    }

    pub(super) fn describe(&self) -> String {
        format!("zone `{}` is lost", self.zone)
    }
}
