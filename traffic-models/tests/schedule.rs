//! Schedules: they follow the curve, and the union of shards is the whole.

#![expect(clippy::unwrap_used, reason = "helpers of tests too may fail their test")]

use hulk_record::{MatchTime, SHARD_SLOTS, hash_of};
use hulk_traffic_models::{
    Audience, Curve, Delay, Grade, Model, Moment, Point, Push, Response, Schedule, ViewLength,
    Visit, shipped,
};
use proptest::prelude::*;

const DAYS: [&str; 2] = ["day-1", "day-2"];
const VIEW_LENGTH: ViewLength = ViewLength { mu: 5.97, sigma: 1.43, grade: Grade::M };

/// A whole day of the shipped model with `peak` viewers at its peak.
fn audience(day: usize, peak: f64, seed: u64) -> Audience {
    let model = Model::read(&shipped("ind-vs-nz-2019").unwrap()).unwrap();
    let whole = model.audience(DAYS[day], 1.0, seed).unwrap();
    Audience { scale: peak / f64::from(whole.wanted_max()), ..whole }
}

/// A push for a tenth of a million.
fn pushed(minute: f64) -> Moment {
    let delay = Delay::Lognormal { median_s: 45.0, sigma: 0.9 };
    let push = Push { reach: 5e6, convert: 0.02, delay };
    Moment::assumed("push", minute, Some(Response::Push(push)))
}

/// `minutes` of a curve through the given points, one a minute.
fn through(viewers: &[f64], minute_length: f64, seed: u64) -> Audience {
    let point = |(index, viewers): (usize, &f64)| Point {
        minute: index as f64 * minute_length,
        viewers: *viewers,
        grade: Grade::M,
        source: String::new(),
        decay: None,
    };
    let until_min = (viewers.len() - 1) as f64 * minute_length;
    let points = viewers.iter().enumerate().map(point).collect();
    Audience {
        curve: Curve { points, until_min },
        moments: Vec::new(),
        view_length: VIEW_LENGTH,
        commentary: hulk_traffic_models::Commentary::default(),
        from_min: 0.0,
        to_min: until_min,
        scale: 1.0,
        seed,
        executor: None,
    }
}

/// How far a presence may be from the curve: 1 % of it, or 2 viewers.
fn follows(audience: &Audience, schedule: &Schedule) -> Result<(), String> {
    let presence = schedule.presence_every(1_000_000);
    if presence.len() != audience.length_s() as usize {
        return Err(format!("{} seconds", presence.len()));
    }
    for (second, present) in presence.iter().enumerate() {
        let minute = audience.from_min + second as f64 / 60.0;
        let wanted = audience.curve.viewers_at(minute) * audience.scale;
        let off = (f64::from(*present) - wanted).abs();
        if off > (wanted * 0.01).max(2.0) {
            return Err(format!("second {second}: {present} present, {wanted} wanted"));
        }
    }
    Ok(())
}

