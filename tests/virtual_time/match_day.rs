//! The shipped `match-day` and what becomes of it when one thing is wrong.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use hulk_record::{Merged, encode};
use hulk_reports::{ObjectiveStatus, ServiceScaling, Verdict, VerdictKind, judge};
use hulk_scenarios::scaling::{Policy, ServiceStatus};
use hulk_scenarios::{Embedded, Rehearsal, Target};

use crate::driver::{Run, run};

fn match_day() -> Rehearsal {
    Rehearsal::load("match-day").expect("the shipped rehearsal is valid")
}

fn embedded(rehearsal: &mut Rehearsal) -> &mut Embedded {
    match &mut rehearsal.target {
        Target::Embedded(embedded) => embedded,
        Target::Url(_) => panic!("match-day has an embedded target"),
    }
}

/// The ladders without any buffer, for an eighth of the requests that viewers make.
fn too_small() -> Rehearsal {
    let mut rehearsal = match_day();
    for policy in &mut embedded(&mut rehearsal).policies {
        let Policy::Ladder(ladder) = policy else { panic!("match-day has ladders") };
        ladder.buffer_viewers = 0.0;
        ladder.rps_buffer = 0.0;
        ladder.rps_per_viewer /= 8.0;
    }
    rehearsal
}

/// The run of the shipped rehearsal, made once for all tests.
pub(crate) fn shipped() -> &'static Run {
    static RUN: OnceLock<Run> = OnceLock::new();
    RUN.get_or_init(|| run(&match_day()))
}

fn short() -> &'static Run {
    static RUN: OnceLock<Run> = OnceLock::new();
    RUN.get_or_init(|| run(&too_small()))
}

fn merged(run: &Run) -> Merged {
    let mut merged = Merged::default();
    for frame in &run.record.frames {
        merged.add(frame.clone()).expect("frames do not contradict each other");
    }
    merged
}

fn scaling<'a>(verdict: &'a Verdict, service: &str) -> &'a ServiceScaling {
    verdict.scaling.iter().find(|scaling| scaling.service == service).expect("a known service")
}

fn debt(verdict: &Verdict, service: &str) -> f64 {
    let scaling = scaling(verdict, service);
    scaling.elasticity.as_ref().expect("scaling was judged").debt_unit_min
}

fn print(verdict: &Verdict) {
    println!("{}: {:?}", verdict.kind.name(), verdict.requests);
    for objective in &verdict.objectives {
        println!("  {}: {:?} {}", objective.name, objective.measured, objective.unit);
    }
    for of in verdict.scaling.iter().filter(|scaling| scaling.not_judged.is_none()) {
        let debt = debt(verdict, &of.service);
        println!("  {}: {} of {}, debt {debt}", of.service, of.supply_peak, of.demand_peak);
    }
    verdict.reasons.iter().for_each(|reason| println!("  - {reason}"));
}

/// The reason of a breached objective, which must name its service and a minute of the window.
fn breach<'a>(verdict: &'a Verdict, objective: &str) -> &'a str {
    let result = verdict.objectives.iter().find(|result| result.name == objective);
    let result = result.expect("a known objective");
    assert_eq!(result.status, ObjectiveStatus::Breached, "{}", result.reason);
    assert!(result.reason.contains(&result.service), "{}", result.reason);
    assert!(result.reason.contains("match minute 2"), "{}", result.reason);
    let first = result.first_match_min.expect("a breach has a first minute");
    assert!((251.0..261.4).contains(&first), "{first}");
    assert!(verdict.reasons.contains(&result.reason), "{:?}", verdict.reasons);
    &result.reason
}

#[test]
fn match_day_passes_in_virtual_time() {
    let verdict = judge(&shipped().record);
    print(&verdict);
    assert_eq!(verdict.kind, VerdictKind::Pass, "{:?}", verdict.reasons);
    for check in &verdict.validity {
        assert!(check.holds, "{}: {}", check.name, check.reason);
    }
    assert_eq!(verdict.objectives.len(), 8, "seven of the file and the built-in one");
    for objective in &verdict.objectives {
        assert_eq!(objective.status, ObjectiveStatus::Met, "{}", objective.reason);
    }
    for service in ["home", "playback"] {
        assert_eq!(debt(&verdict, service), 0.0, "{service}");
        assert!(scaling(&verdict, service).supply_peak > 100.0, "{service}");
    }
    assert_eq!(verdict.requests.not_served, 0);
    assert!(verdict.requests.first > 350_000, "{:?}", verdict.requests);
}

