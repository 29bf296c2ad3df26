//! Avatar backends and adapters, by their files or their shipped names.

use std::path::Path;
use std::sync::Arc;

use hulk_avatar::{Adapter, BackendSpec};
use hulk_settings::{Source, nearest, read};

use crate::files::{Unreadable, expect_kind, read_text};
use crate::{LoadError, shipped};

/// What `expect_kind` and hints call such a file.
const KIND: &str = "avatar backend";

/// Loads an avatar backend: a file, or a shipped one by its name.
///
/// # Errors
/// When it cannot be read, or every problem in it.
pub fn avatar_backend(path: &str) -> Result<BackendSpec, LoadError> {
    let names: Vec<&str> = shipped::names(KIND).collect();
    let source = source_of(path, &names, shipped::avatar)?;
    expect_kind(&source, KIND)?;
    Ok(read(&source, BackendSpec::read)?)
}

/// Loads how an avatar backend is spoken to: a file, or a shipped adapter by its name.
///
/// # Errors
/// When it cannot be read, or every problem in it.
pub fn avatar_adapter(path: &str) -> Result<Adapter, LoadError> {
    let names: Vec<&str> = Adapter::shipped_names().collect();
    Ok(Adapter::read(&source_of(path, &names, Adapter::shipped)?)?)
}

/// The text of a file, or of what is shipped under that name.
pub(crate) fn source_of(
    path: &str,
    names: &[&str],
    shipped: impl Fn(&str) -> Option<Arc<Source>>,
) -> Result<Arc<Source>, LoadError> {
    let Unreadable { reason, hint, missing } = match read_text(Path::new(path)) {
        Ok(text) => return Ok(Source::new(path, text)),
        Err(unreadable) => unreadable,
    };
    // A folder that is called as something shipped is not what was meant.
    let nameless = missing || !path.ends_with(".toml");
    shipped(path).filter(|_| nameless).ok_or_else(|| {
        // What would be written anew, by whom, is said of rehearsals: a file of this kind is not.
        let file = path.ends_with(".toml").then_some(hint);
        let near = nearest(path, names).or(file).unwrap_or_else(|| "check its name".to_owned());
        let hint = format!("{near}\nshipped, by their names: {}", names.join(", "));
        LoadError::Unreadable { path: path.into(), reason, hint }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_backends_are_known_by_their_names_and_others_by_their_paths() {
        let streams = |name: &str| avatar_backend(name).unwrap().streams_max();
        assert_eq!((streams("avatar-72"), streams("t4")), (72, 5));
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/avatars/");
        assert_eq!(streams(&format!("{folder}t4.toml")), 5);
        let told = |path: &str| match avatar_backend(path) {
            Err(LoadError::Unreadable { hint, .. }) => hint,
            other => panic!("{path}: {other:?}"),
        };
        assert_eq!(told("t5"), "did you mean `t4`?\nshipped, by their names: avatar-72, t4");
        let wrong = avatar_backend(concat!(env!("CARGO_MANIFEST_DIR"), "/match-day.toml"));
        let wrong = wrong.unwrap_err().to_string();
        assert!(
            wrong.contains("this looks like a rehearsal: an avatar backend is expected"),
            "{wrong}"
        );
    }
}
