//! The truth table: rehearsals, and what must come of them by arithmetic.

mod bought;
pub(crate) mod draw;
pub(crate) mod files;
pub(crate) mod table;

use std::process::Command;

use table::Row;

/// An interval of the record, a second of wall time, in match seconds: a breach is told by where its
/// first one starts.
const INTERVAL_S: f64 = files::SPEED;
/// Requests come one by one: the first that is turned away may be so far from where the fluid says.
const GRAIN_S: f64 = 0.3;

/// The objective that a run breached: its name, its reason, and its first match minute.
pub(crate) type Breach = (String, String, Option<f64>);

/// What is wrong with what came of a row: whether it passed, and what it breached.
pub(crate) fn wrong(row: &Row, passed: bool, breached: &[Breach]) -> Option<String> {
    let Row { name, formula, reason, .. } = row;
    println!("{:+6.2} % {name}: {passed} {breached:?}", row.margin_percent());
    let mistaken = || Some(format!("{name}: {formula}, not so: {passed} {breached:#?}"));
    if passed != row.passes {
        return mistaken();
    }
    match breached {
        [] if row.passes => None,
        [(objective, told, first_min)] if objective == "api holds" && told.contains(reason) => {
            let at_s = first_min.map_or(f64::NAN, |min| min * 60.0);
            let start_of = |at_s: f64| (at_s / INTERVAL_S).floor() * INTERVAL_S;
            let from_s = start_of(row.fails_at_s - GRAIN_S).max(0.0);
            let to_s = start_of(row.fails_at_s + GRAIN_S);
            let timely = (from_s - 1e-3..=to_s + 1e-3).contains(&at_s);
            if timely { None } else { mistaken() }
        }
        _ => mistaken(),
    }
}

/// The rows that the commit draws which is checked out.
pub(crate) fn drawn() -> Vec<Row> {
    let rev = Command::new("git").args(["rev-parse", "HEAD"]).output();
    let rev = rev.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    // A copy without its history draws, too.
    let rev = rev.ok().filter(|rev| rev.len() == 40);
    let rows = draw::drawn(&rev.unwrap_or_else(|| "0123456789abcdef".repeat(3)));
    assert!(rows.iter().all(|row| row.margin_percent().abs() >= 2.9), "{rows:#?}");
    rows
}
