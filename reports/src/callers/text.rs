//! What is told of callers: for a terminal, for a table, and in JSON.

use hulk_avatar::{Figure, Limit};
use serde_json::{Value, json};

use super::CallersVerdict;
use crate::words::{counted, number};

/// Figures that are shares; the others are counted, or have a unit.
const SHARES: [&str; 8] = [
    "goodput",
    "availability",
    "failed",
    "blocked",
    "blocked by Erlang-B",
    "sessions kept through faults",
    "lost callers who are back",
    "rollback: latency growth",
];

pub(super) fn is_share(of: &Figure) -> bool {
    SHARES.contains(&of.name.as_str())
}

/// A figure as the cells of a table.
pub(crate) struct Cells {
    pub(crate) measured: String,
    /// From where to where it may well lie; empty where nobody knows.
    pub(crate) between: String,
    /// Empty where there is none.
    pub(crate) limit: String,
}

impl Cells {
    pub(crate) fn of(of: &Figure) -> Self {
        let value = |value: f64| match value {
            value if is_share(of) => format!("{:.2} %", value * 100.0),
            value if value.is_infinite() => "never came".to_owned(),
            value if of.unit.is_empty() => number(value),
            value => format!("{value:.2} {}", of.unit),
        };
        let between =
            of.interval.map(|within| format!("{} to {}", value(within.low), value(within.high)));
        let limit = of.limit.map(|limit| match limit {
            Limit::AtLeast(least) => format!("at least {}", value(least)),
            Limit::AtMost(most) => format!("at most {}", value(most)),
            Limit::Below(most) if most.is_infinite() => "at some time".to_owned(),
            Limit::Below(most) => format!("below {}", value(most)),
        });
        Self {
            measured: of.measured.map_or_else(|| "not measured".to_owned(), value),
            between: between.unwrap_or_default(),
            limit: limit.unwrap_or_default(),
        }
    }
}

/// A figure as a line for a terminal: what it is, how much, from where to where it may well lie,
/// its limit, and whether it keeps to it. Without a line feed.
pub fn figure_line(of: &Figure) -> String {
    let Cells { measured, between, limit } = Cells::of(of);
    let holds = match (of.holds(), &of.invalid) {
        (Some(true), _) => "PASS",
        (Some(false), _) => "FAIL",
        (None, Some(_)) => "INVALID",
        (None, None) => "",
    };
    let line = format!("  {:<29} {measured:>14}  {between:<24} {limit:<22} {holds}", of.name);
    line.trim_end().to_owned()
}

/// A figure with whether it holds. JSON has no infinity, which a missing one would not be told
/// from: such a value is `never came`.
pub fn figure_json(of: &Figure) -> Value {
    let measured = match of.measured {
        Some(value) if value.is_infinite() => json!("never came"),
        measured => json!(measured),
    };
    let mut told = json!({
        "name": of.name, "unit": of.unit, "measured": measured, "interval": of.interval,
        "limit": of.limit, "holds": of.holds(),
    });
    if let (Some(why), Value::Object(keys)) = (&of.invalid, &mut told) {
        keys.insert("invalid".to_owned(), json!(why));
    }
    told
}

/// Who called whom, and what came of it.
pub(crate) fn opening(of: &CallersVerdict) -> String {
    let told = |ends: &[(String, u64)]| {
        let ends: Vec<String> = ends.iter().map(|(end, count)| format!("{count} {end}")).collect();
        ends.join(", ")
    };
    let (calls, ends) = (counted(of.planned, "call"), told(&of.ends));
    let mut text = format!("{calls} to {} by the adapter {}", of.backend, of.adapter);
    text += &if ends.is_empty() { ", none of which ended".to_owned() } else { format!(": {ends}") };
    if !of.ends_again.is_empty() {
        text += &format!("; made again after one broke off: {}", told(&of.ends_again));
    }
    text
}

/// All that is told of them on a terminal.
pub(crate) fn lines(of: &CallersVerdict) -> Vec<String> {
    let mut lines = vec![format!("Avatar callers: {}", opening(of))];
    lines.extend(of.figures.iter().map(figure_line));
    lines.extend(of.histograms.iter().map(|of| {
        let [p50, p90, p99, max] = [of.p50_ms, of.p90_ms, of.p99_ms, of.max_ms].map(number);
        format!("  {:<29} p50 {p50} ms, p90 {p90} ms, p99 {p99} ms, largest {max} ms", of.name)
    }));
    lines
}

#[cfg(test)]
mod tests {
    use hulk_record::Interval;

    use super::*;

    fn figure(name: &str, unit: &str, measured: Option<f64>, limit: Option<Limit>) -> Figure {
        let (name, unit) = (name.to_owned(), unit.to_owned());
        Figure { name, unit, measured, interval: None, limit, invalid: None }
    }

    #[test]
    fn a_figure_is_a_line_with_its_limit() {
        let goodput = Figure {
            interval: Some(Interval { low: 0.829, high: 0.9612 }),
            ..figure("goodput", "", Some(11.0 / 12.0), Some(Limit::AtLeast(0.95)))
        };
        let words = |of: &Figure| {
            let line = figure_line(of);
            let parts = line.split("  ").map(str::trim).filter(|part| !part.is_empty());
            parts.collect::<Vec<_>>().join("|")
        };
        assert_eq!(words(&goodput), "goodput|91.67 %|82.90 % to 96.12 %|at least 95.00 %|FAIL");
        let setup = figure("setup, p95", "ms", Some(100.0), Some(Limit::Below(5_000.0)));
        assert_eq!(words(&setup), "setup, p95|100.00 ms|below 5000.00 ms|PASS");
        let never = figure("well again after the faults", "s", Some(f64::INFINITY), None);
        assert_eq!(words(&never), "well again after the faults|never came");
        let wanted = Some(Limit::Below(f64::INFINITY));
        let never = words(&Figure { limit: wanted, ..never });
        assert_eq!(never, "well again after the faults|never came|at some time|FAIL");
        let unknown = Figure {
            invalid: Some("the run was too short".to_owned()),
            ..figure("sessions at a time", "", None, None)
        };
        assert_eq!(words(&unknown), "sessions at a time|not measured|INVALID");
    }

    #[test]
    fn what_never_came_is_not_missing_in_json() {
        let never = figure_json(&figure("setup, p95", "ms", Some(f64::INFINITY), None));
        assert_eq!((&never["measured"], &never["holds"]), (&json!("never came"), &Value::Null));
        assert_eq!(never.get("invalid"), None);
        let missing = Figure {
            invalid: Some("too short".to_owned()),
            ..figure("goodput", "", None, Some(Limit::AtLeast(0.5)))
        };
        let missing = figure_json(&missing);
        assert_eq!(missing["measured"], Value::Null);
        assert_eq!(missing["invalid"], json!("too short"));
        assert_eq!(missing["limit"], json!({ "at_least": 0.5 }));
    }
}
