//! What became of those who were in a call when something failed.

use std::collections::BTreeSet;

use hulk_record::{Session, SessionEnd};

use super::{FaultSpan, Figure, RunTold, figure, open_span};
use crate::stats::wilson;

/// A fault is known to be on a little later than the sessions that it ends: who was there so long before
/// met it, in µs.
const BEFORE_US: i64 = 1_000_000;
/// A session that is lost so long after a fault was lost by it, in µs.
const AFTER_US: i64 = 2_000_000;

/// Nothing without a fault, or where nobody was in a call.
pub(super) fn rows(told: &RunTold<'_>) -> Vec<Figure> {
    // A session counts once, however many faults it met.
    let (mut met, mut lost) = (0, BTreeSet::new());
    for session in told.sessions {
        let mut faults = told.faults.iter().filter(|fault| met_by(session, fault)).peekable();
        met += u64::from(faults.peek().is_some());
        if faults.any(|fault| is_lost_by(session, fault)) {
            lost.insert((session.caller, session.attempt));
        }
    }
    if met == 0 {
        return Vec::new();
    }
    let gone = lost.len() as u64;
    let kept = met - gone;
    let mut rows = vec![Figure {
        interval: wilson(kept, met),
        ..figure("sessions kept through faults", "", Some(kept as f64 / met as f64), None)
    }];
    let called_again = told.sessions.iter().any(|of| of.attempt > 0);
    if gone > 0 && called_again {
        let is_back = |(caller, attempt): &&(u32, u32)| {
            let later = |of: &&Session| of.caller == *caller && of.attempt > *attempt;
            told.sessions.iter().filter(later).any(|of| of.first_frame_us.is_some())
        };
        let back = lost.iter().filter(is_back).count() as u64;
        rows.push(Figure {
            interval: wilson(back, gone),
            ..figure("lost callers who are back", "", Some(back as f64 / gone as f64), None)
        });
    }
    rows
}

/// Whether a session was open when a fault began, and it is known what became of it: the run did
/// not cut it off before.
fn met_by(session: &Session, fault: &FaultSpan) -> bool {
    open_span(session).is_some_and(|(from, until)| {
        let is_known = session.is_attempted() || until > fault.until.plus(AFTER_US);
        is_known && from <= fault.from && until > fault.from.plus(-BEFORE_US)
    })
}

fn is_lost_by(session: &Session, fault: &FaultSpan) -> bool {
    let until = fault.until.plus(AFTER_US);
    matches!(session.end, SessionEnd::Lost(_))
        && open_span(session).is_some_and(|(_, end)| end <= until)
}
