//! The page of `hulk platform`, each claim a test: `browser/platform.mjs` drives it once.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::claims::{folder, root, scripts};

/// What the browser found, by claim: nothing where it holds.
fn found() -> &'static BTreeMap<String, String> {
    static FOUND: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let mut platform = Command::new(env!("CARGO_BIN_EXE_hulk"))
            .args(["platform", "match-day", "--speed", "30"])
            .current_dir(root())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        let said = BufReader::new(platform.stdout.take().expect("it is piped"));
        let mut at = BTreeMap::new();
        for line in said.lines().map(|line| line.expect("it prints text")) {
            if let Some((what, url)) = line.split_once(": http") {
                at.insert(what.to_owned(), format!("http{url}"));
            }
            if line.starts_with("Ctrl-C") {
                break;
            }
        }
        let out = Command::new("node")
            .arg(scripts().join("platform.mjs"))
            .args([&at["page"], &at["edge north"], &at["edge south"]])
            .arg(folder())
            .output()
            .unwrap_or_else(|error| panic!("node: {error}; `tests/run` installs it"));
        let id = Pid::from_raw(platform.id() as i32).expect("it has a number");
        kill_process(id, Signal::INT).expect("it still runs");
        let ended = platform.wait().expect("it is our child");
        assert_eq!(ended.code(), Some(130), "Ctrl-C ends it");
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "the browser's script failed: {said}");
        let found: Value = serde_json::from_slice(&out.stdout).expect("the script prints JSON");
        let found = found.as_object().expect("claims by name").iter();
        let told = |value: &Value| value.as_str().unwrap_or("no text").to_owned();
        found.map(|(claim, problem)| (claim.clone(), told(problem))).collect()
    })
}

fn holds(claim: &str) {
    match found().get(claim).map(String::as_str) {
        Some("") => {}
        Some(problem) => panic!("{problem}"),
        None => panic!("platform.mjs says nothing of {claim}"),
    }
}

#[test]
fn the_platform_s_figures_move_with_its_events() {
    holds("moves");
}

#[test]
fn a_policy_is_changed_on_the_page_and_another_number_is_wanted() {
    holds("policies");
}

#[test]
fn a_panic_switch_is_pressed_on_the_page_and_answers_say_so() {
    holds("switches");
}

#[test]
fn an_edge_is_lost_and_restored_on_the_page() {
    holds("loses");
}

#[test]
fn a_lost_edge_heals_when_the_page_is_closed() {
    holds("heals");
}

#[test]
fn a_page_of_another_origin_has_no_say() {
    holds("strangers");
}

#[test]
fn the_platform_s_page_is_accessible_and_fits_a_phone() {
    holds("accessible");
    holds("phone");
    for name in ["light", "dark", "phone"] {
        let picture = folder().join(format!("platform-{name}.png"));
        assert!(fs::metadata(&picture).is_ok_and(|file| file.len() > 10_000), "{name}");
    }
}

#[test]
fn the_platform_s_page_asks_for_nothing_elsewhere_and_complains_of_nothing() {
    holds("quiet");
}