/// What holds for every schedule.
fn sound(audience: &Audience, schedule: &Schedule) -> Result<(), String> {
    let wrong = |visit: &Visit| {
        let stayed = visit.leave.since(visit.arrive);
        let cut = visit.leave == schedule.until;
        stayed < 1
            || visit.leave > schedule.until
            || visit.already_watching != (visit.arrive == MatchTime(0))
            || (!visit.already_watching && !cut && stayed < 1_000_000)
    };
    if let Some(visit) = schedule.visits.iter().find(|visit| wrong(visit)) {
        return Err(format!("{visit:?}"));
    }
    if !schedule.visits.is_sorted_by_key(|visit| (visit.arrive, visit.viewer)) {
        return Err("not sorted by (arrive, viewer)".into());
    }
    let wanted = schedule.wanted_every(audience, 1_000_000);
    if schedule.presence_every(1_000_000) != wanted {
        return Err("not exactly as many as wanted at every second".into());
    }
    let again = |visit: &Visit| {
        let Some(back) = visit.back else { return true };
        back.returns.is_none_or(|stay| {
            let cut = stay.leave == schedule.until;
            stay.arrive.since(visit.leave) >= 1_000_000
                && stay.arrive < stay.leave
                && stay.leave <= schedule.until
                && (cut || stay.leave.since(stay.arrive) >= 1_000_000)
        })
    };
    if let Some(visit) = schedule.visits.iter().find(|visit| !again(visit)) {
        return Err(format!("{visit:?}"));
    }
    let mut viewers: Vec<u32> = schedule.visits.iter().map(|visit| visit.viewer).collect();
    viewers.sort_unstable();
    viewers.dedup();
    if viewers.len() != schedule.visits.len() {
        return Err("a viewer comes twice".into());
    }
    let before = schedule.visits.iter().filter(|visit| visit.already_watching).count();
    if audience.length_s() > 0 && before != audience.wanted(MatchTime(0)) as usize {
        return Err(format!("{before} already watching"));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn union_of_1_to_16_shards_is_the_whole_to_the_byte(
        count in 1_u32..=16, order in any::<u64>(), day in 0_usize..2, seed in any::<u64>(),
        peak in 20.0_f64..3_000.0,
    ) {
        let mut audience = audience(day, peak, seed);
        prop_assert!(audience.add_moment(pushed(45.0)));
        let whole = Schedule::generate(&audience);
        let owner = |slot: u32| (slot ^ (order as u32 % SHARD_SLOTS)) % count;
        // In any order: the merge may not lean on it.
        let shards: Vec<Schedule> = (0..count)
            .map(|n| (n + order as u32 % count) % count)
            .map(|n| whole.shard(|slot| owner(slot) == n))
            .collect();
        let sizes = shards.iter().map(|shard| shard.visits.len());
        prop_assert_eq!(sizes.clone().sum::<usize>(), whole.visits.len());
        let actions = shards.iter().map(|shard| shard.actions.len());
        prop_assert_eq!(actions.sum::<usize>(), whole.actions.len());
        let fair = whole.visits.len() / count as usize;
        prop_assert!(sizes.max().unwrap_or(0) <= fair + fair / 3 + 40, "shards are uneven");
        prop_assert_eq!(Schedule::merge(shards).to_bytes(), whole.to_bytes());
    }

    #[test]
    fn same_seed_same_schedule(day in 0_usize..2, seed in any::<u64>(), peak in 100.0_f64..3_000.0) {
        let audience = audience(day, peak, seed);
        let one = Schedule::generate(&audience);
        prop_assert_eq!(Schedule::generate(&audience).to_bytes(), one.to_bytes());
        let other = Audience { seed: seed ^ 1, ..audience };
        prop_assert_ne!(Schedule::generate(&other).to_bytes(), one.to_bytes());
    }

    #[test]
    fn the_audience_is_within_1_percent_or_2_viewers_of_the_curve_at_every_second(
        day in 0_usize..2, seed in any::<u64>(), magnitude in 20.0_f64.ln()..100_000.0_f64.ln(),
    ) {
        let audience = audience(day, magnitude.exp(), seed);
        let schedule = Schedule::generate(&audience);
        prop_assert_eq!(follows(&audience, &schedule), Ok(()));
        prop_assert_eq!(sound(&audience, &schedule), Ok(()));
    }

    /// Curves nobody would draw: they jump up and down within a minute or even within a second.
    #[test]
    fn any_curve_and_window_is_followed(
        viewers in prop::collection::vec(0.0_f64..2_000.0, 2..8), minute_length in 0.01_f64..1.5,
        from in 0.0_f64..1.0, seed in any::<u64>(),
    ) {
        let whole = through(&viewers, minute_length, seed);
        let audience = Audience { from_min: from * whole.to_min, ..whole };
        let schedule = Schedule::generate(&audience);
        prop_assert_eq!(follows(&audience, &schedule), Ok(()));
        prop_assert_eq!(sound(&audience, &schedule), Ok(()));
    }
}

#[test]
fn smallest_and_largest_audience_follow_both_days() {
    for day in 0..2 {
        for peak in [20.0, 100_000.0] {
            let audience = audience(day, peak, 7);
            let schedule = Schedule::generate(&audience);
            assert_eq!(follows(&audience, &schedule), Ok(()), "{day} {peak}");
            // At the seconds it is exact; in between departures wait for their replacement.
            let peak_present = f64::from(schedule.peak_present());
            assert!((peak..peak * 1.01 + 4.0).contains(&peak_present), "{peak_present}");
            for (quarter, present) in schedule.presence_every(250_000).into_iter().enumerate() {
                let minute = quarter as f64 / 240.0;
                let wanted = audience.curve.viewers_at(minute) * audience.scale;
                let off = (f64::from(present) - wanted).abs();
                assert!(off <= (wanted * 0.01).max(6.0), "{day} {quarter}: {present} for {wanted}");
            }
        }
    }
}

#[test]
fn view_length_has_a_mean_of_18_minutes_and_a_median_of_6_and_a_half() {
    assert!((VIEW_LENGTH.mean_s() / 60.0 - 18.1).abs() < 0.1, "{}", VIEW_LENGTH.mean_s());
    assert!((VIEW_LENGTH.median_s() / 60.0 - 6.5).abs() < 0.05, "{}", VIEW_LENGTH.median_s());
    let draws = 400_000;
    let mut lengths: Vec<f64> = (0..draws).map(|seed| VIEW_LENGTH.whole_s(seed)).collect();
    lengths.sort_by(f64::total_cmp);
    let mean = lengths.iter().sum::<f64>() / lengths.len() as f64;
    let median = lengths[lengths.len() / 2];
    assert!((mean / VIEW_LENGTH.mean_s() - 1.0).abs() < 0.02, "{mean}");
    assert!((median / VIEW_LENGTH.median_s() - 1.0).abs() < 0.01, "{median}");
}

/// The mean of what is left of a visit under way is E[L²] / 2 E[L]; from the first second on,
/// a flat curve of N viewers has N / E[L] arrivals a second.
#[test]
fn a_flat_curve_is_steady_from_the_start() {
    let expected = rest_mean_s();
    let short = ViewLength { mu: 5.0, sigma: 0.5, grade: Grade::M };
    let mean = (0..100_000).map(|seed| short.rest_s(seed)).sum::<f64>() / 100_000.0;
    assert!((mean / expected - 1.0).abs() < 0.02, "{mean} {expected}");

    let viewers = 100_000.0;
    let schedule = Schedule::generate(&through(&[viewers, viewers], 30.0, 3));
    for from_s in [0, 600, 1_200] {
        let window = MatchTime(from_s * 1_000_000)..MatchTime((from_s + 600) * 1_000_000);
        let new = |visit: &&Visit| window.contains(&visit.arrive) && !visit.already_watching;
        let starts = schedule.visits.iter().filter(new).count() as f64;
        let steady = viewers / VIEW_LENGTH.mean_s() * 600.0;
        assert!((starts / steady - 1.0).abs() < 0.03, "from {from_s} s: {starts}, not {steady}");
    }
}

fn rest_mean_s() -> f64 {
    let (mu, sigma) = (5.0_f64, 0.5_f64);
    (2.0 * mu + 2.0 * sigma * sigma).exp() / (2.0 * (mu + sigma * sigma / 2.0).exp())
}

/// Whoever has to go early is chosen by rank, not by age: otherwise an exit would empty the
/// platform of its newest or oldest viewers first.
#[test]
fn early_leavers_are_drawn_from_all_viewers_alike() {
    let schedule = Schedule::generate(&through(&[40_000.0, 40_000.0, 20_000.0], 2.0, 11));
    let fall = MatchTime(120_000_000)..schedule.until;
    let here = |visit: &&Visit| visit.arrive < fall.start && visit.leave > fall.start;
    let left = |already: bool| {
        let there = schedule.visits.iter().filter(here).filter(|v| v.already_watching == already);
        let gone = there.clone().filter(|visit| fall.contains(&visit.leave)).count();
        gone as f64 / there.count() as f64
    };
    let (old, new) = (left(true), left(false));
    assert!((0.4..0.6).contains(&old) && (0.45..0.7).contains(&new), "{old} {new}");
}

/// Workers of one rehearsal may run on unlike machines: each must make the same visits.
#[test]
fn a_schedule_is_the_same_on_every_machine() {
    let schedule = Schedule::generate(&audience(1, 500.0, 2019));
    let digest = schedule.to_bytes().iter().fold(0, |d, byte| hash_of(d, u64::from(*byte)));
    assert_eq!((schedule.visits.len(), digest), (4_807, 2_163_763_635_113_740_796));
}

/// The visits that were made before there were responses: whoever asks for none still gets them.
#[test]
fn an_audience_without_responses_makes_the_visits_it_always_made() {
    let digest = |audience: &Audience| {
        let plain = Audience { moments: Vec::new(), ..audience.clone() };
        let mut silent = audience.clone();
        silent.retain_responses(|_| false);
        let schedule = Schedule::generate(&silent);
        assert_eq!(schedule, Schedule::generate(&plain));
        assert_ne!(schedule, Schedule::generate(audience), "nobody answers");
        assert!(schedule.actions.is_empty());
        let digest = schedule.visits.iter().fold(0, |digest, visit| {
            assert!(visit.push.is_none() && visit.back.is_none());
            let numbers = [
                u64::from(visit.viewer),
                visit.arrive.0 as u64,
                visit.leave.0 as u64,
                u64::from(visit.already_watching),
            ];
            numbers.into_iter().fold(digest, hash_of)
        });
        (schedule.visits.len(), digest)
    };
    let model = Model::read(&shipped("ind-vs-nz-2019").unwrap()).unwrap();
    let day = model.audience("day-2", 8e-5, 20_190_710).unwrap();
    let match_day = Audience { from_min: 251.0, to_min: 261.4, ..day };
    assert_eq!(digest(&match_day), (3_027, 9_957_765_774_705_221_929));
    assert_eq!(digest(&audience(1, 500.0, 2019)), (4_807, 11_829_834_470_323_441_781));
    let first = model.audience("day-1", 1e-4, 7).unwrap();
    assert_eq!(digest(&first), (17_526, 9_092_619_889_566_874_380));
}

#[test]
fn an_empty_or_senseless_window_has_no_visits() {
    let flat = through(&[10.0, 10.0], 1.0, 1);
    for (from_min, to_min, scale) in [(0.5, 0.5, 1.0), (1.0, 0.0, 1.0), (0.0, 1.0, f64::NAN)] {
        let schedule = Schedule::generate(&Audience { from_min, to_min, scale, ..flat.clone() });
        assert!(schedule.visits.is_empty(), "{from_min} {to_min} {scale}");
        assert_eq!(schedule.peak_present(), 0);
    }
}
