//! Stages: from one level to the next, in a straight line.

use hulk_record::MatchTime;
use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::{Points, S_MAX};

/// A way to a level.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// The level at its end: users, or arrivals in a match second.
    pub to: f64,
    /// How long it takes, in match seconds; 0 is a jump.
    pub over_s: f64,
}

impl Stage {
    /// Reads `stages`, whose level `level` reads.
    pub(super) fn read_all<'a>(
        section: &Section<'a>,
        level: impl Fn(&Section<'a>) -> Option<f64>,
    ) -> Option<Vec<Self>> {
        let given = section.has("stages");
        let stages = section.list("stages", |stage| {
            let to = level(stage);
            let over_s = stage.number("over_s", 0.0..=S_MAX);
            Some(Self { to: to?, over_s: over_s? })
        })?;
        let whole_s: f64 = stages.iter().map(|stage| stage.over_s).sum();
        let (message, hint) = if stages.is_empty() {
            let what = if given { "`stages` is empty" } else { "`stages` is missing" };
            (format!("{what}: a ramp goes somewhere"), "add `stages = [{ …, over_s = 30 }]`")
        } else if whole_s <= 0.0 {
            let message = "the stages take no time: nothing would be sent".to_owned();
            (message, "give one of them an `over_s` above 0")
        } else if whole_s > S_MAX {
            let message = format!("the stages take {whole_s} s: at most {S_MAX}, a week");
            (message, "make them shorter")
        } else {
            return Some(stages);
        };
        section.problem_at("stages", message, Some(hint.to_owned()));
        None
    }

    /// When they are over.
    pub(super) fn until(stages: &[Self]) -> MatchTime {
        MatchTime::from_s(stages.iter().map(|stage| stage.over_s).sum())
    }

    /// Their corners: (match seconds, level).
    pub(super) fn points(from: f64, stages: &[Self]) -> Points {
        let mut at_s = 0.0;
        let ends = stages.iter().map(|stage| {
            at_s += stage.over_s;
            (at_s, stage.to)
        });
        [(0.0, from)].into_iter().chain(ends).collect()
    }

    /// `from 0, to 100 over 30 s, to 0 over 10 s`.
    pub(super) fn describe(from: f64, stages: &[Self]) -> String {
        let each = stages.iter().map(|stage| format!(", to {} over {} s", stage.to, stage.over_s));
        format!("from {from}{}", each.collect::<String>())
    }
}
