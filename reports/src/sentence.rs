//! The verdict in words.

use crate::verdict::{ObjectiveStatus, ServiceScaling, Verdict, VerdictKind};
use crate::words::{capital, clean, count, minute, requests_of};

/// Further reasons in the terminal; the report has all of them.
const REASONS_MAX: usize = 5;

/// Did it hold, and when not: what, where, how much and why. One or two sentences.
pub fn headline(verdict: &Verdict) -> String {
    let first = verdict.reasons.first().map_or("", String::as_str);
    match verdict.kind {
        VerdictKind::Pass => match &verdict.load {
            Some(load) => format!("It held, with {load}. {first}"),
            None => format!(
                "It held from match minute {} to {}. {first}",
                minute(verdict.from_match_min),
                minute(verdict.until_match_min)
            ),
        },
        _ if verdict.partial.is_some() => {
            let second = verdict.reasons.get(1).map_or("", String::as_str);
            format!("{first} {}", until_then(verdict.partial, second))
        }
        kind => opening(kind, first) + &unserved(verdict),
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

/// The last lines on a terminal: the verdict and its reasons, without control characters.
pub fn sentence(verdict: &Verdict) -> String {
    let mut lines = vec![format!("{}: {}", verdict.kind.name(), capital(&headline(verdict)))];
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
