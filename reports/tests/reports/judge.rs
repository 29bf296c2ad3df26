//! Verdicts on records whose true verdict is known.

use hulk_record::{ArrivalCounts, Offset, Record, RunEnd, RunEvent, WorkerEnd};
use hulk_reports::{ObjectiveStatus, Verdict, VerdictKind, judge};

use crate::builder::{INCARNATION, Minute, WORKER, debt, latency, quiet, record, served_share};

fn first_reason(verdict: &Verdict) -> &str {
    verdict.reasons.first().unwrap()
}

fn check<'a>(verdict: &'a Verdict, name: &str) -> &'a hulk_reports::Check {
    verdict.validity.iter().find(|check| check.name == name).unwrap()
}

#[test]
fn a_quiet_run_passes() {
    let objectives = vec![latency(100.0), served_share(0.99), debt(0.0)];
    let verdict = judge(&record(&quiet(), objectives));
    assert_eq!(verdict.kind, VerdictKind::Pass, "{:?}", verdict.reasons);
    assert_eq!(
        verdict.reasons,
        ["All 3 objectives were met and no arrival was kept out by the target."]
    );
    assert!(verdict.validity.iter().all(|check| check.holds));
    assert_eq!(verdict.kind.exit_code(), 0);
}

#[test]
fn a_slow_target_fails() {
    let mut minutes = quiet();
    minutes[3].latency_us = 800_000;
    minutes[6].tail = (100, 400_000);
    let verdict = judge(&record(&minutes, vec![latency(250.0)]));
    assert_eq!((verdict.kind, verdict.kind.exit_code()), (VerdictKind::Fail, 3));
    assert_eq!(
        first_reason(&verdict),
        "The p99 of response time of login was 800 ms (limit 250 ms) over 12,000 samples in \
         intervals with enough instances, worst at match minute 33.0 (around wicket) with 1,000 \
         viewers present; capacity was enough then, so the service itself is slow."
    );
}

#[test]
fn a_limit_of_what_was_bought_is_named_with_its_service() {
    let mut minutes = quiet();
    minutes[4].served = 900;
    let mut record = record(&minutes, vec![served_share(0.999)]);
    for (kind, text) in [
        ("limit", "log: its policy wants 9 more than can be had: the quota is used up"),
        ("limit over", "login: its policy has what it wants"),
        ("limit", "login: its policy wants 3 more than can be had: no zone has capacity"),
        ("limit", "login: the first 15 requests are turned away by its load balancers"),
    ] {
        let (kind, text) = (kind.to_owned(), text.to_owned());
        record.events.push(RunEvent { at: Offset::from_s(1.0), intended: None, kind, text });
    }
    let verdict = judge(&record);
    let wanted = "it had all the instances that its demand needed; at match minute 31.0: its policy wants \
                  3 more than can be had: no zone has capacity.";
    assert!(first_reason(&verdict).ends_with(wanted), "{}", first_reason(&verdict));
}

#[test]
fn refused_requests_fail_the_served_share() {
    let mut minutes = quiet();
    minutes[4].served = 900;
    let verdict = judge(&record(&minutes, vec![served_share(0.999)]));
    assert_eq!(verdict.kind, VerdictKind::Fail);
    assert_eq!(
        first_reason(&verdict),
        "login served 97.5 % of 12,000 first attempts (at least 99.9 %): 300 requests of 225 \
         viewers were not served, from match minute 34.0 (0.2 min after wicket) on, most at match \
         minute 34.0; it had all the instances that its demand needed."
    );
    let result = &verdict.objectives[1];
    assert_eq!((result.viewers_not_served, result.moment.as_deref()), (Some(225), Some("wicket")));
    assert_eq!(verdict.requests.not_served, 300);
}

