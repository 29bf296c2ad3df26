//! Everything that can happen to 5,000 viewers in two minutes, live: faults, moments, and Back from
//! everyone, counted to the last request.

use std::sync::OnceLock;

use hulk_record::{Frame, Measure, Merged, Offset, Record, ResponseCount};

use crate::bench::{Bench, Run};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/whole-match/rehearsal.toml");

/// The one run that all tests here look at.
fn whole_match() -> &'static (Run, Record) {
    static RUN: OnceLock<(Run, Record)> = OnceLock::new();
    RUN.get_or_init(|| {
        let bench = Bench::take("whole-match");
        let run = bench.rehearse(FILE);
        bench.leave_folder();
        let record = run.record();
        (run, record)
    })
}

fn responses(record: &Record, moment: &str) -> ResponseCount {
    let mut merged = Merged::default();
    record.frames.iter().for_each(|frame| merged.add(frame.clone()).unwrap());
    merged.responses().remove(moment).expect("the moment was answered")
}

/// First attempts of a step.
fn sent(record: &Record, step: &str) -> u64 {
    let sends = record.frames.iter().flat_map(|frame| &frame.sends);
    sends.filter(|send| send.step == step).map(|send| send.first).sum()
}

fn gave_up(record: &Record) -> u64 {
    record.frames.iter().map(|frame| frame.audience.gave_up).max().unwrap_or(0)
}

#[test]
fn the_whole_match_runs_live_and_the_platform_counts_the_same_to_the_last_request() {
    let (run, record) = whole_match();
    run.assert_ended(0, "PASS");
    let checks = run.summary().checks(true);
    let own = checks.iter().find(|(name, _)| name == "target's own count").expect("it was made");
    assert!(own.1.contains("requests itself, and their answers by status"), "{}", own.1);
    let target = record.target.as_ref().expect("the platform counted");
    // The judge compares everything; here is one number that it cannot have got wrong by itself.
    let received = |name: &str| -> u64 {
        let of_name = target.services.iter().filter(|service| service.service == name);
        of_name.map(|service| service.requests).sum()
    };
    let answers = record.frames.iter().flat_map(|frame| &frame.answers);
    let answered = |name: &str| -> u64 {
        answers.clone().filter(|answer| answer.service == name).map(|answer| answer.count).sum()
    };
    let cancelled = |name: &str| target.last.iter().filter(|l| l.service == name).count() as u64;
    for name in ["home", "playback", "login", "ads", "edge", "signup", "personalisation"] {
        assert!(received(name) > 50, "{name}: {}", received(name));
        assert_eq!(received(name), answered(name) + cancelled(name), "{name}");
    }
}

#[test]
fn a_live_tsunami_of_5000_is_accounted_for_to_the_last_viewer() {
    let (_, record) = whole_match();
    let out = responses(record, "all-out");
    assert!(out.woken + gave_up(record) >= 5_000, "{out:?}");
    assert_eq!(out.woken, out.left_at_once + out.loaded + out.abandoned, "{out:?}");
    assert_eq!(out.woken, out.left + out.returned, "{out:?}");
    assert_eq!(sent(record, "back-home"), out.woken - out.left_at_once, "{out:?}");
    assert!(out.loaded > 3_000 && out.returned > 100, "{out:?}");
    let push = responses(record, "push");
    let six = responses(record, "six");
    assert!(push.came > 150 && six.acted > 400, "{push:?} {six:?}");
    assert_eq!(sent(record, "emoji"), six.acted);
}

#[test]
fn faults_and_moments_are_in_the_record_with_intended_and_real_time() {
    let (_, record) = whole_match();
    let of = |kind: &str| -> Vec<(String, Offset, Offset)> {
        let events = record.events.iter().filter(|event| event.kind == kind);
        events.map(|e| (e.text.clone(), e.intended.expect("planned"), e.at)).collect()
    };
    let faults = of("fault");
    let texts: Vec<&str> = faults.iter().map(|(text, ..)| text.as_str()).collect();
    assert_eq!(faults.len(), 4, "two faults begin and end: {texts:?}");
    for (name, from_s, until_s) in
        [("slow recommendations", 6.0, 10.0), ("south is lost", 12.0, 16.0)]
    {
        let mine: Vec<_> = faults.iter().filter(|(text, ..)| text.contains(name)).collect();
        let intended = [from_s, until_s].map(Offset::from_s);
        for ((text, planned, at), wanted) in mine.into_iter().zip(intended) {
            assert!(planned.0.abs_diff(wanted.0) < 1_000, "{text}: {planned:?}");
            assert!(at >= planned && at.0 < planned.0 + 3_000_000, "{text}: {planned:?} {at:?}");
        }
    }
    let moments = of("moment");
    assert_eq!(moments.len(), 3, "{moments:?}");
    assert!(moments.iter().all(|(_, intended, at)| at >= intended), "{moments:?}");
}

#[test]
fn faults_bite_a_slow_dependency_reaches_the_home_page_and_a_lost_edge_moves_its_viewers() {
    let (_, record) = whole_match();
    let fastest_ms = |from_s: f64, until_s: f64| {
        let inside = |f: &&Frame| f.from.as_s() >= from_s && f.to.as_s() <= until_s;
        let series = record.frames.iter().filter(inside).flat_map(|frame| &frame.series);
        let home = series.filter(|(k, _)| k.measure == Measure::Service && k.step == "home");
        home.map(|(_, samples)| samples.min_us).min().expect("somebody starts") / 1000
    };
    // The wall's 6 s to 10 s: even the fastest home page waits for the recommendations.
    assert!(fastest_ms(7.0, 10.0) >= 300, "{}", fastest_ms(7.0, 10.0));
    assert!(fastest_ms(0.0, 5.0) < 300 && fastest_ms(11.0, 18.0) < 300, "only meanwhile");
    let target = record.target.as_ref().expect("the platform counted");
    let of = |edge: &str| {
        target.services.iter().find(|service| service.edge == edge).expect("an edge").requests
            as f64
    };
    assert!(of("north") > of("south") * 1.2, "{} and {}", of("north"), of("south"));
    let broken = record.frames.iter().flat_map(|frame| &frame.series).filter(|(key, _)| {
        matches!(key.outcome, hulk_record::Outcome::Broken | hulk_record::Outcome::ConnectError)
    });
    assert!(broken.count() > 0, "who was on the lost edge has noticed");
}
