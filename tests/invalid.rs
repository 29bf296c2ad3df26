//! Files that are wrong on purpose: what `hulk check` says of each, to the letter.
//!
//! `scenarios/invalid/NAME.toml` says in its first line what is wrong, `NAME.txt` is the answer.
//! `UPDATE_GOLDEN=1 cargo test --test invalid` writes the answers anew: read the difference.

#![expect(clippy::unwrap_used, reason = "helpers of tests too may fail their test")]

use std::env::var_os;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// There were so many when this was written.
const FILES_MIN: usize = 100;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/invalid")
}

fn check(file: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hulk"))
        .args(["check", file])
        .current_dir(folder())
        .output()
        .unwrap()
}

/// The names of the files, without their end.
fn names() -> Vec<String> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let toml = entries.filter(|path| path.extension().is_some_and(|end| end == "toml"));
    let mut names: Vec<String> =
        toml.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// What is missing of a diagnostic: each has a message, a place, a line under what is wrong, and
/// says what to do.
fn lacks(diagnostic: &str) -> Option<&'static str> {
    let lines = || diagnostic.lines().map(str::trim_start);
    let place = |line: &str| {
        let at = line.strip_prefix("╭─[").and_then(|rest| rest.strip_suffix(']'));
        let mut parts = at.unwrap_or_default().rsplit(':');
        [parts.next(), parts.next()].iter().all(|n| n.is_some_and(|n| n.parse::<u32>().is_ok()))
    };
    let caret = |line: &str| {
        let under = line.strip_prefix('·').map(str::trim);
        under.is_some_and(|under| !under.is_empty() && under.chars().all(|c| "─▲┬│".contains(c)))
    };
    match () {
        () if !lines().any(place) => Some("a file with line and column"),
        () if !lines().any(caret) => Some("a mark under what is wrong"),
        () if !lines().any(|line| line.starts_with("help: ")) => Some("what to do"),
        () => None,
    }
}

#[test]
fn every_wrong_file_is_refused_with_its_place_and_the_way_out() {
    let names = names();
    assert!(names.len() >= FILES_MIN, "{} files", names.len());
    let mut offences = Vec::new();
    for name in &names {
        let output = check(&format!("{name}.toml"));
        let said = String::from_utf8(output.stderr).unwrap();
        if output.status.code() != Some(2) || !output.stdout.is_empty() {
            offences.push(format!("{name}: {} and {} bytes", output.status, output.stdout.len()));
        }
        let golden = folder().join(format!("{name}.txt"));
        if var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, &said).unwrap();
        } else if fs::read_to_string(&golden).unwrap_or_default() != said {
            offences.push(format!("{name}: another answer than {}:\n{said}", golden.display()));
        }
        let diagnostics = said.split("  × ").skip(1);
        assert!(diagnostics.clone().count() > 0, "{name}: {said}");
        let lacking = diagnostics.filter_map(|diagnostic| Some((diagnostic, lacks(diagnostic)?)));
        offences.extend(lacking.map(|(d, what)| format!("{name}: without {what}:\n{d}")));
        let wrong = fs::read(folder().join(format!("{name}.toml"))).unwrap();
        let first = String::from_utf8_lossy(&wrong).lines().next().unwrap_or_default().to_owned();
        if !first.trim_start_matches('\u{feff}').starts_with("# Wrong: ") {
            offences.push(format!("{name}: its first line does not say what is wrong: {first}"));
        }
    }
    assert!(offences.is_empty(), "{} offences\n{}", offences.len(), offences.join("\n"));
}

#[test]
fn every_answer_and_every_part_belongs_to_a_file() {
    let names = names();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "txt") {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            assert!(names.contains(&name), "{} answers nothing", path.display());
        }
    }
    let all: String = names
        .iter()
        .map(|name| {
            let bytes = fs::read(folder().join(format!("{name}.toml"))).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        })
        .collect();
    for entry in fs::read_dir(folder().join("parts")).unwrap() {
        let file = entry.unwrap().file_name().to_string_lossy().into_owned();
        if file.ends_with(".toml") {
            assert!(all.contains(&format!("\"parts/{file}\"")), "nobody names parts/{file}");
        }
    }
}
