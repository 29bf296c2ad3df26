//! Latency objectives: a quantile over the intervals in which supply met demand.

use std::collections::BTreeMap;

use hulk_record::{Frame, Measure, Objective, SeriesKey, SparseHistogram};

use super::{Capacity, blank, judged};
use crate::percentiles::samples_min;
use crate::verdict::ObjectiveResult;
use crate::view::View;
use crate::words::{count, number, number_and_limit, people};

/// What is bounded, and by how much.
pub(crate) struct Wanted {
    pub(crate) measure: Measure,
    pub(crate) quantile_ppm: u32,
    pub(crate) max_ms: f64,
}

impl Wanted {
    fn above(&self) -> f64 {
        1.0 - f64::from(self.quantile_ppm) / 1e6
    }

    /// Whether a series is of what is bounded, at a service.
    fn is_of(&self, view: &View<'_>, key: &SeriesKey, service: &str) -> bool {
        key.measure == self.measure && view.service_of(&key.journey, &key.step) == Some(service)
    }

    /// Whether so many of all samples above the limit put the quantile above it.
    fn is_broken(&self, all: u64, above: u64) -> bool {
        above > 0 && above as f64 > all as f64 * self.above()
    }

    fn what(&self) -> String {
        format!("p{} of {} time", number(f64::from(self.quantile_ppm) / 1e4), self.measure.name())
    }
}

/// Every outcome counts: a failure took its time too, and what was abandoned took at least as long.
pub(super) fn result(
    view: &View<'_>,
    capacity: &Capacity<'_>,
    objective: &Objective,
    wanted: &Wanted,
) -> ObjectiveResult {
    let service = objective.service.as_str();
    let supply = capacity.supply(service);
    let keep = |frame: &Frame| {
        supply.is_none_or(|s| s.met_in(view.match_s(frame.from), view.match_s(frame.to)))
    };
    let wants = |key: &SeriesKey| wanted.is_of(view, key, service);
    let samples = view.samples(keep, wants);
    let blank = blank(objective, &wanted.what(), wanted.max_ms, "ms");
    let (n, n_min) = (samples.count(), samples_min(wanted.quantile_ppm));
    let where_judged = match supply {
        Some(_) => " in intervals with enough instances",
        None => "",
    };
    if n < n_min {
        let reason = format!(
            "The {} of {service} is unknown: {} samples{where_judged} are too few, it needs {}.",
            wanted.what(),
            count(n),
            count(n_min),
        );
        return ObjectiveResult { samples: n, reason, ..blank };
    }
    let measured = samples.quantile_at_most_max_us(wanted.quantile_ppm) as f64 / 1e3;
    let met = measured <= wanted.max_ms;
    let (first, worst) = intervals_of_breach(view, keep, wants, wanted);
    let first = first.filter(|_| !met).map(|interval| view.when_interval(interval));
    let worst = worst.filter(|_| !met);
    let (shown, shown_limit) = number_and_limit(measured, wanted.max_ms);
    let mut reason = format!(
        "The {} of {service} was {shown} ms (limit {shown_limit} ms) over {} samples{where_judged}",
        wanted.what(),
        count(n),
    );
    if let Some(worst) = worst {
        let cause = match supply {
            Some(_) => "capacity was enough then, so the service itself is slow",
            None => "its capacity is not known",
        };
        let present = view.present().get(worst.max(0) as usize).copied().flatten();
        let present = people(present.unwrap_or(0), view.manifest().scale);
        let when = view.when_interval(worst);
        reason += &format!(", worst at match minute {when} with {present} present; {cause}");
    }
    let worst = worst.map(|interval| view.minute_of(interval));
    ObjectiveResult { samples: n, ..judged(blank, measured, met, (first, worst), reason) }
}

/// The first interval whose own quantile is above the limit, and the one with the most samples
/// above it.
pub(super) fn intervals_of_breach(
    view: &View<'_>,
    keep: impl Fn(&Frame) -> bool,
    wants: impl Fn(&SeriesKey) -> bool,
    wanted: &Wanted,
) -> (Option<i64>, Option<i64>) {
    let intervals = intervals_above(view, keep, wants, wanted);
    let first = intervals.iter().find(|(_, (all, above))| wanted.is_broken(*all, *above));
    let worst = intervals.iter().filter(|(_, (_, above))| *above > 0).fold(
        None,
        |worst: Option<(&i64, &(u64, u64))>, next| match worst {
            Some(worst) if worst.1.1 >= next.1.1 => Some(worst),
            _ => Some(next),
        },
    );
    (first.map(|(interval, _)| *interval), worst.map(|(interval, _)| *interval))
}

/// How many samples each interval has, and how many of them are above the limit.
fn intervals_above(
    view: &View<'_>,
    keep: impl Fn(&Frame) -> bool,
    wants: impl Fn(&SeriesKey) -> bool,
    wanted: &Wanted,
) -> BTreeMap<i64, (u64, u64)> {
    let limit_us = (wanted.max_ms * 1e3) as u64;
    let mut intervals: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
    for frame in view.judged().filter(|frame| keep(frame)) {
        let counts = intervals.entry(view.interval_at(frame.from)).or_default();
        for (_, samples) in frame.series.iter().filter(|(key, _)| wants(key)) {
            let (all, above) = above(samples, limit_us);
            *counts = (counts.0 + all, counts.1 + above);
        }
    }
    intervals
}

/// The intervals of a service whose own quantile was above the limit, however many instances there
/// were. One with too few samples for the quantile says nothing.
pub(crate) fn intervals_broken(view: &View<'_>, service: &str, wanted: &Wanted) -> Vec<i64> {
    let least = samples_min(wanted.quantile_ppm);
    intervals_above(view, |_| true, |key| wanted.is_of(view, key, service), wanted)
        .into_iter()
        .filter(|(_, (all, above))| *all >= least && wanted.is_broken(*all, *above))
        .map(|(interval, _)| interval)
        .collect()
}

/// How many samples there are, and how many in buckets above a value.
fn above(samples: &SparseHistogram, limit_us: u64) -> (u64, u64) {
    let (mut value, mut all, mut above) = (0, 0, 0);
    for &(gap, count) in &samples.counts {
        value += gap;
        all += count;
        above += if value > limit_us { count } else { 0 };
    }
    (all, above)
}
