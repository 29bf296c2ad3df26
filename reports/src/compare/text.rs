//! A comparison for a terminal.

use std::fmt::Write;

use super::rows::{Of, Row};
use super::{Comparison, ObjectivePair, Pair, Side};
use crate::differences::{Aspect, Difference};
use crate::verdict::{ObjectiveStatus, VerdictKind};
use crate::words::{capital, clean, count, number, percent, utc};

/// Where a column starts.
const NAME_WIDTH: usize = 40;
const CELL_WIDTH: usize = 11;

pub(super) fn text(of: &Comparison) -> String {
    let mut out = String::new();
    let line = |out: &mut String, text: &str| {
        let _ = writeln!(out, "{}", text.trim_end());
    };
    for (letter, side) in [("A", &of.a), ("B", &of.b)] {
        line(
            &mut out,
            &format!("{letter}: {} ({}), {}", side.name, side.file, utc(side.started_unix_s)),
        );
    }
    line(&mut out, "");
    line(&mut out, comparable(of));
    of.differences.iter().for_each(|difference| line(&mut out, &told(difference)));
    line(&mut out, "");
    for (letter, side) in [("A", &of.a), ("B", &of.b)] {
        line(&mut out, &verdict(letter, side));
    }
    line(&mut out, "");
    line(&mut out, &of.note);
    objectives(of, &mut out);
    requests(of, &mut out);
    scaling(of, &mut out);
    moments(of, &mut out);
    faults(of, &mut out);
    // Names come from files of others.
    out.split('\n').map(clean).collect::<Vec<_>>().join("\n")
}

fn comparable(of: &Comparison) -> &'static str {
    match (of.same_load, of.same_place, of.differences.is_empty()) {
        (true, true, true) => "Comparable: the same rehearsal, the same load, the same machine.",
        (true, true, false) => "Comparable: the same load on the same machine. They differ in:",
        (true, false, _) => {
            "Comparable with care: the same load, but not in the same place. They differ in:"
        }
        (false, true, _) => "Not comparable: they were asked for different loads. They differ in:",
        (false, false, _) => {
            "Not comparable: other loads, and not in the same place. They differ in:"
        }
    }
}

fn told(difference: &Difference) -> String {
    let aspect = match difference.aspect {
        Aspect::Load => "load",
        Aspect::Place => "place",
        Aspect::Rules => "rules",
        Aspect::Name => "name",
    };
    format!("  {aspect:5}  {}", difference.words())
}

fn verdict(letter: &str, side: &Side) -> String {
    let caution = match side.kind {
        VerdictKind::Invalid => " Its numbers say nothing of the target.",
        VerdictKind::Interrupted { .. } => " Its numbers are of a part only.",
        _ => "",
    };
    let headline = capital(&side.headline);
    format!("{letter}: {}: {headline}{caution}", side.kind.name())
}

fn objectives(of: &Comparison, out: &mut String) {
    if of.objectives.is_empty() {
        return;
    }
    let changed = of.objectives.iter().filter(|pair| pair.changed).count();
    let _ = writeln!(
        out,
        "\nObjectives: {} of {} changed their status\n{}{}{}{}{}",
        changed,
        of.objectives.len(),
        name("objective"),
        cell("A"),
        cell("B"),
        cell("measured A"),
        cell("measured B"),
    );
    for pair in &of.objectives {
        let status = |of: Option<ObjectiveStatus>| cell(of.map_or("–", ObjectiveStatus::name));
        let mark = if pair.changed { "  changed" } else { "" };
        let _ = writeln!(
            out,
            "{}{}{}{}{}{mark}",
            name(&pair.name),
            status(pair.status_a),
            status(pair.status_b),
            cell(&measured(pair, pair.measured.a)),
            cell(&measured(pair, pair.measured.b)),
        );
    }
}

fn measured(pair: &ObjectivePair, of: Option<f64>) -> String {
    match (of, pair.unit) {
        (None, _) => "–".to_owned(),
        (Some(of), "share") => format!("{} %", percent(of)),
        (Some(of), unit) if unit.len() <= 3 => format!("{} {unit}", number(of)),
        (Some(of), _) => number(of),
    }
}

fn requests(of: &Comparison, out: &mut String) {
    let _ = writeln!(
        out,
        "\nRequests, and times in ms of wall time; – where the samples are too few\n{}   {}",
        name("service or journey / step, measure"),
        ["requests", "failed", "p50", "p90", "p99", "p99.9", "max"].map(cell).concat(),
    );
    for row in &of.rows {
        three_lines(row, out);
    }
}

