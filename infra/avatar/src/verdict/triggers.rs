//! What would lead back from a rollout.
//!
//! The share of errors has a row of its own, and of the GPUs' memory callers know nothing.

use hulk_record::{CallersSample, Session, SparseHistogram};

use super::{Figure, Limit, RunTold, figure, p95_ms};

/// Latency may grow by this share.
const GROWTH_MAX: f64 = 0.5;
/// Underruns a session.
const UNDERRUNS_MAX: f64 = 10.0;
/// Fewer answers than this are no measure.
const ANSWERS_MIN: u64 = 20;
/// A trend shows in no fewer seconds at either end.
const SECONDS_MIN: usize = 10;
/// Loads that differ by more are not compared.
const LOAD_OFF_MAX: f64 = 0.2;

pub(super) fn rows(told: &RunTold<'_>) -> Vec<Figure> {
    let felt: Vec<&Session> =
        told.sessions.iter().filter(|of| of.first_frame_us.is_some()).collect();
    let ticks: u64 = felt.iter().map(|of| of.felt.underrun_ticks).sum();
    let mean = (!felt.is_empty()).then(|| ticks as f64 / felt.len() as f64);
    let underruns = Some(Limit::AtMost(UNDERRUNS_MAX));
    let growth = growth(told).map(|(growth, alike)| {
        // With a fault, or another load, growth is nobody's fault.
        let judged = told.faults.is_empty() && alike;
        let limit = judged.then_some(Limit::AtMost(GROWTH_MAX));
        figure("rollback: latency growth", "", Some(growth), limit)
    });
    let underruns =
        mean.map(|mean| figure("rollback: underruns a session", "", Some(mean), underruns));
    growth.into_iter().chain(underruns).collect()
}

/// By which share the latency of the last third of the time is above that of the first, and whether
/// the load was about the same.
fn growth(told: &RunTold<'_>) -> Option<(f64, bool)> {
    let answered: Vec<&CallersSample> = told
        .intervals
        .iter()
        .map(|(.., of)| of)
        .filter(|of| !of.latency.counts.is_empty())
        .collect();
    let third = answered.len() / 3;
    let (first, last) = (answered.get(..third)?, answered.get(answered.len() - third..)?);
    let enough = |of: &[&CallersSample]| {
        of.iter().map(|of| answers(&of.latency)).sum::<u64>() >= ANSWERS_MIN
    };
    if !enough(first) || !enough(last) {
        return None;
    }
    let p95 = |of: &[&CallersSample]| p95_ms(of.iter().map(|of| &of.latency));
    let open = |of: &[&CallersSample]| of.iter().map(|of| of.open).sum::<u64>() as f64;
    let (before, after) = (open(first), open(last));
    let alike = (after - before).abs() <= LOAD_OFF_MAX * before.max(after);
    let long = third >= SECONDS_MIN;
    Some((p95(last)? / p95(first)? - 1.0, alike && long))
}

fn answers(of: &SparseHistogram) -> u64 {
    of.counts.iter().map(|(_, count)| count).sum()
}
