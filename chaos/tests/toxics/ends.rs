//! What ends a link: `timeout`, `reset_peer`, `limit_data`.

use hulk_chaos::{Item, Protocol};
use hulk_record::Offset;
use serde_json::json;

use crate::world::{
    MS, S, START, chain, change, counts, drive, finish, joined, ordered, pipe, run, stream, times,
    updated, with_toxicity,
};

#[test]
fn a_timeout_swallows_everything_and_closes_the_link_when_it_is_over() {
    let timeout = chain(&[("timeout", json!({ "timeout": 1_000 }))]);
    let mut steps = stream(&[(START, 10), (START + 999 * MS, 20)]);
    steps.push(finish(START + 999 * MS));
    assert_eq!(run(&timeout, steps), [(START + S, Item::Close)]);
    assert_eq!(counts(&timeout[0]).bytes_dropped, 30);
}

#[test]
fn a_timeout_of_0_never_closes() {
    let timeout = chain(&[("timeout", json!({}))]);
    let mut silent = pipe(Protocol::Tcp, 7, &timeout);
    assert!(drive(&mut silent, stream(&[(START, 10), (START + 3_600 * S, 20)]), || 0).is_empty());
    assert_eq!((silent.next_wake(), silent.next_ending(), silent.ended()), (None, None, None));
    assert!(silent.wants(), "it reads on, for nothing");
}

#[test]
fn a_timeout_that_is_removed_closes_the_link_that_lost_bytes() {
    for timeout_ms in [0, 1_000] {
        let timeout = chain(&[("timeout", json!({ "timeout": timeout_ms }))]);
        let removed = vec![change(START + 300 * MS, &[])];
        let out = run(&timeout, ordered([stream(&[(START, 10)]), removed]));
        assert_eq!(out, [(START + 300 * MS, Item::Close)]);
        // As good as removed from this link.
        let nowhere = vec![change(START + 300 * MS, &[with_toxicity(&timeout[0], 0.0)])];
        let out = run(&timeout, ordered([stream(&[(START, 10)]), nowhere]));
        assert_eq!(out, [(START + 300 * MS, Item::Close)]);
    }
}

#[test]
fn a_timeout_that_is_changed_counts_from_the_change() {
    let timeout = chain(&[("timeout", json!({ "timeout": 1_000 }))]);
    for (to_ms, end) in [(2_000, Some(2_500)), (100, Some(600)), (0, None)] {
        let later = updated(&timeout[0], json!({ "timeout": to_ms }));
        let mut live = pipe(Protocol::Tcp, 7, &timeout);
        let steps = vec![change(START + 500 * MS, &[later])];
        let out = drive(&mut live, steps, || 0);
        let expected: Vec<_> = end.map(|ms| (START + ms * MS, Item::Close)).into_iter().collect();
        assert_eq!(out, expected, "{to_ms}");
    }
    // Where it acts as before, it does not begin again.
    let wider = vec![change(START + 500 * MS, &[with_toxicity(&timeout[0], 0.999_999)])];
    assert_eq!(run(&timeout, wider), [(START + S, Item::Close)]);
}

#[test]
fn a_reset_holds_everything_until_its_time_and_then_resets() {
    let reset = chain(&[("reset_peer", json!({ "timeout": 500 }))]);
    let mut steps = stream(&[(START, 10), (START + 499 * MS, 20)]);
    steps.push(finish(START + 499 * MS));
    assert_eq!(run(&reset, steps), [(START + 500 * MS, Item::Reset)]);
    assert_eq!(run(&chain(&[("reset_peer", json!({}))]), Vec::new()), [(START, Item::Reset)]);
}

#[test]
fn a_reset_that_is_removed_before_its_time_has_only_delayed() {
    let reset = chain(&[("reset_peer", json!({ "timeout": 500 }))]);
    let mut steps = stream(&[(START, 10), (START + 100 * MS, 20)]);
    steps.extend([finish(START + 150 * MS), change(START + 300 * MS, &[])]);
    let out = run(&reset, steps);
    assert_eq!(times(&out), [(START + 300 * MS, 10), (START + 300 * MS, 20)]);
    assert_eq!(out[2], (START + 300 * MS, Item::Finish));
    let delay = counts(&reset[0]).delay.unwrap();
    assert_eq!((delay.count, delay.max_ms), (3, 300.0));
    assert_eq!(counts(&reset[0]).connections_reset, 0);
}

