//! What toxics say that they have done.

use hulk_chaos::{EffectCounts, Item, Protocol, Set};
use hulk_record::Offset;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{
    MS, START, chain, change, counts, data, drive, finish, lateness, only, ordered, pipe, run,
    run_udp, stream, updated,
};

/// Two chunks and the end through one toxic: what it has done.
fn done(kind: &str, of: Value) -> EffectCounts {
    let toxics = chain(&[(kind, of)]);
    let mut steps = stream(&[(START, 1_000), (START + 10 * MS, 500)]);
    steps.push(finish(START + 20 * MS));
    run(&toxics, steps);
    counts(&toxics[0])
}

#[test]
fn each_toxic_counts_what_it_has_done_and_nothing_else() {
    let late = |bytes, ends| vec![("bytes_delayed", bytes), ("ends_delayed", ends)];
    for (kind, of, expected, delays) in [
        ("latency", json!({ "latency": 100 }), late(1_500, 1), 3),
        ("latency", json!({ "latency": 3 }), late(1_500, 0), 2),
        ("bandwidth", json!({ "rate": 1_000 }), late(1_500, 0), 2),
        ("bandwidth", json!({ "rate": 50 }), late(1_500, 1), 7),
        ("slow_close", json!({ "delay": 100 }), late(0, 1), 1),
        ("slicer", json!({ "average_size": 400 }), vec![("pieces_cut", 3)], 0),
        (
            "slicer",
            json!({ "average_size": 400, "delay": 1_000 }),
            vec![("pieces_cut", 3), ("bytes_delayed", 700)],
            3,
        ),
        (
            "slow_start",
            json!({ "round_trip": 10, "initial_bytes": 1_500, "rate": 150 }),
            late(1_500, 0),
            2,
        ),
        (
            "limit_data",
            json!({ "bytes": 1_100 }),
            vec![("bytes_dropped", 400), ("connections_closed", 1)],
            0,
        ),
        (
            "timeout",
            json!({ "timeout": 15 }),
            vec![("bytes_dropped", 1_500), ("connections_closed", 1)],
            0,
        ),
        ("timeout", json!({}), vec![("bytes_dropped", 1_500)], 0),
        (
            "reset_peer",
            json!({ "timeout": 15 }),
            vec![("bytes_delayed", 1_500), ("connections_reset", 1)],
            0,
        ),
    ] {
        let done = done(kind, of);
        let mut expected = expected;
        expected.push(("links", 1));
        assert_eq!(done.named(), only(&expected), "{kind}");
        assert_eq!(done.delay.as_ref().map_or(0, |delay| delay.count), delays, "{kind}");
        assert!(done.bit(), "{kind}");
    }
}

#[test]
fn a_toxic_that_did_nothing_has_not_bitten() {
    for (kind, of) in [
        ("latency", json!({})),
        ("bandwidth", json!({ "rate": 0 })),
        // Faster than the clock can tell.
        ("bandwidth", json!({ "rate": 1_000_000_000 })),
        ("slow_close", json!({})),
        ("slicer", json!({ "average_size": 1_000 })),
        ("limit_data", json!({ "bytes": 1_501 })),
    ] {
        let toxics = chain(&[(kind, of)]);
        let mut steps = stream(&[(START, 1_000), (START + 10 * MS, 500)]);
        steps.push(finish(START + 20 * MS));
        let mut live = pipe(Protocol::Tcp, 7, &toxics);
        for (at, step) in steps {
            let crate::world::Step::Push(item) = step else { continue };
            live.push(Offset(at), item);
            live.advance(Offset(at));
        }
        let done = counts(&toxics[0]);
        assert_eq!((done.bit(), done.named()), (false, only(&[("links", 1)])), "{kind}");
        assert_eq!(done.describe(), "has not bitten on 1 link");
        assert_eq!(done.delay, None);
    }
}

#[test]
fn the_delays_are_those_that_were() {
    let toxics = chain(&[("latency", json!({ "latency": 100, "jitter": 80 }))]);
    let chunks: Vec<(i64, usize)> = (0..1_000).map(|n| (START + n * 1_000 * MS, 3)).collect();
    let out = run(&toxics, stream(&chunks));
    let mut by: Vec<i64> = data(&out).zip(&chunks).map(|((at, _), came)| at - came.0).collect();
    by.sort_unstable();
    let delay = counts(&toxics[0]).delay.unwrap();
    let mean_ms = by.iter().sum::<i64>() as f64 / 1e6;
    assert_eq!((delay.count, delay.max_ms), (1_000, by[999] as f64 / 1e3));
    assert!((delay.mean_ms - mean_ms).abs() < 1e-9, "{} {mean_ms}", delay.mean_ms);
    for (found, rank) in [(delay.p50_ms, 499), (delay.p99_ms, 989)] {
        let exact = by[rank] as f64 / 1e3;
        assert!((found / exact - 1.0).abs() < 1e-3, "{found}, not {exact}");
    }
}

#[test]
fn the_delays_do_not_depend_on_who_looks() {
    let shown = |late_us: u64| {
        let toxics = chain(&[
            ("latency", json!({ "latency": 30, "jitter": 20 })),
            ("slicer", json!({ "average_size": 100, "delay": 900 })),
            ("bandwidth", json!({ "rate": 50 })),
        ]);
        let mut steps = stream(&[(START, 1_000), (START + 10 * MS, 500)]);
        steps.push(finish(START + 20 * MS));
        drive(&mut pipe(Protocol::Tcp, 7, &toxics), steps, lateness(1, late_us));
        toxics.iter().map(counts).collect::<Vec<_>>()
    };
    assert_eq!(shown(100_000), shown(0));
}

