//! Callers of an avatar backend, alone and beside viewers.

use hulk_record::{
    ArrivalCounts, CallObjectives, CalleeSample, CallersInfo, CallersSample, Cause, FaultInfo,
    Felt, Frame, LoadInfo, MatchTime, Offset, Record, RunEnd, Samples, Session, SessionEnd, Setup,
    SparseHistogram, WorkerEnd,
};
use hulk_reports::{
    Check, ObjectiveStatus, Verdict, VerdictKind, headline, html, html_static, judge, sentence,
    summary,
};

use crate::builder::{INCARNATION, Minute, WORKER, latency, quiet, record};

const CALLERS: u32 = 12;

fn samples(us: u64, count: u64) -> SparseHistogram {
    let mut samples = Samples::new();
    samples.record_n(us, count);
    samples.sparse()
}

/// Who called 0.3 s after the one before, for 4 s, and was served all the time.
fn session(caller: u32) -> Session {
    let felt = Felt {
        frames: 99,
        watched_us: 3_950_000,
        fps: Some(25.0),
        latency: samples(100_000, 100),
        ..Felt::default()
    };
    Session {
        caller,
        intended_at: Offset(i64::from(caller) * 300_000),
        wanted_us: 4_000_000,
        end: SessionEnd::Completed,
        setup: Setup::default(),
        setup_us: Some(100_000),
        first_frame_us: Some(50_000),
        turn_us: vec![200_000],
        barge_ins: 0,
        barge_in_us: Vec::new(),
        served_us: felt.served_us(),
        lag_us_max: 300,
        felt,
        attempt: 0,
    }
}

fn served() -> Vec<Session> {
    (0..CALLERS).map(session).collect()
}

/// The last of them finds no room.
fn one_refused() -> Vec<Session> {
    let mut sessions = served();
    *sessions.last_mut().unwrap() = Session {
        end: SessionEnd::Refused(Cause::Capacity),
        setup_us: None,
        first_frame_us: None,
        turn_us: Vec::new(),
        served_us: 0,
        felt: Felt::default(),
        ..session(CALLERS - 1)
    };
    sessions
}

/// The run, with these sessions besides, which end in its ninth interval.
fn with_callers(mut record: Record, sessions: Vec<Session>) -> Record {
    record.manifest.callers = Some(CallersInfo {
        backend: "avatar-72".into(),
        adapter: "rapido_ws".into(),
        planned: (0..CALLERS).map(|caller| session(caller).intended_at).collect(),
        streams_max: None,
        objectives: CallObjectives::default(),
        lag_p99_max_ms: 10.0,
    });
    for frame in &mut record.frames {
        frame.callers = CallersSample {
            open: 7,
            frames: 175,
            latency: samples(100_000, 50),
            lag: samples(300, 50),
        };
    }
    record.frames[8].sessions = sessions;
    record
}

/// Ten seconds without a viewer.
fn alone(sessions: Vec<Session>) -> Record {
    let arrivals = ArrivalCounts::default();
    let nobody = Minute { viewers: 0, requests: 0, served: 0, arrivals, ..Minute::quiet() };
    let mut record = record(&vec![nobody; 10], Vec::new());
    record.manifest.clock.speed = 1.0;
    record.manifest.observed = false;
    let (executor, text) = ("nobody".into(), "no viewers for 10 s".into());
    record.manifest.load = Some(LoadInfo { executor, text, ends_early: false });
    record.manifest.journeys.clear();
    record.manifest.services.clear();
    record.manifest.moments.clear();
    record.capacity.clear();
    for frame in &mut record.frames {
        frame.series.clear();
        frame.sends.clear();
    }
    with_callers(record, sessions)
}

#[track_caller]
fn check<'a>(verdict: &'a Verdict, name: &str) -> &'a Check {
    verdict.validity.iter().find(|check| check.name == name).unwrap()
}

fn page(record: &Record) -> String {
    String::from_utf8(html(record, &judge(record))).unwrap()
}

fn json(record: &Record) -> serde_json::Value {
    serde_json::from_slice(&summary(record, &judge(record)).unwrap()).unwrap()
}

#[test]
fn callers_alone_who_are_served_pass() {
    let record = alone(served());
    let verdict = judge(&record);
    assert_eq!(verdict.kind, VerdictKind::Pass, "{:?}", verdict.reasons);
    let told = headline(&verdict);
    assert!(told.starts_with("It held, with 12 calls to avatar-72. All "), "{told}");
    assert!(told.ends_with(" objectives were met."), "{told}");
    assert_eq!(verdict.notes, [""; 0], "nobody watched, and nobody scaled");
    assert_eq!(check(&verdict, "arrivals missed by the generator").measured, None);
    assert_eq!(check(&verdict, "sessions").measured, Some(0.0));
    let callers = verdict.callers.as_ref().unwrap();
    assert_eq!((callers.planned, callers.attempted), (12, 12));
    assert_eq!(callers.ends, [("completed".to_owned(), 12)]);
    assert_eq!(callers.lag_p99_ms, Some(0.3));
    let times: Vec<_> =
        callers.histograms.iter().map(|of| (of.name, of.count, of.p99_ms)).collect();
    let wanted = [
        ("setup", 12, 100.0),
        ("first frame", 12, 50.0),
        ("audio to frame", 1200, 100.0),
        ("silence to speech", 12, 200.0),
    ];
    assert_eq!(times, wanted, "nobody barged in");
}

