//! From a record to its verdict.

use hulk_record::{LoadInfo, Record, RunEnd};

use crate::callers;
use crate::objectives::{Capacity, results};
use crate::scorecard::{scaling_of, total_of};
use crate::supply::Supply;
use crate::validity::checks;
use crate::verdict::{
    Check, ObjectiveResult, ObjectiveStatus, RequestTotals, ServiceScaling, Verdict, VerdictKind,
};
use crate::view::View;
use crate::violation::Violations;
use crate::words::{counted, minute, not_served, number};

/// Judges a record: first whether the run delivered what it claims, then whether the objectives
/// hold, and how well supply kept up with demand.
///
/// An invalid run says nothing of the target, so INVALID comes before FAIL. Arrivals that the
/// *target* kept out do not make a run invalid: they breach an objective of their own.
pub fn judge(record: &Record) -> Verdict {
    let view = View::of(record);
    let manifest = &record.manifest;
    let supplies: Vec<Result<Supply, String>> =
        manifest.services.iter().map(|service| Supply::of(&view, service)).collect();
    let violations = Violations::of(&view, &supplies);
    let services = manifest.services.iter().zip(&supplies);
    let scaling: Vec<ServiceScaling> =
        services.map(|(service, supply)| scaling_of(&view, service, supply, &violations)).collect();
    let scaling_total = total_of(&view, &supplies, &scaling, &violations);
    let callers = callers::verdict(&view);
    let validity = checks(&view, &supplies, callers.as_ref());
    let capacity = Capacity { supplies: &supplies, scaling: &scaling };
    let mut objectives = results(&view, &capacity);
    objectives.extend(callers.iter().flat_map(callers::objectives));
    let (kind, partial) = kind_of(record, &validity, &objectives);
    let ended_match_min = manifest.match_minute(view.end);
    Verdict {
        reasons: reasons(
            partial.unwrap_or(kind),
            &validity,
            &objectives,
            &scaling,
            (ending(record, ended_match_min), view.callers_alone()),
        ),
        notes: notes(&view, &objectives, &scaling),
        kind,
        partial,
        name: manifest.name.clone(),
        load: manifest.load.as_ref().map(LoadInfo::in_words),
        from_match_min: manifest.from_match_min,
        until_match_min: manifest.match_minute(manifest.until),
        ended_match_min,
        validity,
        objectives,
        scaling,
        scaling_total,
        arrivals: view.arrivals(),
        arrivals_planned: manifest.arrivals_planned,
        requests: requests(&view),
        callers,
        clock: manifest.clock,
        scale: manifest.scale,
    }
}

/// The verdict, and that of the part when there is only a part.
fn kind_of(
    record: &Record,
    validity: &[Check],
    objectives: &[ObjectiveResult],
) -> (VerdictKind, Option<VerdictKind>) {
    let any = |status| objectives.iter().any(|result| result.status == status);
    let cut = record.end == RunEnd::Cut;
    // The missing end is why there is only a part: it says nothing of the part itself.
    let own = validity.iter().skip(usize::from(cut));
    let judged = match () {
        () if own.into_iter().any(|check| !check.holds) => VerdictKind::Invalid,
        () if any(ObjectiveStatus::Breached) => VerdictKind::Fail,
        () if any(ObjectiveStatus::Unknown) => VerdictKind::Inconclusive,
        () => VerdictKind::Pass,
    };
    let part = match judged {
        VerdictKind::Pass => VerdictKind::Inconclusive,
        other => other,
    };
    match record.end {
        RunEnd::Completed { .. } => (judged, None),
        RunEnd::Interrupted { signal, .. } => (VerdictKind::Interrupted { signal }, Some(part)),
        RunEnd::Cut => (VerdictKind::Invalid, Some(part)),
    }
}

/// How the run ended, when that was not its planned end.
fn ending(record: &Record, ended_match_min: f64) -> Option<String> {
    let RunEnd::Interrupted { signal, .. } = record.end else { return None };
    let manifest = &record.manifest;
    Some(format!(
        "The run was stopped by {} at match minute {} of {} to {}.",
        match signal {
            2 => "SIGINT".to_owned(),
            15 => "SIGTERM".to_owned(),
            other => format!("signal {other}"),
        },
        minute(ended_match_min),
        minute(manifest.from_match_min),
        minute(manifest.match_minute(manifest.until)),
    ))
}

