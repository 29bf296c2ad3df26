//! How fast bytes come through: `bandwidth`, `slicer`, `slow_start`.

use bytes::Bytes;
use hulk_chaos::{Item, Protocol};
use serde_json::json;

use crate::world::{
    MS, Out, S, START, Step, Steps, chain, drive, finish, joined, pipe, run, run_udp, stream, times,
};

/// By when everything is through, in µs after the start, and how many bytes that is.
fn sums(out: &Out) -> Vec<(i64, u64)> {
    let mut sum = 0;
    let through = |(at, len)| {
        sum += len as u64;
        (at - START, sum)
    };
    times(out).into_iter().map(through).collect()
}

/// Chunks that all come at the start, without bytes of their own.
fn burst(chunk: usize, count: usize) -> Steps {
    let zeros = Bytes::from(vec![0; chunk]);
    (0..count).map(|_| (START, Step::Push(Item::Data(zeros.clone())))).collect()
}

#[test]
fn a_bandwidth_lets_through_exactly_its_rate_from_1_kb_to_1_gb_a_second() {
    for (rate, chunk, count) in [
        (1, 1_000, 20),
        (7, 1_461, 30),
        (999, 16_384, 60),
        (12_345, 65_537, 100),
        (1_000_000, 131_072, 4_000),
    ] {
        let out = run(&chain(&[("bandwidth", json!({ "rate": rate }))]), burst(chunk, count));
        let sums = sums(&out);
        for (at, sum) in &sums {
            // Whole µs, and none lost on the way.
            assert_eq!(*at as u64, sum * 1_000 / rate, "{rate} KB/s: {sum} bytes");
        }
        assert_eq!(sums.last().unwrap().1, (chunk * count) as u64);
    }
}

#[test]
fn a_bandwidth_spreads_a_chunk_in_pieces_of_5_ms_but_of_128_bytes_at_least() {
    let out = run(&chain(&[("bandwidth", json!({ "rate": 100 }))]), stream(&[(START, 1_200)]));
    assert_eq!(times(&out)[..2], [(START + 5 * MS, 500), (START + 10 * MS, 500)]);
    assert_eq!(times(&out)[2], (START + 12 * MS, 200));
    let slow = run(&chain(&[("bandwidth", json!({ "rate": 1 }))]), burst(128 << 10, 1));
    assert_eq!(slow.len(), 1_024);
    assert_eq!(times(&slow)[0], (START + 128 * MS, 128));
}

#[test]
fn a_bandwidth_does_not_save_up_what_was_not_used() {
    let limit = chain(&[("bandwidth", json!({ "rate": 10 }))]);
    let out = run(&limit, stream(&[(START, 50), (START + 10 * S, 50), (START + 10 * S + 1, 50)]));
    let expected =
        [(START + 5 * MS, 50), (START + 10 * S + 5 * MS, 50), (START + 10 * S + 10 * MS, 50)];
    assert_eq!(times(&out), expected);
}

#[test]
fn the_end_comes_behind_the_last_byte_of_a_slow_stream() {
    for (kind, of) in [
        ("bandwidth", json!({ "rate": 10 })),
        ("slicer", json!({ "average_size": 100, "delay": 10_000 })),
        ("slow_start", json!({ "round_trip": 100, "initial_bytes": 1_000, "rate": 10 })),
    ] {
        let mut steps = stream(&[(START, 1_000)]);
        steps.push(finish(START + 1));
        let out = run(&chain(&[(kind, of)]), steps);
        assert_eq!(out.last().unwrap(), &(START + 100 * MS, Item::Finish), "{kind}");
    }
}

#[test]
fn a_rate_of_0_is_no_limit() {
    let none = chain(&[("bandwidth", json!({ "rate": 0 }))]);
    let out = run(&none, stream(&[(START, 1 << 20), (START + 1, 10)]));
    assert_eq!(times(&out), [(START, 1 << 20), (START + 1, 10)]);
    assert_eq!(run(&chain(&[("bandwidth", json!({}))]), stream(&[(START, 9)])).len(), 1);
}

#[test]
fn with_packet_bytes_the_headers_take_their_time() {
    let wire = chain(&[("bandwidth", json!({ "rate": 1_500, "packet_bytes": 1_500 }))]);
    let out = run(&wire, stream(&[(START, 2 * 1_460 + 10)]));
    // 1,500 bytes a packet take 1 ms; the last one is 40 of headers and 10.
    assert_eq!(times(&out)[..2], [(START + MS, 1_460), (START + 2 * MS, 1_460)]);
    assert_eq!(times(&out)[2], (START + 2 * MS + 33, 10));
    let out = run_udp(&wire, stream(&[(START, 1_472), (START, 0), (START, 2_972)]));
    // Datagrams are not cut, and have headers of 28.
    let expected = [(START + MS, 1_472), (START + MS + 18, 0), (START + 3 * MS + 18, 2_972)];
    assert_eq!(times(&out), expected);
}

#[test]
fn a_slicer_cuts_pieces_of_its_size_with_its_silence_between_them() {
    let slicer = chain(&[("slicer", json!({ "average_size": 100, "delay": 250 }))]);
    let out = run(&slicer, stream(&[(START, 250), (START + 1, 30), (START + S, 5)]));
    let expected = [(0, 100), (250, 100), (500, 50), (750, 30), (S, 5)];
    assert_eq!(times(&out), expected.map(|(at, len)| (START + at, len)));
    let still = chain(&[("slicer", json!({ "average_size": 3 }))]);
    let out = run(&still, stream(&[(START, 10)]));
    assert_eq!(times(&out), [3, 3, 3, 1].map(|len| (START, len)));
}

