//! What each executor plans, and what holds for all of them.

use hulk_record::{MatchTime, SHARD_SLOTS};
use hulk_settings::{Source, read};
use hulk_traffic_models::{
    Audience, ConstantArrivalRate, ConstantUsers, Executor, Iterations, MassAction,
    RampingArrivalRate, RampingUsers, Replay, Schedule, Stage, Then,
};
use proptest::prelude::*;

const S: i64 = 1_000_000;

fn stages(of: &[(f64, f64)]) -> Vec<Stage> {
    of.iter().map(|(to, over_s)| Stage { to: *to, over_s: *over_s }).collect()
}

fn plan(executor: Executor) -> (Audience, Schedule) {
    let audience = Audience::of(executor, 7);
    let schedule = Schedule::generate(&audience);
    (audience, schedule)
}

fn arrivals(schedule: &Schedule) -> Vec<i64> {
    schedule.visits.iter().map(|visit| visit.arrive.0).collect()
}

/// As a file has it: `load` is the inside of its table.
fn read_load(load: &str, text: Result<&str, &str>) -> Result<Executor, String> {
    let source = Source::new("load.toml", load.to_owned());
    let text_of = |_: &str| text.map(str::to_owned).map_err(str::to_owned);
    read(&source, |root| Executor::read(root, text_of)).map_err(|problems| problems.to_string())
}

#[test]
fn constant_users_are_there_from_before_the_start_to_the_end() {
    let executor = Executor::ConstantUsers(ConstantUsers { users: 50, duration_s: 2.5 });
    assert_eq!((executor.then(), executor.name()), (Then::Again { times: None }, "constant_users"));
    assert_eq!(executor.describe(), "50 users for 2.5 s");
    let (audience, schedule) = plan(executor);
    assert_eq!(schedule.until, MatchTime(2_500_000));
    assert!(schedule.visits.iter().all(|v| v.already_watching && v.leave == schedule.until));
    assert_eq!(schedule.wanted_every(&audience, S), [50, 50, 50]);
    assert_eq!((audience.wanted_max(), audience.until()), (50, schedule.until));
}

#[test]
fn ramping_users_come_one_by_one_and_who_came_last_leaves_first() {
    let of = &[(4.0, 4.0), (4.0, 2.0), (1.0, 3.0), (3.0, 0.0), (3.0, 1.0)];
    let ramp = RampingUsers { from_users: 1, stages: stages(of) };
    let (audience, schedule) = plan(Executor::RampingUsers(ramp));
    let stays: Vec<_> = schedule.visits.iter().map(|v| (v.arrive.as_s(), v.leave.as_s())).collect();
    let third = 4.0 / 3.0;
    for (stay, expected) in stays.iter().zip([
        (0.0, 10.0),
        (0.5 * third, 8.5),
        (1.5 * third, 7.5),
        (2.5 * third, 6.5),
        (9.0, 10.0),
        (9.0, 10.0),
    ]) {
        assert!(
            (stay.0 - expected.0).abs() < 2e-6 && (stay.1 - expected.1).abs() < 2e-6,
            "{stays:?}"
        );
    }
    assert_eq!(stays.len(), 6);
    assert_eq!(schedule.visits.iter().filter(|visit| visit.already_watching).count(), 1);
    assert_eq!(schedule.wanted_every(&audience, S), [1, 2, 3, 3, 4, 4, 4, 3, 2, 3]);
}

#[test]
fn a_constant_arrival_rate_has_its_kth_arrival_at_k_over_the_rate() {
    let rate = ConstantArrivalRate { per_s: 3.0, duration_s: 1.5 };
    let executor = Executor::ConstantArrivalRate(rate);
    assert!(executor.is_open() && !executor.ends_early());
    let (audience, schedule) = plan(executor);
    assert_eq!(arrivals(&schedule), [0, 333_333, 666_667, 1_000_000, 1_333_333]);
    assert!(schedule.visits.iter().all(|v| !v.already_watching && v.leave == schedule.until));
    assert!(schedule.wanted_every(&audience, S).is_empty(), "nobody can know who will be there");
    assert_eq!(schedule.peak_within(0.7), 3);
}

#[test]
fn a_ramping_arrival_rate_adds_up() {
    // 0 to 10/s over 2 s is 10 arrivals: t = sqrt(k·2/5); then 10 in a second, then nobody.
    let of = &[(10.0, 2.0), (10.0, 1.0), (0.0, 0.0), (0.0, 5.0)];
    let ramp = RampingArrivalRate { from_per_s: 0.0, stages: stages(of) };
    let (_, schedule) = plan(Executor::RampingArrivalRate(ramp));
    let due = arrivals(&schedule);
    assert_eq!(due.len(), 21, "the 21st when 20 are reached, as the rate falls to 0: {due:?}");
    for (k, due) in due.iter().enumerate().take(10) {
        assert_eq!(*due, ((k as f64 / 2.5).sqrt() * 1e6).round() as i64);
    }
    assert_eq!(due[10..].iter().map(|due| due % 100_000).sum::<i64>(), 0);
    assert_eq!((due[10], due[20]), (2 * S, 3 * S));
    assert_eq!(schedule.until, MatchTime(8 * S));
}

