use hulk_record::{CallObjectives, Cause, Felt, SessionEnd, Setup};

use super::*;

/// In a call from one second to another.
fn session(caller: u32, from_s: f64, until_s: f64) -> Session {
    let watched_us = ((until_s - from_s) * 1e6) as u64;
    let felt = Felt { watched_us, fps: Some(25.0), ..Felt::default() };
    Session {
        caller,
        intended_at: Offset::from_s(from_s),
        wanted_us: watched_us,
        end: SessionEnd::Completed,
        setup: Setup::default(),
        setup_us: Some(0),
        first_frame_us: Some(0),
        turn_us: Vec::new(),
        barge_ins: 0,
        barge_in_us: Vec::new(),
        served_us: watched_us,
        lag_us_max: 0,
        felt,
        attempt: 0,
    }
}

fn refused(caller: u32, at_s: f64, cause: Cause) -> Session {
    Session {
        end: SessionEnd::Refused(cause),
        setup_us: None,
        first_frame_us: None,
        ..session(caller, at_s, at_s + 10.0)
    }
}

/// A second of a run in which everything was answered after so many ms.
fn second(at: i64, ms: u64, open: u64) -> (Offset, Offset, CallersSample) {
    let mut latency = Samples::new();
    latency.record_n(ms * 1_000, 25);
    let sample = CallersSample { open, latency: latency.sparse(), ..CallersSample::default() };
    (Offset(at * 1_000_000), Offset((at + 1) * 1_000_000), sample)
}

fn sample(at_s: f64, streams: u32) -> CalleeSample {
    CalleeSample { at: Offset::from_s(at_s), streams, streams_max: 5 }
}

#[derive(Default)]
struct Told {
    sessions: Vec<Session>,
    intervals: Vec<(Offset, Offset, CallersSample)>,
    backend: Vec<CalleeSample>,
    /// From when until when, in s.
    faults: Vec<(f64, f64)>,
    until_s: f64,
    objectives: CallObjectives,
}

impl Told {
    fn rows(&self) -> Vec<Figure> {
        let info = CallersInfo {
            backend: "t4".to_owned(),
            adapter: "rapido_ws".to_owned(),
            planned: Vec::new(),
            streams_max: Some(5),
            objectives: self.objectives.clone(),
            lag_p99_max_ms: 10.0,
        };
        let span = |(from_s, until_s): &(f64, f64)| FaultSpan {
            name: "brown-out".to_owned(),
            from: Offset::from_s(*from_s),
            until: Offset::from_s(*until_s),
        };
        let faults: Vec<FaultSpan> = self.faults.iter().map(span).collect();
        run_figures(&RunTold {
            sessions: &self.sessions,
            info: &info,
            intervals: &self.intervals,
            backend: &self.backend,
            faults: &faults,
            until: Offset::from_s(self.until_s),
        })
    }

    fn row(&self, name: &str) -> Option<Figure> {
        self.rows().into_iter().find(|row| row.name == name)
    }

    /// Measured, and whether it holds.
    fn of(&self, name: &str) -> (Option<f64>, Option<bool>) {
        let row = self.row(name).unwrap_or_else(|| panic!("there is no `{name}`"));
        (row.measured, row.holds())
    }
}

#[test]
fn seven_on_a_gpu_for_five_are_two_too_many() {
    let seven =
        Told { sessions: (0..7).map(|n| session(n, 0.0, 10.0)).collect(), ..Told::default() };
    assert_eq!(seven.of("sessions beyond the limit"), (Some(2.0), Some(false)));
    // Five, and one whose place another takes as it is over.
    let mut sessions: Vec<Session> = (0..5).map(|n| session(n, 0.0, 10.0)).collect();
    sessions.push(session(5, 9.95, 20.0));
    let five = Told { sessions, ..Told::default() };
    assert_eq!(five.of("sessions beyond the limit"), (Some(0.0), Some(true)));
    let told = Told { backend: vec![sample(1.0, 6)], ..Told::default() };
    assert_eq!(told.of("sessions beyond the limit"), (Some(1.0), Some(false)), "its own count");
    let grown = CalleeSample { streams_max: 8, ..sample(1.0, 6) };
    let told = Told { backend: vec![grown], ..Told::default() };
    assert_eq!(told.of("sessions beyond the limit"), (Some(0.0), Some(true)), "it has grown");
}

#[test]
fn a_full_backend_refuses_for_want_of_room_and_for_nothing_else() {
    let mut sessions: Vec<Session> = (0..5).map(|n| session(n, 0.0, 10.0)).collect();
    sessions.push(refused(5, 5.0, Cause::Capacity));
    let told = Told { sessions: sessions.clone(), ..Told::default() };
    assert_eq!(told.of("refused improperly"), (Some(0.0), Some(true)));
    sessions.push(refused(6, 5.0, Cause::Server));
    // Nobody was there any more.
    sessions.push(refused(7, 15.0, Cause::Server));
    let told = Told { sessions, ..Told::default() };
    assert_eq!(told.of("refused improperly"), (Some(1.0), Some(false)));
}

