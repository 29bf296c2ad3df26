//! The verdict in words.

use crate::callers::lines;
use crate::verdict::{ObjectiveStatus, ServiceScaling, Verdict, VerdictKind};
use crate::words::{capital, clean, count, counted, minute, requests_of};

/// Further reasons in the terminal; the report has all of them.
const REASONS_MAX: usize = 5;

/// Did it hold, and when not: what, where, how much and why. One or two sentences.
pub fn headline(verdict: &Verdict) -> String {
    let first = verdict.reasons.first().map_or("", String::as_str);
    match verdict.kind {
        VerdictKind::Pass => format!("It held{}. {first}", under_what(verdict)),
        _ if verdict.partial.is_some() => {
            let second = verdict.reasons.get(1).map_or("", String::as_str);
            format!("{first} {}", until_then(verdict.partial, second))
        }
        kind => opening(kind, first) + &unserved(verdict),
    }
}

/// The load, and the callers.
fn under_what(verdict: &Verdict) -> String {
    let calls = verdict.callers.as_ref();
    let calls = calls.map(|of| format!("{} to {}", counted(of.planned, "call"), of.backend));
    match (&verdict.load, calls) {
        // An executor that brings nobody has nothing to tell.
        (Some(_), Some(calls)) if verdict.arrivals_planned == 0 => format!(", with {calls}"),
        (Some(load), Some(calls)) => format!(", with {load}, and {calls}"),
        (Some(load), None) => format!(", with {load}"),
        (None, calls) => format!(
            " from match minute {} to {}{}",
            minute(verdict.from_match_min),
            minute(verdict.until_match_min),
            calls.map_or_else(String::new, |calls| format!(", with {calls}")),
        ),
    }
}

fn opening(kind: VerdictKind, reason: &str) -> String {
    let start = match kind {
        VerdictKind::Fail => "It did not hold",
        VerdictKind::Inconclusive => "It cannot be said whether it held",
        _ => "The run is not valid and says nothing of the target",
    };
    format!("{start}: {}", continued(reason))
}

fn until_then(partial: Option<VerdictKind>, reason: &str) -> String {
    let reason = continued(reason);
    match partial {
        Some(VerdictKind::Fail) => format!("Until then it did not hold: {reason}"),
        Some(VerdictKind::Invalid) => format!("Nor was it valid until then: {reason}"),
        _ => "Nothing was breached until then; the rest is unknown.".to_owned(),
    }
}

/// Services that the first reason does not tell of; more are in the report.
const SERVICES_MAX: usize = 3;

fn unserved(verdict: &Verdict) -> String {
    let requests = &verdict.requests;
    if verdict.kind != VerdictKind::Fail || requests.not_served == 0 {
        return String::new();
    }
    let told = verdict.objectives.iter().find(|result| {
        result.status == ObjectiveStatus::Breached
            && result.viewers_not_served.is_some()
            && verdict.reasons.first() == Some(&result.reason)
    });
    let mut others: Vec<&ServiceScaling> = verdict
        .scaling
        .iter()
        .filter(|s| s.not_served > 0 && told.is_none_or(|told| told.service != s.service))
        .collect();
    others.sort_by_key(|service| std::cmp::Reverse(service.not_served));
    let others: Vec<String> = others
        .into_iter()
        .take(SERVICES_MAX)
        .map(|s| {
            let what = requests_of(s.not_served, s.viewers_not_served, verdict.scale);
            format!("{} {what}", s.service)
        })
        .collect();
    format!(
        " In all {} of {} requests were not served{}{}.",
        count(requests.not_served),
        count(requests.first),
        match (told, others.is_empty()) {
            (_, true) => "",
            (Some(_), _) => "; also ",
            (None, _) => ": ",
        },
        others.join(", "),
    )
}

/// A sentence after a colon: only its article loses the capital, never a name.
fn continued(sentence: &str) -> String {
    match sentence.split_once(' ') {
        Some((article @ ("The" | "No" | "None"), rest)) => {
            format!("{} {rest}", article.to_lowercase())
        }
        _ => sentence.to_owned(),
    }
}

/// How many of the reasons the headline has.
pub(crate) fn told_in_headline(verdict: &Verdict) -> usize {
    if verdict.partial.is_some() { 2 } else { 1 }
}

/// The last lines on a terminal: what callers met, where there were any, and then the verdict and
/// its reasons, without control characters.
pub fn sentence(verdict: &Verdict) -> String {
    let mut lines = verdict.callers.as_ref().map(lines).unwrap_or_default();
    lines.push(format!("{}: {}", verdict.kind.name(), capital(&headline(verdict))));
    let more = verdict.reasons.get(told_in_headline(verdict)..).unwrap_or_default();
    lines.extend(more.iter().take(REASONS_MAX).map(|reason| format!("  - {reason}")));
    let missing = verdict.requests.not_served;
    if verdict.kind == VerdictKind::Invalid && missing > 0 {
        lines.push(format!(
            "  - besides, {} of {} requests were not served: the report says where and when",
            count(missing),
            count(verdict.requests.first)
        ));
    }
    if more.len() > REASONS_MAX {
        lines.push(format!("  and {} more in the report", more.len() - REASONS_MAX));
    }
    lines.iter().map(|line| clean(line)).collect::<Vec<_>>().join("\n")
}
