//! What viewers do in answer to a moment: exits, pushes, acts and random spikes.

use std::collections::BTreeSet;

use hulk_record::MatchTime;
use hulk_settings::{Source, read};
use hulk_traffic_models::{
    Act, Audience, Curve, Decay, Delay, Exit, Grade, Moment, Point, Push, Response, Schedule,
    Spikes, ViewLength, Visit,
};
use proptest::prelude::*;

const S: i64 = 1_000_000;
const SOON: Delay = Delay::Uniform { from_s: 0.0, to_s: 10.0 };
const LOGNORMAL: Delay = Delay::Lognormal { median_s: 45.0, sigma: 0.9 };
const EXIT: Exit = Exit { within_s: 600.0, to_home: 0.7, returns: 0.2, return_delay: LOGNORMAL };

/// A flat curve of 20 minutes.
fn flat(viewers: f64, seed: u64) -> Audience {
    let point = Point { minute: 0.0, viewers, grade: Grade::M, source: String::new(), decay: None };
    Audience {
        curve: Curve { points: vec![point], until_min: 20.0 },
        moments: Vec::new(),
        view_length: ViewLength { mu: 5.97, sigma: 1.43, grade: Grade::M },
        commentary: hulk_traffic_models::Commentary::default(),
        from_min: 0.0,
        to_min: 20.0,
        scale: 1.0,
        seed,
        executor: None,
    }
}

/// From minute 5 on, the audience decays toward `floor` in steps of 1/e each 30 s.
fn exit(viewers: f64, floor: f64, seed: u64, exit: Exit) -> Audience {
    let mut audience = flat(viewers, seed);
    let decay = Decay { tau_s: 30.0, floor, grade: Grade::M };
    let from = audience.curve.points[0].clone();
    audience.curve.points.push(Point { minute: 5.0, decay: Some(decay), ..from });
    assert!(audience.add_moment(Moment::assumed("out", 5.0, Some(Response::Exit(exit)))));
    audience
}

fn with(audience: Audience, name: &str, minute: f64, response: Response) -> Audience {
    let mut audience = audience;
    assert!(audience.add_moment(Moment::assumed(name, minute, Some(response))));
    audience
}

/// The schedule, after a look at every second: as many are present as are wanted.
fn exact(audience: &Audience) -> Schedule {
    let schedule = Schedule::generate(audience);
    assert_eq!(schedule.presence_every(S), schedule.wanted_every(audience, S));
    schedule
}

fn backs(schedule: &Schedule) -> impl Iterator<Item = (&Visit, hulk_traffic_models::Back)> {
    schedule.visits.iter().filter_map(|visit| Some((visit, visit.back?)))
}

#[test]
fn extra_people_of_a_push_follow_reach_times_convert_times_the_delay_s_share() {
    // Nobody leaves before the end: the shortest of these visits takes longer than the window.
    let mut audience = flat(1_000.0, 3);
    audience.view_length = ViewLength { mu: 11.0, sigma: 0.1, grade: Grade::M };
    audience.scale = 0.5;
    let delay = Delay::Exponential { mean_s: 60.0 };
    let push = Push { reach: 200_000.0, convert: 0.02, delay };
    let audience = with(audience, "push", 2.0, Response::Push(push));
    let schedule = exact(&audience);
    for (second, present) in schedule.presence_every(S).into_iter().enumerate() {
        let after_s = (second as f64 - 120.0).max(0.0);
        let share = 1.0 - (-after_s / 60.0).exp();
        let off = f64::from(present) - 500.0 - 2_000.0 * share;
        assert!(off.abs() <= 1.0, "second {second}: off by {off}");
    }
    assert!(schedule.visits.iter().all(|visit| visit.push.is_none_or(|moment| moment == 0)));
    let late = schedule.visits.iter().filter(|visit| visit.push.is_some()).count();
    // Of 2,000, e^-18 would come after the end; nobody does.
    assert_eq!(late, 2_000);
}

#[test]
fn people_pushed_come_on_top_of_the_curve_and_leave_like_others() {
    let push = Push { reach: 100_000.0, convert: 0.02, delay: Delay::Fixed { s: 30.0 } };
    let audience = with(flat(1_000.0, 4), "push", 2.0, Response::Push(push));
    let schedule = exact(&audience);
    let presence = schedule.presence_every(S);
    assert_eq!((presence[149], presence[150]), (1_000, 3_000));
    // A visit is over after its median length for half of them: 391.5 s.
    assert!((1_900..2_100).contains(&presence[150 + 391]), "{}", presence[150 + 391]);
    // Those who would come after the end do not.
    let late = Push { delay: Delay::Fixed { s: 1_080.0 }, ..push };
    assert_eq!(
        Schedule::generate(&with(flat(1_000.0, 4), "late", 2.0, Response::Push(late))),
        Schedule::generate(&flat(1_000.0, 4))
    );
}

