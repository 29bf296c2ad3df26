//! Everything that can happen to 5,000 viewers in two minutes, and where each of them ends.

use std::sync::OnceLock;

use hulk_record::{Frame, Measure, Merged, ResponseCount, RunEvent};
use hulk_reports::{VerdictKind, judge};
use hulk_scenarios::Rehearsal;

use crate::driver::{Run, run};

fn whole_match() -> &'static Run {
    static RUN: OnceLock<Run> = OnceLock::new();
    RUN.get_or_init(|| {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/whole-match/rehearsal.toml");
        run(&Rehearsal::load(file).expect("a valid rehearsal"))
    })
}

fn merged(run: &Run) -> Merged {
    let mut merged = Merged::default();
    let add = |frame: &Frame| merged.add(frame.clone()).expect("no contradiction");
    run.record.frames.iter().for_each(add);
    merged
}

fn responses(run: &Run, moment: &str) -> ResponseCount {
    merged(run).responses().remove(moment).expect("the moment was answered")
}

/// Requests of a step: first attempts, and those that came to a good end.
fn sent(run: &Run, step: &str) -> (u64, u64) {
    let frames = run.record.frames.iter().flat_map(|frame| &frame.sends);
    let of_step = frames.filter(|send| send.step == step);
    of_step.fold((0, 0), |(first, served), send| (first + send.first, served + send.served))
}

#[test]
fn a_tsunami_of_5000_is_accounted_for_to_the_last_viewer() {
    let run = whole_match();
    let out = responses(run, "all-out");
    println!("{out:?}");
    // Everyone who watches then, those whom the push brought included, presses Back.
    let backs: Vec<_> = run.schedule.visits.iter().filter_map(|visit| visit.back).collect();
    assert!(backs.len() >= 5_000, "{}", backs.len());
    assert_eq!(out.woken + gave_up(run), backs.len() as u64, "who had given up is not woken");
    assert_eq!(out.woken, out.left_at_once + out.loaded + out.abandoned, "{out:?}");
    assert_eq!(out.woken, out.left + out.returned, "{out:?}");
    let returned = backs.iter().filter(|back| back.returns.is_some()).count() as u64;
    assert!(returned > 100 && out.returned.abs_diff(returned) <= gave_up(run), "{returned}");
    // The same from the requests: who went home asked for it once.
    let (asked, served) = sent(run, "back-home");
    assert_eq!(asked, out.woken - out.left_at_once);
    assert!(served >= out.loaded, "{served} of {asked}");
    assert!(out.loaded > 3_000 && out.left_at_once > 1_000, "{out:?}");
    let judged = judge(&run.record);
    assert_eq!(judged.kind, VerdictKind::Pass, "{:?}", judged.reasons);
}

fn gave_up(run: &Run) -> u64 {
    run.record.frames.iter().map(|frame| frame.audience.gave_up).max().unwrap_or(0)
}

#[test]
fn pushes_and_emojis_are_accounted_for() {
    let run = whole_match();
    let push = responses(run, "push");
    let brought = run.schedule.visits.iter().filter(|visit| visit.push.is_some()).count();
    assert_eq!((push.came, push.came > 150), (brought as u64, true));
    let six = responses(run, "six");
    assert!(six.acted > 400 && six.acted <= run.schedule.actions.len() as u64, "{six:?}");
    assert_eq!(sent(run, "emoji").0, six.acted);
}

#[test]
fn clients_move_to_the_other_edge_and_come_no_more_to_the_one_that_is_lost() {
    let run = whole_match();
    let events = run.record.events.iter().filter(|event| event.kind == "fault");
    let late_us = |event: &RunEvent| event.at.since(event.intended.expect("it was intended"));
    let faults: Vec<_> = events.map(|event| (event.text.clone(), late_us(event))).collect();
    assert_eq!(faults.len(), 4, "{faults:?}");
    assert!(faults.iter().all(|(_, late_us)| (0..=1).contains(late_us)), "{faults:?}");
    let of = |edge: &str| run.status.iter().find(|s| s.edge == edge).expect("an edge").requests;
    assert!(of("north") as f64 > of("south") as f64 * 1.2, "{} {}", of("north"), of("south"));
}

#[test]
fn a_slow_dependency_shows_at_the_home_page_for_as_long_as_it_lasts() {
    let run = whole_match();
    let slow = |from_s: f64, until_s: f64| {
        let frames = run.record.frames.iter();
        let inside = frames.filter(|f| f.from.as_s() >= from_s && f.to.as_s() <= until_s);
        let series = inside.flat_map(|frame| &frame.series);
        let home = series.filter(|(k, _)| k.measure == Measure::Service && k.step == "home");
        home.map(|(_, samples)| samples.max_us).max().expect("somebody starts") / 1000
    };
    // From match second 15 to 25, at 2.5 times the speed: 6 s to 10 s.
    assert!(slow(6.0, 9.0) >= 300, "the cascade reaches the home page");
    assert!(slow(0.0, 5.0) < 200 && slow(12.0, 18.0) < 200, "and it does not outlast the fault");
}
