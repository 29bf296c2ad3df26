//! Prometheus' HTTP API.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::{FeedPlace, Figures};

/// A Prometheus server, and a query for each number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrometheusFeed {
    /// The server.
    pub place: FeedPlace,
    /// The queries, in PromQL; each must give one value. Prometheus goes on to answer with the
    /// last one for minutes.
    pub figures: Figures<String>,
}

impl PrometheusFeed {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let place = FeedPlace::read(section, "/");
        let figures = Figures::read(section, |_, _, text| Some(text));
        let place = place.map(|place| FeedPlace {
            // Under `/prometheus/` behind a proxy its API is there too.
            path: place.path.trim_end_matches('/').to_owned(),
            ..place
        });
        Some(Self { place: place?, figures: figures? })
    }
}
