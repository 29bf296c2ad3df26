//! The files that come with HULK, inside the program.

use std::sync::Arc;

use hulk_settings::Source;

macro_rules! files {
    ($($name:literal => $path:literal),* $(,)?) => {
        &[$(($name, $path, include_str!(concat!("../", $path)))),*]
    };
}

type File = (&'static str, &'static str, &'static str);

const REHEARSALS: &[File] = files! {
    "avatar-72" => "avatar-72.toml",
    "avatar-admission-burst" => "avatar-admission-burst.toml",
    "match-day" => "match-day.toml",
    "match-day-cloud-group" => "match-day-cloud-group.toml",
};
const JOURNEYS: &[File] = files! {
    "ads" => "journeys/ads.toml",
    "emoji" => "journeys/emoji.toml",
    "login" => "journeys/login.toml",
    "signup" => "journeys/signup.toml",
    "streaming" => "journeys/streaming.toml",
    "tsunami" => "journeys/tsunami.toml",
};
const PLATFORMS: &[File] = files! { "streaming" => "platforms/streaming.toml" };
const AVATARS: &[File] = files! {
    "avatar-72" => "avatars/avatar-72.toml",
    "t4" => "avatars/t4.toml",
};
const FEEDS: &[File] = files! { "match-feeds" => "feeds/match-feeds.toml" };
const DEVICES: &[File] = files! {
    "2019" => "devices/2019.toml",
    "2025" => "devices/2025.toml",
};

/// The files that `hulk init` writes, by their names: a rehearsal of one's own target. The
/// rehearsal names the others.
pub const TEMPLATES: [(&str, &str); 3] = [
    ("rehearsal.toml", include_str!("../templates/rehearsal.toml")),
    ("journey.toml", include_str!("../templates/journey.toml")),
    ("audience.toml", include_str!("../templates/audience.toml")),
];

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

pub(crate) fn avatar(name: &str) -> Option<Arc<Source>> {
    find(AVATARS, name)
}

pub(crate) fn feeds(name: &str) -> Option<Arc<Source>> {
    find(FEEDS, name)
}

pub(crate) fn devices(name: &str) -> Option<Arc<Source>> {
    find(DEVICES, name)
}

/// The shipped names of one kind, for a hint.
pub(crate) fn names(kind: &str) -> impl Iterator<Item = &'static str> {
    let files = match kind {
        "journey" => JOURNEYS,
        "devices" => DEVICES,
        "avatar backend" => AVATARS,
        "feed service" => FEEDS,
        _ => PLATFORMS,
    };
    files.iter().map(|(name, ..)| *name)
}
