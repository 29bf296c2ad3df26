//! Toxics that become what they are step by step.

use hulk_chaos::{Protocol, Ramp, TOXIC_TYPES, ToxicKind};
use hulk_record::Offset;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{
    MS, S, START, attributes, chain, change, drive, joined, ordered, pipe, stream, times, updated,
};

fn ramp(kind: &str, from: Value, to: Value, over_ms: i64) -> Ramp {
    Ramp::new(kind, attributes(from), attributes(to), over_ms, Offset(START)).unwrap()
}

/// What it is so many ms after its beginning.
fn at(ramp: &Ramp, ms: i64) -> (Value, bool) {
    let (kind, done) = ramp.at(Offset(START + ms * MS));
    (Value::from(kind.attributes()), done)
}

#[test]
fn whole_numbers_rise_and_fall_in_a_straight_line_and_are_rounded() {
    let ramp = ramp(
        "latency",
        json!({ "latency": 0, "jitter": 50 }),
        json!({ "latency": 1_000, "jitter": 0 }),
        10_000,
    );
    for (ms, latency, jitter, done) in [
        (-5_000, 0, 50, false),
        (0, 0, 50, false),
        (1, 0, 50, false),
        (5, 1, 50, false),
        (2_500, 250, 38, false),
        (5_000, 500, 25, false),
        (9_999, 1_000, 0, false),
        (10_000, 1_000, 0, true),
        (99_999_999, 1_000, 0, true),
    ] {
        assert_eq!(at(&ramp, ms), (json!({ "latency": latency, "jitter": jitter }), done), "{ms}");
    }
}

#[test]
fn shares_are_not_rounded() {
    let ramp = ramp("loss", json!({ "share": 0 }), json!({ "share": 0.5, "burst": 3 }), 1_000);
    assert_eq!(at(&ramp, 500).0, json!({ "share": 0.25, "burst": 3.0 }));
    assert_eq!(at(&ramp, 1_000).0, json!({ "share": 0.5, "burst": 3.0 }));
}

#[test]
fn what_the_beginning_does_not_name_is_as_in_the_end() {
    let to = json!({ "latency": 400, "jitter": 40, "distribution": "pareto", "shape": 3 });
    let ramp = ramp("latency", json!({ "LATENCY": 0 }), to, 1_000);
    let half = json!({ "latency": 200, "jitter": 40, "distribution": "pareto", "shape": 3.0 });
    assert_eq!(at(&ramp, 500).0, half);
    let upper = self::ramp("latency", json!({ "latency": 0 }), json!({ "LATENCY": 400 }), 1_000);
    assert_eq!(at(&upper, 500).0, json!({ "latency": 200, "jitter": 0 }));
    // A slicer needs its size: it is there from the start.
    let to = json!({ "average_size": 100, "delay": 1_000 });
    let sliced = self::ramp("slicer", json!({ "delay": 0 }), to, 1_000);
    let half = json!({ "average_size": 100, "size_variation": 0, "delay": 500 });
    assert_eq!(at(&sliced, 500).0, half);
}

#[test]
fn what_can_be_unset_is_set_or_unset_at_the_end_only() {
    let on = ramp(
        "bandwidth",
        json!({ "packet_bytes": 0 }),
        json!({ "rate": 9, "packet_bytes": 1_500 }),
        100,
    );
    assert_eq!(at(&on, 50).0, json!({ "rate": 9 }));
    assert_eq!(at(&on, 100).0, json!({ "rate": 9, "packet_bytes": 1_500 }));
    let off =
        ramp("bandwidth", json!({ "rate": 1, "packet_bytes": 1_500 }), json!({ "rate": 9 }), 100);
    assert_eq!(at(&off, 50).0, json!({ "rate": 5, "packet_bytes": 1_500 }));
    assert_eq!(at(&off, 100).0, json!({ "rate": 9 }));
}

#[test]
fn both_ends_must_be_possible_and_texts_the_same() {
    let new = |kind: &str, from: Value, to: Value| {
        let ramp = Ramp::new(kind, attributes(from), attributes(to), 1_000, Offset(START));
        ramp.unwrap_err().to_string()
    };
    let range = "a whole number from 0 to 86400000 is expected";
    let bad = format!("attribute `latency` is -1: {range}");
    assert_eq!(new("latency", json!({ "latency": -1 }), json!({ "latency": 1 })), bad);
    assert_eq!(new("latency", json!({ "latency": 1 }), json!({ "latency": -1 })), bad);
    assert_eq!(new("late", json!({}), json!({})), "invalid toxic type");
    assert_eq!(
        new(
            "latency",
            json!({ "Distribution": "normal" }),
            json!({ "distribution": "pareto", "shape": 3 })
        ),
        "attribute `Distribution` is \"normal\" first and \"pareto\" in the end: only numbers can rise"
    );
    assert_eq!(
        new("slicer", json!({ "size_variation": 70 }), json!({ "average_size": 50 })),
        "attribute `size_variation` is 70: it must be below `average_size`"
    );
    let same = json!({ "latency": 1, "distribution": "normal" });
    let kept = ramp("latency", same.clone(), same, 1_000);
    assert_eq!(at(&kept, 1).0["distribution"], json!("normal"));
}

#[test]
fn a_ramp_over_no_time_is_done_at_once() {
    for over_ms in [0, -5] {
        let ramp = ramp("latency", json!({ "latency": 5 }), json!({ "latency": 9 }), over_ms);
        assert_eq!(at(&ramp, 0), (json!({ "latency": 9, "jitter": 0 }), true));
    }
}

