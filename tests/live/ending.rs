//! Ends before the end: nothing is left behind, and what was recorded stays.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use hulk_record::{Record, RunEnd};
use rustix::process::Signal;

use crate::bench::{Bench, Running, wait_for};
use crate::files::short;
use crate::processes::{kill, kill_group, listening, listening_of, marked, platform_of};

/// What is left behind must be gone by then.
const GRACE: Duration = Duration::from_secs(3);

/// The run's folder is made so long before its lead-in starts.
const START_LEAD_MS: u64 = 300;
const LEAD_IN_MS: u64 = 1_000;

fn rehearsal(bench: &Bench) -> Running {
    bench.write("short.toml", short(0.75, LEAD_IN_MS as u32));
    bench.rehearsal("short.toml")
}

/// Waits until the run has been in its window for so long.
fn wait_for_window(running: &mut Running, ms: u64) {
    running.wait_for_folder();
    sleep(Duration::from_millis(START_LEAD_MS + LEAD_IN_MS + ms));
}

/// Kills it, and sees that all of it goes.
fn kill_9(running: Running, moment: &str, must_have_platform: bool) {
    let (hulk, mark) = (running.id(), running.mark.clone());
    let before = marked(&mark);
    assert!(before.contains(&hulk), "{moment}: it has ended before");
    let platform = platform_of(hulk);
    let ports = listening_of(&before);
    if must_have_platform {
        assert!(platform.is_some_and(|id| before.contains(&id)), "{moment}: {platform:?}");
        assert_eq!(ports.len(), 3, "{moment}: the platform's two edges and its control");
    }
    kill(hulk, Signal::KILL);
    // The killed one is reaped: a zombie holds nothing.
    assert_eq!(running.end_within(GRACE).code, 128 + 9, "{moment}");
    wait_for(&format!("{moment}: no process and no port is left"), GRACE, || {
        let gone = marked(&mark).is_empty() && listening().is_disjoint(&ports);
        gone.then_some(())
    });
}

#[test]
fn kill_9_leaves_no_process_and_no_port() {
    let bench = Bench::take("kill");
    let running = rehearsal(&bench);
    sleep(Duration::from_millis(300));
    kill_9(running, "0.3 s after the start", false);

    let running = rehearsal(&bench);
    let hulk = running.id();
    wait_for("a platform", Duration::from_secs(20), || platform_of(hulk));
    kill_9(running, "when the platform has just been started", false);

    let mut running = rehearsal(&bench);
    running.wait_for_folder();
    sleep(Duration::from_millis(START_LEAD_MS + LEAD_IN_MS / 2));
    kill_9(running, "in the lead-in", true);

    let mut running = rehearsal(&bench);
    wait_for_window(&mut running, 1_000);
    kill_9(running, "in the window", true);
}

/// Sends the signal to a run in its window, as a terminal does it: to the whole group.
fn interrupted(bench: &Bench, signal: Signal, name: &str) {
    let mut running = rehearsal(bench);
    wait_for_window(&mut running, 1_700);
    let (hulk, mark) = (running.id(), running.mark.clone());
    let ports = listening_of(&marked(&mark));
    kill_group(hulk, signal);
    let code = 128 + signal.as_raw();
    let run = running.end_within(Duration::from_secs(5));
    run.assert_ended(code, "INTERRUPTED");
    assert!(run.stdout.contains(&format!("was stopped by {name} at match minute 256.")), "{run:?}");
    assert!(!run.stdout.contains("PASS"), "{}", run.stdout);
    let record = run.record();
    let RunEnd::Interrupted { signal: told, workers, lost } = &record.end else {
        panic!("{:?}", record.end);
    };
    assert_eq!((*told, workers.len(), lost.len()), (signal.as_raw(), 1, 0));
    assert_eq!(workers[0].frames, record.frames.len() as u64, "no frame is lost");
    assert!(record.frames.iter().any(|frame| frame.from.0 >= 1_000_000), "the window's frames");
    let summary = run.summary();
    assert_eq!(summary.0["exit_code"], code);
    let partial = summary.verdict()["partial"].as_str().unwrap();
    assert!(["inconclusive", "fail", "invalid"].contains(&partial), "{partial}");
    assert!(fs::metadata(run.folder().join("report.html")).unwrap().len() > 0);
    assert!(marked(&mark).is_empty(), "a process is left");
    assert!(listening().is_disjoint(&ports), "a port is left");
}

#[test]
fn ctrl_c_keeps_the_record_and_exits_130() {
    let bench = Bench::take("ctrl-c");
    interrupted(&bench, Signal::INT, "SIGINT");
    interrupted(&bench, Signal::TERM, "SIGTERM");
}

#[test]
fn a_signal_before_the_start_sends_nothing_and_has_its_exit_code() {
    let bench = Bench::take("early");
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let running = rehearsal(&bench);
        let (hulk, mark) = (running.id(), running.mark.clone());
        wait_for("a platform", Duration::from_secs(20), || platform_of(hulk));
        kill_group(hulk, signal);
        let run = running.end_within(Duration::from_secs(5));
        assert_eq!(run.code, code, "{run:#?}");
        assert!(!run.stdout.contains("PASS"), "{run:#?}");
        if !run.has_folder() {
            assert!(run.stdout.contains("nothing was sent"), "{run:#?}");
        }
        assert!(marked(&mark).is_empty(), "a process is left");
    }
}

#[test]
fn a_second_ctrl_c_leaves_at_once() {
    let bench = Bench::take("twice");
    let mut running = rehearsal(&bench);
    wait_for_window(&mut running, 1_500);
    let (hulk, mark) = (running.id(), running.mark.clone());
    let ports = listening_of(&marked(&mark));
    kill_group(hulk, Signal::INT);
    // Two that wait together are one.
    sleep(Duration::from_millis(20));
    kill_group(hulk, Signal::INT);
    let run = running.end_within(Duration::from_secs(1));
    assert_eq!(run.code, 130, "{run:#?}");
    assert!(!run.stdout.contains("PASS"), "{run:#?}");
    // It did not wait for the orderly end, so the record has none; what is there can be read.
    let record = Record::read(&run.folder().join("record")).unwrap();
    assert_eq!(record.end, RunEnd::Cut);
    assert!(record.frames.iter().any(|frame| frame.from.0 >= 0), "{} frames", record.frames.len());
    bench.hulk(&["report", run.folder().to_str().unwrap()]).assert_ended(6, "INVALID");
    wait_for("no process and no port is left", GRACE, || {
        (marked(&mark).is_empty() && listening().is_disjoint(&ports)).then_some(())
    });
}
