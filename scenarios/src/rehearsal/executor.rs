//! `[load]`: an executor in the place of an audience.

use std::path::Path;

use hulk_record::{Clock, seed_of};
use hulk_settings::{Problems, Section};
use hulk_traffic_models::{Audience, Executor, Then};

use super::audience::read_audience;
use crate::Script;
use crate::feeder;

/// Time before the window, in ms of wall time, where the file says nothing.
const LEAD_IN_MS: f64 = 1000.0;
/// Tables that say something of a model's day.
const OF_A_DAY: [&str; 3] = ["moment", "spikes", "commentary"];

/// What says something of viewers.
const OF_VIEWERS: [&str; 11] = [
    "journeys",
    "on",
    "devices",
    "target",
    "policy",
    "observe",
    "proxy",
    "objective",
    "moment",
    "commentary",
    "spikes",
];

/// Whether no viewer comes.
pub(super) fn is_nobody(audience: &Audience) -> bool {
    matches!(audience.executor, Some(Executor::Nobody(_)))
}

/// Who makes the load, and the lead-in in µs of wall time: an `[audience]` or a `[load]`.
pub(super) fn read_people(
    root: &Section<'_>,
    seed: u64,
    folder: &Path,
    inner: &mut Problems,
) -> Option<(Audience, i64)> {
    let audience = root.section_optional("audience");
    let load = root.section_optional("load");
    match (root.has("audience"), root.has("load")) {
        (true, true) => {
            let hint = "remove `[audience]` to send what `[load]` says, or `[load]` to replay a \
                        model's audience";
            let message = "a rehearsal has an `[audience]` or a `[load]`, and this one has both";
            root.problem_at("load", message, Some(hint.to_owned()));
        }
        (false, false) => {
            let hint = "add `[load]` with `constant_users = { users = 10, duration_s = 10 }`, for \
                        example, or an `[audience]` with a model";
            let message = "nobody comes: there is neither an `[audience]` nor a `[load]`";
            root.problem(message, Some(hint.to_owned()));
        }
        _ => {}
    }
    let audience = audience.map(|section| read_audience(&section, seed, folder, inner));
    let load = load.map(|section| read_load(&section, seed, folder));
    match (audience, load) {
        (Some(audience), None) => audience,
        (None, load) => load?,
        (Some(_), Some(_)) => None,
    }
}

fn read_load(section: &Section<'_>, seed: u64, folder: &Path) -> Option<(Audience, i64)> {
    let lead_in_ms = section.number_or("lead_in_ms", 0.0..=600_000.0, LEAD_IN_MS);
    let executor = Executor::read(section, |file| feeder::load(&folder.join(file)));
    let (executor, lead_in_ms) = (executor?, lead_in_ms?);
    Some((Audience::of(executor, seed_of(seed, "audience")), (lead_in_ms * 1e3) as i64))
}

/// The match clock; that of the wall for a load that says nothing of it.
pub(super) fn read_clock(root: &Section<'_>) -> Option<Clock> {
    let of_load = root.has("load") && !root.has("clock");
    let speed = match of_load {
        true => Some(1.0),
        false => root.section("clock").and_then(|clock| clock.number("speed", 0.01..=1000.0)),
    };
    speed.map(|speed| Clock { speed })
}

/// Notes what an executor's users cannot do.
pub(super) fn check_load(root: &Section<'_>, audience: &Audience, script: &Script) {
    let Some(executor) = &audience.executor else { return };
    let name = executor.name();
    if is_nobody(audience) {
        if !root.has("callers") {
            let hint = "add `[callers]`, or take an executor that brings somebody";
            let message = "`nobody` sends nothing, and there is no `[callers]` that would call";
            root.problem_at("load", message, Some(hint.to_owned()));
        }
        for key in OF_VIEWERS.into_iter().filter(|key| root.has(key)) {
            let hint = format!("remove `{key}`, or take an executor that brings somebody");
            root.problem_at(key, format!("`{key}` is of viewers, and there is nobody"), Some(hint));
        }
        return;
    }
    for key in OF_A_DAY.into_iter().filter(|key| root.has(key)) {
        let hint = format!("remove `{key}`, or replay an `[audience]`");
        root.problem_at(
            key,
            format!("`{key}` is of a model's day, and `[load]` has none"),
            Some(hint),
        );
    }
    if executor.then() == Then::Watch {
        if script.act.is_empty() {
            let hint = "add `[on]` with `act = { journey = \"…\" }`, a journey of `after` steps";
            let message = format!("`{name}` needs to know what everybody does");
            root.problem_at("load", message, Some(hint.to_owned()));
        }
        return;
    }
    if root.has("on") {
        let hint = "remove `[on]`, or put its journey among `journeys`";
        let message = format!("`[on]` answers a moment, and `{name}` has none");
        root.problem_at("on", message, Some(hint.to_owned()));
    }
    if script.start.iter().all(|placed| placed.what.request().is_none()) {
        let hint = "give a journey an `after` step";
        let message = format!("an iteration of `{name}` is the `after` steps, and there is none");
        root.problem_at("journeys", message, Some(hint.to_owned()));
    }
    let all_once = script.start.iter().filter(|p| p.what.request().is_some()).all(|p| p.what.once);
    if all_once && matches!(executor.then(), Then::Again { .. }) && !script.start.is_empty() {
        let hint = "take `once` away from a step, or take an executor that counts arrivals";
        let message = "every `after` step is `once`: only a user's first iteration would send";
        root.problem_at("journeys", message, Some(hint.to_owned()));
    }
    let grids = script.every.iter().map(|placed| (placed.journey, "`every` steps"));
    let stream = script.hls.iter().map(|placed| (placed.journey, "a stream"));
    let mut told = Vec::new();
    for (journey, what) in grids.chain(stream) {
        if told.contains(&(journey, what)) {
            continue;
        }
        told.push((journey, what));
        let journey = script.parts.get(usize::from(journey)).map_or("", |part| part.name.as_str());
        let message = format!(
            "the journey `{journey}` has {what}, for users who stay: an iteration of `{name}` ends \
             with the `after` steps"
        );
        let hint = "leave them out, or take `mass_action` or an `[audience]`, whose users stay";
        root.problem_at("journeys", message, Some(hint.to_owned()));
    }
}
