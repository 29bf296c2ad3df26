//! Is the record whole?

use std::collections::BTreeMap;

use hulk_record::{Offset, RunEnd, WorkerEnd, WorkerLost};

use crate::supply::{Supply, silences, silent_max_s};
use crate::verdict::Check;
use crate::view::View;
use crate::words::{count, counted, minute, number, was};

/// A record without an end was cut off: what is missing is unknown.
pub(super) fn end(view: &View<'_>) -> Check {
    let at = minute(view.manifest().match_minute(view.end));
    let (missing, reason) = match &view.record.end {
        RunEnd::Completed { .. } => (0.0, "The run came to its end.".to_owned()),
        RunEnd::Interrupted { signal, .. } => {
            (0.0, format!("The run was stopped by signal {signal} at match minute {at}."))
        }
        RunEnd::Cut => (
            1.0,
            format!(
                "The record stops at match minute {at} without an end: its writer was killed; \
                 run the rehearsal again."
            ),
        ),
    };
    Check::at_most("end of the record", missing, 0.0, "missing ends", reason)
}

/// Every frame that a worker says it sent must be there, once and without contradiction.
pub(super) fn frames(view: &View<'_>) -> Check {
    const NAME: &str = "frames";
    const UNIT: &str = "missing frames";
    if let Some(contradiction) = &view.contradiction {
        let reason = format!("The record contradicts itself: {contradiction}.");
        return Check::at_most(NAME, 1.0, 0.0, UNIT, reason);
    }
    if let [first, others @ ..] = view.record.end.lost() {
        let reason = lost(view, first, others.len() as u64);
        return Check::at_most(NAME, 1.0 + others.len() as f64, 0.0, UNIT, reason);
    }
    let mut delivered: BTreeMap<(u32, u64), u64> = BTreeMap::new();
    for frame in view.merged.frames() {
        let next = delivered.entry((frame.worker, frame.incarnation)).or_default();
        *next = (*next).max(frame.sequence + 1);
    }
    let ends: &[WorkerEnd] = match &view.record.end {
        RunEnd::Completed { workers, .. } | RunEnd::Interrupted { workers, .. } => workers,
        RunEnd::Cut => &[],
    };
    for end in ends {
        let told = delivered.entry((end.worker, end.incarnation)).or_default();
        *told = (*told).max(end.frames);
    }
    let missing: Vec<(u32, u64, u64)> = delivered
        .iter()
        .map(|(&(worker, incarnation), &sent)| {
            (worker, sent.saturating_sub(view.merged.frames_of(worker, incarnation)), sent)
        })
        .filter(|&(_, missing, _)| missing > 0)
        .collect();
    let all: u64 = missing.iter().map(|&(_, missing, _)| missing).sum();
    if delivered.values().all(|&sent| sent == 0) {
        let reason = "No worker delivered anything: there is no frame in the record.".to_owned();
        return Check::at_most(NAME, 1.0, 0.0, UNIT, reason);
    }
    let sent: u64 = delivered.values().sum();
    let reason = match missing.first() {
        None => format!("All {} are in the record.", counted(sent, "frame")),
        Some(&(worker, of_worker, sent_by)) => format!(
            "{} missing: worker {worker} sent {} and {} arrived, so its samples and \
             arrivals are not all counted.",
            if all == 1 { "1 frame is".to_owned() } else { format!("{} frames are", count(all)) },
            count(sent_by),
            count(sent_by - of_worker),
        ),
    };
    Check::at_most(NAME, all as f64, 0.0, UNIT, reason)
}

/// A worker whose last frames never came, and what is missing with it.
fn lost(view: &View<'_>, first: &WorkerLost, others: u64) -> String {
    let WorkerLost { worker, since, at, reason, .. } = first;
    let [since, at] = [since, at].map(|at| minute(view.manifest().match_minute(*at)));
    let more = match others {
        0 => String::new(),
        more => format!(", and {} more after it", counted(more, "worker")),
    };
    let arrivals = view.arrivals().lost;
    format!(
        "Worker {worker} was lost at match minute {at}{more}: {reason}. What it did from match minute \
         {since} on is not in the record, and {} {} lost.",
        counted(arrivals, "arrival"),
        was(arrivals),
    )
}

/// While scaling is judged the observers must not be blind for long. A service that no observer
/// ever saw is not judged, unless none was seen at all: then the feed is dead.
pub(super) fn capacity_feed(view: &View<'_>, supplies: &[Result<Supply, String>]) -> Option<Check> {
    const NAME: &str = "capacity feed";
    let limit_s = silent_max_s(view);
    if !view.manifest().observed {
        return None;
    }
    let rated = view.manifest().services.iter().any(|service| service.rated_rps.is_some());
    let judged: Vec<&Supply> = supplies.iter().filter_map(|supply| supply.as_ref().ok()).collect();
    if judged.is_empty() {
        let window_s = view.end.as_s();
        return rated.then(|| {
            let reason = "The capacity was to be observed and no observer saw any service.";
            Check::at_most(NAME, window_s, limit_s, "s", reason.to_owned())
        });
    }
    let worst = judged
        .iter()
        .filter_map(|supply| longest_silence(view, &supply.service))
        .reduce(|worst, silence| if silence.1 > worst.1 { silence } else { worst })?;
    let (service, silent_us, from) = worst;
    let silent_s = Offset(silent_us).as_s();
    let reason = format!(
        "The longest silence of the observers of {service} was {} s (limit {} s), from match \
         minute {} on.",
        number(silent_s),
        number(limit_s),
        minute(view.manifest().match_minute(from)),
    );
    Some(Check::at_most(NAME, silent_s, limit_s, "s", reason))
}

/// The service, its longest time without a sample in µs, and when that began.
fn longest_silence(view: &View<'_>, service: &str) -> Option<(String, i64, Offset)> {
    let silences = silences(view, service).into_iter();
    silences
        .map(|(from, to)| (service.to_owned(), to.since(from), from))
        .reduce(|worst, silence| if silence.1 > worst.1 { silence } else { worst })
}
