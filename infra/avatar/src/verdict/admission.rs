//! Was anybody let in beyond the limit, and were the others told so?

use hulk_record::{Cause, SessionEnd};

use super::{Figure, Limit, RunTold, figure, most_at_a_time, open_at, open_span};

/// A session that is over is known to its caller a little later than to the backend, in µs: so long
/// two may seem to overlap that did not.
const EDGE_US: i64 = 100_000;

/// Nothing where the limit is not known.
pub(super) fn rows(told: &RunTold<'_>) -> Vec<Figure> {
    let Some(streams_max) = told.streams_max() else { return Vec::new() };
    let spans = told.sessions.iter().filter_map(open_span);
    let sure = spans.map(|(from, until)| (from, until.plus(-EDGE_US).max(from.plus(1))));
    let of_backend = told.backend.iter().map(|sample| sample.streams).max().unwrap_or(0);
    let beyond = most_at_a_time(sure).max(of_backend).saturating_sub(streams_max);
    let is_improper = |cause: Cause| cause != Cause::Capacity;
    let improper = told.sessions.iter().filter(|session| {
        matches!(session.end, SessionEnd::Refused(cause) if is_improper(cause))
            && open_at(told.sessions, session.intended_at) >= streams_max
    });
    let none = Some(Limit::AtMost(0.0));
    vec![
        figure("sessions beyond the limit", "", Some(f64::from(beyond)), none),
        figure("refused improperly", "", Some(improper.count() as f64), none),
    ]
}
