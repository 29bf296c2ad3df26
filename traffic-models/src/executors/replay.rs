//! `replay`: arrivals at times that were written down, from a log for example.

use hulk_record::MatchTime;
use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::{Plan, S_MAX, Then, arrivals, counted, duration_s};
use crate::Visit;

/// So long the last arrival has, in match seconds, where the file says nothing.
const AFTER_S: f64 = 1.0;

/// Arrivals from a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// The file's name.
    pub file: String,
    /// When they come, in µs of match time, the first one first.
    pub due_us: Vec<i64>,
    /// Whoever comes later is left out, and whoever is there is cut off: in match seconds.
    pub duration_s: f64,
}

impl Replay {
    pub(super) fn read(
        section: &Section<'_>,
        text_of: impl FnOnce(&str) -> Result<String, String>,
    ) -> Option<Self> {
        let file = section.text("file");
        let given = section.has("duration_s").then(|| duration_s(section));
        let file = file?;
        let due_us = text_of(&file).and_then(|text| {
            times(&text).map_err(|(line, message)| format!("{file}:{line}: {message}"))
        });
        let due_us = match due_us {
            Ok(due_us) => due_us,
            Err(message) => {
                let hint = "a due time in seconds at the start of each line, after a line of names \
                            at most; it is looked for beside the rehearsal's file";
                section.problem_at("file", message, Some(hint.to_owned()));
                return None;
            }
        };
        let last_s = MatchTime(due_us.last().copied().unwrap_or_default()).as_s();
        let replay = Self { file, due_us, duration_s: given.unwrap_or(Some(last_s + AFTER_S))? };
        if replay.inside().next().is_none() {
            let first_s = MatchTime(replay.due_us[0]).as_s();
            let message = format!("nobody arrives before {} s", replay.duration_s);
            let hint = Some(format!("the first arrival is at {first_s} s"));
            section.problem_at("duration_s", message, hint);
            return None;
        }
        Some(replay)
    }

    fn inside(&self) -> impl Iterator<Item = i64> {
        let until = self.until();
        self.due_us.iter().copied().take_while(move |due| *due < until.0)
    }
}

/// The first column as times in µs, in their order; else the line, and what is wrong with it.
fn times(text: &str) -> Result<Vec<i64>, (usize, String)> {
    let mut due_us = Vec::new();
    let mut names = true;
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let first = line.split([',', ';', '\t']).next().unwrap_or_default();
        let first = first.trim().trim_matches('"').trim();
        if line.trim().is_empty() {
            continue;
        }
        let known = std::mem::replace(&mut names, false);
        match first.parse::<f64>() {
            Ok(at_s) if (0.0..=S_MAX).contains(&at_s) => due_us.push(MatchTime::from_s(at_s).0),
            Ok(at_s) => {
                return Err((number, format!("{at_s} must be from 0 to {S_MAX} seconds")));
            }
            Err(_) if known => {}
            Err(_) => return Err((number, format!("`{first}` is no number of seconds"))),
        }
    }
    if due_us.is_empty() {
        return Err((1, "no arrival in it".to_owned()));
    }
    due_us.sort_unstable();
    Ok(due_us)
}

impl Plan for Replay {
    fn until(&self) -> MatchTime {
        MatchTime::from_s(self.duration_s)
    }

    fn visits(&self) -> Vec<Visit> {
        arrivals(self.inside(), self.until())
    }

    fn then(&self) -> Then {
        Then::Leave
    }

    fn size(&self) -> (f64, f64) {
        (0.0, self.due_us.len() as f64)
    }

    fn describe(&self) -> String {
        let arrivals = counted(self.inside().count() as f64, "arrival");
        format!("{arrivals} of {} within {} s", self.file, self.duration_s)
    }
}