#[test]
fn a_pool_that_is_too_small_makes_the_run_invalid() {
    let mut minutes = quiet();
    for minute in &mut minutes {
        minute.arrivals =
            ArrivalCounts { intended: 100, on_time: 50, dropped_pool: 50, ..Default::default() };
        // What is left of the audience sees a slow target: that must not turn into a FAIL.
        minute.latency_us = 900_000;
    }
    let verdict = judge(&record(&minutes, vec![latency(100.0)]));
    assert_eq!((verdict.kind, verdict.kind.exit_code()), (VerdictKind::Invalid, 6));
    assert_eq!(
        verdict.reasons,
        [
            "50 % of the schedule was delivered: the pool of users was too small (500 arrivals never \
          sent; raise its size); the generator missed 500 of 1,000 arrivals (50 %, limit 1 %), \
          most at match minute 30.0."
        ]
    );
}

#[test]
fn descriptors_and_lateness_are_the_generator_s_fault_too() {
    let mut minutes = quiet();
    minutes[2].arrivals = ArrivalCounts {
        intended: 100,
        on_time: 60,
        late: 15,
        dropped_descriptors: 25,
        ..Default::default()
    };
    let verdict = judge(&record(&minutes, Vec::new()));
    assert_eq!(verdict.kind, VerdictKind::Invalid);
    let reason = first_reason(&verdict);
    let descriptors = reason.find("file descriptors or local ports ran out (25 arrivals").unwrap();
    let late = reason.find("the generator was slow (15 arrivals sent late").unwrap();
    assert!(descriptors < late && reason.contains("match minute 32.0"), "{reason}");
}

#[test]
fn a_starved_generator_makes_the_run_invalid() {
    let mut minutes = quiet();
    for minute in &mut minutes[5..] {
        minute.lag_us = 48_000;
        minute.machine.cpu_us = 1_900_000;
    }
    let verdict = judge(&record(&minutes, vec![latency(100.0)]));
    assert_eq!(verdict.kind, VerdictKind::Invalid);
    assert_eq!(
        verdict.reasons,
        [
            "The p99 of sent − due was 48 ms (limit 10 ms) over 12,000 requests, worst at match \
             minute 35.0: the generator had too little CPU, so the latencies are not the target's \
             alone.",
            "Worker 0 used up to 95 % of its cores over a second (limit 75 %), at match minute \
             35.0.",
        ]
    );
}

#[test]
fn a_platform_without_cpu_makes_the_run_invalid() {
    let mut record = record(&quiet(), vec![latency(100.0)]);
    let stalled = |record: &mut hulk_record::Record, by_ms: f64| {
        for (index, sample) in record.capacity.iter_mut().enumerate() {
            // What was lost before the window is not of it.
            sample.stalled_ms_total = Some(900.0 + if index >= 6 { by_ms } else { 0.0 });
        }
    };
    // Ten looks a second apart: nine seconds.
    stalled(&mut record, 40.0);
    assert_eq!(judge(&record).kind, VerdictKind::Pass);
    stalled(&mut record, 90.0);
    let verdict = judge(&record);
    assert_eq!(verdict.kind, VerdictKind::Invalid);
    assert_eq!(
        verdict.reasons,
        ["The machine lost time: the embedded platform had no CPU for 1 % of the run (limit 0.5 \
          %), most at match minute 36.0; run again on a quieter host."]
    );
}

#[test]
fn a_machine_that_lost_time_says_so() {
    let mut minutes = quiet();
    minutes[1].machine.steal_us = 1_500_000;
    minutes[7].machine.sleeper_late_us = 90_000;
    minutes.iter_mut().for_each(|minute| minute.lag_us = 30_000);
    let verdict = judge(&record(&minutes, Vec::new()));
    assert_eq!(verdict.kind, VerdictKind::Invalid);
    let told = |name| check(&verdict, name).reason.to_lowercase().contains("the machine lost time");
    assert!(told("stolen time") && told("sleeper") && told("lag of sends, p99"));
    assert!(check(&verdict, "stolen time").reason.contains("match minute 31.0"));
}