#[test]
fn a_buffer_that_is_too_small_fails_in_virtual_time() {
    let verdict = judge(&short().record);
    print(&verdict);
    assert_eq!(verdict.kind, VerdictKind::Fail, "{:?}", verdict.reasons);
    assert!(verdict.validity.iter().all(|check| check.holds), "the run itself is valid");
    for service in ["home", "playback"] {
        assert!(debt(&verdict, service) > 10.0, "{service}: {}", debt(&verdict, service));
        let reason = breach(&verdict, &format!("{service} is served"));
        assert!(reason.contains("it had only"), "{reason}");
    }
    breach(&verdict, "playback is scaled in time");
    assert!(verdict.requests.retries > 1000, "{:?}", verdict.requests);
}

#[test]
fn a_slow_target_fails_in_virtual_time() {
    let mut rehearsal = match_day();
    let services = &mut embedded(&mut rehearsal).platform.services;
    let home = services.iter_mut().find(|service| service.name == "home").expect("a service");
    home.base_latency_ms = 800.0;
    let verdict = judge(&run(&rehearsal).record);
    print(&verdict);
    assert_eq!(verdict.kind, VerdictKind::Fail, "{:?}", verdict.reasons);
    let reason = breach(&verdict, "home answers in time");
    assert!(reason.contains("the service itself is slow"), "{reason}");
    let breached = verdict.objectives.iter().filter(|o| o.status == ObjectiveStatus::Breached);
    assert_eq!(breached.count(), 1, "nothing else is wrong: {:?}", verdict.reasons);
    let slow = verdict.objectives.iter().find(|o| o.name == "home answers in time");
    let measured = slow.and_then(|objective| objective.measured).expect("it was measured");
    // A little queueing comes on top.
    assert!((800.0..850.0).contains(&measured), "{measured}");
}

#[test]
fn the_ledger_of_arrivals_closes_and_presence_follows_the_curve() {
    for run in [shipped(), short()] {
        let arrivals = merged(run).arrivals();
        assert!(arrivals.is_balanced(), "{arrivals:?}");
        assert_eq!(arrivals.intended, run.schedule.visits.len() as u64);
        assert_eq!(arrivals.on_time, arrivals.intended, "virtual time is never late");
        let wanted = &run.record.manifest.wanted;
        let judged: Vec<_> = run.record.frames.iter().filter(|frame| frame.to.0 > 0).collect();
        assert_eq!(judged.len(), 84, "83.2 s in intervals of 1 s");
        assert!(wanted.len() >= 82, "all but the end, where everyone leaves: {}", wanted.len());
        for (frame, &wanted) in judged.iter().zip(wanted) {
            let gap = frame.audience.present.abs_diff(wanted.into());
            assert!(gap as f64 <= (f64::from(wanted) * 0.01).max(2.0), "{wanted}: {frame:?}");
        }
        assert_eq!(run.record.frames.last().map(|frame| frame.audience.present), Some(0));
    }
}

#[test]
fn same_seed_same_record() {
    let (first, again) = (shipped(), run(&match_day()));
    assert_eq!(first.record.frames.len(), again.record.frames.len());
    for (a, b) in first.record.frames.iter().zip(&again.record.frames) {
        let bytes = [a, b].map(|frame| encode(frame).expect("a frame has a wire form"));
        assert!(bytes[0] == bytes[1], "frame {} differs", a.sequence);
    }
    assert_eq!(first.record, again.record);
    let mut other = match_day();
    (other.seed, other.audience.seed) = (1, 1);
    assert!(first.record.frames != run(&other).record.frames, "another seed, another record");
}

#[test]
fn the_reference_platform_agrees_with_the_record_on_every_request() {
    for run in [shipped(), short()] {
        let verdict = judge(&run.record);
        let check = verdict.validity.iter().find(|check| check.name == "target's own count");
        let check = check.expect("the platform was asked");
        assert!(check.measured == Some(0.0) && check.holds, "{}", check.reason);
        // The same without the judge: all answers, by service and status.
        let target = run.record.target.as_ref().expect("the platform counts");
        let answers = merged(run).answers();
        for service in run.status.iter().filter(|service| service.requests > 0) {
            let given_up = |status: u16| {
                let last = target.last.iter();
                last.filter(|l| l.service == service.name && l.status == Some(status)).count()
            };
            for (status, count) in summed(&run.status, &service.name) {
                let ours = answers.get(&(service.name.clone(), status)).copied().unwrap_or(0);
                let given_up = given_up(status) as u64;
                assert_eq!(ours + given_up, count, "{}: {status}", service.name);
            }
            assert_eq!(service.backlog, 0, "{} answers all", service.name);
        }
    }
}

/// The platform's answers by status, over all edges.
fn summed(status: &[ServiceStatus], name: &str) -> BTreeMap<u16, u64> {
    let mut summed = BTreeMap::new();
    for service in status.iter().filter(|service| service.name == name) {
        for (status, count) in &service.answers {
            *summed.entry(*status).or_default() += count;
        }
    }
    summed
}
