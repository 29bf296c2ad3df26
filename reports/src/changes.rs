//! What differs notably between two windows of a run.
//!
//! A change is told when it is more than chance and rounding make by themselves: a time at least a
//! fifth and 5 ms longer, failures 0.1 percentage points and 5 answers more, requests not served
//! where there were fewer, more instances missing. Fewer or shorter is no harm and is not told.

use serde::Serialize;

use crate::windows::{Figures, Window};

/// A time is told when it is longer by this share …
const TIME_SHARE_MIN: f64 = 0.2;
/// … and by so much.
const TIME_US_MIN: u64 = 5_000;
/// Failures are told when their share grows by so much …
const FAILURE_SHARE_MIN: f64 = 0.001;
/// … and there are so many more.
const FAILURES_MIN: u64 = 5;
/// A service's demand that moves by this share is shown.
const DEMAND_SHARE_MIN: f64 = 0.2;
/// … and by so many instances.
const DEMAND_MIN: f64 = 2.0;

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    /// Requests not served.
    NotServed,
    /// Failures ÷ answers.
    FailureShare,
    /// Instances missing at once.
    Missing,
    /// Median response time in µs.
    P50Us,
    /// p90 of response time in µs.
    P90Us,
    /// p99 of response time in µs.
    P99Us,
}

/// Something that is notably worse in one window than in another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Change {
    pub(crate) what: What,
    pub(crate) service: String,
    pub(crate) before: f64,
    pub(crate) now: f64,
}

/// What is notably worse, what weighs most first.
pub(crate) fn changes(before: &Window, now: &Window) -> Vec<Change> {
    let blank = Figures::default();
    let mut all: Vec<Change> = Vec::new();
    for (service, figures) in &now.services {
        all.extend(of_service(service, before.services.get(service).unwrap_or(&blank), figures));
    }
    let weight = |change: &Change| match change.what {
        What::P50Us | What::P90Us | What::P99Us => change.now / change.before.max(1.0),
        _ => change.now - change.before,
    };
    // The times of a service count as one group: the largest change comes first.
    let group = |what: What| what.min(What::P50Us);
    all.sort_by(|a, b| group(a.what).cmp(&group(b.what)).then(weight(b).total_cmp(&weight(a))));
    all
}

fn of_service(service: &str, before: &Figures, now: &Figures) -> Vec<Change> {
    let mut found = Vec::new();
    let mut tell = |what, before: f64, now: f64| {
        found.push(Change { what, service: service.to_owned(), before, now });
    };
    if now.not_served > before.not_served {
        tell(What::NotServed, before.not_served as f64, now.not_served as f64);
    }
    let [was, is] = [before, now].map(|figures| figures.failure_share.unwrap_or(0.0));
    if is - was >= FAILURE_SHARE_MIN && now.failures >= before.failures + FAILURES_MIN {
        tell(What::FailureShare, was, is);
    }
    if let (Some(was), Some(is)) = (before.missing_max, now.missing_max)
        && is > was
    {
        tell(What::Missing, was, is);
    }
    let times = [
        (What::P50Us, before.p50_us, now.p50_us),
        (What::P90Us, before.p90_us, now.p90_us),
        (What::P99Us, before.p99_us, now.p99_us),
    ];
    for (what, was, is) in times {
        if let (Some(was), Some(is)) = (was, is)
            && longer(was, is)
        {
            tell(what, was as f64, is as f64);
        }
    }
    found
}

fn longer(was: u64, is: u64) -> bool {
    is >= was + TIME_US_MIN && is as f64 >= was as f64 * (1.0 + TIME_SHARE_MIN)
}

/// Whether a service is worth its rows: something was worse, or its demand moved.
pub(crate) fn is_told(
    service: &str,
    before: &Option<Window>,
    during: &Option<Window>,
    after: &Option<Window>,
) -> bool {
    let figures = |window: &Option<Window>| {
        window.as_ref().map(|w| w.services.get(service).cloned().unwrap_or_default())
    };
    let Some(was) = figures(before) else { return false };
    let moved = |now: &Figures| match (was.demand, now.demand) {
        (Some(was), Some(is)) => {
            (is - was).abs() >= DEMAND_MIN && (is - was).abs() >= was * DEMAND_SHARE_MIN
        }
        _ => false,
    };
    [figures(during), figures(after)]
        .iter()
        .flatten()
        .any(|now| moved(now) || !of_service(service, &was, now).is_empty())
}
