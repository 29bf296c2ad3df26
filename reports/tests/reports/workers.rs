//! Verdicts on runs of several workers.

use hulk_record::{ArrivalCounts, Frame, Offset, Record, RunEnd, WorkerEnd, WorkerLost};
use hulk_reports::{Check, Verdict, VerdictKind, judge};

use crate::builder::{INCARNATION, latency, quiet, record};

fn check<'a>(verdict: &'a Verdict, name: &str) -> &'a Check {
    verdict.validity.iter().find(|check| check.name == name).unwrap()
}

/// A run of two workers with half the load each; the second one was lost in its sixth minute.
fn with_a_lost_worker() -> Record {
    let mut record = record(&quiet(), vec![latency(100.0)]);
    let half = |frame: &Frame, worker| {
        let mut frame = Frame { worker, ..frame.clone() };
        frame.arrivals = ArrivalCounts { intended: 50, on_time: 50, ..Default::default() };
        frame.audience.present /= 2;
        frame
    };
    let second: Vec<Frame> = record.frames[..5].iter().map(|frame| half(frame, 1)).collect();
    let mut frames: Vec<Frame> = record.frames.iter().map(|frame| half(frame, 0)).collect();
    frames.extend(second);
    // A viewer had come and had sent nothing yet.
    frames.last_mut().unwrap().arrivals.on_time = 49;
    record.frames = frames;
    let workers = vec![WorkerEnd { worker: 0, incarnation: INCARNATION, frames: 10 }];
    let lost = WorkerLost {
        worker: 1,
        incarnation: INCARNATION,
        at: Offset(5_400_000),
        since: Offset(5_000_000),
        reason: "its process ended".into(),
    };
    record.end = RunEnd::Completed { workers, lost: vec![lost] };
    record
}

#[test]
fn a_lost_worker_makes_the_run_invalid_and_loses_what_it_did_not_tell() {
    let record = with_a_lost_worker();
    let verdict = judge(&record);
    assert_eq!((verdict.kind, verdict.kind.exit_code()), (VerdictKind::Invalid, 6));
    assert_eq!(
        verdict.reasons[0],
        "Worker 1 was lost at match minute 35.4: its process ended. What it did from match minute \
         35.0 on is not in the record, and 251 arrivals were lost."
    );
    let ArrivalCounts { intended, on_time, lost, .. } = verdict.arrivals;
    assert_eq!((intended, on_time, lost), (1000, 749, 251), "the ledger closes");
    assert!(check(&verdict, "ledger of arrivals").holds);
    assert_eq!(check(&verdict, "schedule").measured, Some(0.0));
    assert!(!check(&verdict, "lost arrivals").holds);
    assert!(!check(&verdict, "presence").holds);
}

#[test]
fn workers_who_share_cores_are_judged_by_the_machine_s() {
    let mut record = record(&quiet(), vec![latency(100.0)]);
    record.manifest.environment.cores = 2;
    let mut frames = Vec::new();
    for frame in &record.frames {
        for worker in 0..3 {
            let mut frame = Frame { worker, ..frame.clone() };
            (frame.machine.cores, frame.machine.cpu_us) = (1, 520_000);
            frames.push(frame);
        }
    }
    record.frames = frames;
    let verdict = judge(&record);
    let cpu = check(&verdict, "CPU of the generator");
    assert_eq!((cpu.measured, cpu.holds), (Some(0.78), false));
    let wanted = "The 3 workers together used up to 78 % of the machine's 2 cores over a second";
    assert!(cpu.reason.starts_with(wanted), "{}", cpu.reason);
    // With a core for each, each is judged by its own.
    record.manifest.environment.cores = 3;
    let verdict = judge(&record);
    assert_eq!(check(&verdict, "CPU of the generator").measured, Some(0.52));
}
