//! Each executor, from its file to its verdict.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use hulk_record::{Measure, Outcome};
use hulk_reports::{VerdictKind, judge};
use hulk_scenarios::{Rehearsal, Source};

use crate::driver::{Run, run};

/// What a user does: a request at once, and one a second later.
const FRONT: &str = r#"
name = "front"
timeout_ms = 1_000
retry = { none = {} }
[[step]]
after = { name = "config", service = "login", get = "/v1/config" }
[[step]]
after = { name = "again", service = "login", get = "/v1/config?visit=${visit}", think_s = 1 }
"#;
/// What a user does who stays.
const STAY: &str = r#"
name = "stay"
timeout_ms = 1_000
retry = { none = {} }
[[step]]
after = { name = "config", service = "login", get = "/v1/config" }
[[step]]
every = { name = "heartbeat", service = "playback", post = "/v1/heartbeat", period_s = 2 }
"#;

/// A rehearsal of the embedded platform with this load, and with the ladders of the shipped one.
fn rehearsal(journey: &str, load: &str) -> Rehearsal {
    let shipped = include_str!("../../scenarios/match-day.toml");
    let policies = shipped.split_once("[policy.signup]").expect("policies").1;
    let policies = policies.split_once("[[objective]]").expect("objectives after them").0;
    // Written once: tests run side by side.
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("executors");
        std::fs::create_dir_all(&folder).expect("a folder");
        let due = ("due", "due_s\n0.5\n0.5\n3.25\n0\n");
        for (name, text) in [("front", FRONT), ("stay", STAY), due] {
            std::fs::write(folder.join(format!("{name}.toml")), text).expect("a file");
        }
        folder
    });
    // What is asked from t = 0 on.
    let service = if journey == "stay" { "playback" } else { "login" };
    let text = format!(
        "name = \"load\"\nseed = 1\njourneys = [\"{journey}.toml\"]\n{load}\n[target]\nembedded = {{ \
         platform = \"streaming\" }}\n[policy.signup]{policies}[[objective]]\nname = \"served\"\nservice \
         = \"{service}\"\nserved_share = {{ min = 1.0 }}\n"
    );
    Rehearsal::read(&Source::new("load.toml", text), folder)
        .unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// What was sent.
struct Sent {
    run: Run,
    /// By step, in the second in which it was due.
    due: Vec<Vec<u64>>,
    /// Whole iterations from t = 0 on, and the shortest and longest of them in ms.
    iterations: u64,
    took_ms: (f64, f64),
}

/// Runs it: everybody is accounted for, and the verdict stands.
fn sent(rehearsal: &Rehearsal) -> Sent {
    let run = run(rehearsal);
    let mut all = hulk_record::ArrivalCounts::default();
    run.record.frames.iter().for_each(|frame| all.add(&frame.arrivals));
    assert_eq!(all.intended, run.schedule.visits.len() as u64);
    assert_eq!(all.intended, all.on_time + all.late + all.dropped() + all.lost);
    assert_eq!((all.late, all.dropped(), all.lost), (0, 0, 0));
    let verdict = judge(&run.record);
    assert_eq!(verdict.kind, VerdictKind::Pass, "{:?}", verdict.reasons);
    let until_s = rehearsal.until().as_s().ceil() as usize;
    let steps: Vec<String> = run
        .record
        .manifest
        .journeys
        .iter()
        .flat_map(|j| j.steps.iter().map(|s| s.name.clone()))
        .collect();
    let mut due = vec![vec![0; until_s]; steps.len()];
    let judged = || run.record.frames.iter().filter(|frame| frame.to.0 > 0);
    for send in judged().flat_map(|frame| &frame.sends).filter(|send| send.due_interval >= 0) {
        let place = steps.iter().position(|step| *step == send.step);
        // The sum over a service is there, too.
        let Some(place) = place else { continue };
        due[place][send.due_interval as usize] += send.first;
    }
    let series = judged().flat_map(|frame| &frame.series);
    let whole =
        series.filter(|(key, _)| key.measure == Measure::Journey && key.outcome == Outcome::Ok);
    let mut samples = hulk_record::Samples::new();
    whole.for_each(|(_, of)| samples.merge(of));
    let took_ms = match samples.count() {
        0 => (0.0, 0.0),
        _ => (samples.min_us() as f64 / 1e3, samples.max_us() as f64 / 1e3),
    };
    Sent { iterations: samples.count(), took_ms, due, run }
}

/// The number present at the end of each judged interval.
fn present(sent: &Sent) -> Vec<u64> {
    let frames = sent.run.record.frames.iter().filter(|frame| frame.from.0 >= 0);
    frames.map(|frame| frame.audience.present).collect()
}

#[test]
fn constant_users_begin_again_when_they_are_done() {
    let load = "[load]\nconstant_users = { users = 20, duration_s = 10 }";
    let sent = sent(&rehearsal("front", load));
    assert_eq!(sent.run.record.manifest.wanted, [20; 9]);
    assert_eq!(present(&sent)[..9], [20; 9]);
    // A second of thinking and two short answers: nine or ten of them in ten seconds.
    assert!((180..=200).contains(&sent.iterations), "{}", sent.iterations);
    assert!(sent.took_ms.0 >= 1000.0 && sent.took_ms.1 < 1200.0, "{:?}", sent.took_ms);
    let sums: Vec<u64> = sent.due.iter().map(|step| step.iter().sum()).collect();
    assert!(sums[0].abs_diff(sums[1]) <= 20, "a user is in one iteration at a time: {sums:?}");
    let load = sent.run.record.manifest.load.as_ref().expect("an executor");
    assert_eq!(
        (load.executor.as_str(), load.text.as_str()),
        ("constant_users", "20 users for 10 s")
    );
}

