//! `constant_arrival_rate`: so many arrivals a second, however the target answers.

use hulk_record::MatchTime;
use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::{PER_S_MAX, Plan, Then, arrivals, duration_s};
use crate::Visit;

/// A fixed rate of arrivals.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ConstantArrivalRate {
    /// Arrivals in a match second.
    pub per_s: f64,
    /// For so long, in match seconds.
    pub duration_s: f64,
}

impl ConstantArrivalRate {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let per_s = section.number("per_s", 0.001..=PER_S_MAX);
        let duration_s = duration_s(section);
        Some(Self { per_s: per_s?, duration_s: duration_s? })
    }
}

impl Plan for ConstantArrivalRate {
    fn until(&self) -> MatchTime {
        MatchTime::from_s(self.duration_s)
    }

    /// The k-th at k ÷ rate, each by itself: no error adds up.
    fn visits(&self) -> Vec<Visit> {
        let until = self.until();
        let due_us = (0..u32::MAX).map(|k| (f64::from(k) * 1e6 / self.per_s).round() as i64);
        arrivals(due_us.take_while(|due| *due < until.0), until)
    }

    fn then(&self) -> Then {
        Then::Leave
    }

    fn size(&self) -> (f64, f64) {
        (0.0, self.per_s * self.duration_s)
    }

    fn describe(&self) -> String {
        format!("{} arrivals/s for {} s", self.per_s, self.duration_s)
    }
}