#[test]
fn blocking_is_held_against_erlang_b() {
    // 1.361 Erlang on 5 streams: 10 s each, one in 7.348 s; 1 % are blocked by chance.
    let at_s = |n: u32| f64::from(n) * 10.0 / 1.361;
    let calls = |blocked: u32| {
        let call = |n| match n < blocked {
            true => refused(n, at_s(n), Cause::Capacity),
            false => session(n, at_s(n), at_s(n) + 10.0),
        };
        Told { sessions: (0..200).map(call).collect(), ..Told::default() }
    };
    let by_chance = calls(2).of("blocked by Erlang-B").0.unwrap();
    assert!((by_chance - 0.01).abs() < 1e-4, "{by_chance}");
    // Wilson's interval of 2 in 200 reaches to 3.6 %: 7 are within it, 8 are not.
    assert_eq!(calls(7).of("blocked"), (Some(0.035), Some(true)));
    assert_eq!(calls(8).of("blocked"), (Some(0.04), Some(false)));
    let few = Told {
        sessions: (0..99).map(|n| session(n, at_s(n), at_s(n))).collect(),
        ..Told::default()
    };
    assert_eq!(few.row("blocked"), None, "too few calls");
    // The run's end cuts five off that were let in, and one before anybody knows.
    let mut cut = calls(2);
    cut.sessions.iter_mut().rev().take(5).for_each(|call| call.end = SessionEnd::Abandoned);
    let unknown = refused(200, at_s(200), Cause::Capacity);
    cut.sessions.push(Session { end: SessionEnd::Abandoned, ..unknown });
    assert_eq!(cut.of("blocked"), (Some(0.01), Some(true)));
    // Three times forty at once: the gaps' n·Σg² ÷ (Σg)² − 1 is 119 · 20,000 ÷ 40,000 − 1 = 58.5.
    let burst_s = |n: u32| f64::from(n / 40 * 100);
    let bursts = (0..120).map(|n| session(n, burst_s(n), burst_s(n) + 10.0)).collect();
    let bursts = Told { sessions: bursts, ..Told::default() };
    assert_eq!(bursts.row("blocked"), None, "bursts are not chance");
}

const RECOVERY: &str = "well again after the faults";

/// A brown-out from 10 to 20 s, and so many ms in each second after it.
fn after(ms: impl Fn(i64) -> u64, until_s: i64) -> Told {
    let before = (0..20).map(|at| second(at, 50, 5));
    let intervals = before.chain((20..until_s).map(|at| second(at, ms(at - 20), 5))).collect();
    let faults = vec![(10.0, 20.0)];
    Told { intervals, faults, until_s: until_s as f64, ..Told::default() }
}

#[test]
fn recovery_is_from_the_fault_s_end_to_a_latency_that_stays_low() {
    let fourth = after(|at| if at < 4 { 400 } else { 60 }, 40);
    assert_eq!(fourth.of(RECOVERY), (Some(4.0), Some(true)));
    // Well at 2 s, and ill again at 5 s.
    let again = after(|at| if (2..5).contains(&at) || at > 8 { 60 } else { 400 }, 40);
    assert_eq!(again.of(RECOVERY).0, Some(9.0));
    let objectives = CallObjectives { recovery_s_max: Some(3.0), ..CallObjectives::default() };
    assert_eq!(Told { objectives, ..fourth }.of(RECOVERY), (Some(4.0), Some(false)));
    assert_eq!(Told { faults: Vec::new(), ..after(|_| 60, 40) }.row(RECOVERY), None);
}

#[test]
fn a_run_that_ends_before_the_slope_tells_is_invalid_and_one_that_stays_ill_fails() {
    let invalid = |told: Told| told.row(RECOVERY).unwrap().invalid.expect("it cannot tell");
    // 2,000 ms, 40 less each second: 1,240 after 20 s, and (1,240 − 300) ÷ 40 = 23.5 s more.
    let falling = invalid(after(|at| 2_000 - 40 * at as u64, 40));
    assert!(falling.contains("20.0 s after the last fault"), "{falling}");
    assert!(falling.contains("falls by 40.") && falling.contains("about 24 s more"), "{falling}");
    let short = invalid(after(|_| 2_000, 26));
    assert!(short.contains("6.0 s after the last fault, with answers in 6 intervals"), "{short}");
    let few = invalid(Told { until_s: 40.0, ..after(|_| 2_000, 22) });
    assert!(few.contains("20.0 s after the last fault, with answers in 2 intervals"), "{few}");
    let soon = invalid(after(|at| if at < 18 { 400 } else { 60 }, 40));
    assert!(soon.contains("ended too soon after"), "{soon}");
    let suddenly = invalid(after(|at| if at < 18 { 400 + 100 * at as u64 } else { 60 }, 40));
    assert!(suddenly.contains("ended too soon after"), "{suddenly}");
    let silent = Told { until_s: 40.0, ..after(|_| 60, 20) };
    assert!(invalid(silent).contains("nobody was answered"));
    let ill = after(|at| 2_000 + 3 * (at as u64 % 2), 60);
    assert_eq!(ill.of(RECOVERY), (Some(f64::INFINITY), Some(false)), "metastable");
    // Each fourth second is well, and so is the last.
    let restless = after(|at| if at % 4 == 3 { 60 } else { 400 }, 60);
    assert_eq!(restless.of(RECOVERY), (Some(f64::INFINITY), Some(false)), "it falls back");
}

