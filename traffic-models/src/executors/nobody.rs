//! `nobody`: no viewers, for a rehearsal whose callers are alone.

use hulk_record::MatchTime;
use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::{Plan, Points, Then, duration_s};
use crate::Visit;

/// No viewer comes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Nobody {
    /// How long the window is, in match seconds.
    pub duration_s: f64,
}

impl Nobody {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        duration_s(section).map(|duration_s| Self { duration_s })
    }
}

impl Plan for Nobody {
    fn until(&self) -> MatchTime {
        MatchTime::from_s(self.duration_s)
    }

    fn visits(&self) -> Vec<Visit> {
        Vec::new()
    }

    fn then(&self) -> Then {
        Then::Leave
    }

    fn users(&self) -> Option<Points> {
        Some(vec![(0.0, 0.0), (self.duration_s, 0.0)])
    }

    fn size(&self) -> (f64, f64) {
        (0.0, 0.0)
    }

    fn describe(&self) -> String {
        format!("no viewers for {} s", self.duration_s)
    }
}
