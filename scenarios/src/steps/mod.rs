//! The kinds of steps of a journey: one file each.

mod after;
mod every;
mod hls;
mod request;

pub use after::AfterStep;
pub use every::EveryStep;
pub use hls::HlsStep;
pub(crate) use hls::{HlsRequest, HlsState};
pub use request::{Method, RequestSpec};

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

/// A step by its name in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A request after the answer to the one before.
    After(AfterStep),
    /// A request on a fixed grid while the viewer watches.
    Every(EveryStep),
    /// A live stream.
    Hls(HlsStep),
}

impl Step {
    /// Reads a step: a table with one key, its kind.
    pub(crate) fn read(section: &Section<'_>, variables: &mut Vec<String>) -> Option<Self> {
        match section.variant(&["after", "every", "hls"])? {
            (0, inner) => AfterStep::read(&inner, variables).map(Self::After),
            (1, inner) => EveryStep::read(&inner, variables).map(Self::Every),
            (_, inner) => HlsStep::read(&inner).map(Self::Hls),
        }
    }
}