#[test]
fn too_few_good_sessions_fail_with_their_share() {
    let record = alone(one_refused());
    let verdict = judge(&record);
    assert_eq!(verdict.kind, VerdictKind::Fail, "{:?}", verdict.reasons);
    // Wilson of 11 in 12: (0.916667 + 0.160061 ∓ 0.223770) ÷ 1.320122.
    let reason =
        "Goodput of the callers was 91.7 % (95 %: 64.6 to 98.5 %), at least 95 % was asked.";
    assert_eq!(verdict.reasons[0], reason);
    let goodput =
        verdict.objectives.iter().find(|result| result.name == "callers: goodput").unwrap();
    assert_eq!((goodput.status, goodput.samples), (ObjectiveStatus::Breached, 12));
    let text = sentence(&verdict);
    let mut lines = text.lines();
    let first = "Avatar callers: 12 calls to avatar-72 by the adapter rapido_ws: 11 completed, 1 \
                 refused (capacity)";
    assert_eq!(lines.next(), Some(first));
    assert!(lines.any(|line| line.starts_with("  goodput ") && line.ends_with(" FAIL")), "{text}");
    assert!(lines.any(|line| line == format!("FAIL: It did not hold: {reason}")), "{text}");
    let told = json(&record);
    let figures = told["verdict"]["callers"]["figures"].as_array().unwrap();
    let of = |name: &str| figures.iter().find(|row| row["name"] == name).unwrap();
    let goodput = of("goodput")["measured"].as_f64().unwrap();
    assert!((goodput - 11.0 / 12.0).abs() < 1e-9, "{goodput}");
    assert_eq!(of("setup, p95")["measured"], "never came", "of twelve it is the slowest");
    assert_eq!(told["verdict"]["callers"]["ends"][1], serde_json::json!(["refused (capacity)", 1]));
    let page = page(&record);
    assert!(page.contains("✗ FAIL</td><th scope=\"row\">goodput</th>"), "{page}");
    assert!(page.contains("<b class=\"value\">callers: goodput</b><span>breached</span>"));
    assert!(page.contains("∞ ms") && !page.contains("inf ms") && !page.contains("NaN"));
}

#[test]
fn callers_who_are_late_say_nothing_of_the_backend() {
    let mut record = alone(one_refused());
    // 10 of 460 are more than a hundredth, 4 of 454 are not.
    record.frames[4].callers.lag = samples(12_000, 10);
    let verdict = judge(&record);
    assert_eq!(verdict.kind, VerdictKind::Invalid);
    let late = "The callers were 12 ms late with what was due, p99 (limit 10 ms), so that what \
                they felt is not the backend's alone.";
    assert_eq!(verdict.reasons, [late]);
    record.frames[4].callers.lag = samples(12_000, 4);
    assert_eq!(judge(&record).kind, VerdictKind::Fail);
}

#[test]
fn every_planned_session_whose_time_came_is_told_of() {
    let mut record = alone(served());
    record.manifest.callers.as_mut().unwrap().planned.push(Offset::from_s(9.5));
    let verdict = judge(&record);
    assert_eq!(verdict.kind, VerdictKind::Invalid);
    let missing = "12 of 13 sessions whose time came were told of in the record.";
    assert_eq!(verdict.reasons, [missing]);
    // One that was stopped before need not tell of it.
    record.frames.truncate(9);
    let workers = vec![WorkerEnd { worker: WORKER, incarnation: INCARNATION, frames: 9 }];
    record.end = RunEnd::Interrupted { signal: 2, workers, lost: Vec::new() };
    let verdict = judge(&record);
    assert_eq!(verdict.partial, Some(VerdictKind::Inconclusive), "{:?}", verdict.reasons);
    // What had no room is in no figure.
    record.frames[8].sessions.pop();
    record.frames[8].sessions_untold = 1;
    let verdict = judge(&record);
    assert!(check(&verdict, "sessions").holds && !check(&verdict, "sessions without room").holds);
}

#[test]
fn a_session_that_a_lost_lease_cut_off_is_not_one_that_the_end_cut_off() {
    let mut sessions = served();
    sessions[0].end = SessionEnd::Abandoned;
    let verdict = judge(&alone(sessions.clone()));
    let check = check(&verdict, "sessions cut off early");
    assert_eq!((verdict.kind, check.measured), (VerdictKind::Invalid, Some(1.0)));
    assert!(check.reason.starts_with("1 session was cut off before the run's end"));
    // It would have gone on after the end.
    sessions[0].wanted_us = 60_000_000;
    assert_eq!(judge(&alone(sessions)).kind, VerdictKind::Pass);
}

