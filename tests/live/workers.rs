//! Rehearsals by several worker processes: the same as by one, and what happens when one is lost.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

use hulk_record::{Record, RunEnd};
use rustix::process::Signal;

use crate::bench::{Bench, HULK, Run, Running, wait_for};
use crate::counts::{merged, the_platform_received_what_was_sent};
use crate::files::{replaced, short};
use crate::processes::{kill, kill_group, listening, listening_of, marked, worker_of};

/// What is left behind must be gone by then.
const GRACE: Duration = Duration::from_secs(3);
const LIMIT: Duration = Duration::from_secs(20);
/// The run's folder is made so long before its window begins, the lead-in included.
const TO_WINDOW: Duration = Duration::from_millis(1_300);

/// Checks that hold however busy the machine is.
const DELIVERED: [&str; 6] = [
    "end of the record",
    "frames",
    "ledger of arrivals",
    "schedule",
    "lost arrivals",
    "target's own count",
];

/// The short match-day with a third of its viewers, for so many match minutes.
fn bench(name: &str, match_min: f64) -> Bench {
    let bench = Bench::take(name);
    let text = replaced(&short(match_min, 1_000), "scale = 4.5e-5 ", "scale = 1.5e-5 ");
    bench.write("short.toml", text);
    bench
}

fn start(bench: &Bench, workers: u32) -> Running {
    bench.forget_runs();
    bench.start(&[HULK, "rehearse", "short.toml", "--workers", &workers.to_string()])
}

/// A worker's process, as soon as it is there.
fn worker(running: &Running, number: u32) -> i32 {
    let parent = running.id();
    wait_for("a worker", LIMIT, || worker_of(parent, number))
}

/// By worker: the arrivals that came due, and the CPU time that was told.
fn of_workers(record: &Record) -> BTreeSet<(u32, bool, bool)> {
    let workers: BTreeSet<u32> = record.frames.iter().map(|frame| frame.worker).collect();
    let told = |worker: u32| {
        let own = || record.frames.iter().filter(|frame| frame.worker == worker);
        let arrivals: u64 = own().map(|frame| frame.arrivals.intended).sum();
        let cpu_us: u64 = own().map(|frame| frame.machine.cpu_us).sum();
        (worker, arrivals > 0, cpu_us > 0)
    };
    workers.into_iter().map(told).collect()
}

#[test]
fn three_workers_do_what_one_does() {
    let bench = bench("workers", 0.3);
    let run =
        |workers| -> Run { bench.rehearse_each("short.toml", || start(&bench, workers).end()) };
    let one = run(1);
    the_platform_received_what_was_sent(&one);
    let (record, one_summary) = (one.record(), one.summary());
    let verdict = one_summary.verdict()["kind"].clone();
    let three = run(3);
    the_platform_received_what_was_sent(&three);
    let by_three = three.record();
    assert!(three.stdout.contains(", by 3 workers\n"), "{three:#?}");
    for run in [&one_summary, &three.summary()] {
        for name in DELIVERED {
            assert_eq!(run.check(name)["holds"], true, "{name}: {three:#?}");
        }
    }
    // A machine that is too busy for a valid run says so of either.
    if one.code != 6 && three.code != 6 {
        assert_eq!((three.code, &three.summary().verdict()["kind"]), (one.code, &verdict));
    }
    assert_eq!(by_three.manifest.wanted, record.manifest.wanted);
    let arrivals = [&record, &by_three].map(|record| merged(record).arrivals().intended);
    assert_eq!(arrivals, [record.manifest.arrivals_planned; 2]);
    assert_eq!(of_workers(&record), [(0, true, true)].into());
    assert_eq!(of_workers(&by_three), (0..3).map(|worker| (worker, true, true)).collect());
    let RunEnd::Completed { workers, lost } = &by_three.end else { panic!("{:?}", by_three.end) };
    assert_eq!((workers.len(), lost.len()), (3, 0));
    // Nobody is there twice: each request's name is unique.
    let unanswered: Vec<(u32, u32)> =
        by_three.frames.iter().flat_map(|f| &f.unanswered).map(|u| (u.viewer, u.send)).collect();
    assert_eq!(unanswered.iter().collect::<BTreeSet<_>>().len(), unanswered.len());
    // The summary shows each worker, and the viewers of all of them.
    let summary = three.summary();
    assert_eq!(summary.0["generator"]["workers"].as_array().unwrap().len(), 3, "{}", summary.0);
    assert!(summary.check("presence")["measured"].as_f64().unwrap() < 1.0);
}