fn reasons(
    kind: VerdictKind,
    validity: &[Check],
    objectives: &[ObjectiveResult],
    scaling: &[ServiceScaling],
    (ending, callers_alone): (Option<String>, bool),
) -> Vec<String> {
    let mut reasons: Vec<String> = ending.into_iter().collect();
    reasons.extend(validity.iter().filter(|check| !check.holds).map(|check| check.reason.clone()));
    // What an invalid run says of the target is no reason for its verdict.
    if kind != VerdictKind::Invalid {
        let of = |status| objectives.iter().filter(move |result| result.status == status);
        let mut breached: Vec<&ObjectiveResult> = of(ObjectiveStatus::Breached).collect();
        // What broke first comes first.
        let at = |result: &ObjectiveResult| result.first_match_min.unwrap_or(f64::INFINITY);
        breached.sort_by(|a, b| at(a).total_cmp(&at(b)));
        let mut waterfalls: Vec<(&str, String)> = scaling
            .iter()
            .filter_map(|of| Some((of.service.as_str(), of.fell_behind()?)))
            .collect();
        for result in breached {
            reasons.push(result.reason.clone());
            // Which stage of scaling was late, once a service: after the first breach of it.
            let own = waterfalls.iter().position(|(service, _)| *service == result.service);
            reasons.extend(own.map(|place| waterfalls.remove(place).1));
        }
        reasons.extend(of(ObjectiveStatus::Unknown).map(|result| result.reason.clone()));
    }
    if kind == VerdictKind::Pass {
        reasons.push(all_met(objectives.len() - 1, callers_alone));
    }
    reasons
}

/// What a run that passed met, besides the built-in objective of its arrivals.
fn all_met(own: usize, callers_alone: bool) -> String {
    let arrivals = match callers_alone {
        true => "",
        false => " and no arrival was kept out by the target",
    };
    match own {
        0 if callers_alone => "Nothing that is asked of callers could be measured.".to_owned(),
        0 => "No objective was set; no arrival was kept out by the target.".to_owned(),
        1 => format!("The objective was met{arrivals}."),
        _ => format!("All {own} objectives were met{arrivals}."),
    }
}

/// Below so many requests in a decision window chance alone moves demand by more than 2 %.
const WINDOW_REQUESTS_MIN: u64 = 2500;

/// Whether a shortage that breached nothing is worth a note. Where demand is counted from few
/// requests, a window is short by mere chance now and then.
fn tells(service: &ServiceScaling, lasted_match_min: f64, objectives: &[ObjectiveResult]) -> bool {
    let mut of_service = objectives.iter().filter(|result| result.service == service.service);
    let named = of_service.clone().next().is_some();
    let breached = of_service.any(|result| result.status == ObjectiveStatus::Breached);
    let noisy = service.window_requests_max < WINDOW_REQUESTS_MIN;
    // A window's length in minutes is rarely a binary fraction.
    let long = lasted_match_min * 60.0 > service.window_match_s + 1e-6;
    !breached && (named || !noisy || long)
}

fn notes(
    view: &View<'_>,
    objectives: &[ObjectiveResult],
    scaling: &[ServiceScaling],
) -> Vec<String> {
    let manifest = view.manifest();
    let mut notes = Vec::new();
    let rated = manifest.services.iter().any(|service| service.rated_rps.is_some());
    if rated && scaling.iter().all(|service| service.not_judged.is_some()) {
        notes.push("Scaling was not judged: the capacity is not known.".to_owned());
    }
    for service in scaling {
        let short = service.shortage.as_ref();
        if let Some(short) = short.filter(|s| tells(service, s.lasted_match_min, objectives)) {
            notes.push(format!(
                "{} had fewer instances than it needed for {} match minutes, worst at match \
                 minute {} with {} of {}, and {} meanwhile; no objective was breached by it.",
                service.service,
                number(short.lasted_match_min),
                minute(short.worst_match_min),
                number(short.worst_supply),
                number(short.worst_demand),
                not_served(short.not_served, short.viewers_not_served, manifest.scale),
            ));
        }
    }
    notes.extend(troubles(view));
    if (manifest.clock.speed - 1.0).abs() > f64::EPSILON {
        notes.push(format!(
            "The match ran at {} times its speed; latencies and time-outs are in wall time.",
            number(manifest.clock.speed)
        ));
    }
    notes.extend(scaled_down(manifest.scale));
    notes
}

/// What went wrong in the journeys, and why there was no connection or no answer.
fn troubles(view: &View<'_>) -> Option<String> {
    let all = view.merged.troubles();
    let worst = all.first()?;
    let of_callers =
        view.manifest().callers.is_some() && all.iter().all(|trouble| trouble.journey == "callers");
    let who = if of_callers { "callers" } else { "journeys" };
    Some(format!(
        "The {who} met {}, most often in {} / {}: {}.",
        counted(all.iter().map(|trouble| trouble.count).sum(), "trouble"),
        worst.journey,
        worst.step,
        worst.what,
    ))
}

/// What a smaller audience cannot show.
fn scaled_down(scale: f64) -> Option<String> {
    (scale < 1.0).then(|| {
        format!(
            "One viewer stood for {}. Scaling down hides pooling: a load of a needs a headroom of \
             about √a, which is a larger part of a small load, so waits by mere chance are longer \
             here than at full size; and what only a large crowd does to locks, caches and \
             connection tables does not show.",
            number(1.0 / scale)
        )
    })
}

fn requests(view: &View<'_>) -> RequestTotals {
    view.sends.values().fold(RequestTotals::default(), |mut total, send| {
        total.first += send.first;
        total.retries += send.retries;
        total.served += send.served;
        total.abandoned += send.abandoned;
        total.not_served += send.not_served();
        total
    })
}
