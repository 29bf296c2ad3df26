//! `iterations`: each user does the journeys so often and leaves.

use hulk_record::MatchTime;
use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::{Plan, S_MAX, Then, counted, users_of, visit};
use crate::Visit;

/// A fixed number of iterations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Iterations {
    /// How many users.
    pub users: u32,
    /// Each does the journeys so often.
    pub each: u32,
    /// Whoever is not done by then is cut off, in match seconds.
    pub limit_s: f64,
}

impl Iterations {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let users = users_of(section, "users", 1);
        let each = section.integer("each", 1..=u64::from(u32::MAX)).map(|each| each as u32);
        let limit_s = section.number("limit_s", 0.001..=S_MAX);
        Some(Self { users: users?, each: each?, limit_s: limit_s? })
    }
}

impl Plan for Iterations {
    fn until(&self) -> MatchTime {
        MatchTime::from_s(self.limit_s)
    }

    /// Nobody comes in the lead-in: each iteration is to be judged.
    fn visits(&self) -> Vec<Visit> {
        (0..self.users).map(|viewer| visit(viewer, MatchTime(0), self.until())).collect()
    }

    fn then(&self) -> Then {
        Then::Again { times: Some(self.each) }
    }

    fn size(&self) -> (f64, f64) {
        (self.users.into(), self.users.into())
    }

    fn describe(&self) -> String {
        let (users, each) = (f64::from(self.users), f64::from(self.each));
        let each = counted(each, "iteration");
        format!("{}, {each} each, within {} s", counted(users, "user"), self.limit_s)
    }
}
