//! Files that a rehearsal names: shipped ones by their names, others by their paths.

use std::path::Path;
use std::sync::Arc;

use hulk_avatar::Adapter;
use hulk_settings::{At, Problems, Section, Source, nearest};

use crate::files::{Unreadable, expect_kind, read_text};
use crate::shipped;

/// Reads a file's text; files that it names are looked for in the folder.
type Read<'a, T> = dyn Fn(&Arc<Source>, &Path) -> Result<T, Problems> + 'a;

/// What a file is of, where shipped ones are found, and how it is read.
pub(crate) struct Kind<'a, T> {
    pub(crate) name: &'static str,
    pub(crate) find: &'a dyn Fn(&str) -> Option<Arc<Source>>,
    pub(crate) read: &'a Read<'a, T>,
}

/// Reads the file that `key` names.
pub(crate) fn read_key<T>(
    section: &Section<'_>,
    key: &'static str,
    folder: &Path,
    inner: &mut Problems,
    kind: &Kind<'_, T>,
) -> Option<T> {
    let name = section.text(key)?;
    read_name(section, &[At::Key(key)], &name, folder, inner, kind)
}

/// Reads the file of that name, which stands at the end of `at`.
pub(crate) fn read_name<T>(
    section: &Section<'_>,
    at: &[At<'_>],
    name: &str,
    folder: &Path,
    inner: &mut Problems,
    kind: &Kind<'_, T>,
) -> Option<T> {
    let what = kind.name;
    let source = if name.ends_with(".toml") {
        let path = folder.join(name);
        let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
        read_text(&path)
            .map(|text| (Source::new(path.display().to_string(), text), folder))
            .map_err(|Unreadable { reason, hint, missing }| {
                let from = "a path starts where the file that names it lies; ";
                let hint = format!("{}{hint}", if missing { from } else { "" });
                (format!("{}: {reason}", path.display()), Some(hint))
            })
    } else {
        (kind.find)(name).map(|source| (source, Path::new("scenarios").to_owned())).ok_or_else(
            || {
                let known: Vec<&str> = match what {
                    "model" => hulk_traffic_models::shipped_names().collect(),
                    "adapter" => Adapter::shipped_names().collect(),
                    what => shipped::names(what).collect(),
                };
                let near = nearest(name, &known).map(|near| format!("{near} ")).unwrap_or_default();
                let known = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
                let known = known.join(", ");
                let hint = format!(
                    "{near}shipped are {known}; a file of your own is named by its path.toml"
                );
                (format!("there is no shipped {what} `{name}`"), Some(hint))
            },
        )
    };
    let read = |source: Arc<Source>, folder: &Path| {
        expect_kind(&source, what)?;
        (kind.read)(&source, folder)
    };
    match source.map(|(source, folder)| read(source, &folder)) {
        Ok(Ok(value)) => Some(value),
        Ok(Err(problems)) => {
            inner.list.extend(problems.list);
            let hint = Some("they are told with its own lines".to_owned());
            section.problem_in(at, format!("the {what} `{name}` has problems"), hint);
            None
        }
        Err((message, hint)) => {
            section.problem_in(at, message, hint);
            None
        }
    }
}
