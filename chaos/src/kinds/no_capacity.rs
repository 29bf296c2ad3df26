//! `no_capacity`: a zone has no instances to give.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

/// A zone has no instances to give: those that stand there stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoCapacity {
    /// Its name.
    pub zone: String,
}

impl NoCapacity {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        section.text("zone").map(|zone| Self { zone })
    }

    pub(super) fn describe(&self) -> String {
        format!("zone `{}` has no instances to give", self.zone)
    }
}
