//! What is done to datagrams: `loss`, `duplicate`, `reorder`.

use hulk_chaos::{Item, Protocol, Set};
use hulk_record::Offset;
use serde_json::{Value, json};

use crate::world::{
    MS, Out, START, Step, Steps, chain, change, counts, data, ordered, pipe, run_udp, updated,
    with_toxicity,
};

const COUNT: i64 = 50_000;

/// A datagram each ms, with its number.
fn numbered(count: i64) -> Steps {
    let datagram = |n: i64| Item::Data(n.to_le_bytes().to_vec().into());
    (0..count).map(|n| (START + n * MS, Step::Push(datagram(n)))).collect()
}

fn numbers(out: &Out) -> Vec<i64> {
    data(out).map(|(_, bytes)| i64::from_le_bytes(bytes[..].try_into().unwrap())).collect()
}

/// The share that is lost, and how many are lost in a row on average.
fn losses(of: Value) -> (f64, f64, Vec<Set>) {
    let loss = chain(&[("loss", of)]);
    let out = numbers(&run_udp(&loss, numbered(COUNT)));
    let lost = COUNT - out.len() as i64;
    let gaps = out.windows(2).filter(|pair| pair[1] - pair[0] > 1).count();
    (lost as f64 / COUNT as f64, lost as f64 / gaps.max(1) as f64, loss)
}

#[test]
fn loss_loses_its_share_each_datagram_by_itself() {
    for share in [0.0, 0.01, 0.3, 1.0] {
        let (lost, in_a_row, loss) = losses(json!({ "share": share }));
        assert!((lost - share).abs() < 0.006, "{lost} of {share}");
        assert_eq!(counts(&loss[0]).datagrams_lost, (lost * COUNT as f64).round() as u64);
        if (0.01..1.0).contains(&share) {
            let alone = 1.0 / (1.0 - share);
            assert!((in_a_row / alone - 1.0).abs() < 0.05, "{in_a_row}, not {alone}");
        }
    }
}

#[test]
fn loss_in_bursts_loses_the_same_share_and_so_many_in_a_row() {
    for (share, burst) in [(0.05, 3.0), (0.2, 5.0), (0.5, 10.0), (0.8, 20.0)] {
        let (lost, in_a_row, _) = losses(json!({ "share": share, "burst": burst }));
        assert!((lost / share - 1.0).abs() < 0.12, "{lost} of {share}");
        assert!((in_a_row / burst - 1.0).abs() < 0.12, "{in_a_row}, not {burst}");
    }
}

#[test]
fn bursts_that_are_too_short_for_their_share_leave_the_share_as_it_is() {
    // 9 of 10 are lost: with one between two bursts, they are 9 long at least.
    let (lost, in_a_row, _) = losses(json!({ "share": 0.9, "burst": 2 }));
    assert!((lost - 0.9).abs() < 0.01 && (in_a_row - 9.0).abs() < 0.3, "{lost}, {in_a_row}");
}

#[test]
fn a_burst_goes_on_over_a_change_of_another_toxic() {
    let toxics = chain(&[
        ("loss", json!({ "share": 0.2, "burst": 5 })),
        ("latency", json!({ "latency": 3 })),
    ]);
    let alone = numbers(&run_udp(&toxics, numbered(2_000)));
    let other = updated(&toxics[1], json!({ "latency": 9 }));
    let changes = (0..2_000).map(|n| {
        let second = if n % 2 == 0 { &other } else { &toxics[1] };
        change(START + n * MS + 500, &[toxics[0].clone(), second.clone()])
    });
    let out = run_udp(&toxics, ordered([numbered(2_000), changes.collect()]));
    assert_eq!(numbers(&out), alone);
}

#[test]
fn duplicate_sends_its_share_twice_one_behind_the_other() {
    for share in [0.0, 0.25, 1.0] {
        let twice = chain(&[("duplicate", json!({ "share": share }))]);
        let out = run_udp(&twice, numbered(COUNT));
        let numbers = numbers(&out);
        let pairs = numbers.windows(2).filter(|pair| pair[0] == pair[1]).count();
        assert_eq!(numbers.len() as i64, COUNT + pairs as i64);
        assert!(numbers.is_sorted());
        assert!((pairs as f64 / COUNT as f64 - share).abs() < 0.006, "{pairs}");
        assert_eq!(counts(&twice[0]).datagrams_duplicated, pairs as u64);
        let late = data(&out).any(|(at, bytes)| {
            at != START + MS * i64::from_le_bytes(bytes[..].try_into().unwrap())
        });
        assert!(!late);
    }
}