#[test]
fn a_change_counts_no_byte_and_no_cut_twice() {
    let toxics = chain(&[
        ("latency", json!({ "latency": 100 })),
        ("slicer", json!({ "average_size": 100, "size_variation": 50, "delay": 3_000 })),
        ("bandwidth", json!({ "rate": 100 })),
    ]);
    let changes = (1..80).map(|n| {
        let latency = updated(&toxics[0], json!({ "latency": 100 + n % 7 }));
        let slicer = updated(&toxics[1], json!({ "delay": 3_000 + n }));
        let bandwidth = updated(&toxics[2], json!({ "rate": 100 - n % 3 }));
        change(START + n * 2 * MS, &[latency, slicer, bandwidth])
    });
    let chunks = stream(&[(START, 2_000), (START + 50 * MS, 1_000)]);
    let out = run(&toxics, ordered([chunks, changes.collect()]));
    assert_eq!(counts(&toxics[0]).named(), only(&[("links", 1), ("bytes_delayed", 3_000)]));
    assert_eq!(counts(&toxics[0]).delay.unwrap().count, 2);
    let (cut, pieces) = (counts(&toxics[1]).pieces_cut, data(&out).count() as u64);
    assert_eq!(counts(&toxics[2]).delay.unwrap().count, pieces);
    assert_eq!(counts(&toxics[2]).bytes_delayed, 3_000);
    assert!(cut + 2 <= pieces && (20..60).contains(&cut), "{cut} cuts, {pieces} pieces");
}

#[test]
fn a_toxic_has_bitten_as_soon_as_it_holds_something_back() {
    for (kind, of) in [
        ("latency", json!({ "latency": 60_000 })),
        ("reset_peer", json!({ "timeout": 60_000 })),
        ("bandwidth", json!({ "rate": 1 })),
    ] {
        let toxics = chain(&[(kind, of)]);
        let mut link = pipe(Protocol::Tcp, 7, &toxics);
        assert!(!counts(&toxics[0]).bit(), "{kind}");
        link.push(Offset(START), Item::Data("given up".into()));
        drop(link);
        assert_eq!(counts(&toxics[0]).named(), only(&[("links", 1), ("bytes_delayed", 8)]));
        assert!(counts(&toxics[0]).bit() && counts(&toxics[0]).delay.is_none(), "{kind}");
    }
}

#[test]
fn what_a_toxic_held_when_it_was_removed_was_late_until_then() {
    let toxics = chain(&[("latency", json!({ "latency": 60_000 }))]);
    let steps = ordered([stream(&[(START, 10)]), vec![change(START + 70 * MS, &[])]]);
    run(&toxics, steps);
    let delay = counts(&toxics[0]).delay.unwrap();
    assert_eq!((delay.count, delay.max_ms, counts(&toxics[0]).bytes_delayed), (1, 70.0, 10));
}

#[test]
fn a_zero_byte_datagram_that_comes_later_was_bitten() {
    let toxics = chain(&[("latency", json!({ "latency": 5 }))]);
    assert_eq!(run_udp(&toxics, stream(&[(START, 0)])).len(), 1);
    assert!(counts(&toxics[0]).bit());
    assert_eq!(
        counts(&toxics[0]).describe(),
        "has bitten on 1 link: later by 5.0 ms (p50), 5.0 ms (p99)"
    );
}

#[test]
fn golden_what_toxics_have_done_in_words_and_in_json() {
    let done = done("limit_data", json!({ "bytes": 1_100 }));
    assert_eq!(done.describe(), "has bitten on 1 link: 400 bytes dropped, 1 connections closed");
    let text = serde_json::to_string(&done).unwrap();
    assert_eq!(serde_json::from_str::<EffectCounts>(&text).unwrap(), done);
    assert!(!text.contains("delay\":"), "{text}");
}

#[test]
fn what_others_see_to_is_counted_by_them() {
    let set: Set = chain(&[("connection_limit", json!({ "connections": 3 }))]).remove(0);
    assert!(pipe(Protocol::Tcp, 7, std::slice::from_ref(&set)).is_idle());
    set.effect.connections_refused(2);
    assert_eq!(counts(&set).named(), only(&[("connections_refused", 2)]));
    assert!(counts(&set).bit());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_counted_is_what_can_be_seen_from_outside(
        latency in 0..50_i64, rate in 1..2_000_i64, limit in 0..8_000_i64,
        chunks in proptest::collection::vec((0..20_000_i64, 1..2_000_usize), 1..12),
    ) {
        let mut at = START;
        let chunks: Vec<(i64, usize)> =
            chunks.into_iter().map(|(gap, len)| { at += gap; (at, len) }).collect();
        let sent: u64 = chunks.iter().map(|(_, len)| *len as u64).sum();
        let toxics = chain(&[
            ("limit_data", json!({ "bytes": limit })),
            ("latency", json!({ "latency": latency })),
            ("bandwidth", json!({ "rate": rate })),
        ]);
        let out = drive(&mut pipe(Protocol::Tcp, 7, &toxics), stream(&chunks), || 0);
        let came: u64 = data(&out).map(|(_, bytes)| bytes.len() as u64).sum();
        let closed = out.last().is_some_and(|(_, item)| *item == Item::Close);
        prop_assert_eq!(closed, sent >= limit as u64);
        prop_assert_eq!(came, sent.min(limit as u64));
        prop_assert_eq!(counts(&toxics[0]).connections_closed, u64::from(closed));
        // What comes after the link has ended is in nobody's books.
        prop_assert!(counts(&toxics[0]).bytes_dropped <= sent - came);
        prop_assert_eq!(counts(&toxics[1]).bytes_delayed, if latency > 0 { came } else { 0 });
        let pieces = data(&out).count() as u64;
        prop_assert!(counts(&toxics[2]).delay.map_or(0, |delay| delay.count) <= pieces + 1);
    }
}
