//! Is the backend well again after a fault, or does it stay ill by itself?

use hulk_record::{CallersSample, Offset};

use super::{Figure, Limit, RunTold, figure, p95_ms};
use crate::quality::Trend;

/// So long it must be well without a break, in µs.
const WELL_US: i64 = 5_000_000;
/// In less no slope is seen, in µs.
const SEEN_US: i64 = 10_000_000;

const NAME: &str = "well again after the faults";

/// Nothing without a fault that is over.
pub(super) fn row(told: &RunTold<'_>) -> Option<Figure> {
    let over = told.faults.iter().map(|fault| fault.until).filter(|until| *until < told.until);
    let healed = over.max()?;
    let limit_ms = f64::from(told.info.objectives.session.latency_ms_max);
    let most_s = told.info.objectives.recovery_s_max.unwrap_or(f64::INFINITY);
    let row = |measured| figure(NAME, "s", measured, Some(Limit::Below(most_s)));
    let cannot = |why: String| Some(Figure { invalid: Some(why), ..row(None) });
    // Intervals in which nobody was answered say nothing.
    let after: Vec<(Offset, Offset, f64)> = told
        .intervals
        .iter()
        .filter(|(from, ..)| *from >= healed)
        .filter_map(|(from, until, of)| Some((*from, *until, latency_ms(of)?)))
        .collect();
    let Some((.., last_ms)) = after.last().copied() else {
        let why = "nobody was answered after the last fault: that does not tell whether the \
                   backend is well again";
        return cannot(why.to_owned());
    };
    if let Some(at) = well_from(&after, limit_ms) {
        return Some(row(Some(at.since(healed).max(0) as f64 / 1e6)));
    }
    let seen_us = told.until.since(healed);
    let seen_s = seen_us as f64 / 1e6;
    let mut trend = Trend::default();
    after.iter().for_each(|(from, _, ms)| trend.sample(*from, *ms));
    let Some(slope) = trend.slope().filter(|_| seen_us >= SEEN_US) else {
        return cannot(format!(
            "the run ended {seen_s:.1} s after the last fault, with answers in {} intervals: too \
             short to see whether the backend recovers",
            after.len()
        ));
    };
    let (is_falling, is_well) = (slope.interval_ms_per_s.high < 0.0, last_ms < limit_ms);
    if is_falling && !is_well {
        return cannot(format!(
            "the run ended {seen_s:.1} s after the last fault with a latency of {last_ms:.0} ms \
             that falls by {:.1} ms a second: it needs about {:.0} s more to tell",
            -slope.ms_per_s,
            (last_ms - limit_ms) / -slope.ms_per_s
        ));
    }
    if is_well && (is_falling || !falls_back(&after, limit_ms)) {
        let why = "the run ended too soon after the backend was well again to see whether it \
                   stays so";
        return cannot(why.to_owned());
    }
    // It stays ill though nothing is wrong with it any more.
    Some(row(Some(f64::INFINITY)))
}

fn latency_ms(of: &CallersSample) -> Option<f64> {
    p95_ms([&of.latency])
}

/// Whether the latency was below the limit already, and is not in the next interval.
fn falls_back(after: &[(Offset, Offset, f64)], limit_ms: f64) -> bool {
    let mut pairs = after.iter().zip(after.iter().skip(1));
    pairs.any(|((.., one_ms), (.., next_ms))| *one_ms < limit_ms && *next_ms >= limit_ms)
}

/// From when on the latency is below the limit for long enough.
fn well_from(after: &[(Offset, Offset, f64)], limit_ms: f64) -> Option<Offset> {
    let mut since: Option<Offset> = None;
    for (from, until, ms) in after {
        if *ms >= limit_ms {
            since = None;
            continue;
        }
        let begun = *since.get_or_insert(*from);
        if until.since(begun) >= WELL_US {
            return Some(begun);
        }
    }
    None
}
