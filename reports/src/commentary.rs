//! How long it took from a message of the commentary to changed instances.

use std::collections::BTreeSet;

use hulk_record::{CapacitySample, Manifest, MatchTime, Message, Offset, Record};
use serde::Serialize;

/// So long after a message a change is taken for its consequence, in match seconds.
pub(crate) const WITHIN_S: f64 = 300.0;

/// A message about a key player, and what the scalers made of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Reaction {
    pub(crate) id: u32,
    pub(crate) moment: Option<String>,
    pub(crate) text: String,
    /// When the message came.
    pub(crate) at: Offset,
    pub(crate) match_min: f64,
    /// Each service whose capacity was observed, in the order of the names.
    pub(crate) services: Vec<ServiceReaction>,
}

/// The first change of the instances that a service's scaler wants: until the next such message, and
/// at most 300 match seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ServiceReaction {
    pub(crate) service: String,
    /// Instances wanted when the message came.
    pub(crate) before: f64,
    /// Instances wanted then; null where nothing changed.
    pub(crate) after: Option<f64>,
    /// From the message to the look that saw the change, in match seconds.
    pub(crate) match_s: Option<f64>,
    /// The same in ms of wall time.
    pub(crate) wall_ms: Option<f64>,
}

/// Every message about a key player's coming and going.
pub(crate) fn reactions(record: &Record) -> Vec<Reaction> {
    let manifest = &record.manifest;
    let keys = manifest.commentary.iter().filter(|message| message.key_player);
    let mut keys = keys.peekable();
    let mut reactions = Vec::new();
    while let Some(message) = keys.next() {
        let at = manifest.clock.wall(message.at);
        let limit = manifest.clock.wall(message.at.plus_s(WITHIN_S));
        let until = keys.peek().map_or(limit, |next| manifest.clock.wall(next.at).min(limit));
        reactions.push(reaction(record, message, (at, until)));
    }
    reactions
}

fn reaction(record: &Record, message: &Message, (at, until): (Offset, Offset)) -> Reaction {
    let names: BTreeSet<&str> = record.capacity.iter().map(|s| s.service.as_str()).collect();
    let of = |name: &&str| {
        let seen = record.capacity.iter().filter(|sample| sample.service == *name);
        service(&record.manifest, seen, message.at, (at, until))
    };
    Reaction {
        id: message.id,
        moment: message.moment.clone(),
        text: message.text.clone(),
        at,
        match_min: record.manifest.match_minute(at),
        services: names.iter().filter_map(of).collect(),
    }
}

/// None where nobody who knows what is wanted looked before the message.
fn service<'a>(
    manifest: &Manifest,
    seen: impl Iterator<Item = &'a CapacitySample> + Clone,
    told: MatchTime,
    (at, until): (Offset, Offset),
) -> Option<ServiceReaction> {
    let seen = seen.filter_map(|sample| Some((sample, sample.desired?)));
    let (before, wanted) = seen.clone().filter(|(sample, _)| sample.at < at).last()?;
    let mut later = seen.filter(|(sample, _)| (at..until).contains(&sample.at));
    let change = later.find(|(_, desired)| *desired != wanted);
    Some(ServiceReaction {
        service: before.service.clone(),
        before: wanted,
        after: change.map(|(_, desired)| desired),
        match_s: change
            .map(|(sample, _)| manifest.clock.match_time(sample.at).since(told) as f64 / 1e6),
        wall_ms: change.map(|(sample, _)| sample.at.since(at) as f64 / 1e3),
    })
}
