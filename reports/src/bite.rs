//! Whether a fault bit, and what a moment did, in words.

use crate::changes::{Change, What};
use crate::windows::{Kind, Span, Times};
use crate::words::{count, micros, number, percent};

/// Changes beyond these are in the rows below the sentence.
const TOLD_MAX: usize = 4;

/// What changed, in a sentence or two.
pub(crate) fn sentence(span: &Span) -> String {
    let place = match &span.times {
        Times::Never { why } => return format!("it was never injected: {why}."),
        Times::Planned if span.kind == Kind::Fault => {
            "when it really was on is not in the record, so the planned time is taken; "
        }
        _ => "",
    };
    let Some(worse) = &span.worse else {
        let side = match span.during {
            Some(_) => "before it, so there is nothing to compare with",
            None => "of it",
        };
        return format!("{place}the run has too little {side}.");
    };
    let first = match (span.kind, worse.is_empty()) {
        (Kind::Fault, true) => "it did not bite: nothing measurable got worse".to_owned(),
        (Kind::Moment, true) => "nothing measurable got worse".to_owned(),
        (Kind::Fault, false) => format!("it bit: {}", told(worse)),
        (Kind::Moment, false) => told(worse),
    };
    let then = match span.still_worse.as_deref() {
        None => " The run has too little after it to say more.".to_owned(),
        Some([]) if worse.is_empty() => String::new(),
        Some([]) => " Afterwards it was as before.".to_owned(),
        Some(still) => format!(" Afterwards, against before: {}.", told(still)),
    };
    format!("{place}{first}.{then}")
}

/// "home p99 21 ms → 330 ms, failures of login 0 % → 1.2 %".
fn told(changes: &[Change]) -> String {
    let mut parts: Vec<String> = changes.iter().take(TOLD_MAX).map(one).collect();
    if changes.len() > TOLD_MAX {
        parts.push(format!("and {} more", changes.len() - TOLD_MAX));
    }
    parts.join(", ")
}

fn one(change: &Change) -> String {
    let service = &change.service;
    let pair = |of: &dyn Fn(f64) -> String| format!("{} → {}", of(change.before), of(change.now));
    match change.what {
        What::NotServed => {
            format!("requests of {service} not served {}", pair(&|n| count(n as u64)))
        }
        What::FailureShare => {
            format!("failures of {service} {}", pair(&|share| format!("{} %", percent(share))))
        }
        What::Missing => format!("instances that {service} lacked {}", pair(&number)),
        What::P50Us => format!("p50 of {service} {}", pair(&micros)),
        What::P90Us => format!("p90 of {service} {}", pair(&micros)),
        What::P99Us => format!("p99 of {service} {}", pair(&micros)),
    }
}
