//! The commentary feed of the shipped semi-final, and what holds of every feed.

#![expect(clippy::unwrap_used, reason = "helpers of tests too may fail their test")]

use hulk_record::{BallEvent, Message};
use hulk_traffic_models::{Audience, Model, Spikes, shipped};
use proptest::prelude::*;

fn day(name: &str, seed: u64) -> Audience {
    let model = Model::read(&shipped("ind-vs-nz-2019").unwrap()).unwrap();
    model.audience(name, 1e-5, seed).unwrap()
}

fn balls(feed: &[Message]) -> impl Iterator<Item = &Message> {
    feed.iter().filter(|message| message.moment.is_none())
}

proptest! {
    #[test]
    fn a_ball_comes_40_to_60_match_seconds_after_the_one_before(
        seed in 0..1_000_u64, day_2 in proptest::bool::ANY, delay_s in 0.0..60.0_f64,
    ) {
        let audience = day(if day_2 { "day-2" } else { "day-1" }, seed);
        let feed = audience.commentary(delay_s);
        let times: Vec<f64> = balls(&feed).map(|ball| ball.at.as_s()).collect();
        let first = 40.0 + delay_s - 1e-3..=60.0 + delay_s + 1e-3;
        prop_assert!(times.first().is_some_and(|at| first.contains(at)));
        for pair in times.windows(2) {
            prop_assert!((40.0 - 1e-3..=60.0 + 1e-3).contains(&(pair[1] - pair[0])), "{pair:?}");
        }
        let end = audience.until().as_s();
        prop_assert!(times.last().is_some_and(|at| end - at <= 60.0 + 1e-3), "up to the end");
        let mean = (times[times.len() - 1] - times[0]) / (times.len() - 1) as f64;
        prop_assert!((48.0..52.0).contains(&mean), "{mean}");
    }

    #[test]
    fn each_moment_is_told_once_when_it_happens_and_later_by_the_delay(
        seed in 0..1_000_u64, delay_s in 0.0..30.0_f64,
    ) {
        let mut audience = day("day-2", seed);
        audience.to_min = 270.0;
        let feed = audience.commentary(delay_s);
        for moment in &audience.moments {
            let told: Vec<&Message> =
                feed.iter().filter(|m| m.moment.as_deref() == Some(&moment.name)).collect();
            let [told] = told[..] else { panic!("{}: {told:?}", moment.name) };
            prop_assert_eq!(told.happened, audience.time_of(moment.minute));
            prop_assert_eq!(told.at, told.happened.plus_s(delay_s));
        }
        prop_assert!(feed.windows(2).all(|pair| pair[0].id < pair[1].id && pair[0].at <= pair[1].at));
    }
}

#[test]
fn the_same_seed_has_the_same_feed_and_a_window_is_a_part_of_it() {
    let whole = day("day-2", 7);
    let feed = whole.commentary(5.0);
    assert_eq!(feed, day("day-2", 7).commentary(5.0));
    assert_ne!(feed, day("day-2", 8).commentary(5.0));
    let window = Audience { from_min: 251.0, to_min: 261.4, ..whole };
    let inside = window.commentary(5.0);
    let of_whole = feed
        .iter()
        .filter(|message| (251.0 * 60.0..261.4 * 60.0 - 1e-3).contains(&message.at.as_s()));
    let names = |message: &Message| (message.id, message.text.clone());
    assert_eq!(
        inside.iter().map(names).collect::<Vec<_>>(),
        of_whole.map(names).collect::<Vec<_>>()
    );
    assert!(inside.len() >= 12, "{}", inside.len());
}

#[test]
fn golden_what_the_shipped_semi_final_says_of_its_star() {
    let feed = Audience { from_min: 251.0, to_min: 261.4, ..day("day-2", 7) }.commentary(5.0);
    let told: Vec<String> = feed
        .iter()
        .filter(|message| message.moment.is_some())
        .map(|m| format!("{} {} {} {}", m.at.as_s(), m.event.name(), m.key_player, m.text))
        .collect();
    assert_eq!(
        told,
        ["5 in true MS Dhoni comes in to bat", "545 wicket true wicket: MS Dhoni is out"]
    );
}

#[test]
fn balls_are_runs_and_boundaries_and_crowds_from_elsewhere_are_not_told() {
    let mut audience = day("day-2", 7);
    let before = audience.commentary(0.0);
    let kinds = |event| balls(&before).filter(|ball| ball.event == event).count();
    let (plain, boundaries) = (kinds(BallEvent::Ball), kinds(BallEvent::Boundary));
    assert_eq!(plain + boundaries, balls(&before).count());
    assert!((plain as f64 / boundaries as f64 - 0.88 / 0.12).abs() < 3.0, "{plain}/{boundaries}");
    let delay = hulk_traffic_models::Delay::Fixed { s: 1.0 };
    audience.add_spikes(&Spikes { per_hour: 5.0, share: 0.01, delay });
    assert!(audience.moment("spike-1").is_some());
    assert_eq!(audience.commentary(0.0), before);
}
