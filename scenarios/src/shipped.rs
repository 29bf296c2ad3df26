//! The files that come with HULK, inside the program.

use std::sync::Arc;

use hulk_settings::Source;

macro_rules! files {
    ($($name:literal => $path:literal),* $(,)?) => {
        &[$(($name, $path, include_str!(concat!("../", $path)))),*]
    };
}

type File = (&'static str, &'static str, &'static str);

const REHEARSALS: &[File] = files! { "match-day" => "match-day.toml" };
const JOURNEYS: &[File] = files! { "streaming" => "journeys/streaming.toml" };
const PLATFORMS: &[File] = files! { "streaming" => "platforms/streaming.toml" };

fn find(files: &[File], name: &str) -> Option<Arc<Source>> {
    let (_, path, text) = files.iter().find(|(known, ..)| *known == name)?;
    Some(Source::new(format!("scenarios/{path}"), *text))
}

/// A shipped rehearsal: by its name, or by its path in this repository.
pub fn shipped_rehearsal(name: &str) -> Option<Arc<Source>> {
    let name = name.strip_prefix("scenarios/").unwrap_or(name);
    find(REHEARSALS, name.strip_suffix(".toml").unwrap_or(name))
}

/// The names of the shipped rehearsals.
pub fn shipped_rehearsal_names() -> impl Iterator<Item = &'static str> {
    REHEARSALS.iter().map(|(name, ..)| *name)
}

pub(crate) fn journey(name: &str) -> Option<Arc<Source>> {
    find(JOURNEYS, name)
}

pub(crate) fn platform(name: &str) -> Option<Arc<Source>> {
    find(PLATFORMS, name)
}

/// The shipped names of one kind, for a hint.
pub(crate) fn names(kind: &str) -> String {
    let files = if kind == "journey" { JOURNEYS } else { PLATFORMS };
    files.iter().map(|(name, ..)| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
