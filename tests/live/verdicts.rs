//! Claims that are broken on purpose: each gets its verdict and its reason.

use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;
use rustix::thread::{CpuSet, sched_getaffinity};
use serde_json::Value;

use crate::bench::{Bench, HULK, Run, wait_for};
use crate::counts::{OWN_COUNT, assert_compared};
use crate::files::{platform_with_home_latency, replaced, short};
use crate::processes::{kill, platform_of};

#[test]
fn a_target_that_answers_slowly_fails() {
    let bench = Bench::take("slow");
    let file = replaced(&short(1.3, 3_000), "platform = \"streaming\"", "platform = \"slow.toml\"");
    bench.write("slow-match.toml", file);
    bench.write("slow.toml", platform_with_home_latency(900));
    let run = bench.rehearse("slow-match.toml");
    run.assert_ended(3, "FAIL");
    let summary = run.summary();
    assert_compared(&summary);
    assert_eq!(summary.0["exit_code"], 3);
    let objectives = summary.verdict()["objectives"].as_array().unwrap();
    let breached: Vec<_> =
        objectives.iter().filter(|objective| objective["status"] == "breached").collect();
    assert_eq!(breached.len(), 1, "{breached:#?}");
    assert_eq!(breached[0]["name"], "home answers in time");
    let measured_ms = breached[0]["measured"].as_f64().unwrap();
    assert!(measured_ms >= 900.0, "{measured_ms}");
    let reason = breached[0]["reason"].as_str().unwrap();
    let figure = "The p99 of response time of home was ";
    assert!(reason.starts_with(figure) && reason.contains("(limit 500 ms)"), "{reason}");
    assert!(run.stdout.contains(reason.strip_prefix("The ").unwrap()), "{}", run.stdout);
}

/// The peak that `hulk check` tells of a file.
fn viewers_at_the_peak(bench: &Bench, file: &str) -> u64 {
    let check = bench.hulk(&["check", file]);
    assert_eq!(check.code, 0, "{check:?}");
    let line = check.stdout.lines().find(|line| line.contains(" at the peak, ")).unwrap();
    line.split_whitespace().find_map(|word| word.parse().ok()).unwrap()
}

/// What the run says it delivered, from the ledger itself.
fn delivered_percent(run: &Run) -> f64 {
    let record = run.record();
    let mut all = hulk_record::ArrivalCounts::default();
    record.frames.iter().for_each(|frame| all.add(&frame.arrivals));
    assert!(all.is_balanced(), "{all:?}");
    assert_eq!(all.intended, record.manifest.arrivals_planned);
    all.sent() as f64 * 100.0 / all.intended as f64
}

#[test]
fn half_a_schedule_is_invalid() {
    let bench = Bench::take("half");
    bench.write("whole.toml", short(0.4, 3_000));
    let peak = viewers_at_the_peak(&bench, "whole.toml");
    assert!(peak > 900, "{peak}");
    let half = format!("{}\n[generator]\nusers_max = {}\n", short(0.4, 3_000), peak / 2);
    bench.write("half.toml", half);
    let check = bench.hulk(&["check", "half.toml"]);
    let warned = format!("`generator.users_max` is {} and the audience needs {peak}", peak / 2);
    assert!(check.code == 0 && check.stdout.contains(&warned), "{check:?}");
    let run = bench.rehearsal("half.toml").end();
    run.assert_ended(6, "INVALID");
    let summary = run.summary();
    assert_compared(&summary);
    let reason = summary.broken_check("arrivals missed by the generator");
    assert!(reason.contains("the pool of users was too small"), "{reason}");
    assert!(run.stdout.contains("the pool of users was too small"), "{}", run.stdout);
    let (told, _) = reason.split_once(" % of the schedule was delivered").unwrap();
    let (told, delivered) = (told.parse::<f64>().unwrap(), delivered_percent(&run));
    assert!((told - delivered).abs() < 0.1, "{told} against {delivered}");
    assert!((35.0..65.0).contains(&delivered), "{delivered} % of half a pool");
}

/// Processes that keep one core busy, until this value goes or this process ends.
struct Busy(Vec<Child>);

impl Busy {
    fn on_last_core(count: usize) -> Self {
        let cores = sched_getaffinity(None).unwrap();
        let last = (0..CpuSet::MAX_CPU).rev().find(|core| cores.is_set(*core)).unwrap();
        let spin = "while kill -0 \"$PPID\"; do
            i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done
        done";
        let start = || {
            let mut command = Command::new("taskset");
            command.args(["-c", &last.to_string(), "sh", "-c", spin]).stderr(Stdio::null());
            command.stdin(Stdio::null()).spawn().unwrap()
        };
        Self((0..count).map(|_| start()).collect())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ended = child.kill();
            let _reaped = child.wait();
        }
    }
}