#[test]
fn ramping_users_are_as_many_as_the_line_has() {
    let load = "[load]\nlead_in_ms = 2_000\nramping_users = { from_users = 2, stages = [{ users = 42, \
                over_s = 10 }, { users = 42, over_s = 5 }, { users = 2, over_s = 4 }, { users = 9, \
                over_s = 0 }, { users = 9, over_s = 1 }] }";
    let sent = sent(&rehearsal("front", load));
    let wanted = &sent.run.record.manifest.wanted;
    assert_eq!(wanted[..10], [6, 10, 14, 18, 22, 26, 30, 34, 38, 42]);
    assert_eq!(wanted[10..], [42, 42, 42, 42, 42, 32, 22, 12, 9]);
    let present: Vec<u32> = present(&sent).iter().map(|of| *of as u32).collect();
    assert_eq!(present[..wanted.len()], wanted[..]);
    assert_eq!(sent.run.schedule.visits.iter().filter(|visit| visit.already_watching).count(), 2);
}

#[test]
fn a_constant_arrival_rate_sends_that_many_each_second() {
    let load = "[load]\nconstant_arrival_rate = { per_s = 40, duration_s = 6 }";
    let sent = sent(&rehearsal("front", load));
    assert_eq!(sent.due[0], [40; 6]);
    // One is answered too late for the second's end, and those of the last second are cut off.
    assert!(sent.due[1][0] == 0 && sent.due[1][2..].iter().all(|n| *n == 40), "{:?}", sent.due);
    assert!(sent.run.record.manifest.wanted.is_empty(), "nobody can know who will be there");
    assert!((190..=200).contains(&sent.iterations), "{}", sent.iterations);
    assert!(sent.took_ms.0 >= 1000.0, "from the due time on: {:?}", sent.took_ms);
}

#[test]
fn a_ramping_arrival_rate_rises_and_falls() {
    let load = "[clock]\nspeed = 2\n[load]\nramping_arrival_rate = { from_per_s = 0, stages = [{ per_s = \
                40, over_s = 8 }, { per_s = 0, over_s = 4 }] }";
    let sent = sent(&rehearsal("front", load));
    // Two match seconds a wall second: ∫ of 5 t, then of 40 - 10 t.
    assert_eq!(sent.due[0].iter().sum::<u64>(), 240 + 1 - 1);
    for (due, expected) in sent.due[0].iter().zip([10, 30, 50, 70, 60, 20]) {
        assert!(due.abs_diff(expected) <= 1, "{:?}", sent.due[0]);
    }
}

#[test]
fn iterations_are_done_so_often_by_each_user() {
    let load = "[load]\niterations = { users = 5, each = 7, limit_s = 60 }";
    let rehearsal = rehearsal("front", load);
    assert!(rehearsal.ends_early());
    let sent = sent(&rehearsal);
    assert_eq!(sent.iterations, 35);
    assert_eq!(sent.due.iter().map(|step| step.iter().sum::<u64>()).collect::<Vec<_>>(), [35, 35]);
    assert_eq!(sent.due[0][0], 5, "all begin with the window");
    assert_eq!(present(&sent)[8..], [0; 52], "and leave when they are done");
}

#[test]
fn a_mass_action_is_one_request_of_each_user_within_its_time() {
    let load = |within_s: u32| {
        format!(
            "[on]\nact = {{ journey = \"emoji\" }}\n[load]\nmass_action = {{ users = 300, at_s = 4, \
             within_s = {within_s} }}"
        )
    };
    let spread = sent(&rehearsal("stay", &load(3)));
    let at = |sent: &Sent, place: usize| sent.due[place].clone();
    assert_eq!(at(&spread, 0), [0; 12], "the start is in the lead-in");
    assert_eq!(at(&spread, 2), [0, 0, 0, 0, 100, 100, 100, 0, 0, 0, 0, 0]);
    // Heartbeats of all who are there, at times of their own.
    let beats = at(&spread, 1);
    assert!(beats[1..11].iter().all(|of| (110..190).contains(of)), "{beats:?}");
    let at_once = sent(&rehearsal("stay", &load(0)));
    assert_eq!(at(&at_once, 2), [0, 0, 0, 0, 300, 0, 0, 0, 0]);
    assert_eq!(at_once.run.record.manifest.moments[0].name, "mass-action");
    let acted: u64 =
        at_once.run.record.frames.iter().flat_map(|f| &f.responses).map(|of| of.acted).sum();
    assert_eq!(acted, 300);
}

#[test]
fn a_replay_comes_at_the_times_of_its_file() {
    let sent = sent(&rehearsal("front", "[load]\nreplay = { file = \"due.toml\" }"));
    assert_eq!(sent.due[0], [3, 0, 0, 1, 0]);
    assert_eq!(sent.run.schedule.until.as_s(), 4.25);
}
