//! The shipped match-day as it is, and its files in the hands of others.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use hulk_record::{Measure, Offset, Samples, Session, SessionEnd};
use serde_json::Value;

use crate::bench::{Bench, Run};
use crate::counts::{merged, the_platform_received_what_was_sent};

/// The files of a whole record.
const RECORD: [&str; 7] = [
    "callee.jsonl",
    "capacity.jsonl",
    "end.json",
    "events.jsonl",
    "frames.bin",
    "manifest.json",
    "target.json",
];
/// Quantiles in parts per million.
const QUANTILES_PPM: [u32; 4] = [500_000, 900_000, 990_000, 999_000];

static MATCH_DAY: OnceLock<Run> = OnceLock::new();

/// The one run of it that all tests look at.
pub(crate) fn match_day() -> &'static Run {
    MATCH_DAY.get_or_init(|| {
        let bench = Bench::take("match-day");
        let run = bench.rehearse("match-day");
        bench.leave_folder();
        run
    })
}

/// What is measured of the embedded platform: no name is looked up and nothing is encrypted.
fn measures() -> impl Iterator<Item = Measure> {
    let not_here = |measure: &Measure| matches!(measure, Measure::Dns | Measure::Tls);
    Measure::ALL.into_iter().filter(move |measure| !not_here(measure))
}

#[test]
fn two_commands_on_a_fresh_machine_end_in_pass() {
    let run = match_day();
    run.assert_ended(0, "PASS");
    let last: Vec<&str> = run.stdout.lines().rev().take(2).collect();
    let held = "PASS: It held from match minute 251.0 to 261.4, with 24 calls to avatar-72. All ";
    assert!(last[1].starts_with(held), "{last:?}");
    let report = last[0].strip_prefix("report: ").unwrap();
    assert!(run.folder().ends_with(Path::new(report).parent().unwrap()), "{report}");
    assert!(run.took.as_secs_f64() <= 100.0, "{:?}", run.took);
    let measures = measures().map(|measure| format!("{}.hlog", measure.name()));
    let made = ["summary.json", "report.html", "report-static.html"].map(String::from);
    let made = made.into_iter().chain(measures);
    for name in made.chain(RECORD.map(|name| format!("record/{name}"))) {
        let size = fs::metadata(run.folder().join(&name)).map_or(0, |file| file.len());
        assert!(size > 0, "{name} is missing or empty");
    }
    let record = run.record();
    let wanted = record.manifest.wanted.iter().max().unwrap();
    let present = record.frames.iter().map(|frame| frame.audience.present).max().unwrap();
    assert!(present >= 2_000 && *wanted >= 2_000, "{present} of {wanted}");
    let summary = run.summary();
    assert_eq!((&summary.0["exit_code"], &summary.verdict()["kind"]), (&0.into(), &"pass".into()));
    assert!(summary.checks(false).is_empty());
    let arrivals = merged(&record).arrivals();
    assert!(arrivals.is_balanced(), "{arrivals:?}");
    assert_eq!(arrivals.intended, record.manifest.arrivals_planned);
    assert_eq!(summary.verdict()["arrivals"]["intended"], arrivals.intended);
    the_platform_received_what_was_sent(run);
}

/// Both targets are loaded at the same moment, and each holds.
#[test]
fn shipped_rehearsals_after_the_wicket_they_ask_the_avatar() {
    let (record, summary) = (match_day().record(), match_day().summary());
    let out = record.manifest.moments.iter().find(|moment| moment.name == "dhoni-out").unwrap();
    let out = record.manifest.clock.wall(out.at);
    let sessions: Vec<&Session> = record.frames.iter().flat_map(|frame| &frame.sessions).collect();
    assert_eq!(sessions.len(), 24);
    for session in sessions {
        assert_eq!(session.end, SessionEnd::Completed, "{session:?}");
        let after_s = Offset(session.intended_at.since(out)).as_s();
        assert!((0.0..3.0).contains(&after_s), "{after_s}");
        let latency_us = session.felt.latency_us(500_000).expect("it was answered");
        assert!(latency_us < 1_000_000, "{latency_us}");
    }
    let pressed_back = merged(&record).responses()["dhoni-out"].woken;
    assert!(pressed_back > 500, "{pressed_back} viewers meanwhile");
    let rows = summary.verdict()["callers"]["figures"].as_array().unwrap();
    let goodput = rows.iter().find(|row| row["name"] == "goodput").unwrap();
    assert!(goodput["measured"].as_f64().unwrap() >= 0.95, "{goodput}");
}

