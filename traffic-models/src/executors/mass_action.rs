//! `mass_action`: users who are there do the same thing, all at one instant or within a while.

use hulk_record::MatchTime;
use hulk_settings::{Delay, Section};
use serde::{Deserialize, Serialize};

use super::{Plan, Points, S_MAX, Then, counted, there, users_of};
use crate::responses::Act;
use crate::{Moment, Response, Visit};

/// The name of what everybody does, among the moments.
const MOMENT: &str = "mass-action";
/// So long after the last of it the users stay, in match seconds, where the file says nothing.
const AFTER_S: f64 = 5.0;

/// Everybody does something together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MassAction {
    /// How many users.
    pub users: u32,
    /// When, in match seconds.
    pub at_s: f64,
    /// Spread over so many match seconds, each at a time of its own; 0: all at once.
    pub within_s: f64,
    /// The users leave then, in match seconds.
    pub duration_s: f64,
}

impl MassAction {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let users = users_of(section, "users", 1);
        let at_s = section.number("at_s", 0.0..=S_MAX);
        let within_s = section.number("within_s", 0.0..=S_MAX);
        let over_s = at_s.zip(within_s).map(|(at_s, within_s)| at_s + within_s);
        let after = over_s.map_or(S_MAX, |over_s| over_s + AFTER_S);
        let duration_s = section.number_or("duration_s", 0.001..=S_MAX, after);
        let (users, at_s, within_s) = (users?, at_s?, within_s?);
        let (duration_s, over_s) = (duration_s?, over_s?);
        if duration_s <= over_s {
            let message = format!(
                "the users leave at {duration_s} s, and the last of them acts at {over_s} s"
            );
            let hint = Some(format!("at least `duration_s = {}`", over_s + 1.0));
            section.problem_at("duration_s", message, hint);
            return None;
        }
        Some(Self { users, at_s, within_s, duration_s })
    }
}

impl Plan for MassAction {
    fn until(&self) -> MatchTime {
        MatchTime::from_s(self.duration_s)
    }

    fn visits(&self) -> Vec<Visit> {
        there(self.users, self.until())
    }

    fn then(&self) -> Then {
        Then::Watch
    }

    fn users(&self) -> Option<Points> {
        Some(vec![(0.0, self.users.into())])
    }

    fn size(&self) -> (f64, f64) {
        (self.users.into(), 2.0 * f64::from(self.users))
    }

    fn describe(&self) -> String {
        let users = counted(self.users.into(), "user");
        match self.within_s {
            0.0 => format!("{users} act at once at {} s", self.at_s),
            within_s => format!("{users} act at {} s, spread over {within_s} s", self.at_s),
        }
    }

    fn moment(&self) -> Option<Moment> {
        let delay = match self.within_s {
            0.0 => Delay::Fixed { s: 0.0 },
            to_s => Delay::Uniform { from_s: 0.0, to_s },
        };
        let act = Response::Act(Act { share: 1.0, delay });
        Some(Moment::assumed(MOMENT, self.at_s / 60.0, Some(act)))
    }
}
