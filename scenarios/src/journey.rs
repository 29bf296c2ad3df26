//! A journey's file: what a viewer does, as data.

use std::path::Path;
use std::sync::Arc;

use hulk_settings::{At, Problems, Section, Source, read};
use serde::{Deserialize, Serialize};

use crate::choice::Choice;
use crate::feeder::Feeder;
use crate::retry::{Retry, SlowDown};
use crate::steps::{EveryStep, HlsStep, RequestSpec, SequenceStep, Step};
use crate::template::Template;
use crate::values::Value;

/// A journey as it stands in its file. Names that other journeys of the rehearsal give (a token
/// that a login keeps) are found when a [`crate::Script`] is made of all of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Journey {
    /// Its name.
    pub name: String,
    /// How long an answer may take, in ms of wall time.
    pub timeout_ms: f64,
    /// What is done about a failure.
    pub retry: Retry,
    /// How the client slows down when answers are slow or it is turned away.
    pub slow_down: Option<SlowDown>,
    /// What each viewer draws once.
    pub choices: Vec<Choice>,
    /// Data from files.
    pub feeders: Vec<Feeder>,
    /// Computed values, by name, with their texts where they have one.
    pub values: Vec<(String, Value, Option<Template>)>,
    /// The steps one after another.
    pub sequence: Vec<SequenceStep>,
    /// The steps of watching.
    pub every: Vec<EveryStep>,
    /// The stream.
    pub hls: Option<HlsStep>,
    /// Where each step of the record stands, as `file:line`.
    pub places: Vec<String>,
}

/// The names under which the record shows the requests of a stream.
pub(crate) const HLS_STEPS: [&str; 3] = ["master", "playlist", "segment"];

impl Journey {
    /// Reads a journey's file; files that it names are looked for in `folder`.
    ///
    /// # Errors
    /// Every problem in it.
    pub fn read(source: &Arc<Source>, folder: &Path) -> Result<Self, Problems> {
        let mut journey = read(source, |root| Self::read_root(root, folder))?;
        let names: Vec<&str> = journey.requests().map(|request| request.name.as_str()).collect();
        let mut places: Vec<String> =
            names.iter().map(|name| place(source, |line| gives_name(line, name))).collect();
        if journey.hls.is_some() {
            let stream = place(source, |line| line.contains("hls"));
            places.resize(places.len() + HLS_STEPS.len(), stream);
        }
        journey.places = places;
        Ok(journey)
    }

    fn read_root(root: &Section<'_>, folder: &Path) -> Option<Self> {
        let name = root.text("name");
        let timeout_ms = root.number_or("timeout_ms", 1.0..=600_000.0, 10_000.0);
        let retry = root.section("retry").and_then(|section| Retry::read(&section));
        let slow_down = root.section_optional("slow_down").map(|section| SlowDown::read(&section));
        let choices = root.list("choice", Choice::read);
        let feeders = root.list("feeder", |section| Feeder::read(section, folder));
        let values = root.named_sections("value");
        // All of them first, so that all problems show.
        let values: Vec<_> =
            values.iter().map(|(name, section)| value(name, section, folder)).collect();
        let values = values.into_iter().collect::<Option<Vec<_>>>();
        let (mut sequence, mut every, mut hls) = (Vec::new(), Vec::new(), None);
        let sections = root.sections("step");
        if sections.is_empty() {
            let hint = "add a `[[step]]`, for example `after = { … }`".to_owned();
            root.problem("a journey needs at least one step", Some(hint));
        }
        for section in &sections {
            match Step::read(section) {
                Some(Step::Sequence(step)) => sequence.push(step),
                Some(Step::Every(step)) => every.push(step),
                Some(Step::Hls(step)) if hls.is_none() => hls = Some(step),
                Some(Step::Hls(_)) => {
                    let hint = Some("remove all but one `hls` step".to_owned());
                    section.problem("a viewer watches one stream", hint);
                }
                None => {}
            }
        }
        let journey = Self {
            name: name?,
            timeout_ms: timeout_ms?,
            retry: retry?,
            slow_down: slow_down.map_or(Some(None), |given| given.map(Some))?,
            choices: choices?,
            feeders: feeders?,
            values: values?,
            sequence,
            every,
            hls,
            places: Vec::new(),
        };
        journey.check(root);
        Some(journey)
    }

    fn check(&self, root: &Section<'_>) {
        let mut names: Vec<&str> = self.requests().map(|request| request.name.as_str()).collect();
        if self.hls.is_some() {
            names.extend(HLS_STEPS);
        }
        names.sort_unstable();
        for pair in names.windows(2).filter(|pair| pair[0] == pair[1]) {
            let hint = "each step needs a name of its own".to_owned();
            let path = [At::Key("step"), At::Named(pair[0])];
            root.problem_in(&path, format!("two steps are named `{}`", pair[0]), Some(hint));
        }
    }

    /// The requests of the steps, in the record's order.
    pub fn requests(&self) -> impl Iterator<Item = &RequestSpec> {
        let sequence = self.sequence.iter().filter_map(|step| Some(&step.request()?.request));
        sequence.chain(self.every.iter().map(|step| &step.request))
    }
}

/// `file:line` of the first line of the steps that is wanted, or the file where there is none.
fn place(source: &Source, wanted: impl Fn(&str) -> bool) -> String {
    let lines = source.text.lines().zip(1..);
    let steps = lines.skip_while(|(line, _)| !line.trim_start().starts_with("[[step]]"));
    let mut code = steps.filter(|(line, _)| !line.trim_start().starts_with('#'));
    match code.find(|(line, _)| wanted(line)) {
        Some((_, number)) => format!("{}:{number}", source.name),
        None => source.name.clone(),
    }
}

/// Whether a line of TOML has `name = "…"` with this name.
fn gives_name(line: &str, name: &str) -> bool {
    line.match_indices("name").any(|(at, key)| {
        let rest = line[at + key.len()..].trim_start().strip_prefix('=').unwrap_or_default();
        let quoted = rest.trim_start().strip_prefix(['"', '\'']).unwrap_or_default();
        quoted.strip_prefix(name).is_some_and(|rest| rest.starts_with(['"', '\'']))
    })
}

fn value(
    name: &str,
    section: &Section<'_>,
    folder: &Path,
) -> Option<(String, Value, Option<Template>)> {
    let value = Value::read(section)?;
    let value = match value.resolve(folder) {
        Ok(value) => value,
        Err(reason) => {
            let hint = "`env` reads a variable of the environment, `file` a file beside the \
                        journey's";
            section.problem(reason, Some(hint.to_owned()));
            return None;
        }
    };
    let template = match value.template().map(Template::parse).transpose() {
        Ok(template) => template,
        Err(reason) => {
            section.problem(reason, Some("close it with `}`".to_owned()));
            return None;
        }
    };
    Some((name.to_owned(), value, template))
}

#[cfg(test)]
mod tests;