#[test]
fn iterations_begin_with_the_window_and_are_over_when_all_are_done() {
    let executor = Executor::Iterations(Iterations { users: 3, each: 100, limit_s: 600.0 });
    assert_eq!(executor.then(), Then::Again { times: Some(100) });
    assert!(executor.ends_early());
    let (audience, schedule) = plan(executor);
    assert_eq!(arrivals(&schedule), [0, 0, 0]);
    assert!(schedule.visits.iter().all(|visit| !visit.already_watching));
    assert!(!audience.wants_presence());
}

#[test]
fn a_mass_action_is_done_once_by_everybody() {
    let action = MassAction { users: 400, at_s: 5.0, within_s: 1.0, duration_s: 11.0 };
    let (_, schedule) = plan(Executor::MassAction(action));
    let mut who: Vec<u32> = schedule.actions.iter().map(|action| action.viewer).collect();
    who.sort_unstable();
    assert_eq!(who, Vec::from_iter(0..400));
    // One in each 1/400 of the second.
    for (place, action) in (0..).zip(&schedule.actions) {
        assert_eq!((action.at.0 - 5 * S) / 2500, place, "{action:?}");
    }
    let (_, at_once) = plan(Executor::MassAction(MassAction { within_s: 0.0, ..action }));
    assert!(at_once.actions.iter().all(|action| action.at == MatchTime(5 * S)));
    assert_eq!(at_once.actions.len(), 400);
}

#[test]
fn a_replay_has_the_times_of_its_file() {
    let text = "due,what\n2.5,a\n\n\"0\",b\n1e-1;c\n";
    let executor = read_load("replay = { file = \"a.csv\" }", Ok(text)).unwrap();
    assert_eq!(executor.describe(), "3 arrivals of a.csv within 3.5 s");
    assert_eq!(arrivals(&plan(executor).1), [0, 100_000, 2_500_000]);
    let cut = read_load("replay = { file = \"a.csv\", duration_s = 1 }", Ok("0\n0.999999\n1\n"));
    let (_, schedule) = plan(cut.unwrap());
    assert_eq!((arrivals(&schedule), schedule.until), (vec![0, 999_999], MatchTime(S)));
    for (text, said) in [
        (Ok("at\n1\nx\n"), "a.csv:3: `x` is no number of seconds"),
        (Ok("1\n-0.5\n"), "a.csv:2: -0.5 must be from 0 to 604800 seconds"),
        (Ok("1\ninf\n"), "a.csv:2: inf must be from 0"),
        (Ok("NaN\n"), "a.csv:1: NaN must be from 0"),
        (Ok("at\n"), "a.csv:1: no arrival in it"),
        (Err("a.csv: not there"), "a.csv: not there"),
    ] {
        let problems = read_load("replay = { file = \"a.csv\" }", text).unwrap_err();
        assert!(problems.contains(said), "{problems}");
    }
}

#[test]
fn what_sends_nothing_is_refused() {
    for (load, said) in [
        ("ramping_users = { from_users = 5, stages = [] }", "`stages` is empty"),
        ("ramping_users = { from_users = 5 }", "`stages` is missing"),
        (
            "ramping_users = { from_users = 0, stages = [{ users = 0, over_s = 1 }] }",
            "never a user",
        ),
        (
            "ramping_users = { from_users = 1, stages = [{ users = 2, over_s = 0 }] }",
            "take no time",
        ),
        (
            "ramping_arrival_rate = { from_per_s = 0, stages = [{ per_s = 0, over_s = 3 }] }",
            "nobody ever arrives",
        ),
        ("mass_action = { users = 1, at_s = 5, within_s = 1, duration_s = 6 }", "acts at 6 s"),
        ("replay = { file = \"a.csv\", duration_s = 1 }", "nobody arrives before 1 s"),
    ] {
        let problems = read_load(load, Ok("2\n")).unwrap_err();
        assert!(problems.contains(said), "{load}: {problems}");
    }
}

fn a_stage(to: std::ops::Range<u32>) -> impl Strategy<Value = (f64, f64)> {
    (to, prop_oneof![Just(0.0), 0.001..20.0_f64]).prop_map(|(to, over_s)| (f64::from(to), over_s))
}

