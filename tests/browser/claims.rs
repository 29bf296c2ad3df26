//! The claims, each a test.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use hulk_record::{FaultInfo, MatchTime, MomentInfo, Offset, Record, RunEnd};
use hulk_reports::{VerdictKind, html, html_static, judge};
use hulk_scenarios::Rehearsal;
use serde_json::Value;

use crate::driver::run;

/// How often the long run repeats the short one: more intervals than the first view has bins.
const REPEATS: i64 = 20;

/// What the browser found, by claim: nothing where it holds.
fn found() -> &'static BTreeMap<String, String> {
    static FOUND: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let folder = folder().join("reports");
        // A picture of the run before must not stand for one of this.
        let _may_be_missing = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("the build's folder can be written");
        write_reports(&folder);
        let out = Command::new("node")
            .arg(scripts().join("report.mjs"))
            .arg(&folder)
            .output()
            .unwrap_or_else(|error| panic!("node: {error}; `tests/run` installs it"));
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "the browser's script failed: {said}");
        let found: Value = serde_json::from_slice(&out.stdout).expect("the script prints JSON");
        let told = |value: &Value| value.as_str().unwrap_or("no text").to_owned();
        let found = found.as_object().expect("claims by name").iter();
        found.map(|(claim, problem)| (claim.clone(), told(problem))).collect()
    })
}

fn holds(claim: &str) {
    match found().get(claim).map(String::as_str) {
        Some("") => {}
        Some(problem) => panic!("{problem}"),
        None => panic!("report.mjs says nothing of {claim}"),
    }
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of the scripts that drive the browser, with what they need.
pub(crate) fn scripts() -> PathBuf {
    let scripts = root().join("tests/browser");
    let missing = ["playwright-core", "axe-core"]
        .iter()
        .any(|name| !scripts.join("node_modules").join(name).is_dir());
    assert!(!missing, "tests/browser/node_modules is missing: `tests/run` installs it");
    scripts
}

/// Where pages and pictures are kept.
pub(crate) fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("browser");
    fs::create_dir_all(&folder).expect("the build's folder can be written");
    folder
}

fn write_reports(folder: &Path) {
    let [passed, failed] = ["match-day", "match-day-cloud-group"].map(shipped);
    let cases = [
        ("pass", passed.clone(), VerdictKind::Pass),
        ("fail", failed.clone(), VerdictKind::Fail),
        ("long", long(&failed), VerdictKind::Interrupted { signal: 2 }),
        ("cut", cut(&passed), VerdictKind::Invalid),
    ];
    for (name, record, kind) in cases {
        let verdict = judge(&record);
        assert_eq!(verdict.kind, kind, "{name}: {:?}", verdict.reasons);
        let report = html(&record, &verdict);
        let write = |name: String, bytes: &[u8]| {
            fs::write(folder.join(name), bytes).expect("the build's folder can be written");
        };
        write(format!("{name}-static.html"), &html_static(&report));
        write(format!("{name}.html"), &report);
    }
}

fn shipped(name: &str) -> Record {
    let run = run(&Rehearsal::load(name).expect("the shipped rehearsal is valid"));
    assert!(!run.schedule.visits.is_empty() && !run.status.is_empty());
    run.record
}

/// A run many times as long, with faults and moments close to each other, stopped before its end.
fn long(short: &Record) -> Record {
    let mut long = short.clone();
    let length = short.manifest.until.0;
    let match_s = short.manifest.clock.match_time(short.manifest.until).as_s();
    let frames: Vec<_> = short.frames.iter().filter(|frame| frame.from >= Offset(0)).collect();
    let intervals = length / short.manifest.interval_us as i64;
    long.frames.retain(|frame| frame.from < Offset(0));
    long.capacity.retain(|sample| sample.at < Offset(0));
    for turn in 0..REPEATS - 2 {
        for frame in &frames {
            let mut frame = (*frame).clone();
            frame.sequence = long.frames.len() as u64;
            for at in [&mut frame.from, &mut frame.to, &mut frame.watermark] {
                *at = at.plus(turn * length);
            }
            frame.sends.iter_mut().for_each(|send| send.due_interval += (turn * intervals) as i32);
            long.frames.push(frame);
        }
        let samples = short.capacity.iter().filter(|sample| sample.at >= Offset(0));
        long.capacity.extend(samples.cloned().map(|mut sample| {
            sample.at = sample.at.plus(turn * length);
            sample
        }));
    }
    let manifest = &mut long.manifest;
    manifest.until = Offset(REPEATS * length);
    manifest.wanted = short.manifest.wanted.repeat(REPEATS as usize);
    let at = |share: f64| MatchTime::from_s(share * match_s * REPEATS as f64);
    let moment =
        |name: &str, share| MomentInfo { name: name.into(), at: at(share), response: None };
    manifest.moments = vec![
        moment("toss", 0.02),
        moment("first ball", 0.03),
        moment("powerplay ends", 0.31),
        moment("<script>alert('x')</script>", 0.32),
        moment("a wicket with quite a long name to draw", 0.33),
        moment("last over", 0.86),
    ];
    let fault = |name: &str, from, until| FaultInfo {
        name: name.into(),
        kind: "latency".into(),
        text: "80 ms more for 30 % of requests".into(),
        from: at(from),
        until: at(until),
        service: Some("home".into()),
    };
    manifest.faults =
        vec![fault("gray failure", 0.3, 0.36), fault("slow payment </script>", 0.34, 0.42)];
    let workers = Vec::new();
    long.end = RunEnd::Interrupted { signal: 2, workers, lost: Vec::new() };
    long
}

/// A record of one interval that has no end.
fn cut(whole: &Record) -> Record {
    let mut cut = whole.clone();
    cut.frames.retain(|frame| frame.to <= Offset(1_000_000));
    cut.capacity.retain(|sample| sample.at <= Offset(1_000_000));
    cut.end = RunEnd::Cut;
    cut
}

#[test]
fn both_reports_open_without_error_and_without_network() {
    holds("opens");
}

#[test]
fn the_static_report_needs_nothing_that_jenkins_forbids() {
    holds("jenkins");
}

#[test]
fn both_reports_are_accessible_in_light_and_dark() {
    holds("accessible");
}

#[test]
fn the_verdict_and_the_curves_are_there_with_and_without_script() {
    holds("curves");
}

#[test]
fn the_keyboard_zooms_and_tables_and_figures_follow() {
    holds("keyboard");
}

#[test]
fn a_closer_look_shows_finer_bins() {
    holds("finer");
}

#[test]
fn the_mouse_reads_values_and_zooms() {
    holds("mouse");
}

#[test]
fn the_script_says_the_same_as_the_page_without_it() {
    holds("twins");
}

#[test]
fn windows_before_during_and_after_are_shown() {
    holds("windows");
}

#[test]
fn a_phone_never_scrolls_sideways() {
    holds("phone");
}

#[test]
fn pictures_of_both_reports_are_kept() {
    holds("pictures");
    for name in
        ["pass-desktop", "fail-desktop", "fail-phone", "fail-dark", "fail-print", "fail-static"]
    {
        let picture = folder().join("reports").join(format!("{name}.png"));
        assert!(fs::metadata(&picture).is_ok_and(|file| file.len() > 10_000), "{name}");
    }
}