#[test]
fn a_generator_starved_of_cpu_is_invalid() {
    let bench = Bench::take("starved");
    bench.write("short.toml", short(0.75, 3_000));
    // What sleeps most of the time comes first among its equals, however busy they are.
    let mut running = bench.rehearsal_by(&["nice", "-n", "10"], "short.toml");
    running.wait_for_folder();
    let busy = Busy::on_last_core(4);
    // The lead-in, and half of the window: its end finds the CPU that it needs to tell everything.
    sleep(Duration::from_millis(300 + 3_000 + 3_000));
    drop(busy);
    let run = running.end();
    run.assert_ended(6, "INVALID");
    let summary = run.summary();
    assert_compared(&summary);
    let broken = summary.checks(false);
    let starved = |(name, reason): &(String, String)| {
        let lag = name == "lag of sends, p99" && reason.contains("p99 of sent − due was");
        lag || (name == "arrivals missed by the generator" && reason.contains("sent late"))
    };
    let found = broken.iter().find(|check| starved(check));
    let reason = &found.unwrap_or_else(|| panic!("{broken:#?}\n{run:#?}")).1;
    // The first letter may have become a small one behind a colon.
    assert!(run.stdout.contains(&reason[4..]), "{reason}\n{}", run.stdout);
}

#[test]
fn a_platform_that_stands_still_makes_the_run_invalid() {
    let bench = Bench::take("stands-still");
    bench.write("short.toml", short(0.5, 2_000));
    let mut running = bench.rehearsal("short.toml");
    running.wait_for_folder();
    let hulk = running.id();
    let platform = wait_for("the platform", Duration::from_secs(1), || platform_of(hulk));
    sleep(Duration::from_millis(3_000));
    // As if the machine had given its CPU to others: the platform is not to blame.
    kill(platform, Signal::STOP);
    sleep(Duration::from_millis(600));
    kill(platform, Signal::CONT);
    let run = running.end();
    run.assert_ended(6, "INVALID");
    let reason = run.summary().broken_check("CPU of the embedded platform");
    assert!(reason.contains("had no CPU for"), "{reason}");
}

#[test]
fn descriptors_that_run_out_are_invalid() {
    let bench = Bench::take("descriptors");
    bench.write("short.toml", short(0.4, 3_000));
    // The platform inherits the limit, and needs fewer files beside its connections than the
    // generator does: it serves whatever the generator can open.
    let run = bench.rehearsal_by(&["prlimit", "--nofile=600:600"], "short.toml").end();
    run.assert_ended(6, "INVALID");
    assert!(run.stdout.contains("file descriptors are needed and 600 are allowed"), "{run:?}");
    let summary = run.summary();
    assert_compared(&summary);
    let reason = summary.broken_check("arrivals missed by the generator");
    assert!(reason.contains("file descriptors or local ports ran out"), "{reason}");
    assert!(run.stdout.contains("file descriptors or local ports ran out"), "{}", run.stdout);
    let delivered = delivered_percent(&run);
    assert!((45.0..75.0).contains(&delivered), "{delivered} %");
    // What cannot be read for want of a descriptor is not made up.
    let record = run.record();
    let machine_us = f64::from(record.manifest.environment.cores) * 1.1e6;
    for frame in &record.frames {
        assert!((frame.machine.steal_us as f64) < machine_us, "{:?}", frame.machine);
        assert!(frame.machine.open_files > 0, "{:?}", frame.machine);
    }
}

#[test]
fn a_platform_that_dies_is_a_finding() {
    let bench = Bench::take("dies");
    bench.write("short.toml", short(0.5, 1_000));
    let mut running = bench.rehearsal("short.toml");
    running.wait_for_folder();
    let (hulk, epoch) = (running.id(), running.started.elapsed() + Duration::from_millis(1_300));
    sleep(Duration::from_millis(2_300));
    let platform = wait_for("the platform", Duration::from_secs(1), || platform_of(hulk));
    kill(platform, Signal::KILL);
    let run = running.end();
    assert!([3, 6].contains(&run.code), "neither FAIL nor INVALID: {run:#?}");
    let verdict = if run.code == 3 { "FAIL" } else { "INVALID" };
    run.assert_ended(run.code, verdict);
    assert!(!run.stdout.contains("PASS"), "{}", run.stdout);
    // 0.5 match minutes are 4 s.
    assert!(run.took >= epoch + Duration::from_secs(4), "it ended early: {run:?}");
    let record = run.record();
    assert!(matches!(record.end, hulk_record::RunEnd::Completed { .. }), "{:?}", record.end);
    let told = |kind: &str, text: &str| {
        record.events.iter().any(|event| event.kind == kind && event.text.contains(text))
    };
    assert!(told("platform", "ended by itself: signal: 9"), "{:#?}", record.events);
    assert!(
        told("observer", "the capacity of the platform could not be seen"),
        "{:#?}",
        record.events
    );
    // What it had counted is gone with it, and the run says so.
    assert!(told("platform", "the platform's counts are lost"), "{:#?}", record.events);
    assert!(record.target.is_none(), "{:?}", record.target);
    assert_eq!(run.summary().check(OWN_COUNT)["measured"], Value::Null);
    assert!(run.summary().verdict()["requests"]["not_served"].as_u64().unwrap() > 0);
    assert_eq!(bench.hulk(&["report", run.folder().to_str().unwrap()]).code, run.code, "{HULK}");
}