#[test]
fn at_a_floor_of_0_every_one_of_5_000_presses_back() {
    let audience = exit(5_000.0, 0.0, 5, Exit { returns: 0.0, ..EXIT });
    let schedule = exact(&audience);
    let out = MatchTime(300 * S);
    assert_eq!(schedule.present_at(out), 5_000);
    let present = || schedule.visits.iter().filter(|visit| visit.present_at(out));
    assert!(present().all(|visit| visit.back.is_some_and(|back| back.moment == 0)));
    assert!(backs(&schedule).all(|(visit, _)| visit.leave >= out));
    let home = backs(&schedule).filter(|(_, back)| back.to_home).count() as f64;
    assert!((home / backs(&schedule).count() as f64 - 0.7).abs() < 0.03, "{home}");
    assert_eq!(schedule.presence_every(S).last(), Some(&0));
}

#[test]
fn only_who_leaves_within_the_time_of_an_exit_presses_back() {
    let audience = exit(5_000.0, 1_000.0, 6, Exit { within_s: 120.0, ..EXIT });
    let schedule = exact(&audience);
    let window = MatchTime(300 * S)..MatchTime(420 * S);
    for visit in &schedule.visits {
        assert_eq!(visit.back.is_some(), window.contains(&visit.leave), "{visit:?}");
    }
    // By themselves as well as early, and none of those whose window merely ends.
    let decayed = (4_000.0 * (1.0 - (-4.0_f64).exp())) as usize;
    assert!(backs(&schedule).count() >= decayed);
}

#[test]
fn who_returns_is_counted_and_the_curve_still_holds() {
    let audience = exit(20_000.0, 5_000.0, 7, EXIT);
    let schedule = exact(&audience);
    let all = backs(&schedule).count() as f64;
    let again: Vec<_> =
        backs(&schedule).filter_map(|(visit, back)| Some((visit.leave, back.returns?))).collect();
    let share = again.len() as f64 / all;
    assert!((0.17..=0.21).contains(&share), "{share}");
    let mut delays: Vec<i64> = again.iter().map(|(left, stay)| stay.arrive.since(*left)).collect();
    delays.sort_unstable();
    assert!(delays[0] >= S);
    let median_s = delays[delays.len() / 2] as f64 / 1e6;
    assert!((median_s / 45.0 - 1.0).abs() < 0.1, "{median_s}");
    // They leave a second time, and that is all.
    assert!(again.iter().any(|(_, stay)| stay.leave < schedule.until));
    // They held a user meanwhile.
    assert!(schedule.peak_held(0.0) >= schedule.peak_present());
}

#[test]
fn nobody_returns_where_the_curve_has_no_room_or_after_the_end() {
    let soon = Exit { returns: 1.0, return_delay: Delay::Fixed { s: 0.0 }, ..EXIT };
    let audience = exit(300.0, 0.0, 8, soon);
    let schedule = exact(&audience);
    assert_eq!(schedule.presence_every(S).last(), Some(&0));
    assert!(backs(&schedule).any(|(_, back)| back.returns.is_some()));
    let late = Exit { return_delay: Delay::Fixed { s: 900.0 }, ..soon };
    let schedule = exact(&exit(300.0, 0.0, 8, late));
    assert!(backs(&schedule).count() >= 300);
    assert!(backs(&schedule).all(|(_, back)| back.returns.is_none()));
}

#[test]
fn pushed_people_leave_early_with_the_others_of_their_rank() {
    let push = Push { reach: 2_000.0, convert: 1.0, delay: Delay::Fixed { s: 1.0 } };
    let audience = exit(2_000.0, 500.0, 9, Exit { returns: 0.0, ..EXIT });
    let audience = with(audience, "push", 4.5, Response::Push(push));
    let schedule = exact(&audience);
    let out = MatchTime(300 * S);
    let stayed = |pushed: bool| {
        let there = schedule.visits.iter().filter(|v| v.present_at(out));
        let there: Vec<_> = there.filter(|visit| visit.push.is_some() == pushed).collect();
        let left = there.iter().filter(|v| v.present_at(MatchTime(400 * S))).count();
        left as f64 / there.len() as f64
    };
    assert!((stayed(true) - stayed(false)).abs() < 0.06, "{} {}", stayed(true), stayed(false));
    assert!(stayed(true) < 0.35);
}