/// Executors whose stages take some time.
fn executor() -> impl Strategy<Value = Executor> {
    let stages_to = |most| {
        proptest::collection::vec(a_stage(0..most), 1..6).prop_map(|mut of| {
            of.push((1.0, 1.0));
            stages(&of)
        })
    };
    prop_oneof![
        (1..500_u32, 0.1..100.0_f64).prop_map(|(users, duration_s)| Executor::ConstantUsers(
            ConstantUsers { users, duration_s }
        )),
        (0..200_u32, stages_to(200)).prop_map(|(from_users, stages)| Executor::RampingUsers(
            RampingUsers { from_users, stages }
        )),
        (0.1..500.0_f64, 0.1..20.0_f64).prop_map(|(per_s, duration_s)| {
            Executor::ConstantArrivalRate(ConstantArrivalRate { per_s, duration_s })
        }),
        (0.0..200.0_f64, stages_to(200)).prop_map(|(from_per_s, stages)| {
            Executor::RampingArrivalRate(RampingArrivalRate { from_per_s, stages })
        }),
        (1..500_u32, 1..9_u32, 0.1..100.0_f64).prop_map(|(users, each, limit_s)| {
            Executor::Iterations(Iterations { users, each, limit_s })
        }),
        (1..500_u32, 0.0..50.0_f64, 0.0..9.0_f64).prop_map(|(users, at_s, within_s)| {
            let duration_s = at_s + within_s + 1.0;
            Executor::MassAction(MassAction { users, at_s, within_s, duration_s })
        }),
        proptest::collection::vec(0..60 * S, 1..300).prop_map(|mut due_us| {
            due_us.sort_unstable();
            Executor::Replay(Replay { file: "a.csv".into(), due_us, duration_s: 45.0 })
        }),
    ]
}

proptest! {
    #[test]
    fn plans_are_in_order_within_their_time_and_the_union_of_their_shards(
        executor in executor(),
        cuts in proptest::collection::vec(0..SHARD_SLOTS, 0..4),
    ) {
        let (users, visits) = executor.size();
        let (_, schedule) = plan(executor.clone());
        prop_assert!(schedule.visits.is_sorted_by_key(|visit| (visit.arrive, visit.viewer)));
        for (viewer, visit) in (0..).zip(&schedule.visits) {
            prop_assert_eq!(visit.viewer, viewer);
            prop_assert!(visit.arrive < visit.leave && visit.leave <= schedule.until);
            prop_assert!(visit.arrive >= MatchTime(0) && visit.push.is_none() && visit.back.is_none());
        }
        prop_assert!(schedule.actions.iter().all(|action| action.at < schedule.until));
        if !executor.is_open() {
            prop_assert!(f64::from(schedule.peak_present()) <= users);
        }
        let all = (schedule.visits.len() + schedule.actions.len()) as f64;
        // Some of these come and go within an instant, or after the end.
        let exact = !matches!(executor, Executor::Replay(_) | Executor::RampingUsers(_));
        prop_assert!(all <= visits + 1.5 && (!exact || all >= visits - 1.5), "{all} {visits}");
        let mut cuts = cuts;
        cuts.extend([0, SHARD_SLOTS]);
        cuts.sort_unstable();
        let shards = cuts.windows(2).map(|pair| schedule.shard(|slot| (pair[0]..pair[1]).contains(&slot)));
        prop_assert_eq!(Schedule::merge(shards), schedule);
    }

    #[test]
    fn ramping_users_follow_the_line(from_users in 0..300_u32, of in proptest::collection::vec(a_stage(0..300), 1..6)) {
        let mut stages = stages(&of);
        stages.push(Stage { to: 5.0, over_s: 1.0 });
        let (audience, schedule) = plan(Executor::RampingUsers(RampingUsers { from_users, stages }));
        for (second, present) in (0..).zip(schedule.presence_every(S)) {
            let line = audience.curve.viewers_at(f64::from(second) / 60.0);
            prop_assert!((f64::from(present) - line).abs() <= 0.501, "{second} s: {present} for {line}");
        }
    }

    #[test]
    fn a_ramp_of_arrivals_has_come_to_its_integral(from in 0.0..300.0_f64, to in 0.0..300.0_f64, over_s in 0.5..30.0_f64) {
        let ramp = RampingArrivalRate { from_per_s: from, stages: stages(&[(to, over_s)]) };
        let (_, schedule) = plan(Executor::RampingArrivalRate(ramp));
        for (k, due) in arrivals(&schedule).into_iter().enumerate() {
            let t = due as f64 / 1e6;
            let come = from * t + (to - from) / over_s * t * t / 2.0;
            // A µs at the rate then, and at the turning point where the rate is 0.
            prop_assert!((come - k as f64).abs() < 1e-3, "{k}: {come} at {t}");
        }
        let whole = (from + to) / 2.0 * over_s;
        prop_assert!((schedule.visits.len() as f64 - whole).abs() <= 1.0);
    }
}
