//! What shows only when journeys come together.

use std::sync::Arc;

use hulk_settings::{At, Problem, Source, nearest_or_all};

use super::Compiler;

/// Something of a journey that does not fit the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The journey, by its place among all that were compiled; none where it is about all.
    pub journey: Option<usize>,
    /// Where in its file.
    pub spot: Spot,
    /// The text from there on that is wrong.
    pub near: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// A place in a journey's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spot {
    /// All of it.
    Whole,
    /// A step, by its name.
    Step(String),
    /// A computed value, by its name.
    Value(String),
}

impl Misfit {
    /// The problem with its place in the journey's file; none where it is about no part of it.
    pub(crate) fn problem(&self, source: &Arc<Source>) -> Option<Problem> {
        let path = match &self.spot {
            Spot::Whole => return None,
            Spot::Step(name) => [At::Key("step"), At::Named(name)],
            Spot::Value(name) => [At::Key("value"), At::Key(name)],
        };
        let (near, message) = (self.near.as_deref(), self.message.as_str());
        Some(Problem::found(source, &path, near, message, self.hint.clone()))
    }
}

impl Compiler {
    /// Notes what does not fit, of the journey that is looked at.
    pub(super) fn misfit(
        &mut self,
        spot: Spot,
        near: Option<String>,
        message: String,
        hint: Option<String>,
    ) {
        let misfit = Misfit { journey: self.journey, spot, near, message, hint };
        if !self.problems.contains(&misfit) {
            self.problems.push(misfit);
        }
    }

    /// Notes a slot that nothing fills.
    pub(super) fn unknown_slot(&mut self, spot: Spot, whose: &str, name: &str) {
        let slot = format!("${{{name}}}");
        let hint = match name {
            "device" => "name `devices` in the rehearsal: that gives it".to_owned(),
            name => {
                let known = self.names();
                nearest_or_all(name, &known.iter().map(String::as_str).collect::<Vec<_>>())
            }
        };
        self.misfit(
            spot,
            Some(slot.clone()),
            format!("{whose}: nothing gives `{slot}`"),
            Some(hint),
        );
    }

    /// Every name that a slot may have, in the order of the alphabet.
    fn names(&self) -> Vec<String> {
        let script = &self.script;
        let choices = script.choices.iter().chain(&script.traits);
        let choices = choices.map(|choice| choice.name.clone());
        let cells = script.feeders.iter().flat_map(|feeder| {
            feeder.columns.iter().map(|column| format!("{}.{column}", feeder.name))
        });
        let given = choices.chain(cells).chain(self.values.clone());
        let mut names: Vec<String> = given.chain(script.variables.iter().cloned()).collect();
        names.extend(["viewer", "index", "visit"].map(str::to_owned));
        names.sort_unstable();
        names.dedup();
        names
    }
}
