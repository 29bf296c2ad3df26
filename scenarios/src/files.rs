//! Files that a person names: read with a limit, and of the kind that is expected.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

use hulk_settings::{Problems, Source, keys_of, nearest};

/// Largest settings file, in bytes: what is larger is something else.
const BYTES_MAX: u64 = 1024 * 1024;

/// Why a file's text is not there, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// What is wrong, without the file's name.
    pub(crate) reason: String,
    /// What to do about it.
    pub(crate) hint: String,
    /// Whether there is nothing of that name that could be meant.
    pub(crate) missing: bool,
}

/// The text of a settings file.
pub(crate) fn read_text(path: &Path) -> Result<String, Unreadable> {
    let wrong = |reason: &str, hint: String| {
        Err(Unreadable { reason: reason.to_owned(), hint, missing: false })
    };
    if path.is_dir() {
        return wrong("it is a folder, and a file is expected", name_one_of(path));
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut bytes));
    match read {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let reason = "there is no such file".to_owned();
            return Err(Unreadable { reason, hint: nearest_file(path), missing: true });
        }
        Err(error) => {
            let reason = error.to_string().to_lowercase();
            return wrong(&reason, "check the path and its permissions".to_owned());
        }
        Ok(_) if bytes.len() as u64 > BYTES_MAX => {
            let hint = "rows of data belong in a file of their own, which a journey's `[[feeder]]` \
                        names";
            return wrong("larger than 1 MiB, the most that is taken", hint.to_owned());
        }
        Ok(_) => {}
    }
    String::from_utf8(bytes).or_else(|error| {
        let good = error.utf8_error().valid_up_to();
        let before = &error.as_bytes()[..good];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        wrong(&format!("line {line} is not UTF-8"), "save the file as UTF-8 text".to_owned())
    })
}

/// The settings files in a folder, in the order of their names.
fn settings_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".toml")).collect();
    names.sort_unstable();
    names
}

fn name_one_of(folder: &Path) -> String {
    let names = settings_in(folder);
    let first: Vec<String> =
        names.iter().take(5).map(|name| format!("`{}`", folder.join(name).display())).collect();
    if first.is_empty() {
        return "it has no `.toml` file: `hulk init` writes some".to_owned();
    }
    format!("name a file in it: {}", first.join(", "))
}

fn nearest_file(path: &Path) -> String {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let names = settings_in(folder);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let given = path.file_name().unwrap_or_default().to_string_lossy();
    match nearest(&given, &names) {
        Some(hint) => hint,
        None if folder.is_dir() => "check its name; `hulk init` writes a new one".to_owned(),
        None => format!("there is no folder `{}` either", folder.display()),
    }
}

/// The kinds of files, each with keys that no other kind has.
const KINDS: [(&str, &[&str], &str); 8] = [
    (
        "rehearsal",
        &["audience", "load", "journeys", "clock", "target", "callers"],
        "give it to `hulk rehearse`",
    ),
    ("journey", &["step", "retry", "choice"], "name it in a rehearsal's `journeys`"),
    ("devices", &["device"], "name it as a rehearsal's `devices`"),
    (
        "platform",
        &["edge", "media", "service", "route"],
        "name it as a rehearsal's `target.embedded.platform`",
    ),
    ("avatar backend", &["gpu", "admission", "batch_max"], "give it to `hulk avatar`"),
    ("feed service", &["topic", "receivers_max", "queue_messages"], "give it to `hulk feeds`"),
    ("adapter", &["uplink", "downlink", "socket"], "name it as a rehearsal's `callers.adapter`"),
    ("model", &["days", "view_length"], "name it as a rehearsal's `audience.model`"),
];

/// Refuses a file without any key, and one of another kind: their many problems would hide what
/// is wrong.
pub(crate) fn expect_kind(source: &Arc<Source>, wanted: &str) -> Result<(), Problems> {
    // What is no TOML is told by whoever reads it.
    let Some(keys) = keys_of(source) else { return Ok(()) };
    let an = |kind: &str| match kind {
        "devices" => "a file of devices".to_owned(),
        kind @ ("avatar backend" | "adapter") => format!("an {kind}"),
        kind => format!("a {kind}"),
    };
    if keys.is_empty() {
        let message = format!("the file is empty, and {} is expected", an(wanted));
        let hint = "`hulk init` writes files to begin with".to_owned();
        return Err(Problems::whole(source, message, Some(hint)));
    }
    let has = |own: &[&str]| own.iter().any(|key| keys.iter().any(|known| known == key));
    let of_wanted = KINDS.iter().any(|(kind, own, _)| *kind == wanted && has(own));
    match KINDS.iter().find(|(_, own, _)| has(own)) {
        Some((kind, _, hint)) if !of_wanted => {
            let message = format!("this looks like {}: {} is expected here", an(kind), an(wanted));
            Err(Problems::whole(source, message, Some((*hint).to_owned())))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
