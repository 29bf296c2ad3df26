//! The run as rows of bins on one axis of match time: what the report draws.

use hulk_record::{Measure, Samples};

use crate::view::View;

/// Bins of the first view: more than a screen has room for, few enough for a small file.
const COARSE_MAX: i64 = 240;
/// Bins of the finer row that a closer look is drawn from.
const FINE_MAX: i64 = 960;

/// The judged window in bins of equal length, the last one excepted.
pub(crate) struct Level {
    /// Length of a bin in match seconds.
    pub(crate) step_s: f64,
    pub(crate) bins: Vec<Bin>,
}

/// One or more whole intervals.
pub(crate) struct Bin {
    /// In match seconds since the window's start.
    pub(crate) from_s: f64,
    pub(crate) to_s: f64,
    /// Viewers at the end.
    pub(crate) wanted: Option<u64>,
    pub(crate) present: Option<u64>,
    /// Requests due, over all services.
    pub(crate) requests: u64,
    /// Of them: those that repeat another.
    pub(crate) retries: u64,
    /// Response times of all services and outcomes in µs; none without answers.
    pub(crate) times: Option<Times>,
    /// Answers that failed the viewer.
    pub(crate) failures: u64,
}

/// Response times in µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    pub(crate) p999_us: u64,
}

impl Times {
    /// None where there is no sample.
    pub(crate) fn of(samples: &Samples) -> Option<Self> {
        let at = |ppm| samples.quantile_at_most_max_us(ppm);
        (samples.count() > 0).then(|| Self {
            p50_us: at(500_000),
            p99_us: at(990_000),
            p999_us: at(999_000),
        })
    }
}

/// The first view's bins and, where they hold several intervals each, finer ones.
pub(crate) fn levels(view: &View<'_>) -> Vec<Level> {
    let per_bin = |max: i64| (view.intervals().max(1) as u64).div_ceil(max as u64) as i64;
    let mut lengths = vec![per_bin(COARSE_MAX), per_bin(FINE_MAX)];
    lengths.dedup();
    lengths.into_iter().map(|per_bin| level(view, per_bin)).collect()
}

fn level(view: &View<'_>, per_bin: i64) -> Level {
    let intervals = view.intervals();
    let present = view.present();
    let wanted = &view.manifest().wanted;
    let unknown = wanted.is_empty();
    let mut bins: Vec<Bin> = (0..intervals)
        .step_by(per_bin as usize)
        .map(|first| {
            let next = (first + per_bin).min(intervals);
            let last = (next - 1) as usize;
            let wanted = wanted.get(last).map(|&viewers| u64::from(viewers));
            // At the window's very end everyone is taken out: that is no news.
            let present =
                present.get(last).copied().flatten().filter(|_| wanted.is_some() || unknown);
            Bin {
                from_s: view.match_s(view.start_of(first)),
                to_s: view.match_s(view.start_of(next)),
                wanted,
                present,
                requests: 0,
                retries: 0,
                times: None,
                failures: 0,
            }
        })
        .collect();
    fill_requests(view, per_bin, &mut bins);
    fill_times(view, per_bin, &mut bins);
    let step_s = view.match_s(hulk_record::Offset(per_bin * view.interval_us()));
    Level { step_s, bins }
}

fn fill_requests(view: &View<'_>, per_bin: i64, bins: &mut [Bin]) {
    for ((_, due), send) in &view.sends {
        if let Some(bin) = bins.get_mut((i64::from(*due) / per_bin) as usize) {
            bin.requests += send.first + send.retries;
            bin.retries += send.retries;
        }
    }
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
        bin.times = Times::of(&samples);
    }
}
