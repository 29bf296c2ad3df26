//! `ramping_users`: more and fewer users who do the journeys again and again.

use hulk_record::MatchTime;
use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::{Plan, Points, Stage, Then, users_of, visit};
use crate::Visit;

/// A number of users that changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RampingUsers {
    /// How many are there at the start.
    pub from_users: u32,
    /// What happens then.
    pub stages: Vec<Stage>,
}

impl RampingUsers {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let from_users = users_of(section, "from_users", 0);
        let stages = Stage::read_all(section, |stage| users_of(stage, "users", 0).map(f64::from));
        let (from_users, stages) = (from_users?, stages?);
        if from_users == 0 && stages.iter().all(|stage| stage.to == 0.0) {
            let hint = Some("give a stage `users` above 0".to_owned());
            section.problem("there is never a user", hint);
            return None;
        }
        Some(Self { from_users, stages })
    }

    fn points(&self) -> Points {
        Stage::points(self.from_users.into(), &self.stages)
    }
}

impl Plan for RampingUsers {
    fn until(&self) -> MatchTime {
        Stage::until(&self.stages)
    }

    /// User n is there while the line is at n + ½ or above: who came last leaves first. Whoever is
    /// missed later is somebody new.
    fn visits(&self) -> Vec<Visit> {
        let until = self.until();
        let mut here: Vec<Visit> = super::there(self.from_users, until);
        let mut all = Vec::new();
        for pair in self.points().windows(2) {
            let ((from_s, from), (to_s, to)) = (pair[0], pair[1]);
            let crossed = |users: usize| {
                let share = (users as f64 + 0.5 - from) / (to - from);
                MatchTime::from_s(from_s + (to_s - from_s) * share)
            };
            while (here.len() as f64) < to {
                here.push(visit(0, crossed(here.len()), until));
            }
            while here.len() as f64 > to {
                let leave = crossed(here.len() - 1);
                all.extend(here.pop().map(|visit| Visit { leave, ..visit }));
            }
        }
        all.append(&mut here);
        all.retain(|visit| visit.arrive < visit.leave);
        // Who is there already comes first; who stays longest comes before others of an instant.
        all.sort_by_key(|visit| {
            (visit.arrive, !visit.already_watching, std::cmp::Reverse(visit.leave))
        });
        (0..).zip(&mut all).for_each(|(viewer, visit)| visit.viewer = viewer);
        all
    }

    fn then(&self) -> Then {
        Then::Again { times: None }
    }

    fn users(&self) -> Option<Points> {
        Some(self.points())
    }

    fn size(&self) -> (f64, f64) {
        let (mut most, mut come) = (f64::from(self.from_users), f64::from(self.from_users));
        for pair in self.points().windows(2) {
            most = most.max(pair[1].1);
            come += (pair[1].1 - pair[0].1).max(0.0);
        }
        (most, come)
    }

    fn describe(&self) -> String {
        format!("users {}", Stage::describe(self.from_users.into(), &self.stages))
    }
}
