//! A journey: what a viewer does, as data.

use std::sync::Arc;

use hulk_record::{JourneyInfo, StepInfo};
use hulk_settings::{Problems, Section, Source, read};
use serde::{Deserialize, Serialize};

use crate::steps::{AfterStep, EveryStep, HlsStep, RequestSpec, Step};

/// A journey, compiled: the steps of the start in their order, then those of watching.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Journey {
    /// Its name.
    pub name: String,
    /// How long an answer may take, in ms of wall time.
    pub timeout_ms: f64,
    /// First wait before something that failed is tried again, in match seconds; it doubles.
    pub retry_first_s: f64,
    /// Longest such wait, in match seconds.
    pub retry_max_s: f64,
    /// The steps of the start.
    pub after: Vec<AfterStep>,
    /// The steps of watching.
    pub every: Vec<EveryStep>,
    /// The stream.
    pub hls: Option<HlsStep>,
    /// Names of the values that are kept from answers.
    pub variables: Vec<String>,
}

/// The names under which the record shows the requests of a stream.
pub(crate) const HLS_STEPS: [&str; 3] = ["master", "playlist", "segment"];

impl Journey {
    /// Reads a journey's file.
    ///
    /// # Errors
    /// Every problem in it.
    pub fn read(source: &Arc<Source>) -> Result<Self, Problems> {
        read(source, Self::read_root)
    }

    fn read_root(root: &Section<'_>) -> Option<Self> {
        let name = root.text("name");
        let timeout_ms = root.number_or("timeout_ms", 1.0..=600_000.0, 10_000.0);
        let retry = root.section("retry").and_then(|retry| {
            let first_s = retry.number("first_s", 0.01..=3600.0);
            let max_s = retry.number("max_s", 0.01..=3600.0);
            Some((first_s?, max_s?))
        });
        let mut journey = Self {
            name: name.unwrap_or_default(),
            timeout_ms: timeout_ms.unwrap_or_default(),
            retry_first_s: retry.map_or(0.0, |retry| retry.0),
            retry_max_s: retry.map_or(0.0, |retry| retry.1),
            after: Vec::new(),
            every: Vec::new(),
            hls: None,
            variables: Vec::new(),
        };
        let sections = root.sections("step");
        if sections.is_empty() {
            let hint = "add a `[[step]]`, for example `after = { … }`".to_owned();
            root.problem("a journey needs at least one step", Some(hint));
        }
        for section in &sections {
            match Step::read(section, &mut journey.variables) {
                Some(Step::After(step)) => journey.after.push(step),
                Some(Step::Every(step)) => journey.every.push(step),
                Some(Step::Hls(step)) if journey.hls.is_none() => journey.hls = Some(step),
                Some(Step::Hls(_)) => section.problem("a viewer watches one stream", None),
                None => {}
            }
        }
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
            root.problem(format!("two steps are named `{}`", pair[0]), Some(hint));
        }
        let kept = |variable: u16| {
            self.requests().any(|request| request.extract.iter().any(|(kept, _)| *kept == variable))
        };
        for request in self.requests() {
            for variable in request.path.variables().chain(request.body.variables()) {
                if !kept(variable) {
                    let name = self.variables.get(usize::from(variable)).map_or("", String::as_str);
                    let message = format!("no step extracts `${{{name}}}`");
                    let hint = format!(
                        "built in are `${{viewer}}` and `${{index}}`; or add `extract = {{ {name} \
                         = \"/…\" }}` to an earlier step"
                    );
                    root.problem(message, Some(hint));
                }
            }
        }
    }

    /// The requests of the steps, in the record's order.
    pub fn requests(&self) -> impl Iterator<Item = &RequestSpec> {
        let after = self.after.iter().map(|step| &step.request);
        after.chain(self.every.iter().map(|step| &step.request))
    }

    /// The wait before the `attempt`th repetition, in match seconds.
    pub(crate) fn backoff_s(&self, attempt: u32) -> f64 {
        let doubled = self.retry_first_s * 2_f64.powi(attempt.saturating_sub(1).min(30) as i32);
        doubled.min(self.retry_max_s)
    }

    /// Names for the record: the steps in the order of their numbers.
    pub fn info(&self) -> JourneyInfo {
        let mut steps: Vec<StepInfo> = self
            .requests()
            .map(|r| StepInfo { name: r.name.clone(), service: r.service.clone() })
            .collect();
        if let Some(hls) = &self.hls {
            steps.extend(
                HLS_STEPS
                    .map(|name| StepInfo { name: name.to_owned(), service: hls.service.clone() }),
            );
        }
        JourneyInfo { name: self.name.clone(), steps }
    }
}

#[cfg(test)]
mod tests;
