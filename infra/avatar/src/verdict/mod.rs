//! What a run of callers is worth: the table of its figures, each with its limit.

mod admission;
mod blocking;
mod failover;
mod leak;
mod recovery;
mod sessions;
mod triggers;

use hulk_record::{
    CalleeSample, CallersInfo, CallersSample, Interval, Offset, Samples, Session, SparseHistogram,
};
use serde::{Deserialize, Serialize};

pub use sessions::figures;

/// The quantile of latency that is judged, in parts per million.
const PPM: u32 = 950_000;

/// A fault of the run, while it lasted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultSpan {
    /// Its name.
    pub name: String,
    /// From when.
    pub from: Offset,
    /// Until when.
    pub until: Offset,
}

/// All that is known of a run of callers.
#[derive(Debug, Clone, Copy)]
pub struct RunTold<'a> {
    /// Their sessions, in the order of their intended times.
    pub sessions: &'a [Session],
    /// What was planned, and asked of them.
    pub info: &'a CallersInfo,
    /// Each interval, all workers together, in the order of time: its start, its end, and what the
    /// callers met.
    pub intervals: &'a [(Offset, Offset, CallersSample)],
    /// What the backend said of itself, in the order of time.
    pub backend: &'a [CalleeSample],
    /// The faults that were on.
    pub faults: &'a [FaultSpan],
    /// Where the run ended.
    pub until: Offset,
}

impl RunTold<'_> {
    /// So many streams may be carried: as was planned, or as the backend says once it has grown. None
    /// where nothing was planned.
    fn streams_max(&self) -> Option<u32> {
        let says = self.backend.iter().map(|sample| sample.streams_max).max().unwrap_or(0);
        self.info.streams_max.map(|planned| planned.max(says))
    }
}

/// The rows of [`figures`], and then what only a whole run tells. A row that cannot apply is left
/// out.
pub fn run_figures(told: &RunTold<'_>) -> Vec<Figure> {
    let mut rows = figures(told.sessions, &told.info.objectives);
    rows.extend(admission::rows(told));
    rows.extend(blocking::rows(told));
    rows.extend(failover::rows(told));
    rows.extend(recovery::row(told));
    rows.extend(leak::rows(told));
    rows.extend(triggers::rows(told));
    rows
}

/// A limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
    /// Less than this.
    Below(f64),
}

/// A figure of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// Its unit; a share has none and lies between 0 and 1.
    pub unit: String,
    /// Its value; none where it was not measured, infinite where the slowest never came.
    pub measured: Option<f64>,
    /// From where to where it may well lie.
    pub interval: Option<Interval>,
    /// What it is held against.
    pub limit: Option<Limit>,
    /// Why the run cannot tell it, in a sentence; such a run is invalid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid: Option<String>,
}

impl Figure {
    /// Whether it keeps to its limit; none where there is none, or nothing was measured.
    pub fn holds(&self) -> Option<bool> {
        let measured = self.measured?;
        Some(match self.limit? {
            Limit::AtLeast(least) => measured >= least,
            Limit::AtMost(most) => measured <= most,
            Limit::Below(most) => measured < most,
        })
    }
}

fn figure(name: &str, unit: &str, measured: Option<f64>, limit: Option<Limit>) -> Figure {
    Figure {
        name: name.to_owned(),
        unit: unit.to_owned(),
        measured,
        interval: None,
        limit,
        invalid: None,
    }
}

/// From when until when a session was open; none of one that never was.
fn open_span(session: &Session) -> Option<(Offset, Offset)> {
    let us = |us: u64| i64::try_from(us).unwrap_or(i64::MAX);
    let opened = session.intended_at.plus(us(session.setup_us?));
    let lasted_us = session.first_frame_us.unwrap_or(0) + session.felt.watched_us;
    Some((opened, opened.plus(us(lasted_us.max(1)))))
}

/// The most of these that hold at a time.
fn most_at_a_time(spans: impl Iterator<Item = (Offset, Offset)>) -> u32 {
    // Who leaves at an instant makes room for who comes at it.
    let mut edges: Vec<(Offset, i64)> =
        spans.flat_map(|(from, until)| [(from, 1), (until, -1)]).collect();
    edges.sort_unstable();
    let open = edges.iter().scan(0_i64, |open, (_, change)| {
        *open += change;
        Some(*open)
    });
    open.max().unwrap_or(0) as u32
}

/// How many of these are open at a time.
fn open_at(sessions: &[Session], at: Offset) -> u32 {
    let open = |span: &(Offset, Offset)| (span.0..span.1).contains(&at);
    sessions.iter().filter_map(open_span).filter(open).count() as u32
}

/// The judged quantile of latency in ms; none of nothing.
fn p95_ms<'a>(histograms: impl IntoIterator<Item = &'a SparseHistogram>) -> Option<f64> {
    let mut all = Samples::new();
    histograms.into_iter().for_each(|of| all.merge(of));
    (all.count() > 0).then(|| all.quantile_at_most_max_us(PPM) as f64 / 1e3)
}

#[cfg(test)]
mod tests;
