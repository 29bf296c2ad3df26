//! What the viewers did at the moments: a ledger for each of them.

use hulk_record::{MomentInfo, ResponseCount};
use serde::Serialize;

use crate::view::View;

/// One moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct MomentSummary {
    /// What the viewers were to do: `exit`, `push` or `act`.
    pub(crate) response: Option<String>,
    /// When it was to be; none for what the manifest does not name.
    pub(crate) intended_match_min: Option<f64>,
    /// When the first viewer did something.
    pub(crate) first_match_min: Option<f64>,
    pub(crate) counts: ResponseCount,
    /// Of those who pressed Back: still loading the home page at the end. Below 0 where the
    /// counts contradict each other.
    pub(crate) still_loading: i64,
    /// Of those who pressed Back: at the end neither gone for good nor back in the video. Below 0
    /// where the counts contradict each other.
    pub(crate) still_there: i64,
}

/// Every moment that has a response, planned or seen, in the order of the manifest.
pub(crate) fn moments(view: &View<'_>) -> Vec<MomentSummary> {
    let mut seen = view.merged.responses();
    let mut summaries = Vec::new();
    for moment in &view.manifest().moments {
        let counts = seen.remove(&moment.name);
        if counts.is_some() || moment.response.is_some() {
            let blank = ResponseCount { moment: moment.name.clone(), ..ResponseCount::default() };
            summaries.push(summary(view, Some(moment), counts.unwrap_or(blank)));
        }
    }
    summaries.extend(seen.into_values().map(|counts| summary(view, None, counts)));
    summaries
}

fn summary(view: &View<'_>, moment: Option<&MomentInfo>, counts: ResponseCount) -> MomentSummary {
    let rest = |of: u64, parts: [u64; 3]| of as i64 - parts.iter().sum::<u64>() as i64;
    MomentSummary {
        response: moment.and_then(|moment| moment.response.clone()),
        intended_match_min: moment.map(|moment| view.minute_at(moment.at.as_s())),
        first_match_min: counts.first_at.map(|at| view.manifest().match_minute(at)),
        still_loading: rest(counts.woken, [counts.left_at_once, counts.loaded, counts.abandoned]),
        still_there: rest(counts.woken, [counts.left, counts.returned, 0]),
        counts,
    }
}
