//! Toxics one behind the other.

use hulk_chaos::{Item, Protocol};
use serde_json::json;

use crate::world::{MS, S, START, chain, finish, pipe, run, run_udp, shown, stream, times};

#[test]
fn latencies_add_up() {
    let two =
        chain(&[("latency", json!({ "latency": 100 })), ("latency", json!({ "latency": 50 }))]);
    let out = run(&two, stream(&[(START, 1), (START + 7, 2), (START + 2 * S, 3)]));
    let by = 150 * MS;
    assert_eq!(times(&out), [(START + by, 1), (START + 7 + by, 2), (START + 2 * S + by, 3)]);
}

#[test]
fn latency_and_bandwidth_take_the_same_time_in_either_order() {
    let latency = ("latency", json!({ "latency": 100 }));
    let bandwidth = ("bandwidth", json!({ "rate": 100 }));
    for toxics in [[latency.clone(), bandwidth.clone()], [bandwidth, latency]] {
        let out = times(&run(&chain(&toxics), stream(&[(START, 10_000)])));
        let expected: Vec<(i64, usize)> =
            (1..=20).map(|n| (START + (100 + 5 * n) * MS, 500)).collect();
        assert_eq!(out, expected);
    }
}

#[test]
fn golden_a_slicer_before_a_latency() {
    let toxics = chain(&[
        ("slicer", json!({ "average_size": 100, "delay": 1_000 })),
        ("latency", json!({ "latency": 20 })),
    ]);
    let mut steps = stream(&[(START, 350)]);
    steps.push(finish(START + 10 * MS));
    let out = run(&toxics, steps);
    assert_eq!(
        shown(&out),
        "20.000 100 bytes\n21.000 100 bytes\n22.000 100 bytes\n23.000 50 bytes\n23.000 finish"
    );
}

#[test]
fn golden_a_bandwidth_before_a_limit_and_a_slow_close() {
    let toxics = chain(&[
        ("bandwidth", json!({ "rate": 100 })),
        ("limit_data", json!({ "bytes": 700 })),
        ("slow_close", json!({ "delay": 30 })),
    ]);
    let out = run(&toxics, stream(&[(START, 5_000)]));
    assert_eq!(shown(&out), "5.000 500 bytes\n10.000 200 bytes\n40.000 close");
}

#[test]
fn golden_what_a_long_chain_does_to_a_stream() {
    let toxics = chain(&[
        ("latency", json!({ "latency": 40, "jitter": 10 })),
        ("slow_start", json!({ "round_trip": 20, "initial_bytes": 600, "rate": 100 })),
        ("slicer", json!({ "average_size": 500, "size_variation": 200, "delay": 2_000 })),
        ("bandwidth", json!({ "rate": 150, "packet_bytes": 576 })),
        ("slow_close", json!({ "delay": 15 })),
    ]);
    let mut steps = stream(&[(START, 1_400), (START + 25 * MS, 900)]);
    steps.push(finish(START + 30 * MS));
    assert_eq!(shown(&run(&toxics, steps)), include_str!("long_chain.txt").trim_end());
}

#[test]
fn a_silent_toxic_behind_others_swallows_what_they_let_through() {
    let toxics =
        chain(&[("latency", json!({ "latency": 100 })), ("timeout", json!({ "timeout": 300 }))]);
    let out = run(&toxics, stream(&[(START, 10)]));
    assert_eq!(out, [(START + 300 * MS, Item::Close)]);
    assert_eq!(toxics[1].effect.counts().bytes_dropped, 10);
}

#[test]
fn datagrams_go_through_a_chain_whole() {
    let toxics = chain(&[
        ("latency", json!({ "latency": 10 })),
        ("bandwidth", json!({ "rate": 1_000 })),
        ("duplicate", json!({ "share": 1 })),
        ("latency", json!({ "latency": 5 })),
    ]);
    let out = times(&run_udp(&toxics, stream(&[(START, 1_200), (START, 300)])));
    let (first, second) = (START + 16_200, START + 16_500);
    assert_eq!(out, [(first, 1_200), (first, 1_200), (second, 300), (second, 300)]);
}

#[test]
fn the_next_wake_is_that_of_the_next_stage_and_none_where_nothing_is_under_way() {
    let toxics =
        chain(&[("latency", json!({ "latency": 30 })), ("latency", json!({ "latency": 50 }))]);
    let mut pipe = pipe(Protocol::Tcp, 7, &toxics);
    let at = |us| hulk_record::Offset(START + us);
    assert_eq!(pipe.next_wake(), None);
    pipe.push(at(0), Item::Data("a".into()));
    assert_eq!((pipe.next_wake(), pipe.held_bytes()), (Some(at(30 * MS)), 1));
    pipe.advance(at(30 * MS));
    assert_eq!((pipe.next_wake(), pipe.pop()), (Some(at(80 * MS)), None));
    pipe.advance(at(80 * MS));
    assert_eq!((pipe.next_wake(), pipe.held_bytes(), pipe.wants()), (None, 1, false));
    assert_eq!(pipe.pop(), Some(Item::Data("a".into())));
    assert_eq!((pipe.held_bytes(), pipe.wants(), pipe.is_idle()), (0, true, false));
}
