//! What had to hold, and whether it did.

pub(crate) mod latency;
mod playback;

use hulk_record::{Bound, Measure, Objective, Outcome};

use crate::supply::{Supply, known, of_service};
use crate::verdict::{ObjectiveResult, ObjectiveStatus, ServiceScaling};
use crate::view::View;
use crate::when::When;
use crate::words::{
    count, counted, minute, not_served, number, number_and_limit, percent, stood_for, was,
};

/// What is known of the capacity of the services, in the order of the manifest.
pub(crate) struct Capacity<'a> {
    pub(crate) supplies: &'a [Result<Supply, String>],
    pub(crate) scaling: &'a [ServiceScaling],
}

impl Capacity<'_> {
    fn supply(&self, service: &str) -> Option<&Supply> {
        known(self.supplies).find(|supply| supply.service == service)
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
            capacity_debt(view, capacity, objective, max_instance_min)
        }
        Bound::Startup { quantile_ppm, max_ms } => {
            let wanted = latency::Wanted { measure: Measure::FirstFrame, quantile_ppm, max_ms };
            playback::startup(view, objective, &wanted)
        }
        Bound::StallRatio { max } => playback::stall_ratio(view, objective, max),
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
            let at = view.interval_at(frame.from);
            first = first.or(Some(at));
            worst = if here > worst.0 { (here, Some(at)) } else { worst };
        }
    }
    let first = first.map(|interval| view.when_interval(interval));
    let worst = worst.1.map(|interval| view.minute_of(interval));
    let reason = match (&first, worst) {
        (Some(first), Some(worst)) => format!(
            "{} of {} arrivals{} {} not served: every user waited for overdue answers, first at \
             match minute {first}, worst at {}.",
            count(dropped),
            count(intended),
            stood_for(dropped, view.manifest().scale)
                .map(|all| format!(" (who stood for {all})"))
                .unwrap_or_default(),
            was(dropped),
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
        first_match_min: first.as_ref().map(|when| when.minute),
        moment: first.and_then(|when| when.moment()),
        worst_match_min: worst,
        viewers_not_served: Some(dropped),
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
    let (mut asked, mut missed, mut viewers) = (0, 0, 0);
    let (mut onset, mut worst) = (None, (0, None));
    for (due, send) in of_service(view, service) {
        let here = send.not_served();
        asked += send.asked();
        missed += here;
        viewers += send.viewers_not_served;
        if here > 0 {
            onset = onset.or(Some(i64::from(due)));
            worst = if here > worst.0 { (here, Some(i64::from(due))) } else { worst };
        }
    }
    let viewers = view.tells_viewers().then_some(viewers);
    let onset = onset.map(|interval| view.when_interval(interval));
    let worst = worst.1.map(|interval| view.minute_of(interval));
    let blank = blank(objective, "first attempts served", min, "share");
    if asked == 0 {
        let reason = format!("No request to {service} was due, so its served share is unknown.");
        return ObjectiveResult { at_least: true, reason, ..blank };
    }
    let measured = (asked - missed) as f64 / asked as f64;
    let met = measured >= min;
    let mut reason = format!(
        "{service} served {} % of {} first attempts (at least {} %)",
        percent(measured),
        count(asked),
        percent(min),
    );
    let missing = not_served(missed, viewers, view.manifest().scale);
    match (&onset, worst) {
        (Some(onset), Some(worst)) if !met => {
            let cause = match unreached(view, service) {
                0 => capacity.cause(service, worst),
                requests => format!(
                    "{} found no connection: it was refused, or nobody was there",
                    counted(requests, "request")
                ),
            };
            let cause = cause + &limit(view, service) + &refusals(view, service);
            let most = minute(worst);
            reason += &format!(
                ": {missing}, from match minute {onset} on, most at match minute {most}; {cause}"
            );
        }
        _ => reason += &format!(": {missing}"),
    }
    let onset = onset.filter(|_| !met);
    let judged = judged(blank, measured, met, (onset, worst), reason);
    ObjectiveResult { at_least: true, samples: asked, viewers_not_served: viewers, ..judged }
}

/// The first limit of what was bought that the service met, told by who watched the platform.
fn limit(view: &View<'_>, service: &str) -> String {
    let mut limits = view.record.events.iter().filter(|event| event.kind == "limit");
    let first = limits.find_map(|event| {
        let text = event.text.strip_prefix(service)?.strip_prefix(": ")?;
        Some(format!(
            "; at match minute {}: {text}",
            minute(view.manifest().match_minute(event.at))
        ))
    });
    first.unwrap_or_default()
}

/// With which statuses a service said no, the most frequent first: `; it answered 48 × 404`.
fn refusals(view: &View<'_>, service: &str) -> String {
    let answers = view.merged.answers();
    let mut refusals: Vec<(u64, u16)> = answers
        .iter()
        .filter(|((name, status), _)| name == service && *status >= 400)
        .map(|((_, status), &answers)| (answers, *status))
        .collect();
    refusals.sort_unstable_by(|a, b| b.cmp(a));
    let told = refusals.iter().take(3).map(|(n, status)| format!("{} × {status}", count(*n)));
    let told: Vec<String> = told.collect();
    if told.is_empty() { String::new() } else { format!("; it answered {}", told.join(", ")) }
}

/// Requests to a service that found no connection, retries included.
fn unreached(view: &View<'_>, service: &str) -> u64 {
    let series = view.judged().flat_map(|frame| &frame.series);
    let failed = series.filter(|(key, _)| {
        key.measure == Measure::Service
            && key.outcome == Outcome::ConnectError
            && view.service_of(&key.journey, &key.step) == Some(service)
    });
    failed.flat_map(|(_, samples)| &samples.counts).map(|(_, count)| count).sum()
}

/// ∫(d − s)⁺dt in instance-minutes of match time.
fn capacity_debt(
    view: &View<'_>,
    capacity: &Capacity<'_>,
    objective: &Objective,
    max: f64,
) -> ObjectiveResult {
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
    let onset = scaling.shortage.map(|short| {
        let from_s = (short.first_match_min - view.manifest().from_match_min) * 60.0;
        view.when(from_s, from_s + scaling.window_match_s)
    });
    if let (Some(short), Some(onset)) = (&scaling.shortage, &onset) {
        reason += &format!(
            ": supply was below demand from match minute {onset}, worst at {} with {} of the {} \
             instances needed, and {} meanwhile",
            minute(short.worst_match_min),
            number(short.worst_supply),
            number(short.worst_demand),
            not_served(short.not_served, short.viewers_not_served, view.manifest().scale),
        );
    }
    ObjectiveResult {
        measured: Some(debt),
        samples: 0,
        status: status(debt <= max),
        first_match_min: scaling.shortage.map(|short| short.first_match_min),
        moment: onset.and_then(|when| when.moment()),
        worst_match_min: scaling.shortage.map(|short| short.worst_match_min),
        viewers_not_served: scaling.shortage.and_then(|short| short.viewers_not_served),
        reason: reason + ".",
        ..blank
    }
}

/// An objective with its value, and when it went wrong: first, and worst (match minute).
fn judged(
    blank: ObjectiveResult,
    measured: f64,
    met: bool,
    (first, worst_match_min): (Option<When>, Option<f64>),
    reason: String,
) -> ObjectiveResult {
    ObjectiveResult {
        measured: Some(measured),
        status: status(met),
        first_match_min: first.as_ref().map(|when| when.minute),
        moment: first.and_then(|when| when.moment()),
        worst_match_min,
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
        moment: None,
        worst_match_min: None,
        viewers_not_served: None,
        reason: String::new(),
    }
}

fn status(met: bool) -> ObjectiveStatus {
    if met { ObjectiveStatus::Met } else { ObjectiveStatus::Breached }
}