#[test]
fn a_ramp_of_the_largest_numbers_stays_among_them() {
    let all = json!({ "bytes": i64::MAX });
    let ramp = ramp("limit_data", all.clone(), json!({ "bytes": 0 }), 86_400_000);
    assert_eq!(at(&ramp, 0).0, all);
    assert_eq!(at(&ramp, 43_200_000).0, json!({ "bytes": i64::MAX / 2 + 1 }));
}

#[test]
fn a_rate_that_is_changed_again_and_again_still_lets_everything_through() {
    // Each step is shorter than a piece takes: none may begin anew with every step.
    let toxics = chain(&[("bandwidth", json!({ "rate": 1 }))]);
    let ramp = ramp("bandwidth", json!({ "rate": 1 }), json!({ "rate": 3 }), 2_000);
    let changes = (1..=200).map(|n| {
        let (kind, _) = ramp.at(Offset(START + n * 10 * MS));
        change(START + n * 10 * MS, &[updated(&toxics[0], Value::from(kind.attributes()))])
    });
    let steps = ordered([stream(&[(START, 4_000)]), changes.collect()]);
    let out = drive(&mut pipe(Protocol::Tcp, 7, &toxics), steps, || 0);
    assert_eq!(joined(&out).len(), 4_000);
    let through = |until: i64| -> i64 {
        times(&out).iter().filter(|(at, _)| *at <= until).map(|(_, len)| *len as i64).sum()
    };
    // 2 KB/s in the mean of the ramp's steps, then 3; a piece may be on its way.
    let sent = (1..=200).map(|n| ((START + n * 10 * MS), 1 + (2 * n + 100) / 200));
    let mean: i64 = sent.map(|(_, rate)| 10 * rate).sum();
    assert!((through(START + 2 * S) - mean).abs() <= 150, "{} {mean}", through(START + 2 * S));
    let last = times(&out).last().unwrap().0 - START;
    assert!((last - 2 * S - (4_000 - mean) * MS / 3).abs() <= 30 * MS, "{last}");
}

#[test]
fn a_slow_start_and_a_slicer_go_on_where_they_are_when_they_are_changed() {
    for (kind, of, name, alone) in [
        (
            "slow_start",
            json!({ "round_trip": 100, "initial_bytes": 100, "rate": 1_000 }),
            "rate",
            json!(1_001),
        ),
        ("slicer", json!({ "average_size": 100, "delay": 30_000 }), "delay", json!(30_001)),
        ("latency", json!({ "latency": 100, "jitter": 60 }), "jitter", json!(61)),
    ] {
        let toxics = chain(&[(kind, of.clone())]);
        let chunks = stream(&[(START, 1_500), (START + 70 * MS, 1_500), (START + 140 * MS, 7)]);
        let steady = drive(&mut pipe(Protocol::Tcp, 7, &toxics), chunks.clone(), || 0);
        let changes = (1..300).map(|n| {
            let value = if n % 2 == 0 { of[name].clone() } else { alone.clone() };
            change(START + n * 3_500, &[updated(&toxics[0], json!({ name: value }))])
        });
        let steps = ordered([chunks, changes.collect()]);
        let out = drive(&mut pipe(Protocol::Tcp, 7, &toxics), steps, || 0);
        assert_eq!(joined(&out), joined(&steady));
        let (end, steady_end) = (out.last().unwrap().0, steady.last().unwrap().0);
        assert!((end - steady_end).abs() <= 2_500, "{kind}: {end}, not {steady_end}");
    }
}

/// Numbers that are right for some type or other.
fn numbers() -> impl Strategy<Value = Value> {
    let whole = (0..500_i64, 0..500_i64, 1..500_i64, 101..2_000_i64, 200..599_i64);
    (whole, 0.0..=1.0_f64, 0.0..20.0_f64).prop_map(|(whole, share, burst)| {
        let (a, b, least_1, packet, status) = whole;
        json!({
            "latency": a, "jitter": b, "rate": least_1, "packet_bytes": packet, "delay": least_1,
            "timeout": a, "average_size": least_1 + a, "size_variation": a, "bytes": b,
            "round_trip": least_1, "initial_bytes": least_1, "connections": a, "status": status,
            "share": share, "burst": burst, "shape": 0.1 + share, "name": "a",
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn all_that_lies_between_two_ends_lies_between_their_numbers(
        from in numbers(), to in numbers(), parts in proptest::collection::vec(0..1_000_000_i64, 5),
    ) {
        for (kind, _) in TOXIC_TYPES {
            let read = |of: &Value| ToxicKind::read(kind, &attributes(of.clone())).unwrap().attributes();
            let (first, last) = (read(&from), read(&to));
            let ramp = ramp(kind, Value::from(first.clone()), Value::from(last.clone()), 1_000);
            for part in &parts {
                let (between, done) = ramp.at(Offset(START + part));
                prop_assert!(!done);
                let between = between.attributes();
                prop_assert_eq!(between.len(), first.len());
                for (name, value) in &between {
                    let ends = [&first[name], &last[name]].map(Value::as_f64);
                    let ([Some(a), Some(b)], Some(value)) = (ends, value.as_f64()) else { continue };
                    let exact = a + (b - a) * *part as f64 / 1e6;
                    prop_assert!((value - exact).abs() <= 0.5, "{name}: {value}, not {exact}");
                }
            }
        }
    }
}