/// Reads the logs with a reader of another house.
fn read_in_python(folder: &Path) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("tests/.venv/bin/python");
    assert!(python.exists(), "{} is missing: run `tests/run`", python.display());
    let logs = measures().map(|measure| folder.join(format!("{}.hlog", measure.name())));
    let script = root.join("tests/live/read_hlog.py");
    let read = Command::new(python).arg(script).args(logs).output().unwrap();
    let errors = String::from_utf8_lossy(&read.stderr);
    assert!(read.status.success(), "{errors}");
    serde_json::from_slice(&read.stdout).unwrap()
}

#[test]
fn hlog_files_read_in_python_to_equal_counts_and_quantiles() {
    let run = match_day();
    // It needs a core for seconds: not beside what measures time.
    let turn = Bench::take("python");
    let found = read_in_python(run.folder());
    drop(turn);
    let record = run.record();
    let summary = run.summary();
    // As everywhere in the reports: from t = 0 on.
    let series = merged(&record).series(|frame| frame.from.0 >= 0);
    for measure in measures() {
        let name = measure.name();
        let mut all = Samples::new();
        let mut tags: BTreeMap<String, u64> = BTreeMap::new();
        for (key, samples) in series.iter().filter(|(key, _)| key.measure == measure) {
            all.merge(&samples.sparse());
            let tag = format!("{}/{}/{}", key.journey, key.step, key.outcome.name());
            *tags.entry(tag).or_default() += samples.count();
        }
        assert!(all.count() > 0, "{name} is empty");
        let quantiles = QUANTILES_PPM.map(|ppm| all.quantile_us(ppm));
        let max = all.histogram().max();
        let wanted = serde_json::json!({
            "count": all.count(), "quantiles": quantiles, "max": max, "tags": tags,
        });
        assert_eq!(found[name], wanted, "{name}");
        assert!(all.max_us() <= max, "{name}: the histogram's maximum is its bucket's top");
        let steps = summary.0["steps"].as_array().unwrap().iter();
        let told: u64 = steps.filter_map(|step| step["measures"][name]["count"].as_u64()).sum();
        assert_eq!(told, all.count(), "{name} in summary.json");
    }
}

/// The files of a folder, by their names.
fn bytes_of(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let files = files.filter(|file| file.file_type().unwrap().is_file());
    let name = |file: &fs::DirEntry| file.file_name().into_string().unwrap();
    files.map(|file| (name(&file), fs::read(file.path()).unwrap())).collect()
}

#[test]
fn the_verdict_renders_again_to_the_same_bytes() {
    let run = match_day();
    let before = bytes_of(run.folder());
    assert_eq!(before.len(), 12, "{:?}", before.keys());
    let bench = Bench::take("again");
    // The record alone, elsewhere.
    fs::create_dir_all(bench.path("copy/record")).unwrap();
    let record = bytes_of(&run.folder().join("record"));
    assert!(record.keys().eq(&RECORD), "{:?}", record.keys());
    for (name, bytes) in record {
        fs::write(bench.path("copy/record").join(name), bytes).unwrap();
    }
    for _ in 0..2 {
        let again = bench.hulk(&["report", "copy"]);
        let after = bytes_of(&bench.path("copy"));
        assert!(before.keys().eq(after.keys()), "{:?}", after.keys());
        for (name, bytes) in &before {
            assert!(after[name] == *bytes, "{name} has changed");
        }
        assert_eq!(again.code, run.code, "{again:?}");
        let verdict = |text: &str| text.lines().rev().nth(1).map(str::to_owned);
        assert_eq!(verdict(&again.stdout), verdict(&run.stdout));
    }
}