#[test]
fn a_link_ends_by_what_ends_it_first_whoever_looks_and_when() {
    let both =
        chain(&[("timeout", json!({ "timeout": 300 })), ("reset_peer", json!({ "timeout": 200 }))]);
    for late_us in [0, S] {
        let mut ending = pipe(Protocol::Tcp, 7, &both);
        assert_eq!(ending.next_ending(), Some(Offset(START + 200 * MS)));
        let out = drive(&mut ending, Vec::new(), || late_us);
        assert_eq!(out, [(START + 200 * MS + late_us, Item::Reset)]);
        assert_eq!(ending.ended(), Some(&Item::Reset));
        assert!(!ending.wants() && !ending.is_idle());
    }
    assert_eq!((counts(&both[0]).connections_closed, counts(&both[1]).connections_reset), (0, 2));
}

#[test]
fn a_link_that_has_ended_is_changed_no_more() {
    let mut ended = pipe(Protocol::Tcp, 7, &chain(&[("reset_peer", json!({}))]));
    let mut late = chain(&[("timeout", json!({}))]);
    late[0].id = 1;
    ended.change(&late, Offset(START + 1));
    ended.change(&[], Offset(START + 2));
    assert_eq!(ended.pop(), Some(Item::Reset));
    assert_eq!(counts(&late[0]).links, 0);
}

#[test]
fn a_limit_is_exact_to_the_byte_over_all_chunks() {
    let limit = chain(&[("limit_data", json!({ "bytes": 1_000 }))]);
    let chunks = [(START, 300), (START + 1, 300), (START + 2, 300), (START + 3, 300)];
    let out = run(&limit, stream(&chunks));
    let lengths = [(START, 300), (START + 1, 300), (START + 2, 300), (START + 3, 100)];
    assert_eq!(times(&out), lengths);
    assert_eq!(out[4], (START + 3, Item::Close));
    assert_eq!(joined(&out), crate::world::bytes(0, 1_000)[..]);
    assert_eq!(counts(&limit[0]).bytes_dropped, 200);
}

#[test]
fn a_limit_closes_with_its_last_byte_and_a_limit_of_0_with_the_first() {
    let out = run(&chain(&[("limit_data", json!({ "bytes": 5 }))]), stream(&[(START, 5)]));
    assert_eq!(out[1..], [(START, Item::Close)]);
    let none = chain(&[("limit_data", json!({}))]);
    assert!(run(&none, Vec::new()).is_empty());
    assert_eq!(run(&none, stream(&[(START + 9, 5)])), [(START + 9, Item::Close)]);
    let mut steps = stream(&[(START, 4)]);
    steps.push(finish(START));
    let out = run(&chain(&[("limit_data", json!({ "bytes": 5 }))]), steps);
    assert_eq!(out[1], (START, Item::Finish), "a shorter stream ends by itself");
}

#[test]
fn a_limit_that_is_changed_remembers_what_has_passed() {
    let limit = chain(&[("limit_data", json!({ "bytes": 1_000 }))]);
    let change_to = |bytes: i64| {
        let changed = updated(&limit[0], json!({ "bytes": bytes }));
        let chunks = stream(&[(START, 600), (START + 2, 600), (START + 3, 600)]);
        run(&limit, ordered([chunks, vec![change(START + 1, &[changed])]]))
    };
    let out = change_to(1_500);
    assert_eq!(times(&out), [(START, 600), (START + 2, 600), (START + 3, 300)]);
    assert_eq!(out[3], (START + 3, Item::Close));
    let out = change_to(500);
    assert_eq!((times(&out), out[1].clone()), (vec![(START, 600)], (START + 2, Item::Close)));
}

#[test]
fn a_limit_counts_once_what_came_while_others_were_removed_and_it_was_changed() {
    let toxics =
        chain(&[("latency", json!({ "latency": 100 })), ("limit_data", json!({ "bytes": 1_000 }))]);
    let changed = updated(&toxics[1], json!({ "bytes": 900 }));
    let chunks = stream(&[(START, 600), (START + 200 * MS, 200), (START + 200 * MS, 200)]);
    let out = run(&toxics, ordered([chunks, vec![change(START + 10 * MS, &[changed])]]));
    let at = START + 200 * MS;
    assert_eq!(times(&out), [(START + 10 * MS, 600), (at, 200), (at, 100)]);
    assert_eq!(out[3], (at, Item::Close));
}

#[test]
fn a_limit_closes_once_and_behind_what_it_let_through() {
    let toxics = chain(&[
        ("limit_data", json!({ "bytes": 100 })),
        ("latency", json!({ "latency": 50 })),
        ("slow_close", json!({ "delay": 25 })),
    ]);
    let out = run(&toxics, stream(&[(START, 100), (START + 1, 7), (START + 2, 8)]));
    assert_eq!(times(&out), [(START + 50 * MS, 100)]);
    assert_eq!(out[1], (START + 75 * MS, Item::Close));
    let done = counts(&toxics[0]);
    assert_eq!((done.connections_closed, done.bytes_dropped), (1, 15));
    assert_eq!(counts(&toxics[2]).ends_delayed, 1);
}
