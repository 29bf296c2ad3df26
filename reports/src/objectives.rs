//! What had to hold, and whether it did.

mod latency;

use std::collections::BTreeMap;

use hulk_record::{Bound, Objective};

use crate::supply::Supply;
use crate::verdict::{ObjectiveResult, ObjectiveStatus, ServiceScaling};
use crate::view::{View, not_served};
use crate::words::{count, minute, number, number_and_limit, percent, was};

/// What is known of the capacity of the services, in the order of the manifest.
pub(crate) struct Capacity<'a> {
    pub(crate) supplies: &'a [Result<Supply, String>],
    pub(crate) scaling: &'a [ServiceScaling],
}

impl Capacity<'_> {
    fn supply(&self, service: &str) -> Option<&Supply> {
        self.supplies.iter().filter_map(|s| s.as_ref().ok()).find(|s| s.service == service)
    }

    fn scaling(&self, service: &str) -> Option<&ServiceScaling> {
        self.scaling.iter().find(|scaling| scaling.service == service)
    }

    /// Whether supply was short or not, as a clause that explains a breach.
    fn cause(&self, service: &str, worst_min: f64) -> String {
        match self.scaling(service) {
            Some(ServiceScaling { shortage: Some(short), .. }) => {
                let at = match minute(short.worst_match_min) {
                    same if same == minute(worst_min) => "then".to_owned(),
                    at => format!("at match minute {at}"),
                };
                let [ready, needed] = [short.worst_supply, short.worst_demand].map(number);
                format!("it had only {ready} of the {needed} instances that it needed {at}")
            }
            Some(ServiceScaling { not_judged: None, .. }) => {
                "it had all the instances that its demand needed".to_owned()
            }
            _ => "its capacity is not known".to_owned(),
        }
    }
}

/// The result of every objective; the first is built in.
pub(crate) fn results(view: &View<'_>, capacity: &Capacity<'_>) -> Vec<ObjectiveResult> {
    let own = view.manifest().objectives.iter().map(|objective| match objective.bound {
        Bound::Latency { measure, quantile_ppm, max_ms } => {
            let wanted = latency::Wanted { measure, quantile_ppm, max_ms };
            latency::result(view, capacity, objective, &wanted)
        }
        Bound::ServedShare { min } => served_share(view, capacity, objective, min),
        Bound::CapacityDebt { max_instance_min } => {
            capacity_debt(capacity, objective, max_instance_min)
        }
    });
    std::iter::once(arrivals_served(view)).chain(own).collect()
}

/// Built in: an arrival that found every user waiting for the target's overdue answers is a viewer
/// whom the target did not serve.
fn arrivals_served(view: &View<'_>) -> ObjectiveResult {
    let (mut intended, mut dropped) = (0, 0);
    let (mut first, mut worst) = (None, (0, None));
    for frame in view.judged() {
        intended += frame.arrivals.intended;
        let here = frame.arrivals.dropped_target;
        dropped += here;
        if here > 0 {
            let at = Some(view.manifest().match_minute(frame.from));
            first = first.or(at);
            worst = if here > worst.0 { (here, at) } else { worst };
        }
    }
    let reason = match (first, worst.1) {
        (Some(first), Some(worst)) => format!(
            "{} of {} arrivals {} not served: every user waited for overdue answers, first at \
             match minute {}, worst at {}.",
            count(dropped),
            count(intended),
            was(dropped),
            minute(first),
            minute(worst),
        ),
        _ => format!("None of {} arrivals was kept out by the target.", count(intended)),
    };
    ObjectiveResult {
        name: "arrivals served".to_owned(),
        service: String::new(),
        what: "arrivals kept out by the target".to_owned(),
        measured: Some(dropped as f64),
        limit: 0.0,
        at_least: false,
        unit: "arrivals",
        samples: intended,
        status: status(dropped == 0),
        first_match_min: first,
        worst_match_min: worst.1,
        reason,
    }
}