/// How many came out behind one that was sent after them.
fn overtaken(numbers: &[i64]) -> u64 {
    let mut highest = -1;
    let mut count = 0;
    for number in numbers {
        count += u64::from(*number < highest);
        highest = highest.max(*number);
    }
    count
}

#[test]
fn reorder_holds_its_share_back_and_counts_those_that_were_overtaken() {
    for share in [0.0, 0.1, 0.7] {
        let toxics = chain(&[("reorder", json!({ "share": share, "delay": 4 }))]);
        let out = run_udp(&toxics, numbered(COUNT));
        let late = data(&out).filter(|(at, bytes)| {
            let by = at - START - MS * i64::from_le_bytes(bytes[..].try_into().unwrap());
            assert!(by == 0 || by == 4 * MS, "{by}");
            by > 0
        });
        let late = late.count();
        assert!((late as f64 / COUNT as f64 - share).abs() < 0.006, "{late} of {share}");
        let done = counts(&toxics[0]);
        assert_eq!(done.datagrams_reordered, overtaken(&numbers(&out)));
        assert_eq!(done.bytes_delayed, 8 * late as u64);
        assert_eq!(out.len() as i64, COUNT);
    }
}

#[test]
fn datagrams_that_leave_at_the_same_time_keep_their_order() {
    let toxics = chain(&[("reorder", json!({ "share": 0.4, "delay": 3 }))]);
    let mut pipe = pipe(Protocol::Udp, 7, &toxics);
    let mut out = Vec::new();
    // Five at a time, and only then is it looked at.
    for (n, (at, step)) in (1..).zip(numbered(5_000)) {
        let at = at - (at - START) % (5 * MS);
        let Step::Push(item) = step else { continue };
        pipe.push(Offset(at), item);
        if n % 5 == 0 {
            pipe.advance(Offset(at));
            out.extend(std::iter::from_fn(|| pipe.pop()).map(|item| (at, item)));
        }
    }
    let numbers = numbers(&out);
    for (pair, sent) in out.windows(2).zip(numbers.windows(2)) {
        let came = sent.iter().map(|number| number / 5).collect::<Vec<_>>();
        assert!(pair[0].0 != pair[1].0 || came[0] != came[1] || sent[0] < sent[1], "{sent:?}");
    }
    assert!(!numbers.is_sorted());
}

#[test]
fn datagrams_that_all_come_later_are_overtaken_by_none() {
    let toxics = chain(&[("reorder", json!({ "share": 1, "delay": 4 }))]);
    let out = run_udp(&toxics, numbered(100));
    assert!(numbers(&out).is_sorted());
    let done = counts(&toxics[0]);
    assert_eq!((done.datagrams_reordered, done.bytes_delayed), (0, 800));
}

#[test]
fn reorder_that_is_changed_or_taken_away_loses_and_doubles_nothing() {
    let toxics = chain(&[("reorder", json!({ "share": 0.5, "delay": 100 }))]);
    let shorter = updated(&toxics[0], json!({ "delay": 50 }));
    let nowhere = with_toxicity(&shorter, 0.0);
    for last in [vec![], vec![nowhere]] {
        let before = counts(&toxics[0]).datagrams_reordered;
        let changes = vec![
            change(START + 200 * MS, std::slice::from_ref(&shorter)),
            change(START + 400 * MS, &last),
        ];
        let out = run_udp(&toxics, ordered([numbered(500), changes]));
        let mut numbers = numbers(&out);
        assert_eq!(counts(&toxics[0]).datagrams_reordered - before, overtaken(&numbers));
        numbers.sort_unstable();
        assert_eq!(numbers, (0..500).collect::<Vec<_>>());
        assert!(out.iter().all(|(at, _)| *at < START + 500 * MS), "let go at once");
    }
}