const LEFT: &str = "streams left behind";

#[test]
fn what_a_backend_still_carries_after_a_while_is_left_behind() {
    let told = |backend: Vec<CalleeSample>| Told {
        sessions: vec![session(0, 0.0, 5.0)],
        backend,
        ..Told::default()
    };
    let leaky = told(vec![sample(2.0, 1), sample(6.0, 2), sample(15.5, 2)]);
    assert_eq!(leaky.of(LEFT), (Some(2.0), Some(false)));
    assert_eq!(leaky.of("streams without a caller"), (Some(2.0), None));
    let slow = told(vec![sample(2.0, 1), sample(6.5, 1), sample(15.5, 0)]);
    assert_eq!(slow.of(LEFT), (Some(0.0), Some(true)));
    let quick = told(vec![sample(2.0, 1), sample(5.5, 0)]);
    assert_eq!(quick.of(LEFT), (Some(0.0), Some(true)), "empty is empty");
    let asked_no_more = told(vec![sample(2.0, 1), sample(7.0, 1)]).row(LEFT).unwrap();
    assert!(asked_no_more.invalid.unwrap().contains("2.0 s after the last session"));
    assert_eq!(told(Vec::new()).row(LEFT), None);
}

#[test]
fn sessions_that_a_fault_met_are_kept_or_lost_and_their_callers_back() {
    let lost = |caller, until_s| Session {
        end: SessionEnd::Lost(Cause::Server),
        ..session(caller, 0.0, until_s)
    };
    let again = Session { attempt: 1, ..session(2, 12.0, 20.0) };
    let cut =
        |caller, until_s| Session { end: SessionEnd::Abandoned, ..session(caller, 0.0, until_s) };
    // One was over before, one broke off long after; the run cut off one that was kept, and one
    // of which nobody knows.
    let sessions = vec![
        session(0, 0.0, 20.0),
        session(1, 0.0, 8.9),
        lost(2, 10.1),
        lost(3, 10.1),
        lost(4, 30.0),
        cut(5, 20.0),
        cut(6, 11.0),
        again,
    ];
    // Two faults at a time lose a session once.
    let told = Told { sessions, faults: vec![(10.0, 15.0), (10.05, 12.0)], ..Told::default() };
    assert_eq!(told.of("sessions kept through faults"), (Some(0.6), None));
    assert_eq!(told.of("lost callers who are back"), (Some(0.5), None));
    let no_fault = Told { faults: Vec::new(), ..told };
    assert_eq!(no_fault.row("sessions kept through faults"), None);
}

#[test]
fn growth_of_latency_and_underruns_would_lead_back_from_a_rollout() {
    let growth = "rollback: latency growth";
    let told = |late_ms: u64, late_open| Told {
        intervals: (0..30)
            .map(|at| if at < 20 { second(at, 100, 5) } else { second(at, late_ms, late_open) })
            .collect(),
        ..Told::default()
    };
    let (measured, holds) = told(160, 5).of(growth);
    assert!((measured.unwrap() - 0.6).abs() < 0.01, "{measured:?}");
    assert_eq!(holds, Some(false));
    assert_eq!(told(140, 5).of(growth).1, Some(true));
    assert_eq!(told(160, 9).of(growth).1, None, "more callers may wait longer");
    assert_eq!(Told { faults: vec![(0.0, 1.0)], ..told(160, 5) }.of(growth).1, None);
    let mut short = told(160, 5);
    short.intervals.drain(..15);
    assert_eq!(short.of(growth).1, None, "a third of it is no trend");
    let mut sessions = vec![session(0, 0.0, 5.0), session(1, 0.0, 5.0)];
    sessions[0].felt.underrun_ticks = 22;
    let told = Told { sessions, ..Told::default() };
    assert_eq!(told.of("rollback: underruns a session"), (Some(11.0), Some(false)));
}
