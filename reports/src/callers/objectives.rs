//! What was asked of callers, as objectives of the run.

use hulk_avatar::{Figure, Limit};

use super::CallersVerdict;
use super::text::is_share;
use crate::verdict::{ObjectiveResult, ObjectiveStatus};
use crate::words::{capital, number, number_and_limit, percent};

/// Each figure that was measured and has a limit.
pub(crate) fn objectives(of: &CallersVerdict) -> Vec<ObjectiveResult> {
    of.figures.iter().filter_map(|figure| result(figure, of.attempted)).collect()
}

fn result(of: &Figure, samples: u64) -> Option<ObjectiveResult> {
    let (holds, measured) = of.holds().zip(of.measured)?;
    let (asked, limit) = match of.limit? {
        Limit::AtLeast(least) => ("at least", least),
        Limit::AtMost(most) => ("at most", most),
        Limit::Below(most) => ("below", most),
    };
    let unit = match of.unit.as_str() {
        _ if is_share(of) => "share",
        "ms" => "ms",
        "s" => "s",
        "a month" => "a month",
        _ => "",
    };
    Some(ObjectiveResult {
        name: format!("callers: {}", of.name),
        service: String::new(),
        what: of.name.clone(),
        measured: Some(measured),
        limit,
        at_least: matches!(of.limit, Some(Limit::AtLeast(_))),
        unit,
        samples,
        status: if holds { ObjectiveStatus::Met } else { ObjectiveStatus::Breached },
        first_match_min: None,
        moment: None,
        worst_match_min: None,
        viewers_not_served: None,
        reason: sentence(of, measured, (asked, limit)),
    })
}

fn sentence(of: &Figure, measured: f64, (asked, limit): (&str, f64)) -> String {
    let unit = match of.unit.as_str() {
        _ if is_share(of) => " %".to_owned(),
        "" => String::new(),
        unit => format!(" {unit}"),
    };
    let value = |value: f64| if is_share(of) { percent(value) } else { number(value) };
    let (mut shown, mut shown_limit) = (value(measured), value(limit));
    if shown == shown_limit {
        let whole = if is_share(of) { 100.0 } else { 1.0 };
        (shown, shown_limit) = number_and_limit(measured * whole, limit * whole);
    }
    let (subject, was) = subject(&of.name);
    let mut text = match measured.is_infinite() {
        true => format!("{subject} never came"),
        false => format!("{subject} {was} {shown}{unit}"),
    };
    if let Some(within) = of.interval {
        text += &format!(" (95 %: {} to {}{unit})", value(within.low), value(within.high));
    }
    if limit.is_finite() {
        text += &format!(", {asked} {shown_limit}{unit} was asked");
    }
    text + "."
}

/// What a figure is called at the start of a sentence, and its verb.
fn subject(name: &str) -> (String, &'static str) {
    let name = match name.strip_prefix("rollback: ").unwrap_or(name) {
        "failed" => "failed sessions",
        "blocked" => "blocked sessions",
        "refused improperly" => "improper refusals",
        "well again after the faults" => "recovery",
        other => other,
    };
    let (what, kind) = match name.split_once(", ") {
        Some((what, kind)) => (what, format!(", {kind},")),
        None => (name, String::new()),
    };
    let several = what.split(' ').any(|word| word.ends_with('s'));
    (format!("{} of the callers{kind}", capital(what)), if several { "were" } else { "was" })
}

#[cfg(test)]
mod tests {
    use hulk_record::Interval;

    use super::*;

    fn told(name: &str, unit: &str, measured: f64, limit: Limit) -> ObjectiveResult {
        let (name, unit) = (name.to_owned(), unit.to_owned());
        let (measured, limit) = (Some(measured), Some(limit));
        let figure = Figure { name, unit, measured, interval: None, limit, invalid: None };
        result(&figure, 12).unwrap()
    }

    #[test]
    fn golden_a_figure_becomes_a_sentence() {
        let least = Limit::AtLeast(72.0);
        for (name, unit, measured, limit, reason) in [
            (
                "sessions at a time",
                "",
                70.0,
                least,
                "Sessions at a time of the callers were 70, at least 72 was asked.",
            ),
            (
                "setup, p95",
                "ms",
                6_100.0,
                Limit::Below(5_000.0),
                "Setup of the callers, p95, was 6,100 ms, below 5,000 ms was asked.",
            ),
            (
                "audio to frame, p95",
                "ms",
                300.0,
                Limit::Below(300.0),
                "Audio to frame of the callers, p95, was 300 ms, below 300 ms was asked.",
            ),
            (
                "failed",
                "",
                0.010_04,
                Limit::AtMost(0.01),
                "Failed sessions of the callers were 1.004 %, at most 1 % was asked.",
            ),
            (
                "well again after the faults",
                "s",
                f64::INFINITY,
                Limit::Below(f64::INFINITY),
                "Recovery of the callers never came.",
            ),
        ] {
            let told = told(name, unit, measured, limit);
            assert_eq!(told.status, ObjectiveStatus::Breached, "{name}");
            assert_eq!(told.reason, reason);
        }
    }

    #[test]
    fn an_interval_stands_beside_what_was_measured() {
        let figure = Figure {
            name: "goodput".to_owned(),
            unit: String::new(),
            measured: Some(0.917),
            interval: Some(Interval { low: 0.829, high: 0.961 }),
            limit: Some(Limit::AtLeast(0.95)),
            invalid: None,
        };
        let result = result(&figure, 60).unwrap();
        assert_eq!(
            result.reason,
            "Goodput of the callers was 91.7 % (95 %: 82.9 to 96.1 %), at least 95 % was asked."
        );
        assert_eq!((result.unit, result.at_least, result.samples), ("share", true, 60));
        assert_eq!(result.name, "callers: goodput");
        assert_eq!(super::result(&Figure { measured: None, ..figure.clone() }, 60), None);
        assert_eq!(super::result(&Figure { limit: None, ..figure }, 60), None);
    }
}
