//! For how long what was promised was broken.

use std::collections::BTreeSet;

use hulk_record::{Bound, Objective};

use crate::objectives::latency::{Wanted, intervals_broken};
use crate::supply::{Supply, known, of_service};
use crate::view::View;

/// The intervals in which promises were broken, each by itself.
pub(crate) struct Violations<'a> {
    /// The service of each objective, and the intervals in which it was broken.
    of: Vec<(&'a str, BTreeSet<i64>)>,
}

impl<'a> Violations<'a> {
    pub(crate) fn of(view: &View<'a>, supplies: &[Result<Supply, String>]) -> Self {
        let objectives = view.manifest().objectives.iter();
        let broken = |objective: &'a Objective| {
            let intervals = broken_by(view, supplies, objective).into_iter().collect();
            (objective.service.as_str(), intervals)
        };
        Self { of: objectives.map(broken).collect() }
    }

    /// Those of a service's objectives.
    pub(crate) fn of_service(&self, service: &str) -> BTreeSet<i64> {
        let own = self.of.iter().filter(|(name, _)| *name == service);
        own.flat_map(|(_, intervals)| intervals).copied().collect()
    }

    /// Those of all objectives.
    pub(crate) fn all(&self) -> BTreeSet<i64> {
        self.of.iter().flat_map(|(_, intervals)| intervals).copied().collect()
    }
}

/// How long some intervals are together, in match minutes.
pub(crate) fn match_minutes(view: &View<'_>, intervals: &BTreeSet<i64>) -> f64 {
    let match_s = |interval: &i64| {
        let [from, to] = [*interval, interval + 1].map(|at| view.match_s(view.start_of(at)));
        to - from
    };
    intervals.iter().map(match_s).sum::<f64>() / 60.0
}

/// Of the stream's two only the whole run tells.
fn broken_by(
    view: &View<'_>,
    supplies: &[Result<Supply, String>],
    objective: &Objective,
) -> Vec<i64> {
    let service = &objective.service;
    match objective.bound {
        Bound::ServedShare { min } => of_service(view, service)
            .filter(|(_, send)| {
                let asked = send.asked();
                (asked.saturating_sub(send.not_served()) as f64) < min * asked as f64
            })
            .map(|(due, _)| i64::from(due))
            .collect(),
        Bound::CapacityDebt { .. } => {
            let supply = known(supplies).find(|supply| supply.service == *service);
            let short =
                |interval: &i64| supply.is_some_and(|supply| supply.short_in(view, *interval));
            (0..view.intervals()).filter(short).collect()
        }
        Bound::Latency { measure, quantile_ppm, max_ms } => {
            intervals_broken(view, service, &Wanted { measure, quantile_ppm, max_ms })
        }
        Bound::Startup { .. } | Bound::StallRatio { .. } => Vec::new(),
    }
}
