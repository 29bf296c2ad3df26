//! Toxics that come, change and go in the middle of a stream.

use hulk_chaos::{HELD_BYTES_MAX, Item, Pipe, Protocol, Set};
use hulk_record::Offset;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{
    MS, Out, S, START, Step, Steps, bytes, chain, change, drive, finish, joined, lateness, ordered,
    pipe, run, set, stream, times, toxic, updated, with_toxicity,
};

/// Chunks of 10 bytes, one each 10 ms.
fn drops(count: i64) -> Steps {
    stream(&(0..count).map(|n| (START + n * 10 * MS, 10)).collect::<Vec<_>>())
}

fn sound(out: &Out, sent: usize) {
    assert_eq!(joined(out), bytes(0, sent)[..], "every byte once and in its order");
}

#[test]
fn a_toxic_that_is_added_is_done_to_what_comes_from_then_on() {
    let late = chain(&[("latency", json!({ "latency": 100 }))]);
    let out = run(&[], ordered([drops(4), vec![change(START + 15 * MS, &late)]]));
    let expected = [0, 10, 120, 130].map(|ms| (START + ms * MS, 10));
    assert_eq!(times(&out), expected);
}

#[test]
fn a_toxic_that_is_removed_hands_on_what_it_held_before_anything_that_comes_later() {
    let late = chain(&[("latency", json!({ "latency": 100 }))]);
    let out = run(&late, ordered([drops(4), vec![change(START + 15 * MS, &[])]]));
    let expected = [15, 15, 20, 30].map(|ms| (START + ms * MS, 10));
    assert_eq!(times(&out), expected);
    sound(&out, 40);
}

#[test]
fn what_a_removed_toxic_held_still_goes_through_those_behind_it() {
    let toxics = chain(&[
        ("latency", json!({ "latency": 100 })),
        ("slow_close", json!({ "delay": 0 })),
        ("bandwidth", json!({ "rate": 1 })),
    ]);
    let removed = vec![change(START + 15 * MS, &toxics[2..])];
    let out = run(&toxics, ordered([drops(2), removed]));
    assert_eq!(times(&out), [(START + 25 * MS, 10), (START + 35 * MS, 10)]);
}

#[test]
fn toxics_that_are_removed_together_hand_on_what_was_first_first() {
    let toxics = chain(&[
        ("latency", json!({ "latency": 10 })),
        ("latency", json!({ "latency": 10 })),
        ("bandwidth", json!({ "rate": 1 })),
        ("latency", json!({ "latency": 40 })),
    ]);
    for rest in [vec![], vec![toxics[3].clone()], vec![toxics[0].clone()], toxics[1..3].to_vec()] {
        let out = run(&toxics, ordered([drops(9), vec![change(START + 45 * MS, &rest)]]));
        sound(&out, 90);
    }
    let out = run(&toxics, ordered([drops(5), vec![change(START + 45 * MS, &[])]]));
    assert!(out.iter().all(|(at, _)| *at == START + 45 * MS), "{out:?}");
}

#[test]
fn what_a_removed_toxic_held_is_not_done_to_by_others_that_are_removed_with_it() {
    let toxics =
        chain(&[("latency", json!({ "latency": 100 })), ("slicer", json!({ "average_size": 1 }))]);
    let out = run(&toxics, ordered([drops(1), vec![change(START + 15 * MS, &[])]]));
    assert_eq!(times(&out), [(START + 15 * MS, 10)]);
}

#[test]
fn a_latency_that_is_changed_counts_from_when_things_came() {
    let late = chain(&[("latency", json!({ "latency": 100 }))]);
    for (to_ms, expected) in [(50, [50, 60, 70]), (200, [200, 210, 220]), (5, [25, 25, 25])] {
        let changed = updated(&late[0], json!({ "latency": to_ms }));
        let out = run(&late, ordered([drops(3), vec![change(START + 25 * MS, &[changed])]]));
        assert_eq!(times(&out), expected.map(|ms| (START + ms * MS, 10)), "{to_ms}");
    }
}

#[test]
fn a_latency_that_is_changed_draws_for_what_it_holds_as_before() {
    let jitter = chain(&[("latency", json!({ "latency": 100, "jitter": 99 }))]);
    let steady = run(&jitter, drops(20));
    let farther = updated(&jitter[0], json!({ "latency": 1_100 }));
    let out = run(&jitter, ordered([drops(20), vec![change(START, &[farther])]]));
    let later: Vec<_> = steady.into_iter().map(|(at, item)| (at + S, item)).collect();
    assert_eq!(out, later);
}

