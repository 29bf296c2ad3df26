//! The run as a row of bins on one axis of match time: what the report draws.

use hulk_record::{Measure, Samples};

use crate::view::View;

/// At most so many bins: more than a screen has room for, few enough for a small file.
const BINS_MAX: i64 = 240;

/// One or more whole intervals.
pub(crate) struct Bin {
    /// In match seconds since the window's start.
    pub(crate) from_s: f64,
    pub(crate) to_s: f64,
    /// Viewers at the end.
    pub(crate) wanted: Option<u64>,
    pub(crate) present: Option<u64>,
    /// Response times of all services and outcomes in µs; none without answers.
    pub(crate) p50_us: Option<u64>,
    pub(crate) p99_us: Option<u64>,
    /// Answers that failed the viewer.
    pub(crate) failures: u64,
}

/// The judged window in at most 240 bins of equal length, the last one excepted.
pub(crate) fn bins(view: &View<'_>) -> Vec<Bin> {
    let intervals = view.intervals();
    let per_bin = (intervals.max(1) as u64).div_ceil(BINS_MAX as u64) as i64;
    let present = view.present();
    let wanted = &view.manifest().wanted;
    let mut bins: Vec<Bin> = (0..intervals)
        .step_by(per_bin as usize)
        .map(|first| {
            let next = (first + per_bin).min(intervals);
            let last = (next - 1) as usize;
            Bin {
                from_s: view.match_s(view.start_of(first)),
                to_s: view.match_s(view.start_of(next)),
                wanted: wanted.get(last).map(|&viewers| u64::from(viewers)),
                present: present.get(last).copied().flatten(),
                p50_us: None,
                p99_us: None,
                failures: 0,
            }
        })
        .collect();
    fill_times(view, per_bin, &mut bins);
    bins
}

/// Frames come in the order of time, so one histogram serves all bins.
fn fill_times(view: &View<'_>, per_bin: i64, bins: &mut [Bin]) {
    let mut frames = view.judged().peekable();
    let mut samples = Samples::new();
    for (index, bin) in bins.iter_mut().enumerate() {
        samples.clear();
        while let Some(frame) =
            frames.next_if(|frame| (view.interval_at(frame.from) / per_bin) as usize <= index)
        {
            let answers = frame.series.iter().filter(|(key, _)| key.measure == Measure::Response);
            for (key, of_series) in answers {
                samples.merge(of_series);
                if key.outcome.is_failure() {
                    bin.failures += of_series.counts.iter().map(|&(_, count)| count).sum::<u64>();
                }
            }
        }
        if samples.count() > 0 {
            bin.p50_us = Some(samples.quantile_us(500_000).min(samples.max_us()));
            bin.p99_us = Some(samples.quantile_us(990_000).min(samples.max_us()));
        }
    }
}
