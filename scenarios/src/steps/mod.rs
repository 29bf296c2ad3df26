//! The kinds of steps of a journey: one file each.

mod after;
mod every;
mod flag;
mod give_up;
mod hls;
mod playback;
mod request;

pub use after::AfterStep;
pub use every::EveryStep;
pub use flag::Flag;
pub(crate) use flag::{Flags, HEADER as FLAGS_HEADER};
pub use hls::HlsStep;
pub(crate) use hls::{HlsRequest, HlsState};
pub(crate) use playback::{Leaves, Started, stall_min_us};
pub use request::{Method, RequestSpec};

use hulk_settings::Delay;
use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use crate::choice::When;

/// A step by its name in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Step {
    /// One after another: `after`, `give_up`.
    Sequence(SequenceStep),
    /// A request on a fixed grid while the viewer watches.
    Every(EveryStep),
    /// A live stream.
    Hls(HlsStep),
}

/// A step of a sequence: of a visit's start, or of what a viewer does at a moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SequenceStep {
    /// What is done.
    pub does: Does,
    /// Think time before it, in match seconds; the first step's counts from the arrival.
    pub think: Delay,
    /// Which viewers do it.
    pub when: When,
    /// Whether viewers who are already watching when the window starts do it too.
    pub on_resume: bool,
    /// Whether a viewer who comes back does not do it again.
    pub once: bool,
    /// It is left out while one of these is up.
    pub unless: Vec<Flag>,
}

/// What a step of a sequence does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Does {
    /// Sends.
    Request(AfterStep),
    /// Closes the app.
    GiveUp {
        /// The step's name.
        name: String,
    },
}

impl SequenceStep {
    /// What it sends, if it does.
    pub fn request(&self) -> Option<&AfterStep> {
        match &self.does {
            Does::Request(step) => Some(step),
            Does::GiveUp { .. } => None,
        }
    }
}

impl Step {
    /// Reads a step: a table with one key, its kind.
    pub(crate) fn read(section: &Section<'_>) -> Option<Self> {
        match section.variant(&["after", "every", "hls", "give_up"])? {
            (0, inner) => AfterStep::read(&inner).map(Self::Sequence),
            (1, inner) => EveryStep::read(&inner).map(Self::Every),
            (2, inner) => HlsStep::read(&inner).map(Self::Hls),
            (_, inner) => give_up::read(&inner).map(Self::Sequence),
        }
    }
}

/// Think time: `think_s = 4`, or `think = { lognormal = { … } }`.
fn think(section: &Section<'_>) -> Option<Delay> {
    let fixed = section.number_or("think_s", 0.0..=3600.0, 0.0);
    let drawn = section.section_optional("think").map(|think| Delay::read(&think));
    match (fixed?, drawn) {
        (s, None) => Some(Delay::Fixed { s }),
        (0.0, Some(drawn)) => drawn,
        (_, Some(_)) => {
            let hint = Some("remove one of the two".to_owned());
            section.problem_at("think", "a step has one think time: `think` or `think_s`", hint);
            None
        }
    }
}
