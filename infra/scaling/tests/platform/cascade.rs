//! A page that is made of other services' answers.

use crate::world::{MEDIA, ONE_EDGE, World, service, slow, spec};

/// a (8 ms) → b (4 ms, required) → c (3 ms) → d (5 ms), so fast that nobody waits in a queue.
fn chain(rps: f64) -> String {
    let call = |to: &str, timeout_ms: u32, optional: bool| {
        format!(
            "calls = [ {{ service = \"{to}\", timeout_ms = {timeout_ms}, optional = {optional} }} ]"
        )
    };
    [
        ONE_EDGE.to_owned(),
        MEDIA.to_owned(),
        service("a", 1e9, 8.0, &call("b", 2000, false)),
        service("b", rps, 4.0, &call("c", 1500, true)),
        service("c", 1e9, 3.0, &call("d", 1000, true)),
        service("d", 1e9, 5.0, ""),
    ]
    .concat()
}

#[test]
fn a_slow_recommendation_shows_at_the_home_page() {
    // Nominal waits are match time and latencies wall time: the sums are the same at any speed.
    for speed in [1.0, 7.5] {
        let mut world = World::with(spec(&chain(1e9)), (speed, 1.0), &[]);
        assert_eq!(world.asks(0.0, "/a", 1.0), (200, 20.0));
        world.inject(&slow("d", 800.0));
        assert_eq!(world.asks(1.0, "/a", 2.0), (200, 820.0), "the delay comes through");
        world.inject(&slow("d", 5000.0));
        assert_eq!(world.asks(2.0, "/a", 3.0), (200, 1015.0), "c waits for d 1000 ms, no longer");
        world.inject(&slow("c", 600.0));
        assert_eq!(world.asks(3.0, "/a", 4.0), (200, 1512.0), "and b for c 1500 ms");
        world.inject(&slow("b", 600.0));
        assert_eq!(world.asks(4.0, "/a", 5.0), (504, 2008.0), "a cannot do without b");
        for kind in [slow("d", 5000.0), slow("c", 600.0), slow("b", 600.0), slow("d", 800.0)] {
            world.heal(&kind);
        }
        assert_eq!(world.asks(5.0, "/a", 6.0), (200, 20.0));
        assert_eq!(world.status("d", "").latency_added_ms, 0.0);
        assert_eq!(world.status("a", "").answers, [(200, 5), (504, 1)].into());
        assert_eq!(world.status("d", "").internal, 6);
    }
}

#[test]
fn who_waits_in_a_queue_is_given_up_at_the_time_out_and_worked_on_for_nobody() {
    // At speed 2 a request takes b 8 match seconds, 4000 ms; a waits 2000 ms, 4 match seconds.
    let mut world = World::with(spec(&chain(0.125)), (2.0, 1.0), &[]);
    let (first, second) = (world.ask(0.0, 0, "/a"), world.ask(1.0, 0, "/a"));
    world.run_to(3.999);
    assert!(world.replies.is_empty());
    world.run_to(4.0);
    assert_eq!(world.answer(first), (504, 2008.0));
    assert!(!world.replies.contains_key(&second));
    world.run_to(5.0);
    assert_eq!(world.answer(second), (504, 2008.0));
    world.run_to(20.0);
    assert_eq!(world.status("d", "").internal, 2, "the work is done all the same");
    assert_eq!(world.status("b", "").internal_failed, 2);
    assert_eq!(world.status("b", "").backlog, 0);
}

#[test]
fn who_is_turned_away_by_a_required_service_answers_503_and_else_without_it() {
    let without = |name: &str| {
        let mut world = World::with(spec(&chain(1e9)), (1.0, 1.0), &[(name, 0)]);
        world.asks(0.0, "/a", 1.0)
    };
    assert_eq!(without("b"), (503, 8.0));
    assert_eq!(without("c"), (200, 12.0));
    assert_eq!(without("d"), (200, 15.0));
    assert_eq!(without("a"), (503, 0.0));
}

#[test]
fn calls_are_asked_one_after_another_and_a_route_may_do_without() {
    let calls = "calls = [ { service = \"b\", timeout_ms = 100 }, \
                 { service = \"c\", timeout_ms = 100 } ]";
    let quick = "[[route]]\npath = \"/a/quick\"\nservice = \"a\"\ncalls = false\n\
                 bytes = { size = 1 }\n";
    let text = [
        ONE_EDGE,
        MEDIA,
        &service("a", 1e9, 1.0, calls),
        // 50 ms and 40 ms of work.
        &service("b", 20.0, 2.0, ""),
        &service("c", 25.0, 4.0, ""),
        quick,
    ]
    .concat();
    let mut world = World::new(&text);
    // 50 ms in b, then 40 ms in c, and latencies of 1 + 2 + 4 ms.
    assert_eq!(world.asks(0.0, "/a", 1.0), (200, 97.0));
    assert_eq!(world.asks(1.0, "/a/quick", 2.0), (200, 1.0));
    world.inject(&slow("b", 49.0));
    assert_eq!(world.asks(2.0, "/a", 3.0), (504, 101.0), "50 + 2 + 49 ms are more than 100");
}

#[test]
fn too_many_requests_are_answered_429_with_retry_after() {
    let limited = service("a", 1e9, 1.0, "rate_limit_rps = 1000");
    let caller = service("b", 1e9, 1.0, "calls = [ { service = \"a\", timeout_ms = 9 } ]");
    // A hundredth of the audience: ten requests a match second come through.
    let text = [ONE_EDGE, MEDIA, &limited, &caller].concat();
    let mut world = World::with(spec(&text), (1.0, 0.01), &[]);
    let ids: Vec<u64> = (0..15).map(|_| world.ask(0.0, 0, "/a")).collect();
    world.run_to(0.01);
    let statuses: Vec<u16> = ids.iter().map(|id| world.replies[id].status).collect();
    assert_eq!(statuses, [[200; 10].as_slice(), &[429; 5]].concat());
    for id in ids {
        let reply = &world.replies[&id];
        assert_eq!(reply.retry_after_s, (reply.status == 429).then_some(1.0));
    }
    assert_eq!(world.asks(0.02, "/b", 0.05), (503, 1.0), "a limit is a failure to the services");
    assert_eq!(world.asks(1.02, "/a", 1.1), (200, 1.0));
    assert_eq!(world.status("a", "").answers, [(200, 11), (429, 5)].into());
}