#[test]
fn a_run_that_loses_a_worker_goes_on_and_is_invalid() {
    let bench = bench("lost", 0.5);
    let mut running = start(&bench, 3);
    running.wait_for_folder();
    sleep(TO_WINDOW + Duration::from_millis(1_500));
    let mark = running.mark.clone();
    kill(worker(&running, 1), Signal::KILL);
    let run = running.end_within(LIMIT);
    run.assert_ended(6, "INVALID");
    for wanted in ["Worker 1 was lost at match minute 256.", "its process was ended by signal 9"] {
        assert!(run.stdout.contains(wanted), "{run:#?}");
    }
    assert!(run.stdout.contains("worker 1 is lost: its process"), "told when it happens: {run:#?}");
    let record = run.record();
    let RunEnd::Completed { workers, lost } = &record.end else { panic!("{:?}", record.end) };
    let ended: Vec<u32> = workers.iter().map(|end| end.worker).collect();
    assert_eq!(ended, [0, 2], "the others came to their end");
    assert_eq!(lost.iter().map(|lost| lost.worker).collect::<Vec<_>>(), [1]);
    let last = record.frames.iter().filter(|frame| frame.worker == 1).map(|frame| frame.to).max();
    assert_eq!(Some(lost[0].since), last, "since its last frame");
    let others = record.frames.iter().filter(|frame| frame.worker != 1).map(|frame| frame.to).max();
    assert!(others.unwrap() >= record.manifest.until);
    let summary = run.summary();
    let arrivals = &summary.verdict()["arrivals"];
    assert!(arrivals["lost"].as_u64().unwrap() > 0, "{arrivals}");
    assert_eq!(arrivals["intended"], record.manifest.arrivals_planned);
    assert!(marked(&mark).is_empty(), "a process is left");
}

#[test]
fn a_worker_that_is_missing_at_the_start_ends_the_run_and_nothing_was_sent() {
    let bench = bench("missing", 0.5);
    let running = start(&bench, 2);
    let mark = running.mark.clone();
    kill(worker(&running, 1), Signal::KILL);
    let run = running.end_within(LIMIT);
    assert_eq!(run.code, 1, "{run:#?}");
    let wanted = "worker 1 of 0 to 1 is missing: its process was ended by signal 9";
    assert!(run.stderr.contains(wanted), "{run:#?}");
    assert!(!run.has_folder(), "{run:#?}");
    wait_for("no process is left", GRACE, || marked(&mark).is_empty().then_some(()));
}

#[test]
fn ctrl_c_stops_all_workers_and_keeps_what_they_told() {
    let bench = bench("stop", 0.75);
    let mut running = start(&bench, 2);
    running.wait_for_folder();
    sleep(TO_WINDOW + Duration::from_millis(1_700));
    let mark = running.mark.clone();
    kill_group(running.id(), Signal::INT);
    let run = running.end_within(Duration::from_secs(6));
    run.assert_ended(130, "INTERRUPTED");
    let record = run.record();
    let RunEnd::Interrupted { signal: 2, workers, lost } = &record.end else {
        panic!("{:?}", record.end);
    };
    assert_eq!((workers.len(), lost.len()), (2, 0));
    let frames: u64 = workers.iter().map(|end| end.frames).sum();
    assert_eq!(frames, record.frames.len() as u64, "no frame is lost");
    assert!(marked(&mark).is_empty(), "a process is left");
}

#[test]
fn kill_9_leaves_no_worker() {
    let bench = bench("orphans", 0.75);
    for in_window in [false, true] {
        let mut running = start(&bench, 2);
        worker(&running, 1);
        if in_window {
            running.wait_for_folder();
            sleep(TO_WINDOW + Duration::from_millis(500));
        }
        let mark = running.mark.clone();
        let before = marked(&mark);
        let ports = listening_of(&before);
        assert!(before.len() >= 4, "itself, the platform and the workers: {before:?}");
        kill(running.id(), Signal::KILL);
        assert_eq!(running.end_within(GRACE).code, 128 + 9);
        wait_for("no process and no port is left", GRACE, || {
            let gone = marked(&mark).is_empty() && listening().is_disjoint(&ports);
            gone.then_some(())
        });
    }
}
