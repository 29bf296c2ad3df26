//! What comes later, and by how much.

use hulk_chaos::{Item, Protocol, Stream, Toxic};
use serde_json::json;

use crate::world::{
    MS, S, START, Step, chain, drive, finish, joined, lateness, pipe, run, run_udp, set, stream,
    times, toxic,
};

#[test]
fn a_noop_lets_everything_through_at_once() {
    let noop = chain(&[("noop", json!({}))]);
    let mut steps = stream(&[(START, 10), (START + 3, 20)]);
    steps.push(finish(START + 4));
    let out = run(&noop, steps);
    assert_eq!(times(&out), [(START, 10), (START + 3, 20)]);
    assert_eq!(out[2], (START + 4, Item::Finish));
    assert!(pipe(Protocol::Tcp, 7, &noop).is_idle(), "nothing need go through it");
}

#[test]
fn latency_counts_from_when_each_chunk_came_and_the_end_comes_behind_the_last_byte() {
    for stream_of in [Stream::Upstream, Stream::Downstream] {
        let late = Toxic { stream: stream_of, ..toxic("latency", json!({ "latency": 100 })) };
        let came = [(START, 10), (START + 1, 20), (START + 1, 30), (START + 70 * MS, 40)];
        let mut steps = stream(&came);
        steps.push(finish(START + 71 * MS));
        let out = run(&[set(1, late)], steps);
        let expected: Vec<_> = came.iter().map(|(at, len)| (at + 100 * MS, *len)).collect();
        assert_eq!(times(&out), expected);
        assert_eq!(out[4], (START + 170 * MS, Item::Finish));
    }
}

#[test]
fn the_end_of_a_silent_stream_is_not_late() {
    let out = run(&chain(&[("latency", json!({ "latency": 100 }))]), vec![finish(START + 5)]);
    assert_eq!(out, [(START + 5, Item::Finish)]);
    let mut steps = stream(&[(START, 10)]);
    steps.push(finish(START + 5 * S));
    let out = run(&chain(&[("latency", json!({ "latency": 100 }))]), steps);
    assert_eq!(out[1], (START + 5 * S, Item::Finish));
}

#[test]
fn jitter_keeps_the_order_of_a_stream_and_of_datagrams() {
    let late = chain(&[("latency", json!({ "latency": 50, "jitter": 50 }))]);
    let came: Vec<(i64, usize)> =
        (0..2_000).map(|n| (START + n * MS, 1 + n as usize % 9)).collect();
    for out in [run(&late, stream(&came)), run_udp(&late, stream(&came))] {
        let lengths: Vec<usize> = times(&out).into_iter().map(|(_, len)| len).collect();
        assert_eq!(lengths, came.iter().map(|(_, len)| *len).collect::<Vec<_>>());
        assert!(out.windows(2).all(|pair| pair[0].0 <= pair[1].0));
        let by = times(&out).into_iter().zip(&came).map(|(out, came)| out.0 - came.0);
        assert!(by.clone().all(|us| (0..100 * MS).contains(&us)), "{:?}", by.max());
    }
}

#[test]
fn jitter_beyond_the_latency_is_cut_at_nothing() {
    let late = chain(&[("latency", json!({ "latency": 10, "jitter": 40 }))]);
    let came: Vec<(i64, usize)> = (0..4_000).map(|n| (START + n * S, 1)).collect();
    let out = times(&run(&late, stream(&came)));
    let by: Vec<i64> = out.iter().zip(&came).map(|(out, came)| out.0 - came.0).collect();
    let at_once = by.iter().filter(|us| **us == 0).count() as f64 / 4_000.0;
    assert!((at_once - 30.0 / 80.0).abs() < 0.03, "{at_once}");
    assert!(by.iter().all(|us| (0..50 * MS).contains(us)));
}

#[test]
fn a_slow_close_delays_the_end_and_no_byte() {
    for (delay_ms, stream_of) in [(0, Stream::Upstream), (250, Stream::Downstream)] {
        let slow = toxic("slow_close", json!({ "delay": delay_ms }));
        let mut steps = stream(&[(START, 10), (START + 5, 20)]);
        steps.push(finish(START + 6));
        let out = run(&[set(1, Toxic { stream: stream_of, ..slow })], steps);
        assert_eq!(times(&out), [(START, 10), (START + 5, 20)]);
        assert_eq!(out[2], (START + 6 + delay_ms * MS, Item::Finish));
    }
}

#[test]
fn who_looks_late_sees_things_late_and_delays_nothing_else() {
    let toxics = chain(&[
        ("latency", json!({ "latency": 20, "jitter": 7 })),
        ("slicer", json!({ "average_size": 100, "size_variation": 30, "delay": 700 })),
        ("latency", json!({ "latency": 30 })),
        ("bandwidth", json!({ "rate": 40 })),
        ("latency", json!({ "latency": 1 })),
    ]);
    let chunks: Vec<(i64, usize)> = (0..40).map(|n| (START + n * 9_777, 333)).collect();
    let mut steps = stream(&chunks);
    steps.push(finish(START + 400 * MS));
    let ideal = run(&toxics, steps.clone());
    for (seed, most_us) in [(1, 300), (2, 5_000), (3, 200_000)] {
        let mut late = pipe(Protocol::Tcp, 7, &toxics);
        let out = drive(&mut late, steps.clone(), lateness(seed, most_us));
        assert_eq!(joined(&out), joined(&ideal));
        assert_eq!(out.len(), ideal.len());
        for ((seen, item), (due, same)) in out.iter().zip(&ideal) {
            assert_eq!(item, same, "the pieces do not depend on who looks");
            let by = seen - due;
            assert!((0..=most_us as i64).contains(&by), "{by} µs late, of {most_us}");
        }
    }
}

#[test]
fn who_looks_late_loses_nothing_that_was_through_before_the_end() {
    let toxics = chain(&[
        ("latency", json!({ "latency": 10 })),
        ("noop", json!({})),
        ("slow_close", json!({ "delay": 0 })),
    ]);
    let mut live = pipe(Protocol::Tcp, 7, &toxics);
    let mut with_end = chain(&[("reset_peer", json!({ "timeout": 20 }))]);
    with_end[0].id = 9;
    // Set before the others, so that only what is behind it already goes on.
    with_end.extend(toxics);
    let steps = vec![
        (START, Step::Push(Item::Data("through".into()))),
        (START + 5 * MS, Step::Change(with_end)),
        (START + 6 * MS, Step::Push(Item::Data("held".into()))),
    ];
    let out = drive(&mut live, steps, || S);
    // It looks long after both were due.
    let at = START + 10 * MS + S;
    assert_eq!(out, [(at, Item::Data("through".into())), (at, Item::Reset)]);
}

#[test]
fn many_held_pieces_cost_no_more_each_than_few() {
    // Where each had to be looked for from the front, this would take hours.
    let chunks: Vec<(i64, usize)> = (0..300_000).map(|n| (START + n, 1)).collect();
    let out = run(&chain(&[("latency", json!({ "latency": 60_000 }))]), stream(&chunks));
    assert_eq!(out.len(), 300_000);
    let reorder = chain(&[("reorder", json!({ "share": 0.5, "delay": 60_000 }))]);
    assert_eq!(run_udp(&reorder, stream(&chunks)).len(), 300_000);
}
