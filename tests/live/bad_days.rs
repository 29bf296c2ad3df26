//! Bad days: targets that are gone or silent, disks that are full, terminals and clocks that
//! change. docs/bad-days.md says what happens then.

use std::fs;
use std::io::{Write, stderr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use hulk_record::{Measure, Outcome, Record, RunEnd};
use rustix::process::Signal;

use crate::bench::{Bench, HULK, Run, Running, wait_for};
use crate::files::{replaced, short};
use crate::processes::{kill, kill_group, marked};
use crate::small_target::{Manner, SmallTarget};

const JOURNEY: &str = r#"
name = "shop"
timeout_ms = 400
retry = { backoff = { first_s = 20, max_s = 80 } }

[[step]]
after = { name = "front", service = "shop", get = "/", on_resume = true }

[[step]]
every = { name = "beat", service = "shop", get = "/beat", period_s = 4 }
"#;

/// 16 viewers for 3.6 s: 20 match seconds in each.
const REHEARSAL: &str = r#"
name = "bad-day"
journeys = ["shop.toml"]

[clock]
speed = 20

[audience]
model = "ind-vs-nz-2019"
day = "day-2"
from_min = 251
to_min = 252.2
scale = 1e-6
lead_in_ms = 500

[target]
url = { base = "http://127.0.0.1:PORT" }

[[objective]]
name = "the shop is open"
service = "shop"
served_share = { min = 0.99 }
"#;

/// From a run's folder to its window: the start's lead, and the lead-in.
const TO_WINDOW: Duration = Duration::from_millis(300 + 500);

/// A bench with the files of a rehearsal against this port.
fn bench(name: &str, port: u16) -> Bench {
    let bench = Bench::take(name);
    write_files(&bench, port);
    bench
}

fn write_files(bench: &Bench, port: u16) {
    bench.write("shop.toml", JOURNEY);
    bench.write("bad.toml", replaced(REHEARSAL, "PORT", &port.to_string()));
}

/// How many requests ended so.
fn ended(record: &Record, outcome: Outcome) -> u64 {
    let series = record.frames.iter().flat_map(|frame| &frame.series);
    let of = series.filter(|(key, _)| key.outcome == outcome && key.measure <= Measure::Lag);
    of.flat_map(|(_, samples)| &samples.counts).map(|(_, count)| count).sum()
}

/// Whether this machine lets a test do that; else what is not shown is said.
fn may(what: &str, program: &[&str]) -> bool {
    let status = Command::new(program[0])
        .args(&program[1..])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let may = status.is_ok_and(|status| status.success());
    if !may {
        let line = format!("`{}` is not possible here: {what} is not shown\n", program.join(" "));
        stderr().write_all(line.as_bytes()).unwrap();
    }
    may
}

/// Runs a shell's lines in the folder, with `$HULK`.
fn shell(bench: &Bench, by: &[&str], lines: &str) -> Running {
    let lines = format!("HULK='{HULK}'\n{lines}");
    bench.start(&[by, &["sh", "-c", &lines]].concat())
}

#[track_caller]
fn says(run: &Run, wanted: &[&str]) {
    let said = format!("{}{}", run.stdout, run.stderr);
    for text in wanted {
        assert!(said.contains(text), "`{text}` is not in {run:#?}");
    }
    assert!(!said.contains("panicked"), "{run:#?}");
}

#[test]
fn a_target_that_refuses_from_the_start_fails_and_the_reason_says_so() {
    let target = SmallTarget::start(Manner::Answers);
    let port = target.port;
    drop(target);
    let bench = bench("refused", port);
    let run = bench.rehearse("bad.toml");
    run.assert_ended(3, "FAIL");
    says(&run, &["shop served 0 %", "found no connection: it was refused, or nobody was there"]);
    let record = run.record();
    assert!(matches!(record.end, RunEnd::Completed { .. }), "it goes on to its end");
    assert!(ended(&record, Outcome::ConnectError) >= 20, "all of them are counted");
    assert_eq!(ended(&record, Outcome::Ok), 0);
}

#[test]
fn a_target_that_dies_is_a_finding_with_its_minute_and_the_run_goes_on() {
    let bench = Bench::take("dies");
    let run = bench.rehearse_each("bad.toml", || {
        let target = SmallTarget::start(Manner::Answers);
        write_files(&bench, target.port);
        let mut running = bench.rehearsal("bad.toml");
        running.wait_for_folder();
        sleep(TO_WINDOW + Duration::from_millis(1800));
        drop(target);
        running.end()
    });
    run.assert_ended(3, "FAIL");
    says(&run, &["found no connection"]);
    let record = run.record();
    assert!(matches!(record.end, RunEnd::Completed { .. }), "{:?}", record.end);
    assert!(ended(&record, Outcome::Ok) >= 50 && ended(&record, Outcome::ConnectError) >= 20);
    let summary = run.summary();
    let objectives = summary.verdict()["objectives"].as_array().unwrap();
    let open = objectives.iter().find(|one| one["name"] == "the shop is open").unwrap();
    let first = open["first_match_min"].as_f64().unwrap();
    // It died at minute 251.6; an interval is a third of a minute.
    assert!((251.2..252.0).contains(&first), "{open:#}");
}

#[test]
fn a_silent_target_is_counted_as_time_outs_and_a_full_stdout_changes_nothing() {
    let target = SmallTarget::start(Manner::Silent);
    let bench = bench("silent", target.port);
    let run = bench.rehearse_each("bad.toml", || {
        shell(&bench, &[], "exec \"$HULK\" rehearse bad.toml >/dev/full").end()
    });
    assert_eq!(run.code, 3, "{run:#?}");
    says(&run, &[]);
    let record = run.record();
    assert!(ended(&record, Outcome::Timeout) >= 20, "time-outs are counted");
    assert_eq!(ended(&record, Outcome::Ok), 0);
    assert_eq!(run.summary().verdict()["kind"], "fail");
    assert!(run.took < Duration::from_secs(12), "it ends in time: {:?}", run.took);
}

#[test]
fn ctrl_c_ends_the_load_on_a_target_of_ones_own() {
    let target = SmallTarget::start(Manner::Answers);
    let bench = bench("own-ctrl-c", target.port);
    let mut running = bench.rehearsal("bad.toml");
    running.wait_for_folder();
    sleep(TO_WINDOW + Duration::from_millis(1200));
    let mark = running.mark.clone();
    kill_group(running.id(), Signal::INT);
    let run = running.end_within(Duration::from_secs(5));
    run.assert_ended(130, "INTERRUPTED");
    let asked = target.asked();
    assert!(asked > 20, "{asked}");
    assert!(marked(&mark).is_empty(), "a process is left");
    sleep(Duration::from_millis(300));
    assert_eq!(target.asked(), asked, "nothing is sent any more");
}

#[test]
fn ctrl_c_heals_a_fault_first() {
    let bench = Bench::take("fault-ctrl-c");
    let fault = "\n[[fault]]\nname = \"lost\"\nat_min = 256.02\nfor_s = 60\n\
                 edge_lost = { edge = \"north\" }\n";
    bench.write("short.toml", short(0.75, 1_000) + fault);
    let mut running = bench.rehearsal("short.toml");
    running.wait_for_folder();
    let events = running_events(&bench);
    wait_for("the fault", Duration::from_secs(20), || {
        fs::read_to_string(&events).ok().filter(|text| text.contains("is lost"))
    });
    kill_group(running.id(), Signal::INT);
    let run = running.end_within(Duration::from_secs(5));
    run.assert_ended(130, "INTERRUPTED");
    let told: Vec<String> = run.record().events.into_iter().map(|event| event.text).collect();
    let at = |text: &str| told.iter().position(|told| told == text);
    let (on, healed) = (at("lost: edge `north` is lost"), at("lost: healed"));
    assert!(on.is_some() && on < healed, "{told:#?}");
}

/// The events of the only run.
fn running_events(bench: &Bench) -> PathBuf {
    let run = fs::read_dir(bench.path("runs")).unwrap().next().unwrap().unwrap().path();
    run.join("record/events.jsonl")
}

/// The library that lies about the time.
fn faketime() -> Option<PathBuf> {
    let places = fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path());
    let library = |place: PathBuf| place.join("faketime/libfaketimeMT.so.1");
    places.map(library).find(|path| path.exists())
}

