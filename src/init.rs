//! `hulk init`: files to begin with, for a target of one's own.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write, stdout};
use std::path::{Path, PathBuf};

use hulk_scenarios::{Problem, Rehearsal, Source, TEMPLATES};

use crate::cli::InitArguments;
use crate::outcome::Failure;

/// Where the templates' target listens.
const BASE: &str = "http://127.0.0.1:8080";

/// Writes the set, all of it or nothing.
pub(crate) fn init(arguments: &InitArguments) -> Result<i32, Failure> {
    let folder = &arguments.folder;
    let files: Vec<(PathBuf, String)> = TEMPLATES
        .iter()
        .map(|(name, text)| (folder.join(name), text.replace(BASE, &arguments.base)))
        .collect();
    check_base(&arguments.base)?;
    if !arguments.force {
        refuse_what_is_there(&files)?;
    }
    let made = make_folder(folder)?;
    if let Err((path, error)) = write_all(&files, arguments.force) {
        // The folder goes only when this command made it, and it is empty again.
        if made {
            let _best_effort = fs::remove_dir(folder);
        }
        let path = path.display();
        return Err(Failure::Usage(format!(
            "{path}: {error}; nothing was written: name another folder"
        )));
    }
    let text = told(folder, &files, &arguments.base);
    // The files are there, whether somebody reads it or not.
    let _told = stdout().write_all(text.as_bytes());
    Ok(0)
}

/// The base is judged as the rehearsal's file is.
fn check_base(base: &str) -> Result<(), Failure> {
    if base.chars().any(|c| c == '"' || c == '\\' || c.is_control()) {
        return Err(Failure::Usage(format!("--base {base:?}: for example `--base {BASE}`")));
    }
    let (_, text) = TEMPLATES[0];
    let source = Source::new("rehearsal.toml", text.replace(BASE, base));
    // Its journey and audience are not there yet: only what is said of the target counts here.
    let Err(problems) = Rehearsal::read(&source, Path::new("")) else { return Ok(()) };
    let line = |problem: &Problem| problem.source.place(problem.span.start).0;
    let of_target =
        source.text.lines().position(|line| line.starts_with("url = ")).unwrap_or(0) + 1;
    let wrong = problems
        .list
        .into_iter()
        .find(|problem| problem.source.name == source.name && line(problem) == of_target);
    match wrong {
        Some(problem) => {
            let hint = problem.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
            Err(Failure::Usage(format!("--base: {}{hint}", problem.message)))
        }
        None => Ok(()),
    }
}

fn refuse_what_is_there(files: &[(PathBuf, String)]) -> Result<(), Failure> {
    // A link that leads nowhere is there as well.
    let there: Vec<String> = files
        .iter()
        .filter(|(path, _)| path.symlink_metadata().is_ok())
        .map(|(path, _)| path.display().to_string())
        .collect();
    if there.is_empty() {
        return Ok(());
    }
    let (are, them) = if there.len() == 1 { ("is", "it") } else { ("are", "them") };
    Err(Failure::Usage(format!(
        "{} {are} there already, and nothing was written: name another folder, or replace {them} \
         with --force",
        there.join(", ")
    )))
}

/// Whether the folder was made by this.
fn make_folder(folder: &Path) -> Result<bool, Failure> {
    if folder.is_dir() {
        return Ok(false);
    }
    let told =
        |error| Failure::Usage(format!("{}: {error}; name another folder", folder.display()));
    fs::create_dir_all(folder).map_err(told)?;
    Ok(true)
}

/// What went wrong, and where.
type Wrong = (PathBuf, std::io::Error);

/// All files, or none: each is written beside its place first, and then all of them are moved.
fn write_all(files: &[(PathBuf, String)], force: bool) -> Result<(), Wrong> {
    let (mut drafts, mut placed) = (Vec::new(), Vec::new());
    let result = draft_all(files, &mut drafts).and_then(|()| match force {
        true => replace_all(&drafts),
        false => place_all(&drafts, &mut placed),
    });
    for (draft, _) in &drafts {
        let _may_be_moved = fs::remove_file(draft);
    }
    if result.is_err() {
        for path in placed {
            let _best_effort = fs::remove_file(path);
        }
    }
    result
}

fn draft_all<'a>(
    files: &'a [(PathBuf, String)],
    drafts: &mut Vec<(PathBuf, &'a Path)>,
) -> Result<(), Wrong> {
    for (path, text) in files {
        let draft = path.with_extension("toml.new");
        let mut options = OpenOptions::new();
        let opened = options.write(true).create_new(true).open(&draft);
        let mut file = opened.map_err(|error| (draft.clone(), error))?;
        drafts.push((draft.clone(), path));
        file.write_all(text.as_bytes()).map_err(|error| (draft, error))?;
    }
    Ok(())
}

fn replace_all(drafts: &[(PathBuf, &Path)]) -> Result<(), Wrong> {
    // The only thing that a file cannot replace.
    if let Some((_, path)) = drafts.iter().find(|(_, path)| path.is_dir()) {
        return Err(((*path).to_owned(), ErrorKind::IsADirectory.into()));
    }
    for (draft, path) in drafts {
        fs::rename(draft, path).map_err(|error| ((*path).to_owned(), error))?;
    }
    Ok(())
}

fn place_all<'a>(drafts: &[(PathBuf, &'a Path)], placed: &mut Vec<&'a Path>) -> Result<(), Wrong> {
    for (draft, path) in drafts {
        // Unlike a rename, a link never replaces what came meanwhile.
        fs::hard_link(draft, path)
            .or_else(|_| copy_new(draft, path))
            .map_err(|error| ((*path).to_owned(), error))?;
        placed.push(path);
    }
    Ok(())
}

/// For file systems without links.
fn copy_new(from: &Path, to: &Path) -> std::io::Result<()> {
    let text = fs::read(from)?;
    let mut file = OpenOptions::new().write(true).create_new(true).open(to)?;
    file.write_all(&text).inspect_err(|_| drop(fs::remove_file(to)))
}

fn told(folder: &Path, files: &[(PathBuf, String)], base: &str) -> String {
    let about = ["who comes when, and what must hold", "what they do", "how many there are, when"];
    let mut lines = Vec::new();
    for ((path, _), about) in files.iter().zip(about) {
        lines.push(format!("written: {}  ({about})", path.display()));
    }
    let rehearsal = folder.join("rehearsal.toml");
    let rehearsal = rehearsal.strip_prefix(".").unwrap_or(&rehearsal).display().to_string();
    lines.push(String::new());
    lines.push(format!("next, with your service at {base}:"));
    lines.push(format!("  hulk check {rehearsal}       what it would ask for; sends nothing"));
    lines.push(format!("  hulk trial {rehearsal}       one user of each journey"));
    lines.push(format!("  hulk rehearse {rehearsal}    the run, its verdict and its report"));
    lines.join("\n") + "\n"
}
