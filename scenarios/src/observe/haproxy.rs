//! HAProxy's statistics, as CSV.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::FeedPlace;

/// A backend of HAProxy: each of its servers that takes requests is an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaproxyFeed {
    /// The statistics page as CSV.
    pub place: FeedPlace,
    /// The backend's name.
    pub backend: String,
}

impl HaproxyFeed {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let place = FeedPlace::read(section, "/;csv");
        let backend = section.text("backend");
        Some(Self { place: place?, backend: backend? })
    }
}
