//! What the viewers of the stream felt: starts, stalls, and what they watched.

use hulk_record::{Measure, Outcome, QoeCounts, Samples, SeriesKey};
use serde::Serialize;

use crate::stretches::stretches;
use crate::view::View;

/// The figures, or why there are none.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct QoeSummary {
    /// Why nothing is known, as a clause; null where something is.
    pub(crate) not_known: Option<String>,
    pub(crate) figures: Option<Box<Figures>>,
}

/// Playback from t = 0 on. `match_s` and per-hour figures are match time, the player's own; the
/// time to the first frame is wall time.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figures {
    /// The journey with the stream, and the service that the stream comes from.
    pub(crate) journey: String,
    pub(crate) service: String,
    /// Players whose start came to an end, the run's excepted: those that started, that failed,
    /// and that were left.
    pub(crate) starts: u64,
    pub(crate) started: u64,
    pub(crate) failed_starts: u64,
    pub(crate) failed_start_share: Option<f64>,
    pub(crate) left_before_start: u64,
    pub(crate) left_before_start_share: Option<f64>,
    pub(crate) cut_before_start: u64,
    /// Of the players that started.
    pub(crate) first_frame: Option<FirstFrame>,
    /// The shortest interruption that counts as a stall.
    pub(crate) stall_min_match_s: f64,
    pub(crate) stalls: u64,
    pub(crate) stalled_match_s: f64,
    pub(crate) watched_match_s: f64,
    /// (Stalled + down) ÷ (stalled + down + watched); null where nothing was watched.
    pub(crate) stall_ratio: Option<f64>,
    pub(crate) stalls_per_hour_watched: Option<f64>,
    /// Interruptions shorter than that.
    pub(crate) short_stalls: u64,
    pub(crate) short_stalled_match_s: f64,
    pub(crate) viewers_watched: u64,
    pub(crate) viewers_stalled: u64,
    pub(crate) viewers_stalled_share: Option<f64>,
    pub(crate) gave_up: u64,
    /// Between a player's giving up and its next start.
    pub(crate) down_match_s: f64,
    pub(crate) segments_skipped: u64,
    /// By the rendition that was chosen; null where the master playlist told none.
    pub(crate) mean_kbps: Option<f64>,
    pub(crate) over_time: Vec<Stretch>,
}

/// Time to the first frame, in µs of wall time.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct FirstFrame {
    pub(crate) count: u64,
    pub(crate) p50_us: u64,
    pub(crate) p95_us: u64,
    pub(crate) p99_us: u64,
    /// Exact.
    pub(crate) max_us: u64,
}

/// One or more whole intervals.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Stretch {
    /// In match seconds since the window's start.
    pub(crate) from_match_s: f64,
    pub(crate) to_match_s: f64,
    pub(crate) starts: u64,
    pub(crate) started: u64,
    pub(crate) first_frame_p95_us: Option<u64>,
    pub(crate) stalls: u64,
    pub(crate) stalled_match_s: f64,
    pub(crate) watched_match_s: f64,
    pub(crate) stall_ratio: Option<f64>,
}

/// Why nothing is known of the playback of a run; none where something is.
pub(crate) fn not_known(view: &View<'_>) -> Option<String> {
    let manifest = view.manifest();
    if !view.tells_playback() {
        return Some(format!(
            "playback was not recorded: the record is of version {}, which does not tell of it",
            manifest.version
        ));
    }
    let none = manifest.stream.is_none();
    none.then(|| "no journey of this rehearsal has a stream".to_owned())
}

/// The counts from t = 0 on. Each viewer counts once a run, in whichever frame.
pub(crate) fn counts(view: &View<'_>) -> QoeCounts {
    let mut total = QoeCounts::default();
    view.judged().for_each(|frame| total.add(&frame.qoe));
    let of_viewers = |of: fn(&QoeCounts) -> u64| view.merged.frames().map(|f| of(&f.qoe)).sum();
    QoeCounts {
        viewers_watched: of_viewers(|qoe| qoe.viewers_watched),
        viewers_stalled: of_viewers(|qoe| qoe.viewers_stalled),
        ..total
    }
}

pub(crate) fn summary_of(view: &View<'_>) -> QoeSummary {
    let not_known = not_known(view);
    let stream = view.manifest().stream.as_ref().filter(|_| not_known.is_none());
    let figures = stream.map(|stream| {
        let counts = counts(view);
        let share = |part: u64, of: u64| (of > 0).then(|| part as f64 / of as f64);
        let watched_h = counts.watched_us as f64 / 3.6e9;
        Box::new(Figures {
            journey: stream.journey.clone(),
            service: stream.service.clone(),
            starts: counts.starts(),
            started: counts.started,
            failed_starts: counts.failed_starts,
            failed_start_share: share(counts.failed_starts, counts.starts()),
            left_before_start: counts.left_before_start,
            left_before_start_share: share(counts.left_before_start, counts.starts()),
            cut_before_start: counts.cut_before_start,
            first_frame: first_frame(view),
            stall_min_match_s: stream.stall_min_us as f64 / 1e6,
            stalls: counts.stalls,
            stalled_match_s: counts.stalled_us as f64 / 1e6,
            watched_match_s: counts.watched_us as f64 / 1e6,
            stall_ratio: counts.stall_ratio(),
            stalls_per_hour_watched: (watched_h > 0.0).then(|| counts.stalls as f64 / watched_h),
            short_stalls: counts.short_stalls,
            short_stalled_match_s: counts.short_stalled_us as f64 / 1e6,
            viewers_watched: counts.viewers_watched,
            viewers_stalled: counts.viewers_stalled,
            viewers_stalled_share: share(counts.viewers_stalled, counts.viewers_watched),
            gave_up: counts.gave_up,
            down_match_s: counts.down_us as f64 / 1e6,
            segments_skipped: counts.segments_skipped,
            mean_kbps: share(counts.rated_bits, counts.rated_us).map(|per_us| per_us * 1e3),
            over_time: over_time(view),
        })
    });
    QoeSummary { not_known, figures }
}

fn first_frame(view: &View<'_>) -> Option<FirstFrame> {
    let samples = view.samples(|_| true, is_first_frame);
    let at = |ppm| samples.quantile_at_most_max_us(ppm);
    (samples.count() > 0).then(|| FirstFrame {
        count: samples.count(),
        p50_us: at(500_000),
        p95_us: at(950_000),
        p99_us: at(990_000),
        max_us: samples.max_us(),
    })
}

fn over_time(view: &View<'_>) -> Vec<Stretch> {
    // One histogram serves all.
    let mut samples = Samples::new();
    stretches(view, |(from_match_s, to_match_s), frames| {
        let mut counts = QoeCounts::default();
        samples.clear();
        for frame in frames {
            counts.add(&frame.qoe);
            let first = frame.series.iter().filter(|(key, _)| is_first_frame(key));
            first.for_each(|(_, of_series)| samples.merge(of_series));
        }
        let p95_us = samples.quantile_at_most_max_us(950_000);
        Stretch {
            from_match_s,
            to_match_s,
            starts: counts.starts(),
            started: counts.started,
            first_frame_p95_us: (samples.count() > 0).then_some(p95_us),
            stalls: counts.stalls,
            stalled_match_s: counts.stalled_us as f64 / 1e6,
            watched_match_s: counts.watched_us as f64 / 1e6,
            stall_ratio: counts.stall_ratio(),
        }
    })
}

fn is_first_frame(key: &SeriesKey) -> bool {
    key.measure == Measure::FirstFrame && key.outcome == Outcome::Ok
}
