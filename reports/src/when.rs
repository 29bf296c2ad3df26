//! When something happened, as people say it: the match minute, and the moment before it.

use std::fmt;

use crate::view::View;
use crate::words::minute;

/// A match minute and the moment of the match that came before it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct When {
    pub(crate) minute: f64,
    /// The moment's name, and the match minutes since; below 0 where it lies within the interval
    /// that is meant, of which nothing finer is known.
    since: Option<(String, f64)>,
}

impl When {
    /// The name of the moment before.
    pub(crate) fn moment(&self) -> Option<String> {
        self.since.as_ref().map(|(name, _)| name.clone())
    }
}

impl fmt::Display for When {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", minute(self.minute))?;
        let Some((name, since)) = &self.since else { return Ok(()) };
        match minute(*since).as_str() {
            "0.0" => write!(out, " (at {name})"),
            text if *since > 0.0 => write!(out, " ({text} min after {name})"),
            _ => write!(out, " (around {name})"),
        }
    }
}

impl View<'_> {
    /// The time from `from_s` to `to_s` in match seconds since the window's start: a moment
    /// within it may be its cause.
    pub(crate) fn when(&self, from_s: f64, to_s: f64) -> When {
        let before = |at_s: f64| at_s <= from_s || at_s < to_s;
        let moments = self.manifest().moments.iter().filter(|moment| before(moment.at.as_s()));
        let last = moments.max_by_key(|moment| moment.at);
        When {
            minute: self.minute_at(from_s),
            since: last.map(|last| (last.name.clone(), (from_s - last.at.as_s()) / 60.0)),
        }
    }

    /// An interval.
    pub(crate) fn when_interval(&self, interval: i64) -> When {
        let [from, to] = [interval, interval.saturating_add(1)]
            .map(|at| hulk_record::Offset(at.saturating_mul(self.interval_us())));
        self.when(self.match_s(from), self.match_s(to))
    }
}
