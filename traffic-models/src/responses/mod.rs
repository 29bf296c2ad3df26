//! What viewers do in answer to a moment.

mod act;
mod exit;
mod push;

pub use act::Act;
pub use exit::Exit;
pub use push::Push;

use hulk_settings::{Delay, Section};
use serde::{Deserialize, Serialize};

/// More than all people.
pub(crate) const PEOPLE_MAX: f64 = 1e10;

/// How viewers answer a moment.
///
/// A new kind: one file beside this one, one variant and its key in [`Response::KEYS`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Response {
    /// Those who leave after the moment press Back.
    Exit(Exit),
    /// People come who were told, on top of the curve.
    Push(Push),
    /// A share of those who are present do something, and stay.
    Act(Act),
}

impl Response {
    /// The keys of a moment that hold a response, in the order of the variants.
    pub const KEYS: [&'static str; 3] = ["exit", "push", "act"];

    /// Reads the response among the other keys of a moment: at most one of [`Self::KEYS`].
    ///
    /// `None` where it has a problem, `Some(None)` where there is no response.
    pub fn read_optional(moment: &Section<'_>) -> Option<Option<Self>> {
        let given = Self::KEYS.map(|key| moment.has(key));
        let [exit, push, act] = Self::KEYS.map(|key| moment.section_optional(key));
        let exit = exit.and_then(|inner| Exit::read(&inner)).map(Self::Exit);
        let push = push.and_then(|inner| Push::read(&inner)).map(Self::Push);
        let act = act.and_then(|inner| Act::read(&inner)).map(Self::Act);
        match given.iter().filter(|given| **given).count() {
            0 => Some(None),
            1 => exit.or(push).or(act).map(Some),
            _ => {
                let message = "a moment has at most one of `exit`, `push` and `act`";
                let hint = "keep one, and make a moment of its own of each other";
                moment.problem(message, Some(hint.to_owned()));
                None
            }
        }
    }
}

/// The delay at `key`.
fn delay(section: &Section<'_>, key: &'static str) -> Option<Delay> {
    section.section(key).and_then(|inner| Delay::read(&inner))
}