#[test]
fn lost_time_names_other_work_where_it_is_the_larger_part() {
    let mut minutes = quiet();
    minutes[7].machine.sleeper_late_us = 90_000;
    minutes[7].machine.steal_us = 20_000;
    let sleeper = |minutes: &[Minute]| judge(&record(minutes, Vec::new())).reasons.remove(0);
    let plain = "The machine lost time: a bare sleeper woke 90 ms late (limit 20 ms) at match \
                 minute 37.0; run again on a quieter host.";
    // What the host took is the larger part, and what was waited elsewhere is not of it.
    minutes[7].process.run_delay_us = Some(15_000);
    minutes[2].process.run_delay_us = Some(900_000);
    assert_eq!(sleeper(&minutes), plain);
    minutes[7].process.run_delay_us = Some(85_000);
    assert_eq!(
        sleeper(&minutes),
        "The machine lost time: a bare sleeper woke 90 ms late (limit 20 ms) at match minute 37.0 \
         (the generator's threads were ready and waited 85 ms in all for a free CPU, the host took \
         20 ms); run again on a quieter host."
    );
}

#[test]
fn lateness_in_intervals_that_the_host_took_is_left_out_and_said() {
    let late_in = |late: &[usize], stolen: &[usize]| {
        let mut minutes = quiet();
        late.iter().for_each(|&at| minutes[at].lag_us = 30_000);
        stolen.iter().for_each(|&at| minutes[at].machine.steal_us = 300_000);
        let mut record = record(&minutes, Vec::new());
        record.manifest.limits.steal_share_max = 1.0;
        judge(&record)
    };
    let excused = late_in(&[3], &[3]);
    assert_eq!(excused.kind, VerdictKind::Pass, "{:?}", excused.reasons);
    let reason = &check(&excused, "lag of sends, p99").reason;
    assert!(reason.contains("1 of 10 intervals are left out"), "{reason}");
    assert_eq!(late_in(&[3], &[4]).kind, VerdictKind::Invalid, "its own lateness counts");
    let most = [0, 1, 2, 3, 4, 5, 6];
    assert_eq!(late_in(&[3], &most).kind, VerdictKind::Invalid, "too little would be left");
}

#[test]
fn a_second_is_needed_to_be_starved() {
    let mut minutes = quiet();
    minutes[1].machine.cpu_us = 1_900_000;
    let mut record = record(&minutes, Vec::new());
    // The same CPU time in intervals of half a second: one of them is at 95 %, its second is not.
    record.manifest.interval_us /= 2;
    record.manifest.wanted = vec![1000; 10];
    record.manifest.until.0 /= 2;
    for frame in &mut record.frames {
        frame.from.0 /= 2;
        frame.to.0 /= 2;
        frame.machine.cpu_us /= 2;
    }
    record.capacity.iter_mut().for_each(|sample| sample.at.0 /= 2);
    assert_eq!(judge(&record).kind, VerdictKind::Pass);
}

#[test]
fn arrivals_kept_out_by_the_target_fail() {
    let mut minutes = quiet();
    minutes[5].arrivals =
        ArrivalCounts { intended: 100, on_time: 60, dropped_target: 40, ..Default::default() };
    let mut record = record(&minutes, vec![latency(100.0)]);
    // Those who could not come are missing from the audience, and that is the target's doing.
    for (at, frame) in record.frames.iter_mut().enumerate() {
        frame.audience.present -= if at >= 5 { 40 } else { 0 };
    }
    let verdict = judge(&record);
    assert_eq!(verdict.kind, VerdictKind::Fail, "{:?}", verdict.reasons);
    assert_eq!(
        verdict.reasons,
        ["40 of 1,000 arrivals were not served: every user waited for overdue answers, first at \
          match minute 35.0 (1.2 min after wicket), worst at 35.0."]
    );
    // Without that excuse the same gap is a run that did not deliver.
    record.frames[5].arrivals = ArrivalCounts { intended: 100, on_time: 100, ..Default::default() };
    let verdict = judge(&record);
    assert_eq!(verdict.kind, VerdictKind::Invalid);
    assert!(first_reason(&verdict).contains("960 present, 1,000 wanted"), "{:?}", verdict.reasons);
}