#[test]
fn the_share_of_those_present_acts_within_the_delay() {
    let act = Act { share: 0.1, delay: SOON };
    let audience = with(flat(5_000.0, 10), "wicket", 5.0, Response::Act(act));
    let schedule = exact(&audience);
    let at = MatchTime(300 * S);
    assert!((490..=500).contains(&schedule.actions.len()), "{}", schedule.actions.len());
    let by: BTreeSet<u32> = schedule.actions.iter().map(|action| action.viewer).collect();
    assert_eq!(by.len(), schedule.actions.len(), "one action each");
    for action in &schedule.actions {
        assert!(action.moment == 0 && (0..=10 * S).contains(&action.at.since(at)));
        let visit = schedule.visits.iter().find(|visit| visit.viewer == action.viewer).unwrap();
        assert!(visit.present_at(at) && visit.present_at(action.at), "{visit:?} {action:?}");
    }
    // One in each fiftieth of a second, but for those who have left.
    for second in 0..10 {
        let within = at.plus(second * S)..at.plus((second + 1) * S);
        let count = schedule.actions.iter().filter(|action| within.contains(&action.at)).count();
        assert!((46..=51).contains(&count), "second {second}: {count}");
    }
    // Whom the moment finds gone does not act.
    let late = Act { delay: Delay::Fixed { s: 600.0 }, ..act };
    let schedule = exact(&with(flat(5_000.0, 10), "wicket", 5.0, Response::Act(late)));
    assert!((150..450).contains(&schedule.actions.len()), "{}", schedule.actions.len());
}

#[test]
fn moments_by_time_or_by_name_each_viewer_answers_at_an_offset_of_its_own() {
    let act = Response::Act(Act { share: 0.2, delay: SOON });
    let mut audience = flat(1_000.0, 11);
    assert!(audience.add_moment(Moment::assumed("by-name", 8.0, None)));
    assert!(audience.add_moment(Moment::assumed("by-time", 4.0, Some(act))));
    assert!(!audience.add_moment(Moment::assumed("by-time", 5.0, None)), "the name is taken");
    assert!(audience.set_response("by-name", act));
    assert!(!audience.set_response("nobody-knows", act));
    let minutes: Vec<f64> = audience.moments.iter().map(|moment| moment.minute).collect();
    assert_eq!(minutes, [4.0, 8.0], "in the order of the minutes");
    let schedule = exact(&audience);
    let answers = |moment: u16| {
        let at = audience.time_of(audience.moments[usize::from(moment)].minute);
        let actions = schedule.actions.iter().filter(move |action| action.moment == moment);
        let pairs = actions.map(move |action| (action.viewer, action.at.since(at)));
        pairs.collect::<Vec<(u32, i64)>>()
    };
    for moment in [0, 1] {
        let answers = answers(moment);
        assert!((190..=200).contains(&answers.len()), "{}", answers.len());
        let offsets: BTreeSet<i64> = answers.iter().map(|(_, offset)| *offset).collect();
        assert_eq!(offsets.len(), answers.len(), "two viewers at one instant");
        assert!(offsets.iter().all(|offset| (0..=10 * S).contains(offset)));
    }
    // Another moment finds other viewers, at other offsets.
    let (first, second) = (answers(0), answers(1));
    let both = first.iter().filter(|(viewer, _)| second.iter().any(|(v, _)| v == viewer)).count();
    assert!(both < 80, "{both} of 200 act both times");
    assert!(first.iter().all(|answer| !second.contains(answer)));
}

#[test]
fn a_moment_more_changes_no_other_s_answers() {
    let act = Response::Act(Act { share: 0.2, delay: SOON });
    let one = with(flat(500.0, 12), "b", 8.0, act);
    let two = with(one.clone(), "a", 4.0, act);
    let of = |audience: &Audience, name: &str| {
        let schedule = exact(audience);
        let is = |moment: u16| audience.moments[usize::from(moment)].name == name;
        let actions = schedule.actions.iter().filter(|action| is(action.moment));
        actions.map(|action| (action.at, action.viewer)).collect::<Vec<_>>()
    };
    assert_eq!(of(&one, "b"), of(&two, "b"));
    assert_ne!(of(&two, "a"), of(&two, "b"));
}

