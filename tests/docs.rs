//! The documentation tells the truth: its commands run, its files load, its links lead somewhere,
//! and every key of the shipped files is explained.

#![expect(clippy::unwrap_used, reason = "helpers of tests too may fail their test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use hulk_scenarios::{Rehearsal, Source};

/// Commands that take a run or a run's folder, or measure: tests/live.rs has those.
const RUN_LIVE: &[&str] = &[
    "avatar --listen 8000",
    "call ws://127.0.0.1:8000 --callers 72 --over-s 20",
    "call ws://127.0.0.1:8000 --knee 10..14 --turns 1 --speak-s 30",
    "compare runs/match-day-20261122-024905 runs/match-day-cloud-group-20261122-025051",
    "compare runs/match-day-20261122-024905 runs/match-day-cloud-group-20261122-025051 --json",
    "feeds --listen 8100",
    "listen \"ws://127.0.0.1:8100/feed?topic=play-along\" --receivers 9000 --over-s 10 --for-s 30",
    "platform",
    "proxy --config docs/examples/proxies/proxies.toml",
    "rehearse",
    "rehearse docs/examples/executors/constant-arrival-rate.toml --calibrate 20..200",
    "rehearse docs/examples/nginx-site.toml",
    "rehearse docs/examples/tls-front.toml",
    "rehearse match-day --policies match-day,match-day-cloud-group",
    "rehearse match-day --workers 2",
    "rehearse avatar-admission-burst",
    "rehearse my-service/rehearsal.toml",
    "trial docs/examples/own-target.toml",
    "trial match-day --set token_state=otp",
    "report runs/match-day-20261122-001200",
    "trial my-service/rehearsal.toml",
    "worker --self-test",
];
/// A complete file is told by this comment on the line before its block.
const COMPLETE: &str = "<!-- complete: ";
/// A block that is a file of docs/examples is told by this comment.
const EXAMPLE: &str = "<!-- example: ";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below a folder of the repository, by the end of their names.
fn below(folder: &str, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(end) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// README.md and docs/**/*.md, each with its text.
fn pages() -> Vec<(PathBuf, String)> {
    let mut paths = below("docs", ".md");
    paths.push(root().join("README.md"));
    assert!(paths.len() > 5, "the documentation is gone");
    paths.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

/// A fenced block of a page.
struct Block {
    page: PathBuf,
    line: usize,
    language: String,
    /// What the comment before it says that it is.
    complete: Option<String>,
    /// The file of docs/examples that it is.
    example: Option<String>,
    text: String,
}

impl Block {
    fn at(&self) -> String {
        format!("{}:{}", self.page.strip_prefix(root()).unwrap().display(), self.line)
    }
}

fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    for (page, text) in pages() {
        let (mut open, mut before): (Option<Block>, &str) = (None, "");
        for (index, line) in text.lines().enumerate() {
            match (line.strip_prefix("```"), open.take()) {
                (Some(_), Some(block)) => blocks.push(block),
                (Some(language), None) => {
                    let said = |start: &str| {
                        let rest = before.strip_prefix(start)?;
                        Some(rest.trim_end_matches("-->").trim().to_owned())
                    };
                    open = Some(Block {
                        page: page.clone(),
                        line: index + 1,
                        language: language.trim().to_owned(),
                        complete: said(COMPLETE),
                        example: said(EXAMPLE),
                        text: String::new(),
                    });
                }
                (None, Some(mut block)) => {
                    block.text += line;
                    block.text.push('\n');
                    open = Some(block);
                }
                (None, None) => {}
            }
            before = line;
        }
        assert!(open.is_none(), "{}: a block is not closed", page.display());
    }
    blocks
}

/// The text outside of fenced blocks, with its line numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut inside = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.starts_with("```");
        inside ^= fence;
        (!inside && !fence).then_some((index + 1, line))
    })
}

fn hulk(arguments: &[&str]) -> Output {
    hulk_in(root(), arguments)
}

fn hulk_in(folder: &Path, arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_hulk");
    Command::new(program).args(arguments).current_dir(folder).output().unwrap()
}

/// Where a command of a page is run: what `init` writes goes into a folder of its own.
fn place_of(words: &[&str], fresh: &Path) -> PathBuf {
    let own = words.iter().any(|word| word.starts_with("my-service"));
    if own { fresh.to_owned() } else { root().to_owned() }
}

/// Makes what the TLS example names and git ignores, as its page says.
fn certificates() {
    static MADE: OnceLock<()> = OnceLock::new();
    MADE.get_or_init(|| {
        let openssl = Command::new("openssl").arg("version").output();
        assert!(openssl.is_ok(), "openssl is missing: tests/run installs it");
        let script = "docs/examples/tls-front/make-certificates";
        let made = Command::new(root().join(script)).output().unwrap();
        assert!(made.status.success(), "{script}: {}", String::from_utf8_lossy(&made.stderr));
    });
}

