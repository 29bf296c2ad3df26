//! The callers of an avatar backend: what became of their calls, and what was asked of them.

mod objectives;
mod text;

use std::collections::BTreeMap;

use hulk_avatar::{FaultSpan, Figure, RunTold, run_figures};
use hulk_record::{
    CallersSample, FaultInfo, Frame, Offset, Samples, Session, SessionEnd, SparseHistogram,
};
use serde::{Serialize, Serializer};

pub(crate) use objectives::objectives;
pub(crate) use text::{Cells, lines, opening};
pub use text::{figure_json, figure_line};

use crate::view::View;
use crate::windows::{Times, times_of};

/// What became of the callers of an avatar backend.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallersVerdict {
    /// Whom they called.
    pub backend: String,
    /// The adapter by which they spoke to it.
    pub adapter: String,
    /// Calls that were planned.
    pub planned: u64,
    /// Of the planned calls: those that were made, and that the run itself did not cut off.
    pub attempted: u64,
    /// How planned calls ended, each way with how often.
    pub ends: Vec<(String, u64)>,
    /// How calls ended that were made again after one broke off.
    pub ends_again: Vec<(String, u64)>,
    /// Sessions that had no room in their frames: they are in no figure.
    pub untold: u64,
    /// How late the callers were with what was due, p99, in ms; none where nothing was.
    pub lag_p99_ms: Option<f64>,
    /// What their sessions were worth, each figure with its limit.
    #[serde(serialize_with = "in_json")]
    pub figures: Vec<Figure>,
    /// How long things took, over all sessions that were not cut off.
    pub histograms: Vec<CallTimes>,
}

/// How long something took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallTimes {
    /// What: `setup`, `first frame`, `audio to frame`, `silence to speech`, `barge-in to silence`.
    pub name: &'static str,
    /// How often it was measured.
    pub count: u64,
    /// The median, in ms.
    pub p50_ms: f64,
    /// The 90th percentile, in ms.
    pub p90_ms: f64,
    /// The 99th percentile, in ms.
    pub p99_ms: f64,
    /// The largest, exact, in ms.
    pub max_ms: f64,
}

fn in_json<S: Serializer>(figures: &[Figure], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(figures.iter().map(figure_json))
}

/// What became of the callers; none where the rehearsal has none.
pub(crate) fn verdict(view: &View<'_>) -> Option<CallersVerdict> {
    let info = view.manifest().callers.as_ref()?;
    let sessions: Vec<Session> = view.merged.sessions().into_iter().cloned().collect();
    let (intervals, faults) = (intervals(view), faults(view));
    let mut backend = view.record.callee.clone();
    backend.sort_by_key(|sample| sample.at);
    let told = RunTold {
        sessions: &sessions,
        info,
        intervals: &intervals,
        backend: &backend,
        faults: &faults,
        until: view.end,
    };
    let mut lags = Samples::new();
    intervals.iter().for_each(|(.., of)| lags.merge(&of.lag));
    let planned = || sessions.iter().filter(|session| session.attempt == 0);
    Some(CallersVerdict {
        backend: info.backend.clone(),
        adapter: info.adapter.clone(),
        planned: info.planned.len() as u64,
        attempted: planned().filter(|session| session.is_attempted()).count() as u64,
        ends: session_ends(planned()),
        ends_again: session_ends(sessions.iter().filter(|session| session.attempt > 0)),
        untold: view.merged.sessions_untold(),
        lag_p99_ms: (lags.count() > 0).then(|| ms(lags.quantile_at_most_max_us(990_000))),
        figures: run_figures(&told),
        histograms: histograms(&sessions),
    })
}