#[test]
fn a_clock_that_is_set_back_changes_nothing() {
    let Some(library) = faketime() else {
        stderr()
            .write_all(b"faketime is missing: that a clock set back changes nothing is not shown\n")
            .unwrap();
        return;
    };
    let target = SmallTarget::start(Manner::Answers);
    let bench = bench("clock", target.port);
    let taken = bench.path("earlier/bad-day-20190710-143000");
    let preload = format!("LD_PRELOAD={}", library.display());
    let now = format!("FAKETIME_TIMESTAMP_FILE={}", bench.path("now").display());
    let by = ["env", &preload, &now, "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"];
    let rehearse = [HULK, "rehearse", "bad.toml", "--runs", "earlier"];
    let run = bench.path("earlier/bad-day-20190710-143000-2");
    let record = run.join("record");
    let ended = bench.rehearse_each("bad.toml", || {
        // The calendar only: it stands still at a time of which there is a run already.
        let _may_be_missing = fs::remove_dir_all(bench.path("earlier"));
        bench.write("now", "2019-07-10 14:30:00\n");
        fs::create_dir_all(&taken).unwrap();
        let running = bench.start(&[&by[..], &rehearse].concat());
        wait_for("the run's folder", Duration::from_secs(20), || {
            record.join("events.jsonl").exists().then_some(())
        });
        sleep(TO_WINDOW + Duration::from_millis(1500));
        bench.write("now", "2019-07-10 13:30:00\n");
        running.end()
    });
    ended.assert_ended(0, "PASS");
    let record = Record::read(&record).unwrap();
    assert!(record.frames.iter().is_sorted_by_key(|frame| frame.from));
    assert!(record.frames.iter().all(|frame| frame.from < frame.to), "time never goes back");
    assert!(fs::read_dir(taken).unwrap().next().is_none(), "the earlier run is not touched");
    let before = fs::read(run.join("summary.json")).unwrap();
    let report = [HULK, "report", run.to_str().unwrap()];
    bench.start(&[&by[..], &report].concat()).end().assert_ended(0, "PASS");
    assert_eq!(fs::read(run.join("summary.json")).unwrap(), before);
}