#[test]
fn moments_outside_of_the_window_are_not_answered() {
    let push = Response::Push(Push { reach: 500.0, convert: 1.0, delay: LOGNORMAL });
    let audience = with(flat(100.0, 13), "before", 1.0, push);
    let later = Audience { from_min: 2.0, ..audience.clone() };
    assert!(Schedule::generate(&later).visits.iter().all(|visit| visit.push.is_none()));
    let there = Audience { from_min: 1.0, ..audience };
    let schedule = exact(&there);
    assert_eq!(schedule.visits.iter().filter(|visit| visit.push.is_some()).count(), 500);
    assert!(schedule.visits.iter().all(|visit| visit.push.is_none() || !visit.already_watching));
}

#[test]
fn random_spikes_have_the_rate_and_size_that_were_asked_for_and_the_same_seed_the_same_spikes() {
    let spikes = Spikes { per_hour: 30.0, share: 0.2, delay: SOON };
    let spiked = |seed: u64| {
        let mut audience = flat(1_000.0, seed);
        (audience.to_min, audience.curve.until_min) = (6_000.0, 6_000.0);
        audience.add_spikes(&spikes);
        audience.moments
    };
    let moments = spiked(14);
    assert_eq!(moments, spiked(14));
    assert_ne!(moments, spiked(15));
    // 3,000 are expected: the spread of a count is its root.
    assert!((2_830..3_170).contains(&moments.len()), "{}", moments.len());
    let gaps = moments.windows(2).map(|pair| pair[1].minute - pair[0].minute);
    let short = gaps.clone().filter(|gap| *gap < 2.0 * std::f64::consts::LN_2).count() as f64;
    assert!((short / moments.len() as f64 - 0.5).abs() < 0.03, "half come within ln 2 means");
    let mut total = 0.0;
    for (number, moment) in (1..).zip(&moments) {
        assert_eq!(moment.name, format!("spike-{number}"));
        assert_eq!((moment.grade, moment.response_grade), (Grade::M, Some(Grade::M)));
        let Some(Response::Push(push)) = moment.response else { panic!("{moment:?}") };
        assert_eq!((push.convert, push.delay), (1.0, SOON));
        total += push.reach / 1_000.0;
    }
    let mean = total / moments.len() as f64;
    assert!((mean / 0.2 - 1.0).abs() < 0.06, "{mean}");
}

#[test]
fn spikes_are_numbered_on_and_none_are_made_of_a_rate_of_0() {
    let mut audience = flat(1_000.0, 16);
    audience.add_spikes(&Spikes { per_hour: 0.0, share: 0.2, delay: SOON });
    assert!(audience.moments.is_empty());
    audience.add_spikes(&Spikes { per_hour: 60.0, share: 0.2, delay: SOON });
    let some = audience.moments.len();
    audience.add_spikes(&Spikes { per_hour: 60.0, share: 0.1, delay: LOGNORMAL });
    assert!(some > 5 && audience.moments.len() > some + 5, "{some}");
    assert!(audience.moments.is_sorted_by(|one, two| one.minute <= two.minute));
    let names: BTreeSet<&str> = audience.moments.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names.len(), audience.moments.len());
    exact(&audience);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Exits, pushes and acts in a heap, on a curve that falls or not.
    #[test]
    fn presence_is_exact_whatever_the_responses(
        seed in any::<u64>(), viewers in 0.0_f64..3_000.0, floor in 0.0_f64..1.0,
        returns in 0.0_f64..=1.0, delay in 0.0_f64..90.0, sigma in 0.0_f64..2.0,
        minutes in prop::collection::vec(-1.0_f64..21.0, 4), reach in 0.0_f64..3_000.0,
    ) {
        let some = Delay::Lognormal { median_s: delay, sigma };
        let out = Exit { within_s: 300.0, to_home: 0.5, returns, return_delay: some };
        let mut audience = exit(viewers, floor * viewers, seed, out);
        let push = Push { reach, convert: 0.7, delay: some };
        let responses = [
            Response::Push(push),
            Response::Act(Act { share: returns, delay: some }),
            Response::Exit(Exit { return_delay: Delay::Fixed { s: delay.round() }, ..out }),
            Response::Push(Push { delay: Delay::Fixed { s: delay }, ..push }),
        ];
        for (index, (minute, response)) in minutes.into_iter().zip(responses).enumerate() {
            audience = with(audience, &format!("m{index}"), minute, response);
        }
        let schedule = Schedule::generate(&audience);
        prop_assert_eq!(schedule.presence_every(S), schedule.wanted_every(&audience, S));
        prop_assert!(schedule.visits.is_sorted_by_key(|visit| (visit.arrive, visit.viewer)));
        prop_assert!(schedule.actions.is_sorted_by_key(|action| (action.at, action.viewer)));
        for visit in &schedule.visits {
            let short = |from: MatchTime, to: MatchTime| to < schedule.until && to.since(from) < S;
            prop_assert!(visit.already_watching || !short(visit.arrive, visit.leave), "{visit:?}");
            if let Some(stay) = visit.back.and_then(|back| back.returns) {
                prop_assert!(!short(stay.arrive, stay.leave), "{visit:?}");
                prop_assert!(stay.arrive.since(visit.leave) >= S, "{visit:?}");
                prop_assert!(stay.leave <= schedule.until, "{visit:?}");
            }
        }
    }
}

