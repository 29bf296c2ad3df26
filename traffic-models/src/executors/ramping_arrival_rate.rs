//! `ramping_arrival_rate`: more and fewer arrivals a second, however the target answers.

use hulk_record::MatchTime;
use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::{PER_S_MAX, Plan, Stage, Then, arrivals};
use crate::Visit;

/// A rate of arrivals that changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RampingArrivalRate {
    /// Arrivals in a match second at the start.
    pub from_per_s: f64,
    /// What happens then.
    pub stages: Vec<Stage>,
}

impl RampingArrivalRate {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let from_per_s = section.number("from_per_s", 0.0..=PER_S_MAX);
        let stages = Stage::read_all(section, |stage| stage.number("per_s", 0.0..=PER_S_MAX));
        let rate = Self { from_per_s: from_per_s?, stages: stages? };
        if rate.size().1 <= 0.0 {
            let hint = Some("give a stage `per_s` above 0".to_owned());
            section.problem("nobody ever arrives", hint);
            return None;
        }
        Some(rate)
    }
}

impl Plan for RampingArrivalRate {
    fn until(&self) -> MatchTime {
        Stage::until(&self.stages)
    }

    /// The k-th comes when the rate has added up to k.
    fn visits(&self) -> Vec<Visit> {
        let (mut due_us, mut before) = (Vec::new(), 0.0);
        for pair in Stage::points(self.from_per_s, &self.stages).windows(2) {
            let ((from_s, from), (to_s, to)) = (pair[0], pair[1]);
            let over_s = to_s - from_s;
            let within = (from + to) / 2.0 * over_s;
            if within <= 0.0 {
                continue;
            }
            let slope = (to - from) / over_s;
            while due_us.len() as f64 <= before + within {
                let missing = due_us.len() as f64 - before;
                // Of from·t + slope·t²/2 = missing, in the form that stays exact for a flat line.
                let root = (from * from + 2.0 * slope * missing).max(0.0).sqrt();
                let after_s = if missing > 0.0 { 2.0 * missing / (from + root) } else { 0.0 };
                due_us.push(((from_s + after_s.min(over_s)) * 1e6).round() as i64);
            }
            before += within;
        }
        arrivals(due_us.into_iter(), self.until())
    }

    fn then(&self) -> Then {
        Then::Leave
    }

    fn size(&self) -> (f64, f64) {
        let points = Stage::points(self.from_per_s, &self.stages);
        let areas = points.windows(2).map(|p| (p[0].1 + p[1].1) / 2.0 * (p[1].0 - p[0].0));
        (0.0, areas.sum())
    }

    fn describe(&self) -> String {
        format!("arrivals/s {}", Stage::describe(self.from_per_s, &self.stages))
    }
}
