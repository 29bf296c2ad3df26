//! `constant_users`: so many users do the journeys again and again, each by itself.

use hulk_record::MatchTime;
use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::{Plan, Points, Then, counted, duration_s, there, users_of};
use crate::Visit;

/// A fixed number of users.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ConstantUsers {
    /// How many.
    pub users: u32,
    /// For so long, in match seconds.
    pub duration_s: f64,
}

impl ConstantUsers {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let users = users_of(section, "users", 1);
        let duration_s = duration_s(section);
        Some(Self { users: users?, duration_s: duration_s? })
    }
}

impl Plan for ConstantUsers {
    fn until(&self) -> MatchTime {
        MatchTime::from_s(self.duration_s)
    }

    fn visits(&self) -> Vec<Visit> {
        there(self.users, self.until())
    }

    fn then(&self) -> Then {
        Then::Again { times: None }
    }

    fn users(&self) -> Option<Points> {
        Some(vec![(0.0, self.users.into())])
    }

    fn size(&self) -> (f64, f64) {
        (self.users.into(), self.users.into())
    }

    fn describe(&self) -> String {
        format!("{} for {} s", counted(self.users.into(), "user"), self.duration_s)
    }
}
