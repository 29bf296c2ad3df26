//! A status as one line of a log.

use hulk_reports::words::{count, micros, minute};

use super::{CallersStatus, Status};

/// `12 s, 76 s left · match minute 252.5 · viewers …`
pub(crate) fn line(status: &Status) -> String {
    let mut parts = vec![format!("{:.0} s, {:.0} s left", status.at_s, status.left_s)];
    parts.extend(status.match_min.map(|at| format!("match minute {}", minute(at))));
    if !status.callers.as_ref().is_some_and(|callers| callers.alone) {
        parts.extend([
            format!("viewers {}", viewers(status)),
            format!("{} requests/s", count(status.requests_per_s.round() as u64)),
            format!("p99 {}", p99(status)),
            format!("errors {}", count(status.errors)),
        ]);
    }
    parts.extend(status.callers.as_ref().map(|of| format!("callers {}", callers(of))));
    parts.extend(capacity(status));
    parts.extend(status.faults.iter().map(|(name, _)| format!("fault {name}")));
    parts.join(" · ")
}

pub(super) fn viewers(status: &Status) -> String {
    let present = count(status.present);
    status.wanted.map_or(present.clone(), |wanted| format!("{present} of {}", count(wanted)))
}

/// `72 in a call, audio to frame p95 46 ms, 12 failed`
pub(super) fn callers(of: &CallersStatus) -> String {
    let p95 = of.p95_us.map_or_else(|| "–".to_owned(), |us| micros(us as f64));
    let (open, failed) = (count(of.open), count(of.failed_total));
    format!("{open} in a call, audio to frame p95 {p95}, {failed} failed")
}

pub(super) fn p99(status: &Status) -> String {
    status.p99_us.map_or_else(|| "–".to_owned(), |us| micros(us as f64))
}

/// Which services have fewer instances than they need; none where nobody observes them.
fn capacity(status: &Status) -> Option<String> {
    let known = status.services.iter().filter(|s| s.needed.is_some() && s.ready.is_some()).count();
    let short: Vec<String> = status
        .services
        .iter()
        .filter(|service| service.is_short())
        .filter_map(|s| Some(format!("{} {:.0} of {:.0}", s.name, s.ready?, s.needed?)))
        .collect();
    match (known, short.as_slice()) {
        (0, _) => None,
        (_, []) => Some("instances: enough everywhere".to_owned()),
        _ => Some(format!("too few instances: {}", short.join(", "))),
    }
}
