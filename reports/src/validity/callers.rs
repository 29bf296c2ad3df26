//! Did the callers do what they were to do, and does the record tell of all of it?

use hulk_avatar::Figure;
use hulk_record::{CallersInfo, RunEnd, Session};

use crate::callers::CallersVerdict;
use crate::verdict::Check;
use crate::view::View;
use crate::words::{capital, count, counted, number_and_limit, was};

/// Nothing where the rehearsal has no callers.
pub(super) fn checks(view: &View<'_>, callers: Option<&CallersVerdict>) -> Vec<Check> {
    let (Some(info), Some(of)) = (&view.manifest().callers, callers) else { return Vec::new() };
    let mut checks = vec![lag(info, of), planned(view, info), cut_off(view), untold(of)];
    checks.extend(of.figures.iter().filter_map(cannot_tell));
    checks
}

/// How late the callers themselves were, over all intervals.
fn lag(info: &CallersInfo, of: &CallersVerdict) -> Check {
    const NAME: &str = "caller lag";
    let limit = info.lag_p99_max_ms;
    let Some(measured) = of.lag_p99_ms else {
        return Check::not_made(NAME, limit, "ms", "No caller had anything to do.");
    };
    let (shown, shown_limit) = number_and_limit(measured, limit);
    let mut reason =
        format!("The callers were {shown} ms late with what was due, p99 (limit {shown_limit} ms)");
    if measured > limit {
        reason += ", so that what they felt is not the backend's alone";
    }
    Check::at_most(NAME, measured, limit, "ms", reason + ".")
}

/// Every planned session whose time came must be told of, however it ended.
fn planned(view: &View<'_>, info: &CallersInfo) -> Check {
    const NAME: &str = "sessions";
    if view.record.end == RunEnd::Cut {
        let reason = "The record has no end, so sessions that went on then are not in it.";
        return Check::not_made(NAME, 0.0, "sessions", reason);
    }
    let due = info.planned.iter().filter(|at| **at <= view.end).count() as u64;
    let sessions = view.merged.sessions().into_iter();
    let own = sessions.filter(|of| of.attempt == 0 && of.intended_at <= view.end).count() as u64;
    let told = own + view.merged.sessions_untold().min(due.saturating_sub(own));
    let reason = format!(
        "{} of {} whose time came {} told of in the record.",
        count(told),
        counted(due, "session"),
        was(told),
    );
    Check::at_most(NAME, due.abs_diff(told) as f64, 0.0, "sessions", reason)
}

/// A session that was cut off before the run's end was cut off by a lease that nobody renewed: how it would
/// have gone on nobody knows.
fn cut_off(view: &View<'_>) -> Check {
    let would_end = |of: &Session| {
        let us = of.setup_us.unwrap_or(0).saturating_add(of.wanted_us);
        of.intended_at.plus(i64::try_from(us).unwrap_or(i64::MAX))
    };
    let sessions = view.merged.sessions().into_iter();
    let early = |of: &&Session| !of.is_attempted() && would_end(of) < view.end;
    let cut = sessions.filter(early).count() as u64;
    let reason = match cut {
        0 => "No session was cut off before the run's end.".to_owned(),
        cut => format!(
            "{} cut off before the run's end, as nobody renewed the lease of the load.",
            counted(cut, "session") + if cut == 1 { " was" } else { " were" }
        ),
    };
    Check::at_most("sessions cut off early", cut as f64, 0.0, "sessions", reason)
}

/// A session that had no room in its frame is in no figure.
fn untold(of: &CallersVerdict) -> Check {
    let reason = match of.untold {
        0 => "Each session had room in its frame.".to_owned(),
        more => format!(
            "{} had no room in their frames and are in no figure: use more workers.",
            counted(more, "session")
        ),
    };
    Check::at_most("sessions without room", of.untold as f64, 0.0, "sessions", reason)
}

/// A figure that the run cannot tell, and why.
fn cannot_tell(of: &Figure) -> Option<Check> {
    let reason = capital(of.invalid.as_deref()?.trim_end_matches('.')) + ".";
    Some(Check::at_most("figure of the callers", 1.0, 0.0, "figures", reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_cannot_be_told_makes_the_run_invalid() {
        let told = Figure {
            name: "well again after the faults".to_owned(),
            unit: "s".to_owned(),
            measured: None,
            interval: None,
            limit: None,
            invalid: None,
        };
        assert_eq!(cannot_tell(&told), None);
        let check = cannot_tell(&Figure { invalid: Some("the run was short".to_owned()), ..told });
        let check = check.unwrap();
        assert_eq!((check.holds, check.reason.as_str()), (false, "The run was short."));
    }
}