#[test]
fn a_terminal_that_is_closed_ends_the_run_in_order() {
    let target = SmallTarget::start(Manner::Answers);
    let bench = bench("hangup", target.port);
    // The terminal's shell dies of it, which tells all the others; what the inner shell traps, its
    // children get as it was: not ignored.
    let inside = format!(
        "sh -c 'trap : HUP; \"{HULK}\" rehearse bad.toml; echo $? >code.new; mv code.new code'; true"
    );
    let mut running = bench.start(&["script", "-qec", &inside, "/dev/null"]);
    running.wait_for_folder();
    sleep(TO_WINDOW + Duration::from_millis(1200));
    kill(running.id(), Signal::KILL);
    let code =
        wait_for("the end", Duration::from_secs(8), || fs::read_to_string(bench.path("code")).ok());
    assert_eq!(code.trim(), "143");
    let record = Record::read(running_events(&bench).parent().unwrap()).unwrap();
    assert!(matches!(record.end, RunEnd::Interrupted { signal: 15, .. }), "{:?}", record.end);
    let report = running_events(&bench).parent().unwrap().with_file_name("report.html");
    assert!(fs::metadata(report).unwrap().len() > 0);
}

#[test]
fn a_reader_who_has_gone_changes_no_exit_code() {
    let bench = bench("gone", 9);
    let lines = "(sleep 0.3
        for what in '--help' 'check bad.toml' 'check match-day missing.toml' 'check --help'; do
            \"$HULK\" $what 2>errors; echo $? >>codes; cat errors >>all
        done) | true
        sleep 0.1; until [ \"$(wc -l <codes)\" = 4 ]; do sleep 0.05; done; cat codes all";
    let run = shell(&bench, &["timeout", "20"], lines).end();
    says(&run, &["0\n0\n2\n0\n"]);
    assert!(!run.stdout.contains("Broken pipe"), "{run:#?}");
}