#[test]
fn a_missing_frame_makes_the_run_invalid() {
    let mut record = record(&quiet(), Vec::new());
    record.frames.remove(4);
    let verdict = judge(&record);
    assert_eq!(verdict.kind, VerdictKind::Invalid);
    assert_eq!(
        first_reason(&verdict),
        "1 frame is missing: worker 0 sent 10 and 9 arrived, so its samples and arrivals are not \
         all counted."
    );
}

#[test]
fn a_worker_without_an_end_must_not_have_gaps() {
    let mut record = record(&quiet(), Vec::new());
    record.end = RunEnd::Completed { workers: Vec::new(), lost: Vec::new() };
    assert_eq!(judge(&record).kind, VerdictKind::Pass);
    record.frames.remove(0);
    assert!(!check(&judge(&record), "frames").holds);
    record.frames.clear();
    assert!(!check(&judge(&record), "frames").holds);
}

#[test]
fn a_repeated_frame_is_harmless_and_a_contradiction_is_not() {
    let mut record = record(&quiet(), Vec::new());
    record.frames.push(record.frames[3].clone());
    assert_eq!(judge(&record).kind, VerdictKind::Pass);
    record.frames[10].bytes_received += 1;
    let verdict = judge(&record);
    assert_eq!(verdict.kind, VerdictKind::Invalid);
    assert!(first_reason(&verdict).contains("contradicts itself"));
}

#[test]
fn the_ledger_must_close_and_match_the_schedule() {
    let mut minutes = quiet();
    minutes[0].arrivals.on_time = 90;
    assert!(!check(&judge(&record(&minutes, Vec::new())), "ledger of arrivals").holds);
    let mut record = record(&quiet(), Vec::new());
    record.manifest.arrivals_planned += 1;
    assert_eq!(judge(&record).kind, VerdictKind::Invalid);
    assert!(!check(&judge(&record), "schedule").holds);
}

#[test]
fn lost_arrivals_make_the_run_invalid() {
    let mut minutes = quiet();
    minutes[2].arrivals =
        ArrivalCounts { intended: 100, on_time: 40, lost: 60, ..Default::default() };
    let verdict = judge(&record(&minutes, Vec::new()));
    assert_eq!(verdict.kind, VerdictKind::Invalid);
    assert!(first_reason(&verdict).starts_with("60 of 1,000 arrivals were lost"));
}

fn with_visits(visits_us: u64) -> Record {
    let mut record = record(&quiet(), Vec::new());
    for frame in &mut record.frames {
        frame.audience.visits_us = visits_us;
        frame.audience.visits_ended = 100;
    }
    // After the end everybody goes home.
    let mut last = record.frames[9].clone();
    last.sequence = 10;
    (last.from, last.to) = (last.to, last.to.plus(1000));
    (last.series, last.sends) = (Vec::new(), Vec::new());
    last.arrivals = ArrivalCounts::default();
    (last.audience, last.machine) = (Default::default(), Default::default());
    record.frames.push(last);
    let end = WorkerEnd { worker: WORKER, incarnation: INCARNATION, frames: 11 };
    record.end = RunEnd::Completed { workers: vec![end], lost: Vec::new() };
    record
}

#[test]
fn little_s_law_binds_presence_and_visits() {
    let open = judge(&record(&quiet(), Vec::new()));
    assert_eq!(check(&open, "Little's law").measured, None);
    let closed = judge(&with_visits(1000 * 1_000_000));
    assert_eq!(check(&closed, "Little's law").measured, Some(0.0));
    assert_eq!(closed.kind, VerdictKind::Pass, "{:?}", closed.reasons);
    let wrong = judge(&with_visits(950 * 1_000_000));
    assert_eq!(wrong.kind, VerdictKind::Invalid);
    assert!(first_reason(&wrong).contains("5 % apart (limit 1 %)"), "{:?}", wrong.reasons);
}

