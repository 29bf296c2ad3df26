//! Load in the field's terms: one file for each executor.
//!
//! An executor takes the place of a model's curve. It says before the run who comes when, as
//! [`Visit`]s, and what each of them does after the journeys' start.

mod constant_arrival_rate;
mod constant_users;
mod iterations;
mod mass_action;
mod nobody;
mod ramping_arrival_rate;
mod ramping_users;
mod replay;
mod stages;

pub use constant_arrival_rate::ConstantArrivalRate;
pub use constant_users::ConstantUsers;
pub use iterations::Iterations;
pub use mass_action::MassAction;
pub use nobody::Nobody;
pub use ramping_arrival_rate::RampingArrivalRate;
pub use ramping_users::RampingUsers;
pub use replay::Replay;
pub use stages::Stage;

use hulk_record::MatchTime;
use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use crate::audience::WINDOW_S_MAX as S_MAX;
use crate::{Moment, Visit};

/// Users at a time.
const USERS_MAX: u64 = 5_000_000;
/// Arrivals in a match second.
const PER_S_MAX: f64 = 1e6;

/// How load is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Executor {
    /// So many users, all the time.
    ConstantUsers(ConstantUsers),
    /// More and fewer users, stage by stage.
    RampingUsers(RampingUsers),
    /// So many arrivals a second, whatever the target does.
    ConstantArrivalRate(ConstantArrivalRate),
    /// More and fewer arrivals a second, stage by stage.
    RampingArrivalRate(RampingArrivalRate),
    /// So many iterations by each user.
    Iterations(Iterations),
    /// Everybody does the same at one instant.
    MassAction(MassAction),
    /// Arrivals as they were written down.
    Replay(Replay),
    /// No viewer at all.
    Nobody(Nobody),
}

/// What a viewer does after the journeys' start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Then {
    /// Watches until it is time to leave.
    Watch,
    /// Leaves.
    Leave,
    /// Does all of it again.
    Again {
        /// Leaves after so many times; without it, when it is time to.
        times: Option<u32>,
    },
}

/// Users over time: (match seconds, users), joined by lines; two at one instant are a jump.
pub(crate) type Points = Vec<(f64, f64)>;

/// What each executor says of itself.
trait Plan {
    /// When the last user leaves.
    fn until(&self) -> MatchTime;
    /// Who comes when, numbered from 0 in the order of coming.
    fn visits(&self) -> Vec<Visit>;
    /// What a viewer does after the start.
    fn then(&self) -> Then;
    /// How many users must be there; none where that depends on the target.
    fn users(&self) -> Option<Points> {
        None
    }
    /// The most users at a time that it asks for by itself, and about how many visits it has: known
    /// without making them.
    fn size(&self) -> (f64, f64);
    /// In words: `50 users for 10 s`.
    fn describe(&self) -> String;
    /// What everybody does together.
    fn moment(&self) -> Option<Moment> {
        None
    }
}

impl Executor {
    /// Their names in a file.
    pub const NAMES: [&'static str; 8] = [
        "constant_users",
        "ramping_users",
        "constant_arrival_rate",
        "ramping_arrival_rate",
        "iterations",
        "mass_action",
        "replay",
        "nobody",
    ];

    /// Reads the one executor of a section, which may have other keys. `text_of` gives the text
    /// of a file beside the rehearsal's, or says why there is none.
    pub fn read(
        section: &Section<'_>,
        text_of: impl FnOnce(&str) -> Result<String, String>,
    ) -> Option<Self> {
        let (place, inner) = section.variant(&Self::NAMES)?;
        match place {
            0 => ConstantUsers::read(&inner).map(Self::ConstantUsers),
            1 => RampingUsers::read(&inner).map(Self::RampingUsers),
            2 => ConstantArrivalRate::read(&inner).map(Self::ConstantArrivalRate),
            3 => RampingArrivalRate::read(&inner).map(Self::RampingArrivalRate),
            4 => Iterations::read(&inner).map(Self::Iterations),
            5 => MassAction::read(&inner).map(Self::MassAction),
            6 => Replay::read(&inner, text_of).map(Self::Replay),
            _ => Nobody::read(&inner).map(Self::Nobody),
        }
    }

    fn plan(&self) -> (usize, &dyn Plan) {
        match self {
            Self::ConstantUsers(of) => (0, of),
            Self::RampingUsers(of) => (1, of),
            Self::ConstantArrivalRate(of) => (2, of),
            Self::RampingArrivalRate(of) => (3, of),
            Self::Iterations(of) => (4, of),
            Self::MassAction(of) => (5, of),
            Self::Replay(of) => (6, of),
            Self::Nobody(of) => (7, of),
        }
    }

    /// Its name in a file.
    pub fn name(&self) -> &'static str {
        Self::NAMES[self.plan().0]
    }

    /// What it does, in words.
    pub fn describe(&self) -> String {
        self.plan().1.describe()
    }

    /// What a viewer does after the journeys' start.
    pub fn then(&self) -> Then {
        self.plan().1.then()
    }

    /// Whether arrivals come however the target answers.
    pub fn is_open(&self) -> bool {
        self.then() == Then::Leave
    }

    /// Whether it is over as soon as everybody has left, which may be before its end.
    pub fn ends_early(&self) -> bool {
        matches!(self.then(), Then::Again { times: Some(_) })
    }

    /// When the last user leaves.
    pub fn until(&self) -> MatchTime {
        self.plan().1.until()
    }

    /// The most users at a time that it asks for by itself, and about how many visits it has:
    /// known before the schedule is made.
    pub fn size(&self) -> (f64, f64) {
        self.plan().1.size()
    }

    pub(crate) fn visits(&self) -> Vec<Visit> {
        self.plan().1.visits()
    }

    pub(crate) fn users(&self) -> Option<Points> {
        self.plan().1.users()
    }

    pub(crate) fn moment(&self) -> Option<Moment> {
        self.plan().1.moment()
    }
}

/// One after another: each comes at its due time, in µs, and is cut off at the end.
fn arrivals(due_us: impl Iterator<Item = i64>, until: MatchTime) -> Vec<Visit> {
    let due_us = due_us.filter(|due| *due < until.0);
    (0..u32::MAX).zip(due_us).map(|(viewer, due)| visit(viewer, MatchTime(due), until)).collect()
}

fn visit(viewer: u32, arrive: MatchTime, leave: MatchTime) -> Visit {
    Visit { viewer, arrive, leave, already_watching: false, push: None, back: None }
}

/// So many who are there from before the start to the end.
fn there(users: u32, until: MatchTime) -> Vec<Visit> {
    let visit = |viewer| Visit { already_watching: true, ..visit(viewer, MatchTime(0), until) };
    (0..users).map(visit).collect()
}

fn users_of(section: &Section<'_>, key: &'static str, least: u64) -> Option<u32> {
    section.integer(key, least..=USERS_MAX).map(|users| users as u32)
}

fn duration_s(section: &Section<'_>) -> Option<f64> {
    section.number("duration_s", 0.001..=S_MAX)
}

/// `1 user`, `2 users`.
fn counted(number: f64, what: &str) -> String {
    if number == 1.0 { format!("{number} {what}") } else { format!("{number} {what}s") }
}
