//! Who watches when, from the file.

use std::path::Path;

use hulk_record::seed_of;
use hulk_settings::{Problems, Section};
use hulk_traffic_models::{Audience, Model, Moment, Response, Spikes};

use super::named::{Kind, read_key};

/// The model's day, cut to its window, and the lead-in in µs of wall time.
pub(super) fn read_audience(
    section: &Section<'_>,
    seed: u64,
    folder: &Path,
    inner: &mut Problems,
) -> Option<(Audience, i64)> {
    let kind = Kind {
        name: "model",
        find: &hulk_traffic_models::shipped,
        read: &|source, _| Model::read(source),
    };
    let model = read_key(section, "model", folder, inner, &kind);
    let day = section.text("day");
    let from_min = section.number("from_min", 0.0..=100_000.0);
    let to_min = section.number("to_min", 0.0..=100_000.0);
    let scale = section.number("scale", 1e-9..=1.0);
    let lead_in_ms = section.number("lead_in_ms", 0.0..=600_000.0);
    let (model, day, from_min, to_min) = (model?, day?, from_min?, to_min?);
    let Some(mut audience) = model.audience(&day, scale?, seed_of(seed, "audience")) else {
        let known: Vec<String> = model.days.iter().map(|day| format!("`{}`", day.name)).collect();
        let hint = Some(format!("it has {}", known.join(", ")));
        section.problem_at("day", format!("`{}` has no day `{day}`", model.name), hint);
        return None;
    };
    if from_min >= to_min {
        let message =
            format!("the window ends at minute {to_min}, not after it begins ({from_min})");
        let hint = Some(format!("at least `to_min = {}`", from_min + 1.0));
        section.problem_at("to_min", message, hint);
        return None;
    }
    if from_min < audience.from_min || to_min > audience.to_min {
        let message = format!(
            "the window from minute {from_min} to {to_min} is not inside the day, which goes from \
             {} to {}",
            audience.from_min, audience.to_min
        );
        let late = from_min > audience.to_min || from_min < audience.from_min;
        let hint = format!(
            "for example `from_min = {}` and `to_min = {}`",
            from_min.clamp(audience.from_min, audience.to_min),
            to_min.clamp(audience.from_min, audience.to_min)
        );
        section.problem_at(if late { "from_min" } else { "to_min" }, message, Some(hint));
        return None;
    }
    (audience.from_min, audience.to_min) = (from_min, to_min);
    Some((audience, (lead_in_ms? * 1e3) as i64))
}

/// A `[[moment]]`: one of the model's, by its name, or one of the rehearsal's own, by its minute.
pub(super) struct OwnMoment<'a> {
    section: &'a Section<'a>,
    name: String,
    at_min: Option<f64>,
    note: String,
    response: Option<Response>,
}

impl<'a> OwnMoment<'a> {
    pub(super) fn read(section: &'a Section<'a>) -> Option<Self> {
        let name = section.text("name");
        let at_min = section.has("at_min").then(|| section.number("at_min", 0.0..=100_000.0));
        let note = section.text_optional("note").unwrap_or_default();
        let response = Response::read_optional(section);
        Some(Self {
            section,
            name: name?,
            at_min: at_min.map_or(Some(None), |given| given.map(Some))?,
            note,
            response: response?,
        })
    }

    /// Notes an answer that nobody gives: `[on]` says what viewers do.
    pub(super) fn check(&self, exit: bool, act: bool) {
        let missing = match &self.response {
            Some(Response::Exit(_)) if !exit => "exit",
            Some(Response::Act(_)) if !act => "act",
            _ => return,
        };
        let hint = format!("add `[on]` with `{missing} = {{ journey = \"…\" }}`");
        self.section.problem(format!("no journey answers this `{missing}`"), Some(hint));
    }

    /// Puts it among the audience's moments.
    pub(super) fn apply(self, audience: &mut Audience) {
        let Self { section, name, at_min, note, response } = self;
        match (at_min, response) {
            (Some(minute), _) if !(audience.from_min..=audience.to_min).contains(&minute) => {
                let (from, to) = (audience.from_min, audience.to_min);
                let hint = Some("move it, or widen `audience.from_min` to `to_min`".to_owned());
                let message = format!(
                    "minute {minute} is not inside the window, which goes from {from} to {to}"
                );
                section.problem_at("at_min", message, hint);
            }
            (Some(minute), response) => {
                let moment = Moment { note, ..Moment::assumed(name, minute, response) };
                if !audience.add_moment(moment) {
                    let hint = Some("leave `at_min` out to change that one".to_owned());
                    section.problem_at("name", "the day has a moment of that name", hint);
                }
            }
            (None, Some(response)) if audience.set_response(&name, response) => {}
            (None, None) => {
                let hint = Some("add `exit`, `push` or `act`, or `at_min`".to_owned());
                section.problem("a moment needs something that happens", hint);
            }
            (None, Some(_)) => {
                let known: Vec<String> =
                    audience.moments.iter().map(|moment| format!("`{}`", moment.name)).collect();
                let hint = Some(format!(
                    "the day has {}; a moment of your own needs `at_min`",
                    known.join(", ")
                ));
                section.problem_at("name", format!("the day has no moment `{name}`"), hint);
            }
        }
    }
}

/// Leaves out the model's answers for which `[on]` names no journey.
pub(super) fn keep_answered(audience: &mut Audience, exit: bool, act: bool) {
    audience.retain_responses(|moment| match &moment.response {
        Some(Response::Exit(_)) => exit,
        Some(Response::Act(_)) => act,
        Some(Response::Push(_)) | None => true,
    });
}

/// Random spikes over the whole window.
pub(super) fn read_spikes(root: &Section<'_>) -> Option<Option<Spikes>> {
    match root.section_optional("spikes") {
        Some(section) => Spikes::read(&section).map(Some),
        None => Some(None),
    }
}