#[test]
fn who_calls_again_is_no_other_caller() {
    let mut sessions = served();
    sessions[11].end = SessionEnd::Lost(Cause::Server);
    sessions.push(Session { intended_at: Offset::from_s(4.0), attempt: 1, ..session(11) });
    let verdict = judge(&alone(sessions));
    assert_eq!(check(&verdict, "sessions").measured, Some(0.0));
    let text = sentence(&verdict);
    let told = ": 11 completed, 1 lost (server); made again after one broke off: 1 completed";
    assert!(text.lines().next().unwrap().ends_with(told), "{text}");
}

#[test]
fn the_report_of_callers_alone_draws_no_viewers() {
    let mut record = alone(served());
    record.manifest.callers.as_mut().unwrap().backend = "<b>own</b>".into();
    let look = |s: i64| CalleeSample { at: Offset(s * 1_000_000), streams: 6, streams_max: 72 };
    record.callee = (0..10).map(look).collect();
    record.manifest.faults = vec![FaultInfo {
        name: "a GPU is slow".into(),
        kind: "gpu".into(),
        text: "batches of GPU 0 take 2 times as long".into(),
        from: MatchTime::from_s(1.0),
        until: MatchTime::from_s(2.0),
        service: None,
    }];
    let page = page(&record);
    for there in [
        "<h2>Avatar callers</h2>\n<p>12 calls to &lt;b&gt;own&lt;/b&gt; by the adapter rapido_ws: \
         12 completed.</p>",
        ">Open sessions</text>",
        "at most 7 open, 6 streams by the backend&#39;s own count, of 72 that it may carry",
        ">From audio to frame, p95</text>",
        "p95 at most 100 ms",
        "a GPU is slow</tspan>",
        "<th scope=\"row\">Planned: completed</th><td class=\"n\">12</td>",
        "silence to speech</th><td class=\"n\">12</td><td class=\"n\">200 ms</td>",
        "id=\"data\">null</script>",
    ] {
        assert!(page.contains(there), "{there}");
    }
    for gone in [
        "<b>own</b>",
        ">Viewers</text>",
        "viewers at the peak",
        "did not bite",
        "<h2>Scaling</h2>",
        "<h2>Ledger of arrivals</h2>",
        "<h2>What the platform says of itself</h2>",
    ] {
        assert!(!page.contains(gone), "{gone}");
    }
    assert_eq!(page.matches(">Open sessions</text>").count(), 1);
    let plain = String::from_utf8(html_static(page.as_bytes())).unwrap();
    assert!(plain.contains("<hr><h2>Avatar callers</h2>") && !plain.contains("class="));
}

#[test]
fn what_two_workers_tell_of_an_interval_is_one() {
    let mut record = alone(served());
    let others = record.frames.iter().map(|frame| {
        let sessions = Vec::new();
        Frame { worker: 1, sessions, ..frame.clone() }
    });
    let others: Vec<Frame> = others.collect();
    record.frames.extend(others);
    // 6 of 1,000 of both workers are not a hundredth; of one worker's 500 they would be more.
    record.frames[3].callers.lag = {
        let mut lag = Samples::new();
        lag.merge(&samples(300, 44));
        lag.merge(&samples(12_000, 6));
        lag.sparse()
    };
    let end = |worker| WorkerEnd { worker, incarnation: INCARNATION, frames: 10 };
    record.end = RunEnd::Completed { workers: vec![end(WORKER), end(1)], lost: Vec::new() };
    let verdict = judge(&record);
    assert_eq!(verdict.kind, VerdictKind::Pass, "{:?}", verdict.reasons);
    assert_eq!(verdict.callers.unwrap().lag_p99_ms, Some(0.3));
    assert!(page(&record).contains("at most 14 open"));
}

#[test]
fn callers_stand_beside_viewers() {
    let record = with_callers(record(&quiet(), vec![latency(100.0)]), served());
    let verdict = judge(&record);
    assert_eq!(verdict.kind, VerdictKind::Pass, "{:?}", verdict.reasons);
    let told = headline(&verdict);
    let start = "It held from match minute 30.0 to 40.0, with 12 calls to avatar-72. All ";
    assert!(told.starts_with(start), "{told}");
    assert!(told.ends_with(" objectives were met and no arrival was kept out by the target."));
    let page = page(&record);
    for there in ["<h2>Scaling</h2>", ">Viewers</text>", ">Open sessions</text>"] {
        assert_eq!(page.matches(there).count(), 1, "{there}");
    }
}

#[test]
fn without_callers_nothing_is_said_of_them() {
    let record = record(&quiet(), vec![latency(100.0)]);
    assert_eq!(json(&record)["verdict"].get("callers"), None);
    assert!(!page(&record).contains("callers") && !sentence(&judge(&record)).contains("callers"));
    assert!(judge(&record).validity.iter().all(|check| check.name != "caller lag"));
}