#[test]
fn a_toxic_that_no_longer_acts_on_a_link_lets_go_what_it_held_and_not_into_the_past() {
    // The second must not take what is let go for what came long ago.
    let toxics =
        chain(&[("latency", json!({ "latency": 100 })), ("bandwidth", json!({ "rate": 1 }))]);
    let off = [with_toxicity(&toxics[0], 0.0), toxics[1].clone()];
    let out = run(&toxics, ordered([drops(4), vec![change(START + 25 * MS, &off)]]));
    assert_eq!(times(&out), [35, 45, 55, 65].map(|ms| (START + ms * MS, 10)));
    let closes =
        chain(&[("slow_close", json!({ "delay": 100 })), ("slow_close", json!({ "delay": 50 }))]);
    let sooner = [updated(&closes[0], json!({ "delay": 10 })), closes[1].clone()];
    let out = run(&closes, vec![finish(START), change(START + 40 * MS, &sooner)]);
    assert_eq!(out, [(START + 90 * MS, Item::Finish)]);
}

#[test]
fn a_rate_that_is_changed_goes_for_what_is_held_and_counts_what_is_through() {
    let limit = chain(&[("bandwidth", json!({ "rate": 10 }))]);
    let faster = updated(&limit[0], json!({ "rate": 100 }));
    // A piece of 128 bytes takes 12.8 ms; at 6.4 ms it is half through.
    let steps = ordered([stream(&[(START, 256)]), vec![change(START + 6_400, &[faster])]]);
    let out = run(&limit, steps);
    assert_eq!(times(&out).last().unwrap(), &(START + 6_400 + 640 + 1_280, 128));
    let none = updated(&limit[0], json!({ "rate": 0 }));
    let steps = ordered([stream(&[(START, 256)]), vec![change(START + 6_400, &[none])]]);
    assert!(run(&limit, steps).iter().all(|(at, _)| *at == START + 6_400));
}

#[test]
fn the_same_toxics_again_change_nothing() {
    let toxics = chain(&[
        ("latency", json!({ "latency": 30, "jitter": 20 })),
        ("slicer", json!({ "average_size": 4, "size_variation": 3, "delay": 500 })),
        ("bandwidth", json!({ "rate": 1 })),
    ]);
    let again = (0..100).map(|n| change(START + n * 1_234, &toxics)).collect();
    assert_eq!(run(&toxics, ordered([drops(9), again])), run(&toxics, drops(9)));
}

#[test]
fn a_toxic_of_another_number_is_another_toxic() {
    let first = set(1, toxic("limit_data", json!({ "bytes": 30 })));
    let second = set(2, toxic("limit_data", json!({ "bytes": 30 })));
    let out = run(&[first], ordered([drops(9), vec![change(START + 15 * MS, &[second])]]));
    assert_eq!((joined(&out).len(), out.last().unwrap()), (50, &(START + 40 * MS, Item::Close)));
}

/// Toxics that lose nothing.
fn lossless() -> impl Strategy<Value = (&'static str, Value)> {
    prop_oneof![
        (0..300_i64).prop_map(|ms| ("latency", json!({ "latency": ms }))),
        (0..300_i64, 0..300_i64)
            .prop_map(|(ms, jitter)| ("latency", json!({ "latency": ms, "jitter": jitter }))),
        (5..5_000_i64).prop_map(|rate| ("bandwidth", json!({ "rate": rate }))),
        (5..5_000_i64).prop_map(|rate| ("bandwidth", json!({ "rate": rate, "packet_bytes": 576 }))),
        (40..900_i64, 0..40_i64, 0..3_000_i64).prop_map(|(size, variation, delay)| {
            let of = json!({ "average_size": size, "size_variation": variation, "delay": delay });
            ("slicer", of)
        }),
        (1..100_i64, 200..9_000_i64).prop_map(|(ms, initial)| {
            ("slow_start", json!({ "round_trip": ms, "initial_bytes": initial, "rate": 500 }))
        }),
        (0..300_i64).prop_map(|ms| ("slow_close", json!({ "delay": ms }))),
        Just(("noop", json!({}))),
    ]
}