#[test]
fn a_slicer_s_pieces_are_as_far_from_its_size_as_they_may_be() {
    let of = json!({ "average_size": 100, "size_variation": 40, "delay": 1 });
    let out = run(&chain(&[("slicer", of)]), stream(&[(START, 2_000_000)]));
    let mut sizes: Vec<usize> = times(&out).into_iter().map(|(_, len)| len).collect();
    sizes.pop();
    let mean = sizes.iter().sum::<usize>() as f64 / sizes.len() as f64;
    assert!((mean - 100.0).abs() < 0.7, "{mean}");
    let count = sizes.len();
    sizes.sort_unstable();
    assert_eq!((sizes[0], sizes[count - 1]), (60, 140));
    assert!((sizes[count / 4] as i64 - 80).abs() <= 1, "alike: {}", sizes[count / 4]);
    sizes.dedup();
    assert_eq!(sizes.len(), 81, "every size occurs");
    assert_eq!(joined(&out).len(), 2_000_000);
}

/// How much came through in each round trip, beginning at `from`.
fn rounds(out: &Out, from: i64, round_us: i64, count: i64) -> Vec<i64> {
    let in_round = |round: i64| {
        let range = from + round * round_us + 1..=from + (round + 1) * round_us;
        let inside = times(out).into_iter().filter(move |(at, _)| range.contains(at));
        inside.map(|(_, len)| len as i64).sum()
    };
    (0..count).map(in_round).collect()
}

#[test]
fn a_slow_start_carries_twice_as_much_in_each_round_trip_up_to_its_rate() {
    let of = json!({ "round_trip": 100, "initial_bytes": 14_600, "rate": 2_000 });
    let out = run(&chain(&[("slow_start", of)]), burst(100_000, 10));
    let found = rounds(&out, START, 100 * MS, 6);
    for (found, expected) in found.iter().zip([14_600, 29_200, 58_400, 116_800, 200_000, 200_000]) {
        // A piece may stand on the line between two round trips.
        assert!((found - expected).abs() <= 1_460, "{found}, not {expected}");
    }
    let last = times(&out).last().unwrap().0 - START;
    // What 5 round trips leave of a million goes at the rate, to the µs of the pieces.
    let expected = 500 * MS + (1_000_000 - 419_000) / 2;
    assert!((last - expected).abs() <= 10, "{last}, not {expected}");
}

#[test]
fn a_slow_start_carries_even_one_byte_a_round_trip() {
    let of = json!({ "round_trip": 1_000, "initial_bytes": 1, "rate": 1_000_000 });
    let out = run(&chain(&[("slow_start", of)]), stream(&[(START, 31)]));
    assert_eq!(rounds(&out, START, S, 5), [1, 2, 4, 8, 16]);
}

#[test]
fn a_slow_start_begins_with_the_first_byte_and_anew_after_a_silence() {
    let of = json!({ "round_trip": 100, "initial_bytes": 1_000, "rate": 1_000_000 });
    let toxics = chain(&[("slow_start", of)]);
    let first = START + 3 * S;
    let soon = first + 300 * MS;
    let later = soon + 3 * S;
    let out = run(&toxics, stream(&[(first, 7_000), (soon, 8_000), (later, 3_000)]));
    assert_eq!(rounds(&out, first, 100 * MS, 4), [1_000, 2_000, 4_000, 8_000]);
    assert_eq!(rounds(&out, later, 100 * MS, 2), [1_000, 2_000]);
}

#[test]
fn what_is_held_presses_back_on_the_source() {
    for (kind, of, room) in [
        ("bandwidth", json!({ "rate": 100 }), 10_000),
        ("slicer", json!({ "average_size": 1_000, "delay": 1_000 }), 64 << 10),
        ("slow_start", json!({ "round_trip": 100, "initial_bytes": 1, "rate": 1 }), 256 << 10),
        ("reset_peer", json!({ "timeout": 1_000 }), 64 << 10),
    ] {
        let mut held = pipe(Protocol::Tcp, 7, &chain(&[(kind, of)]));
        let start = hulk_record::Offset(START);
        held.push(start, Item::Data(Bytes::from(vec![0; room - 1])));
        assert!(held.wants(), "{kind}");
        held.push(start, Item::Data(Bytes::from(vec![0; 1])));
        assert!(!held.wants() && held.held_bytes() == room, "{kind}");
    }
}

#[test]
fn a_source_that_is_pressed_back_loses_nothing_of_the_rate() {
    // It reads 4 KB whenever there is room, and nothing else.
    let mut limited = pipe(Protocol::Tcp, 7, &chain(&[("bandwidth", json!({ "rate": 100 }))]));
    let (mut now, mut through) = (START, 0);
    while now < START + 10 * S {
        while limited.wants() {
            limited.push(hulk_record::Offset(now), Item::Data(Bytes::from(vec![0; 4_000])));
        }
        now = limited.next_wake().unwrap().0 + 2_500;
        limited.advance(hulk_record::Offset(now));
        while let Some(Item::Data(bytes)) = limited.pop() {
            through += bytes.len() as i64;
        }
    }
    let expected = (now - START) / 10;
    assert!((through - expected).abs() <= 500, "{through} of {expected}");
}

#[test]
fn rates_hold_for_whoever_looks_late() {
    let limit = chain(&[("bandwidth", json!({ "rate": 100 }))]);
    let mut late = pipe(Protocol::Tcp, 7, &limit);
    let out = drive(&mut late, burst(10_000, 10), || 3_333);
    assert_eq!(sums(&out).last().unwrap(), &(S + 3_333, 100_000));
}