/// How sessions ended, each way with how often, in the order of their first.
pub fn session_ends<'a>(sessions: impl IntoIterator<Item = &'a Session>) -> Vec<(String, u64)> {
    let mut ends: Vec<(String, u64)> = Vec::new();
    for session in sessions {
        let name = match session.end {
            SessionEnd::Completed => "completed".to_owned(),
            SessionEnd::Vanished => "vanished".to_owned(),
            SessionEnd::Abandoned => "cut off".to_owned(),
            SessionEnd::Refused(cause) => format!("refused ({})", cause.name()),
            SessionEnd::Lost(cause) => format!("lost ({})", cause.name()),
        };
        match ends.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => ends.push((name, 1)),
        }
    }
    ends
}

/// Each interval from t = 0 on, all workers together: its start, its end, and what the callers met.
pub(crate) fn intervals(view: &View<'_>) -> Vec<(Offset, Offset, CallersSample)> {
    let mut samples = Samples::new();
    // They come in the order of time.
    let frames: Vec<&Frame> = view.judged().collect();
    let same = |a: &&Frame, b: &&Frame| view.interval_at(a.from) == view.interval_at(b.from);
    let interval = |own: &[&Frame]| {
        // A worker may tell of a part of an interval: what is open is its last word.
        let open: BTreeMap<u32, u64> =
            own.iter().map(|frame| (frame.worker, frame.callers.open)).collect();
        let mut merged = |of: fn(&CallersSample) -> &SparseHistogram| match own {
            [only] => of(&only.callers).clone(),
            _ => {
                samples.clear();
                own.iter().for_each(|frame| samples.merge(of(&frame.callers)));
                samples.sparse()
            }
        };
        let sample = CallersSample {
            open: open.values().sum(),
            frames: own.iter().map(|frame| frame.callers.frames).sum(),
            latency: merged(|of| &of.latency),
            lag: merged(|of| &of.lag),
        };
        let from = own.iter().map(|frame| frame.from).min().unwrap_or_default();
        (from, own.iter().map(|frame| frame.to).max().unwrap_or_default(), sample)
    };
    frames.chunk_by(same).map(interval).collect()
}

/// The faults that were on, from when until when.
fn faults(view: &View<'_>) -> Vec<FaultSpan> {
    let clock = view.manifest().clock;
    let span = |fault: &FaultInfo| {
        let planned = [fault.from, fault.until].map(|at| clock.wall(at));
        let due = clock.wall(fault.from) < view.end;
        let (times, from, until) = times_of(view, fault, planned);
        let was_on = due && !matches!(times, Times::Never { .. });
        was_on.then(|| FaultSpan { name: fault.name.clone(), from, until })
    };
    view.manifest().faults.iter().filter_map(span).collect()
}

fn ms(us: u64) -> f64 {
    us as f64 / 1e3
}

/// Adds a session's times of one kind.
type Take = fn(&Session, &mut Samples);

/// How long things took; nothing of what was never measured.
fn histograms(sessions: &[Session]) -> Vec<CallTimes> {
    let kinds: [(&'static str, Take); 5] = [
        ("setup", |of, to| of.setup_us.iter().for_each(|us| to.record(*us))),
        ("first frame", |of, to| of.first_frame_us.iter().for_each(|us| to.record(*us))),
        ("audio to frame", |of, to| to.merge(&of.felt.latency)),
        ("silence to speech", |of, to| of.turn_us.iter().for_each(|us| to.record(*us))),
        ("barge-in to silence", |of, to| of.barge_in_us.iter().for_each(|us| to.record(*us))),
    ];
    let mut samples = Samples::new();
    let mut all = Vec::new();
    for (name, take) in kinds {
        samples.clear();
        sessions.iter().filter(|of| of.is_attempted()).for_each(|of| take(of, &mut samples));
        let at = |ppm| ms(samples.quantile_at_most_max_us(ppm));
        if samples.count() > 0 {
            all.push(CallTimes {
                name,
                count: samples.count(),
                p50_ms: at(500_000),
                p90_ms: at(900_000),
                p99_ms: at(990_000),
                max_ms: ms(samples.max_us()),
            });
        }
    }
    all
}