#[derive(Debug, Clone)]
enum Turn {
    Chunk(usize),
    Add(usize, (&'static str, Value)),
    Update(usize, (&'static str, Value)),
    Toxicity(usize, f64),
    Remove(usize),
}

fn turns() -> impl Strategy<Value = Vec<(i64, Turn)>> {
    let turn = prop_oneof![
        5 => (1..4_000_usize).prop_map(Turn::Chunk),
        1 => (0..4_usize, lossless()).prop_map(|(place, toxic)| Turn::Add(place, toxic)),
        1 => (0..4_usize, lossless()).prop_map(|(place, toxic)| Turn::Update(place, toxic)),
        1 => (0..4_usize, 0.0..=1.0_f64).prop_map(|(place, share)| Turn::Toxicity(place, share)),
        1 => (0..4_usize).prop_map(Turn::Remove),
    ];
    proptest::collection::vec((0..60_000_i64, turn), 1..40)
}

/// The steps that the turns come to, and how many bytes are sent.
fn steps_of(toxics: &[Set], turns: Vec<(i64, Turn)>) -> (Steps, usize) {
    let (mut now, mut sent, mut id) = (START, 0, 100);
    let mut toxics = toxics.to_vec();
    let mut steps = Vec::new();
    for (gap, turn) in turns {
        now += gap;
        let count = toxics.len();
        match turn {
            Turn::Chunk(len) => {
                steps.push((now, Step::Push(Item::Data(bytes(sent, len)))));
                sent += len;
                continue;
            }
            Turn::Add(place, (kind, of)) => {
                id += 1;
                toxics.insert(place.min(count), set(id, toxic(kind, of)));
            }
            _ if count == 0 => continue,
            Turn::Update(place, (kind, of)) => {
                let known = &mut toxics[place % count];
                if known.toxic.kind.name() == kind {
                    *known = updated(known, of);
                }
            }
            Turn::Toxicity(place, share) => {
                let known = &mut toxics[place % count];
                *known = with_toxicity(known, share);
            }
            Turn::Remove(place) => {
                toxics.remove(place % count);
            }
        }
        steps.push((now, Step::Change(toxics.clone())));
    }
    steps.push(finish(now));
    (steps, sent)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_byte_is_lost_made_up_or_overtaken_whatever_is_changed_whenever(
        of in proptest::collection::vec(lossless(), 0..4), turns in turns(), seed in any::<u64>(),
        late_us in 0..50_000_u64,
    ) {
        let toxics = chain(&of);
        let (steps, sent) = steps_of(&toxics, turns);
        let mut ideal = pipe(Protocol::Tcp, seed, &toxics);
        let out = drive(&mut ideal, steps.clone(), || 0);
        prop_assert_eq!(joined(&out), &bytes(0, sent)[..]);
        prop_assert_eq!(&out.last().unwrap().1, &Item::Finish);
        prop_assert_eq!(out.iter().filter(|(_, item)| *item == Item::Finish).count(), 1);
        prop_assert_eq!((ideal.held_bytes(), ideal.next_wake()), (0, None));
        // Who looks late sees the same things, each late by no more than the look.
        let mut late = pipe(Protocol::Tcp, seed, &toxics);
        let seen = drive(&mut late, steps, lateness(seed, late_us));
        prop_assert_eq!(seen.len(), out.len());
        for ((seen, item), (due, same)) in seen.iter().zip(&out) {
            prop_assert_eq!(item, same);
            prop_assert!((0..=late_us as i64).contains(&(seen - due)), "{} {}", seen, due);
        }
    }
}

/// Reads 128 KiB whenever there is room, for a while.
fn fill(pipe: &mut Pipe, takes: bool) -> usize {
    let chunk = bytes::Bytes::from(vec![0; 128 << 10]);
    let (mut now, mut most) = (Offset(START), 0);
    for _ in 0..150 {
        while pipe.wants() {
            pipe.push(now, Item::Data(chunk.clone()));
            pipe.advance(now);
            most = most.max(pipe.held_bytes());
        }
        while takes && pipe.pop().is_some() {}
        let Some(wake) = pipe.next_wake() else { break };
        now = now.max(wake).plus(10_000);
        pipe.advance(now);
        most = most.max(pipe.held_bytes());
    }
    most
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_more_is_held_than_the_most_and_one_chunk(
        of in proptest::collection::vec(lossless(), 1..5), takes in any::<bool>(),
    ) {
        let mut toxics = of;
        toxics.push(("latency", json!({ "latency": 60_000 })));
        let mut pipe = pipe(Protocol::Tcp, 7, &chain(&toxics));
        let most = fill(&mut pipe, takes);
        prop_assert!(most <= HELD_BYTES_MAX + (128 << 10), "{most}");
    }
}

#[test]
fn what_is_held_is_bounded_with_what_keeps_its_order() {
    let slow = chain(&[("latency", json!({ "latency": 60_000 }))]);
    let most = fill(&mut pipe(Protocol::Tcp, 7, &slow), true);
    assert!((HELD_BYTES_MAX - (256 << 10)..HELD_BYTES_MAX + (128 << 10)).contains(&most), "{most}");
    // Single bytes take far more memory than they carry.
    let crumbs = chain(&[
        ("slicer", json!({ "average_size": 1 })),
        ("latency", json!({ "latency": 60_000 })),
    ]);
    let most = fill(&mut pipe(Protocol::Tcp, 7, &crumbs), true);
    assert!(most < HELD_BYTES_MAX / 16, "{most}");
}