/// The lines of a file of the bench, as `name value`.
fn value(run: &Run, name: &str) -> String {
    let found = run.stdout.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    found.unwrap_or_else(|| panic!("no `{name}` in {run:#?}")).to_owned()
}

#[test]
fn a_disk_that_is_full_stops_the_load_and_what_was_recorded_can_be_read() {
    let by = ["unshare", "-m"];
    if !may("a full disk", &["unshare", "-m", "true"]) {
        return;
    }
    let target = SmallTarget::start(Manner::Answers);
    let bench = bench("full", target.port);
    bench.write("short.toml", short(0.75, 1_000));
    bench.write("file", "");
    let lines = "mkdir runs; mount -t tmpfs -o size=2m none runs
        \"$HULK\" rehearse bad.toml; echo before $?; echo left $(ls -A runs | wc -l)
        \"$HULK\" rehearse bad.toml --runs file; echo file $?
        mount -o remount,size=16m none runs
        \"$HULK\" rehearse short.toml & run=$!
        until [ -e runs/*/record/events.jsonl ]; do sleep 0.05; done
        sleep 2.5; cat /dev/zero >runs/fill
        wait $run; echo during $?
        rm runs/fill
        \"$HULK\" report runs/match-day-*; echo report $?
        mount -o remount,ro none runs
        \"$HULK\" report runs/match-day-*; echo kept $?
        \"$HULK\" rehearse bad.toml; echo read-only $?";
    let running = shell(&bench, &by, lines);
    let mark = running.mark.clone();
    let run = running.end();
    let codes = ["before", "left", "file", "during", "report", "kept", "read-only"];
    let codes = codes.map(|name| value(&run, name));
    // A record that is cut is never valid.
    assert_eq!(codes, ["1", "0", "2", "1", "6", "1", "2"], "{run:#?}");
    says(
        &run,
        &[
            "error: runs: No space left on device (os error 28): a record needs at least 4 MiB",
            "error: file: ",
            "help: free some space; what was recorded until then can be read: hulk report runs/match-",
            "The record stops at match minute 256.",
            "Read-only file system (os error 30)",
            "help: make the folder writable",
            "name another folder with --runs",
        ],
    );
    assert_eq!(target.asked(), 0, "nothing is sent where nothing can be written");
    wait_for("no process is left", Duration::from_secs(3), || {
        marked(&mark).is_empty().then_some(())
    });
}

#[test]
fn without_a_free_port_the_platform_does_not_start_and_nothing_is_left() {
    let lines = "ip link set lo up && echo 40000 40001 >/proc/sys/net/ipv4/ip_local_port_range";
    let by = ["unshare", "-n"];
    if !may("a machine without ports", &[&by[..], &["sh", "-c", lines]].concat()) {
        return;
    }
    let bench = Bench::take("ports");
    bench.write("short.toml", short(0.75, 1_000));
    let lines = format!("{lines}\nexec \"$HULK\" rehearse short.toml");
    let running = shell(&bench, &by, &lines);
    let mark = running.mark.clone();
    let run = running.end_within(Duration::from_secs(10));
    assert!(run.code == 1 && !run.has_folder(), "{run:#?}");
    says(
        &run,
        &[
            "error: no port of this machine's loopback is free for the embedded platform: ",
            "widen net.ipv4.ip_local_port_range",
            "error: the embedded platform ended before it listened; nothing was sent",
        ],
    );
    assert!(marked(&mark).is_empty(), "a process is left");
    assert!(Path::new(&bench.path("runs")).exists(), "only the folder of the runs was made");
}