/// The share of first attempts that were served, of those that were not given up.
fn served_share(
    view: &View<'_>,
    capacity: &Capacity<'_>,
    objective: &Objective,
    min: f64,
) -> ObjectiveResult {
    let service = &objective.service;
    let (mut asked, mut missed) = (0, 0);
    let (mut first, mut worst) = (None, (0, None));
    let of_service: BTreeMap<i32, _> = view
        .sends
        .iter()
        .filter(|((name, _), _)| name == service)
        .map(|((_, due), send)| (*due, send))
        .collect();
    for (due, send) in of_service {
        let (here, not_served) = (send.first.saturating_sub(send.abandoned), not_served(send));
        asked += here;
        missed += not_served;
        let at = Some(view.minute_of(i64::from(due)));
        if not_served as f64 > here as f64 * (1.0 - min) {
            first = first.or(at);
        }
        worst = if not_served > worst.0 { (not_served, at) } else { worst };
    }
    let blank = blank(objective, "first attempts served", min, "share");
    if asked == 0 {
        let reason = format!("No request to {service} was due, so its served share is unknown.");
        return ObjectiveResult { at_least: true, reason, ..blank };
    }
    let measured = (asked - missed) as f64 / asked as f64;
    let met = measured >= min;
    let mut reason = format!(
        "{service} served {} % of {} first attempts (at least {} %): {} {} not served",
        percent(measured),
        count(asked),
        percent(min),
        count(missed),
        was(missed),
    );
    if let (false, Some(worst)) = (met, worst.1) {
        let cause = capacity.cause(service, worst);
        reason += &format!(", most at match minute {}; {cause}", minute(worst));
    }
    ObjectiveResult {
        at_least: true,
        measured: Some(measured),
        samples: asked,
        status: status(met),
        first_match_min: if met { None } else { first },
        worst_match_min: worst.1,
        reason: reason + ".",
        ..blank
    }
}

/// ∫(d − s)⁺dt in instance-minutes of match time.
fn capacity_debt(capacity: &Capacity<'_>, objective: &Objective, max: f64) -> ObjectiveResult {
    let service = &objective.service;
    let blank = blank(objective, "capacity debt", max, "instance-minutes");
    let known = capacity
        .scaling(service)
        .and_then(|scaling| scaling.elasticity.as_ref().map(|figures| (scaling, figures)));
    let Some((scaling, figures)) = known else {
        let why = capacity
            .scaling(service)
            .and_then(|scaling| scaling.not_judged.clone())
            .unwrap_or_else(|| format!("{service} is not a service of this run"));
        let reason = format!("The capacity debt of {service} is unknown: {why}.");
        return ObjectiveResult { reason, ..blank };
    };
    let debt = figures.debt_unit_min;
    let (shown, shown_limit) = number_and_limit(debt, max);
    let mut reason =
        format!("{service} lacked {shown} instance-minutes of capacity (limit {shown_limit})");
    if let Some(short) = &scaling.shortage {
        reason += &format!(
            ": supply was below demand from match minute {}, worst at {} with {} of the {} \
             instances needed, and {} of its requests {} not served meanwhile",
            minute(short.first_match_min),
            minute(short.worst_match_min),
            number(short.worst_supply),
            number(short.worst_demand),
            count(short.not_served),
            was(short.not_served),
        );
    }
    ObjectiveResult {
        measured: Some(debt),
        samples: 0,
        status: status(debt <= max),
        first_match_min: scaling.shortage.map(|short| short.first_match_min),
        worst_match_min: scaling.shortage.map(|short| short.worst_match_min),
        reason: reason + ".",
        ..blank
    }
}

/// An objective of which nothing is known yet.
fn blank(objective: &Objective, what: &str, limit: f64, unit: &'static str) -> ObjectiveResult {
    ObjectiveResult {
        name: objective.name.clone(),
        service: objective.service.clone(),
        what: what.to_owned(),
        measured: None,
        limit,
        at_least: false,
        unit,
        samples: 0,
        status: ObjectiveStatus::Unknown,
        first_match_min: None,
        worst_match_min: None,
        reason: String::new(),
    }
}

fn status(met: bool) -> ObjectiveStatus {
    if met { ObjectiveStatus::Met } else { ObjectiveStatus::Breached }
}