fn three_lines(row: &Row, out: &mut String) {
    let what = match &row.of {
        Of::Service { service } => service.clone(),
        Of::Step { journey, step } if step.is_empty() => format!("{journey} / whole start"),
        Of::Step { journey, step } => format!("{journey} / {step}"),
    };
    let times = [row.p50_us, row.p90_us, row.p99_us, row.p99_9_us, row.max_us];
    let side = |of: fn(&Pair) -> Option<f64>| -> String {
        let requests = of(&row.requests).or(of(&row.samples));
        let mut cells = cell(&requests.map_or_else(dash, |n| count(n as u64)));
        let failed = of(&row.failure_share);
        cells += &cell(&failed.map_or_else(dash, |share| format!("{} %", percent(share))));
        for time in &times {
            cells += &cell(&of(time).map_or_else(dash, |us| number(us / 1e3)));
        }
        cells
    };
    let requests = if row.requests.a.is_some() { row.requests } else { row.samples };
    let points = match (row.failure_share.a, row.failure_share.b) {
        (Some(a), Some(b)) => format!("{} pp", signed((b - a) * 100.0)),
        _ => dash(),
    };
    let change: String = times.iter().map(|time| cell(&changed(time))).collect();
    let label = format!("{what}, {}", row.measure.name());
    let lines = [
        format!("{}A  {}", name(&label), side(|pair| pair.a)),
        format!("{}B  {}", name(""), side(|pair| pair.b)),
        format!("{}   {}{}{change}", name(""), cell(&changed(&requests)), cell(&points)),
    ];
    for line in lines {
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

fn scaling(of: &Comparison, out: &mut String) {
    if of.scaling.is_empty() {
        return;
    }
    let heads = ["debt", "missing", "lag s", "unfollowed", "spare %"].map(cell).concat();
    let _ = writeln!(
        out,
        "\nScaling: capacity debt in instance-minutes, instances missing at most, longest lag behind \
         a\nrise in match seconds, rises not followed, instances more than needed on average\n{}   \
         {heads}",
        name("service"),
    );
    for pair in &of.scaling {
        let figures = [
            pair.debt_instance_min,
            pair.missing_max,
            pair.lag_longest_match_s,
            pair.rises_not_followed,
            pair.spare_pct,
        ];
        sides(out, &pair.service, &figures);
    }
}

fn moments(of: &Comparison, out: &mut String) {
    if of.moments.is_empty() {
        return;
    }
    let heads = ["acted", "came", "back", "gone", "returned"].map(cell).concat();
    let _ = writeln!(
        out,
        "\nMoments: viewers who acted, came by push, pressed Back, were gone for good, returned to the \
         video\n{}   {heads}",
        name("moment"),
    );
    for pair in &of.moments {
        let figures = [pair.acted, pair.came, pair.pressed_back, pair.gone, pair.back_in_video];
        sides(out, &pair.moment, &figures);
    }
}

/// A line for each run.
fn sides(out: &mut String, what: &str, figures: &[Pair]) {
    let side = |of: fn(&Pair) -> Option<f64>| -> String {
        figures.iter().map(|pair| cell(&of(pair).map_or_else(dash, number))).collect()
    };
    let _ = writeln!(out, "{}A  {}", name(what), side(|pair| pair.a).trim_end());
    let _ = writeln!(out, "{}B  {}", name(""), side(|pair| pair.b).trim_end());
}

fn faults(of: &Comparison, out: &mut String) {
    if of.faults.is_empty() {
        return;
    }
    let _ = writeln!(out, "\nFaults: what each did against the time before it");
    for pair in &of.faults {
        let side =
            |of: &Option<String>| of.clone().unwrap_or_else(|| "was not planned.".to_owned());
        let _ = writeln!(out, "{}", pair.fault);
        let _ = writeln!(out, "  A  {}\n  B  {}", side(&pair.a), side(&pair.b));
    }
}

fn dash() -> String {
    "–".to_owned()
}

fn signed(of: f64) -> String {
    match number(of) {
        text if of > 0.0 => format!("+{text}"),
        text => text,
    }
}

fn changed(of: &Pair) -> String {
    of.change_pct.map_or_else(dash, |pct| format!("{} %", signed(pct)))
}

/// A name in its column; a longer one keeps its end apart from the next.
fn name(of: &str) -> String {
    format!("{of:NAME_WIDTH$} ")
}

fn cell(of: &str) -> String {
    format!("{of:>CELL_WIDTH$}")
}