fn judge(offences: &[String]) {
    assert!(offences.is_empty(), "{} offence(s)\n  {}", offences.len(), offences.join("\n  "));
}

#[test]
fn every_command_of_the_documentation_runs() {
    const RUN_HERE: &[&str] = &["check", "init", "schema", "completions", "--help", "--version"];
    certificates();
    let (mut run, mut live, mut offences) = (0, BTreeSet::new(), Vec::new());
    let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs-init");
    let _left_by_the_run_before = std::fs::remove_dir_all(&fresh);
    std::fs::create_dir_all(&fresh).unwrap();
    for block in blocks().iter().filter(|block| block.language == "sh") {
        for line in block.text.lines() {
            let ours = ["hulk ", "cargo run --release -- "];
            let Some(rest) = ours.iter().find_map(|start| line.strip_prefix(start)) else {
                continue;
            };
            if RUN_LIVE.contains(&rest) {
                live.insert(rest.to_owned());
                continue;
            }
            // What it prints may go to a file.
            let words: Vec<&str> =
                rest.split_whitespace().take_while(|word| *word != ">").collect();
            if !words.iter().any(|word| RUN_HERE.contains(word)) {
                offences.push(format!("{}: `{line}` is not known as one of a run", block.at()));
                continue;
            }
            if words.first() == Some(&"init") {
                // Each page begins anew.
                let _left_by_another_page = std::fs::remove_dir_all(fresh.join("my-service"));
            }
            let output = hulk_in(&place_of(&words, &fresh), &words);
            run += 1;
            if output.status.code() != Some(0) {
                let said = String::from_utf8_lossy(&output.stderr);
                offences.push(format!("{}: `{line}`: {}\n{said}", block.at(), output.status));
            }
        }
    }
    judge(&offences);
    assert!(run >= 3, "only {run} commands were run");
    let known: BTreeSet<String> = RUN_LIVE.iter().map(|&command| command.to_owned()).collect();
    assert_eq!(live, known, "RUN_LIVE lists what no page has");
}

/// Names the journey, the devices, the platform and the model of the pages beside it.
const AROUND: &str = r#"
name = "around"
journeys = ["journey.toml"]
devices = "devices.toml"
clock = { speed = 1 }
target = { embedded = { platform = "platform.toml" } }

[audience]
model = "model.toml"
day = "day-1"
from_min = 0
to_min = 60
scale = 1e-5
lead_in_ms = 0

[policy.home]
ladder = { rung_viewers = 1_000_000, buffer_viewers = 0, rps_per_viewer = 0.04, rps_buffer = 0, rps_per_instance = 2500 }

[policy.recommendation]
ladder = { rung_viewers = 1_000_000, buffer_viewers = 0, rps_per_viewer = 0.04, rps_buffer = 0, rps_per_instance = 2500 }

[policy.playback]
ladder = { rung_viewers = 1_000_000, buffer_viewers = 0, rps_per_viewer = 0.04, rps_buffer = 0, rps_per_instance = 2500 }
"#;

#[test]
fn every_complete_file_of_the_documentation_loads() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs");
    std::fs::create_dir_all(&folder).unwrap();
    let mut kinds = BTreeSet::new();
    for block in blocks() {
        let Some(kind) = &block.complete else { continue };
        assert_eq!(block.language, "toml", "{}", block.at());
        assert!(kinds.insert(kind.clone()), "{}: a second {kind}", block.at());
        if kind == "rehearsal" {
            let source = Source::new(block.at(), block.text.as_str());
            Rehearsal::read(&source, root()).unwrap_or_else(|problems| panic!("{problems}"));
        }
        std::fs::write(folder.join(format!("{kind}.toml")), &block.text).unwrap();
    }
    assert_eq!(Vec::from_iter(kinds), ["devices", "journey", "model", "platform", "rehearsal"]);
    // The other four are read as a rehearsal reads them, and fit together.
    let around = Source::new("around.toml", AROUND);
    Rehearsal::read(&around, &folder).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn every_example_of_a_page_is_the_file_that_it_names() {
    let mut shown = 0;
    for block in blocks() {
        let Some(name) = &block.example else { continue };
        let file = std::fs::read_to_string(root().join("docs/examples").join(name)).unwrap();
        assert_eq!(block.text, file, "{} is not docs/examples/{name}", block.at());
        shown += 1;
    }
    assert!(shown >= hulk_scenarios::traffic::Executor::NAMES.len(), "only {shown} examples");
}

