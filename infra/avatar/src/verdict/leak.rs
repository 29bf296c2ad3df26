//! Does the backend still carry somebody when everybody is gone?

use hulk_record::{CalleeSample, Offset};

use super::{Figure, Limit, RunTold, figure, open_at, open_span};

/// A backend may take so long to notice that a client is gone, in µs.
const GRACE_US: i64 = 10_000_000;
/// A sample and a session's edges are not of the same instant, in µs.
const EDGE_US: i64 = 1_000_000;

/// Nothing where the backend says nothing of itself.
pub(super) fn rows(told: &RunTold<'_>) -> Vec<Figure> {
    let Some(last) = told.backend.last() else { return Vec::new() };
    let gone = told.sessions.iter().filter_map(open_span).map(|(_, until)| until).max();
    let settled = gone.unwrap_or(Offset(0)).plus(GRACE_US);
    let after = told.backend.iter().filter(|sample| sample.at >= settled);
    let left = match after.map(|sample| sample.streams).min() {
        // It need not be waited for what has come already.
        None if last.streams == 0 && gone.is_none_or(|gone| last.at >= gone) => Some(0),
        least => least,
    };
    let name = "streams left behind";
    let row = figure(name, "", left.map(f64::from), Some(Limit::AtMost(0.0)));
    let invalid = left.is_none().then(|| {
        format!(
            "the backend was last asked {:.1} s after the last session, and still carried {}: 10 s \
             are given to it, so nobody knows whether it forgets them",
            last.at.since(gone.unwrap_or(last.at)) as f64 / 1e6,
            last.streams
        )
    });
    let zombies = told.backend.iter().map(|sample| zombies(told, sample)).max().unwrap_or(0);
    vec![
        Figure { invalid, ..row },
        figure("streams without a caller", "", Some(f64::from(zombies)), None),
    ]
}

/// Streams of a sample for which no caller was open about then.
fn zombies(told: &RunTold<'_>, sample: &CalleeSample) -> u32 {
    let about = [-EDGE_US, 0, EDGE_US].map(|us| open_at(told.sessions, sample.at.plus(us)));
    sample.streams.saturating_sub(about.into_iter().max().unwrap_or(0))
}
