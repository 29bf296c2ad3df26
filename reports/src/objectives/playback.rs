//! Objectives of what viewers of the stream feel: the start, and standing still.

use hulk_record::{Measure, Objective, SeriesKey};

use super::latency::{Wanted, intervals_of_breach};
use super::{blank, judged};
use crate::percentiles::samples_min;
use crate::qoe::{counts, not_known};
use crate::verdict::ObjectiveResult;
use crate::view::View;
use crate::words::{count, counted, minute, number, number_and_limit, people, percent};

/// Every start counts: a player that gave up and a viewer who left waited at least as long.
pub(super) fn startup(view: &View<'_>, objective: &Objective, of: &Wanted) -> ObjectiveResult {
    let what = format!("p{} of time to first frame", number(f64::from(of.quantile_ppm) / 1e4));
    let blank = blank(objective, &what, of.max_ms, "ms");
    if let Some(why) = not_known(view) {
        return ObjectiveResult { reason: format!("The {what} is unknown: {why}."), ..blank };
    }
    let wants = |key: &SeriesKey| key.measure == Measure::FirstFrame;
    let samples = view.samples(|_| true, wants);
    let (n, n_min) = (samples.count(), samples_min(of.quantile_ppm));
    if n < n_min {
        let reason = format!(
            "The {what} is unknown: {} are too few, it needs {}.",
            counted(n, "start"),
            count(n_min)
        );
        return ObjectiveResult { samples: n, reason, ..blank };
    }
    let measured = samples.quantile_at_most_max_us(of.quantile_ppm) as f64 / 1e3;
    let met = measured <= of.max_ms;
    let (first, worst) = intervals_of_breach(view, |_| true, wants, of);
    let first = first.filter(|_| !met).map(|interval| view.when_interval(interval));
    let worst = worst.filter(|_| !met);
    let (shown, shown_limit) = number_and_limit(measured, of.max_ms);
    let qoe = counts(view);
    let mut reason = format!(
        "The {what} was {shown} ms (limit {shown_limit} ms) over {}, of which {} failed and {} \
         were left",
        counted(n, "start"),
        count(qoe.failed_starts),
        count(qoe.left_before_start),
    );
    if let Some(worst) = worst {
        reason += &format!(", worst at match minute {}", view.when_interval(worst));
    }
    let worst = worst.map(|interval| view.minute_of(interval));
    ObjectiveResult { samples: n, ..judged(blank, measured, met, (first, worst), reason) }
}

/// Time stalled or without a player ÷ (that + time watched), over all viewers.
pub(super) fn stall_ratio(view: &View<'_>, objective: &Objective, max: f64) -> ObjectiveResult {
    let blank = blank(objective, "time stalled", max, "share");
    let unknown = |why: &str| format!("How long viewers stood still is unknown: {why}.");
    if let Some(why) = not_known(view) {
        return ObjectiveResult { reason: unknown(&why), ..blank };
    }
    let qoe = counts(view);
    let Some(measured) = qoe.stall_ratio() else {
        return ObjectiveResult { reason: unknown("nobody saw a first frame"), ..blank };
    };
    let met = measured <= max;
    let (mut first, mut worst) = (None, (0, None));
    for frame in view.judged().filter(|frame| frame.qoe.lost_us() > 0) {
        let at = view.interval_at(frame.from);
        first = first.or(Some(at));
        let here = frame.qoe.lost_us();
        worst = if here > worst.0 { (here, Some(at)) } else { worst };
    }
    let first = first.filter(|_| !met).map(|interval| view.when_interval(interval));
    let worst = worst.1.filter(|_| !met);
    let mut reason = format!(
        "Viewers of the stream saw a still picture or none for {} % of their time in the video (at \
         most {} %): {} of {}, {} given up, {} match s of {}",
        percent(measured),
        percent(max),
        counted(qoe.stalls, "stall"),
        people(qoe.viewers_stalled, view.manifest().scale),
        counted(qoe.gave_up, "player"),
        number(qoe.lost_us() as f64 / 1e6),
        number((qoe.lost_us() + qoe.watched_us) as f64 / 1e6),
    );
    if let (Some(first), Some(worst)) = (&first, worst) {
        let most = minute(view.minute_of(worst));
        reason += &format!("; first at match minute {first}, most at {most}");
    }
    let worst = worst.map(|interval| view.minute_of(interval));
    let judged = judged(blank, measured, met, (first, worst), reason);
    ObjectiveResult { samples: qoe.viewers_watched, ..judged }
}