#[test]
fn every_example_file_passes_check() {
    certificates();
    let examples = below("docs/examples", ".toml");
    let rehearsals: Vec<&PathBuf> = examples
        .iter()
        .filter(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            ["\n[audience]", "\n[load]"].iter().any(|head| text.contains(head))
        })
        .collect();
    assert!(!rehearsals.is_empty(), "there is no example of a rehearsal");
    let mut named = String::new();
    for path in &rehearsals {
        let output = hulk(&["check", path.to_str().unwrap()]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{}: {said}", path.display());
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(!told.contains("warning:"), "{}: {told}", path.display());
        named += &std::fs::read_to_string(path).unwrap();
    }
    // The others are journeys, models and platforms: `check` has read those that a rehearsal names. Files
    // of proxies are read by a proxy.
    let of_proxies = root().join("docs/examples/proxies");
    let others = examples.iter().filter(|path| !rehearsals.contains(path));
    for path in others.filter(|path| !path.starts_with(&of_proxies)) {
        let name = path.file_name().unwrap().to_string_lossy();
        assert!(named.contains(&*format!("\"{name}\"")), "no example names {name}");
    }
}

/// Where the links of a line lead: `[text](target)`.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

/// A heading's anchor: lower case, spaces as hyphens, without punctuation.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_relative_link_leads_somewhere() {
    let (mut seen, mut offences) = (0, Vec::new());
    for (page, text) in pages() {
        // A link's text may go over a line's end, its target does not.
        for (number, line) in prose(&text) {
            for target in links(line).filter(|target| !target.contains("://")) {
                seen += 1;
                let (file, wanted) = target.split_once('#').unwrap_or((target, ""));
                let path = match file {
                    "" => page.clone(),
                    file => page.parent().unwrap().join(file),
                };
                let at = format!("{}:{number}", page.strip_prefix(root()).unwrap().display());
                if !path.exists() {
                    offences.push(format!("{at}: {target} is not there"));
                } else if !wanted.is_empty() {
                    let there = std::fs::read_to_string(&path).unwrap();
                    let found = prose(&there)
                        .any(|(_, line)| line.starts_with('#') && anchor(line) == wanted);
                    if !found {
                        offences.push(format!("{at}: {target} has no such heading"));
                    }
                }
            }
        }
    }
    judge(&offences);
    assert!(seen > 20, "only {seen} links were seen");
}

/// Every key of a table, and of the tables in it; names given by the user are left out.
fn keys(table: &toml::Table, found: &mut BTreeSet<String>) {
    const OF_PLATFORMS: &[&str] = &["policy", "service", "edge", "rendition", "by", "observe"];
    const OF_JOURNEYS: &[&str] = &["value", "extract", "headers", "when", "of", "after_push"];
    const OF_DEVICES: &[&str] = &["device", "traits"];
    let named_by_user = |key: &str| {
        [OF_PLATFORMS, OF_JOURNEYS, OF_DEVICES].iter().any(|names| names.contains(&key))
    };
    for (key, value) in table {
        found.insert(key.clone());
        match value {
            toml::Value::Table(inner) if named_by_user(key) => {
                inner.values().filter_map(toml::Value::as_table).for_each(|t| keys(t, found));
            }
            toml::Value::Table(inner) => keys(inner, found),
            toml::Value::Array(items) => {
                items.iter().filter_map(toml::Value::as_table).for_each(|t| keys(t, found));
            }
            _ => {}
        }
    }
}

#[test]
fn every_shipped_file_is_documented() {
    let pages = ["docs/rehearsal-file.md", "docs/journeys.md", "docs/avatar.md", "docs/feeds.md"];
    let page: String =
        pages.iter().map(|page| std::fs::read_to_string(root().join(page)).unwrap()).collect();
    // In code: a key that is only an English word in a sentence is not explained.
    let spans: Vec<&str> = page.split('`').skip(1).step_by(2).collect();
    let words: BTreeSet<&str> = spans
        .iter()
        .flat_map(|span| span.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .collect();
    let mut files = below("scenarios", ".toml");
    files.retain(|path| path.file_name().is_some_and(|name| name != "Cargo.toml"));
    // What is wrong on purpose: tests/invalid.rs has those.
    files.retain(|path| !path.starts_with(root().join("scenarios/invalid")));
    files.extend(below("traffic-models/models", ".toml"));
    files.extend(below("infra/avatar/adapters", ".toml"));
    assert!(files.len() >= 4, "{files:?}");
    let mut offences = Vec::new();
    for path in files {
        let table: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        let mut found = BTreeSet::new();
        keys(&table, &mut found);
        let missing = found.iter().filter(|key| !words.contains(key.as_str()));
        let name = path.strip_prefix(root()).unwrap().display();
        offences.extend(missing.map(|key| format!("{name}: `{key}` is not in {pages:?}")));
    }
    judge(&offences);
}
