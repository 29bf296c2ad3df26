//! Whether a run delivered what it claims.

mod arrivals;
mod callers;
mod faults;
mod machine;
mod record;
mod target;

use crate::callers::CallersVerdict;
use crate::supply::Supply;
use crate::verdict::Check;
use crate::view::View;

/// Every condition of a valid run, in the order in which a reader should look at them.
pub(crate) fn checks(
    view: &View<'_>,
    supplies: &[Result<Supply, String>],
    callers: Option<&CallersVerdict>,
) -> Vec<Check> {
    let lost_time = machine::lost_time(view);
    let mut checks = vec![
        record::end(view),
        record::frames(view),
        arrivals::ledger(view),
        arrivals::planned(view),
        arrivals::generator(view, lost_time),
        arrivals::lost(view),
        machine::lag(view, lost_time),
        machine::cpu(view),
        machine::steal(view),
        machine::sleeper(view),
        machine::platform(view),
        arrivals::presence(view),
        arrivals::little(view),
    ];
    checks.extend(callers::checks(view, callers));
    checks.extend(record::capacity_feed(view, supplies));
    checks.extend(faults::bitten(view));
    checks.push(target::own_count(view));
    checks
}

impl Check {
    /// Holds when `measured` ≤ `limit`.
    fn at_most(
        name: &'static str,
        measured: f64,
        limit: f64,
        unit: &'static str,
        reason: String,
    ) -> Self {
        Self { name, measured: Some(measured), limit, unit, holds: measured <= limit, reason }
    }

    /// There was nothing to measure, so nothing speaks against the run.
    fn not_made(name: &'static str, limit: f64, unit: &'static str, reason: &str) -> Self {
        Self { name, measured: None, limit, unit, holds: true, reason: reason.to_owned() }
    }
}

/// A part of a whole from 0 to 1; 0 of nothing.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