#[test]
fn an_interrupted_run_never_passes() {
    let mut run = record(&quiet(), vec![latency(100.0)]);
    let workers = vec![WorkerEnd { worker: WORKER, incarnation: INCARNATION, frames: 6 }];
    run.frames.truncate(6);
    run.end = RunEnd::Interrupted { signal: 15, workers, lost: Vec::new() };
    let verdict = judge(&run);
    assert_eq!(verdict.kind, VerdictKind::Interrupted { signal: 15 });
    assert_eq!(verdict.kind.exit_code(), 143);
    assert_eq!(verdict.partial, Some(VerdictKind::Inconclusive));
    assert_eq!(
        verdict.reasons,
        ["The run was stopped by SIGTERM at match minute 36.0 of 30.0 to 40.0."]
    );
    // What was breached before stays breached.
    let mut minutes = quiet();
    minutes[1].latency_us = 900_000;
    let slow = record(&minutes, vec![latency(100.0)]);
    run.frames = slow.frames[..6].to_vec();
    let verdict = judge(&run);
    assert_eq!(verdict.partial, Some(VerdictKind::Fail));
    assert_eq!((verdict.reasons.len(), verdict.kind.exit_code()), (2, 143));
}

#[test]
fn a_cut_record_never_passes() {
    let mut record = record(&quiet(), vec![latency(100.0)]);
    record.frames.truncate(6);
    record.end = RunEnd::Cut;
    let verdict = judge(&record);
    assert_eq!((verdict.kind, verdict.kind.exit_code()), (VerdictKind::Invalid, 6));
    assert_eq!(verdict.partial, Some(VerdictKind::Inconclusive));
    assert!(first_reason(&verdict).starts_with("The record stops at match minute 36.0 without"));
}

#[test]
fn too_few_samples_are_inconclusive() {
    let mut minutes = vec![Minute::quiet(); 2];
    minutes.iter_mut().for_each(|minute| (minute.requests, minute.served) = (149, 149));
    let verdict = judge(&record(&minutes, vec![latency(100.0)]));
    assert_eq!((verdict.kind, verdict.kind.exit_code()), (VerdictKind::Inconclusive, 5));
    assert_eq!(verdict.objectives[1].status, ObjectiveStatus::Unknown);
    assert!(
        first_reason(&verdict)
            .contains("298 samples in intervals with enough instances are too few, it needs 299")
    );
    minutes[1].requests += 1;
    minutes[1].served += 1;
    assert_eq!(judge(&record(&minutes, vec![latency(100.0)])).kind, VerdictKind::Pass);
}

#[test]
fn the_lead_in_is_never_judged() {
    let mut record = record(&quiet(), vec![latency(100.0), served_share(1.0)]);
    let mut lead_in = record.frames[0].clone();
    (lead_in.from, lead_in.to) = (Offset(-1_000_000), Offset(0));
    lead_in.worker = 1;
    lead_in.machine.sleeper_late_us = 10_000_000;
    lead_in.arrivals = ArrivalCounts { intended: 100, on_time: 100, ..Default::default() };
    lead_in.sends[0].due_interval = -1;
    lead_in.sends[0].served = 0;
    for (_, samples) in &mut lead_in.series {
        samples.counts = vec![(50_000_000, 1200)];
        samples.max_us = 50_000_000;
    }
    record.frames.push(lead_in);
    record.manifest.arrivals_planned += 100;
    let verdict = judge(&record);
    assert_eq!(verdict.kind, VerdictKind::Pass, "{:?}", verdict.reasons);
    assert_eq!(verdict.arrivals.intended, 1100);
}
