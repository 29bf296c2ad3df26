//! What is told of calls: a table a run, or one JSON document.

use std::io::{Write, stdout};

use hulk_reports::{figure_json, figure_line, session_ends};
use hulk_scenarios::avatar::{Figure, Knee, Level};
use serde_json::{Value, json};

use super::{Run, all_hold};
use crate::outcome::Failure;

const FAIL: i32 = 3;
const INVALID: i32 = 6;

/// Collects what is told, and the exit code.
pub(super) struct Told {
    json: Option<Vec<Value>>,
    knee: Value,
    valid: bool,
    holds: bool,
    out: Result<(), std::io::Error>,
}

impl Told {
    pub(super) fn new(as_json: bool) -> Self {
        Self {
            json: as_json.then(Vec::new),
            knee: Value::Null,
            valid: true,
            holds: true,
            out: Ok(()),
        }
    }

    /// A run of so many callers.
    pub(super) fn run(&mut self, callers: u32, run: &Run, rows: &[Figure]) {
        self.valid &= run.is_valid();
        self.holds &= all_hold(rows);
        let ends = session_ends(&run.sessions);
        if let Some(runs) = &mut self.json {
            runs.push(json!({
                "callers": callers,
                "lag_p99_ms": run.lag_ms(),
                "valid": run.is_valid(),
                "ends": ends.iter().map(|(name, count)| json!({ "end": name, "count": count })).collect::<Vec<_>>(),
                "troubles": run.troubles,
                "figures": rows.iter().map(figure_json).collect::<Vec<_>>(),
                "sessions": run.sessions,
            }));
            return;
        }
        let s = if callers == 1 { "" } else { "s" };
        let ends: Vec<String> =
            ends.iter().map(|(name, count)| format!("{count} {name}")).collect();
        let mut text = format!("{callers} caller{s}: {}\n", ends.join(", "));
        for (trouble, count) in &run.troubles {
            text += &format!("  {count} x {trouble}\n");
        }
        for row in rows {
            text += &(figure_line(row) + "\n");
        }
        text += &format!("  HULK's own lag, p99: {:.1} ms", run.lag_ms());
        text += if run.is_valid() {
            "\n"
        } else {
            ": INVALID, the figures are not the backend's alone\n"
        };
        self.print(&text);
    }

    /// What a search found.
    pub(super) fn knee(&mut self, levels: &[Level], found: Option<&Knee>) {
        // A search is over when it has found something, whatever the numbers beyond it felt.
        self.knee = json!({ "levels": levels, "knee": found });
        let text = match found {
            None => "knee: below the fewest callers\n".to_owned(),
            Some(knee) => {
                let Knee { sessions, share, interval, next_worse } = knee;
                let (low, high) = (interval.low * 100.0, interval.high * 100.0);
                let worse = match next_worse {
                    Some(worse) => format!("{worse} are too many"),
                    None => "nobody was too many".to_owned(),
                };
                let share = share * 100.0;
                format!(
                    "knee: {sessions} callers, {share:.1} % of them good (95 %: {low:.1} to \
                     {high:.1} %); {worse}\n"
                )
            }
        };
        self.holds = found.is_some();
        if self.json.is_none() {
            self.print(&text);
        }
    }

    /// The exit code, when all is told.
    pub(super) fn end(mut self) -> Result<i32, Failure> {
        if let Some(runs) = self.json.take() {
            let document = json!({ "runs": runs, "search": self.knee });
            let text = serde_json::to_string_pretty(&document).map_err(Failure::internal)?;
            self.print(&(text + "\n"));
        }
        self.out.map_err(Failure::internal)?;
        Ok(match (self.valid, self.holds) {
            (false, _) => INVALID,
            (true, false) => FAIL,
            (true, true) => 0,
        })
    }

    fn print(&mut self, text: &str) {
        if self.out.is_ok() {
            self.out = stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush());
        }
    }
}