fn parse(text: &str) -> Result<Option<Response>, Vec<String>> {
    let source = Source::new("m.toml", format!("minute = 3\n{text}\n"));
    let response = read(&source, |root| {
        let minute = root.number("minute", 0.0..=10.0);
        let response = Response::read_optional(root);
        minute.and(response)
    });
    response.map_err(|problems| problems.list.iter().map(ToString::to_string).collect())
}

#[test]
fn a_response_is_read_among_the_other_keys_of_a_moment() {
    assert_eq!(parse(""), Ok(None));
    let delay = "delay = { lognormal = { median_s = 45, sigma = 0.9 } }";
    for (text, response) in [
        (
            format!("exit = {{ within_s = 600, to_home = 0.7, returns = 0.2, return_{delay} }}"),
            Response::Exit(EXIT),
        ),
        (
            format!("push = {{ reach = 1_000, convert = 0.02, {delay} }}"),
            Response::Push(Push { reach: 1_000.0, convert: 0.02, delay: LOGNORMAL }),
        ),
        (
            "act = { share = 0.1, delay = { uniform = { from_s = 0, to_s = 10 } } }".to_owned(),
            Response::Act(Act { share: 0.1, delay: SOON }),
        ),
    ] {
        assert_eq!(parse(&text), Ok(Some(response)), "{text}");
    }
    let act = "act = { share = 2, delay = { fixed = { s = 1, x = 1 } } }";
    assert_eq!(
        parse(&format!("push = {{ convert = 0.02 }}\n{act}")).unwrap_err(),
        [
            "m.toml:1:1: a moment has at most one of `exit`, `push` and `act` \
             (keep one, and make a moment of its own of each other)",
            "m.toml:2:1: `delay` is missing in push: a table is expected (add `delay = …`)",
            "m.toml:2:1: `reach` is missing in push: a number is expected (add `reach = …`)",
            "m.toml:3:17: `share` is 2: it must be from 0 to 1 \
             (the nearest that is allowed is `share = 1`)",
            "m.toml:3:47: unknown key `x` in act.delay.fixed (did you mean `s`?)",
        ]
    );
    assert_eq!(
        parse("exit = 3").unwrap_err(),
        [
            "m.toml:2:8: `exit` must be a table, not a whole number (write `[exit]` and its keys below \
          it, or `exit = { … }`)"
        ]
    );
}

#[test]
fn spikes_are_read_with_their_ranges() {
    let parse = |text: &str| read(&Source::new("s.toml", text), Spikes::read);
    let text = "per_hour = 3\nshare = 0.2\ndelay = { uniform = { from_s = 0, to_s = 10 } }\n";
    assert_eq!(parse(text).unwrap(), Spikes { per_hour: 3.0, share: 0.2, delay: SOON });
    let found = parse("per_hour = 61\nshare = -1\n").unwrap_err();
    let found: Vec<String> = found.list.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "s.toml:1:1: `delay` is missing in the file: a table is expected (add `delay = …`)",
            "s.toml:1:12: `per_hour` is 61: it must be from 0 to 60 \
             (the nearest that is allowed is `per_hour = 60`)",
            "s.toml:2:9: `share` is -1: it must be from 0 to 10 \
             (the nearest that is allowed is `share = 0`)",
        ]
    );
}
