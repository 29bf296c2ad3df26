//! What the platform counts agrees with what its viewers see, whatever happens.

use std::collections::BTreeMap;

use hulk_record::{MatchTime, hash_of};
use hulk_scaling::{Event, Reply};
use proptest::prelude::*;

use crate::world::{World, service, slow, spec};

fn platform() -> String {
    let call = |to: &str, optional: bool| {
        format!("calls = [ {{ service = \"{to}\", timeout_ms = 300, optional = {optional} }} ]")
    };
    [
        "[edge.north]\nbase_latency_ms = 1\ncache_entries = 3\n".to_owned(),
        "[edge.south]\nbase_latency_ms = 1\ncache_entries = 3\n".to_owned(),
        "[mid_tier]\nbase_latency_ms = 2\ncache_entries = 4\n".to_owned(),
        crate::world::MEDIA.to_owned(),
        service("a", 30.0, 4.0, &call("b", false)),
        service("b", 25.0, 3.0, &call("c", true)),
        service("c", 10.0, 5.0, "rate_limit_rps = 8"),
    ]
    .concat()
}

const PATHS: [&str; 8] = [
    "/a",
    "/a/b?device=tv",
    "/b",
    "/c",
    "/nowhere",
    "/live/240p/media.m3u8",
    "/live/240p/1000.ts",
    "/live/240p/7.ts",
];

/// A minute with this many requests a second; the fault lasts from 20 s to 40 s.
fn run(seed: u64, rps: u32, wakes: bool) -> World {
    let mut world = World::with(spec(&platform()), (3.0, 1.0), &[("c", 2)]);
    let fault = slow("c", 400.0);
    for n in 0..60 * rps {
        let second = f64::from(n) / f64::from(rps);
        if n == 20 * rps {
            world.inject(&fault);
        } else if n == 40 * rps {
            world.heal(&fault);
        }
        let pick = hash_of(seed, n.into());
        if wakes {
            world.run_to(second);
        }
        world.ask(second, (pick >> 32) as usize % 2, PATHS[pick as usize % PATHS.len()]);
    }
    world.run_to(200.0);
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_request_and_its_answer_are_counted_once(seed in any::<u64>(), rps in 1..200_u32) {
        let world = run(seed, rps, true);
        prop_assert_eq!(world.replies.len(), world.asked.len());
        let mut seen: BTreeMap<String, BTreeMap<u16, u64>> = BTreeMap::new();
        for reply in world.replies.values() {
            let service = seen.entry(reply.service.to_string()).or_default();
            *service.entry(reply.status).or_default() += 1;
        }
        let mut told: BTreeMap<String, BTreeMap<u16, u64>> = BTreeMap::new();
        for status in world.platform.status() {
            let own: u64 = status.answers.values().sum();
            prop_assert_eq!(own, status.requests, "{}", &status.name);
            prop_assert!(status.internal_failed <= status.internal);
            prop_assert_eq!(status.backlog, 0);
            for (code, count) in status.answers {
                *told.entry(status.name.clone()).or_default().entry(code).or_default() += count;
            }
        }
        prop_assert_eq!(seen, told);
    }

    #[test]
    fn who_wakes_late_sees_the_same_replies(seed in any::<u64>(), rps in 1..100_u32) {
        let (often, rarely) = (run(seed, rps, true), run(seed, rps, false));
        prop_assert_eq!(often.replies, rarely.replies);
    }
}

#[test]
fn replies_come_in_the_order_of_their_nominal_times() {
    let mut world = World::with(spec(&platform()), (3.0, 1.0), &[]);
    for id in 0..40 {
        let event = Event::Request { id, edge: 0, path: PATHS[id as usize % 4] };
        world.platform.step(MatchTime(0), event, &mut Vec::new());
    }
    let mut replies: Vec<Reply> = Vec::new();
    world.platform.step(MatchTime::from_s(60.0), Event::Wake, &mut replies);
    assert!(replies.len() > 20 && replies.is_sorted_by_key(|reply| reply.at), "{replies:?}");
}
