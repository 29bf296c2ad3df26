//! Edges, their caches, and what happens when one is lost.

use hulk_record::{MatchTime, hash_of};
use hulk_scaling::{Body, Event};

use crate::world::{World, lost, service, slow, spec};

const FEEDS: [&str; 8] =
    ["north-1", "north-2", "north-3", "north-4", "south-1", "south-2", "south-3", "south-4"];
/// Files of one edge's four feeds: three renditions, four segments each.
const FILES: u32 = 48;
const MID_ENTRIES: u32 = 24;

fn two_edges() -> World {
    let tier =
        |entries: u32, ms: u32| format!("base_latency_ms = {ms}\ncache_entries = {entries}\n");
    let text = [
        format!("[edge.north]\n{}", tier(FILES, 1)),
        format!("[edge.south]\n{}", tier(FILES, 1)),
        format!("[mid_tier]\n{}", tier(MID_ENTRIES, 10)),
        format!("[media]\norigin = \"a\"\nfeeds = {FEEDS:?}\nsegment_s = 60\n"),
        "window_segments = 5\nplaylist_ttl_s = 2\nsegment_ttl_s = 3600\n".to_owned(),
        ["240p", "480p", "720p"]
            .map(|name| format!("[media.rendition.{name}]\nkbps = 400\n"))
            .concat(),
        service("a", 1e9, 100.0, ""),
    ]
    .concat();
    World::with(spec(&text), (1.0, 1.0), &[])
}

/// File `n` of those that viewers of the north (0..48) and the south (48..96) watch.
fn file(n: u32) -> String {
    let (feed, n) = (n / 12, n % 12);
    format!(
        "/live/{}/{}/{}.ts",
        FEEDS[feed as usize],
        ["240p", "480p", "720p"][n as usize / 4],
        997 + n % 4
    )
}

/// What reached the tiers since the last look: viewers' requests, mid tier, origin.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Reached {
    viewers: f64,
    mid_tier: f64,
    origin: f64,
}

fn reached(world: &World) -> Reached {
    let edges = ["north", "south"].map(|edge| world.status("edge", edge).requests);
    Reached {
        viewers: edges.iter().sum::<u64>() as f64,
        mid_tier: world.status("mid-tier", "").internal as f64,
        origin: world.status("a", "").internal as f64,
    }
}

/// `count` requests for files out of `files`, each as likely as any other, from second `from_s` on.
fn watch(world: &mut World, edge: usize, files: std::ops::Range<u32>, from_s: f64, count: u32) {
    let wide = u64::from(files.end - files.start);
    for n in 0..count {
        let pick = hash_of(from_s.to_bits() + edge as u64, n.into()) % wide;
        let at_s = from_s + f64::from(n) * 1e-3;
        world.ask(at_s, edge, &file(files.start + pick as u32));
        world.run_to(at_s + 5e-4);
    }
}

/// With room for C of W files, each asked for as often as any other, an edge hits C ÷ W of the time.
/// What misses both tiers is at least (W − C − M) ÷ W, where the mid tier has room for M.
#[test]
fn a_lost_edge_moves_its_viewers_and_misses_stampede_to_the_origin() {
    let mut world = two_edges();
    watch(&mut world, 0, 0..FILES, 1.0, 2000);
    watch(&mut world, 1, FILES..2 * FILES, 11.0, 2000);
    let warm = reached(&world);
    assert_eq!((warm.mid_tier, warm.origin), (96.0, 96.0), "each file is asked for once");
    watch(&mut world, 0, 0..FILES, 21.0, 1000);
    watch(&mut world, 1, FILES..2 * FILES, 31.0, 1000);
    assert_eq!(reached(&world).mid_tier, 96.0, "what fits is always hit");

    world.inject(&lost("south"));
    assert_eq!((world.platform.is_lost(0), world.platform.is_lost(1)), (false, true));
    watch(&mut world, 0, 0..2 * FILES, 41.0, 2000);
    let before = reached(&world);
    watch(&mut world, 0, 0..2 * FILES, 51.0, 8000);
    let after = reached(&world);
    let viewers = after.viewers - before.viewers;
    let missed = (after.mid_tier - before.mid_tier) / viewers;
    let origin = (after.origin - before.origin) / viewers;
    let (all, edge, mid) = (f64::from(2 * FILES), f64::from(FILES), f64::from(MID_ENTRIES));
    assert!((missed - (all - edge) / all).abs() < 0.02, "misses {missed}, not a half");
    assert!(origin >= (all - edge - mid) / all - 0.02, "{origin}");
    assert!(origin <= missed, "{origin}");
    // From nothing a second to hundreds.
    assert!(after.origin - before.origin > 2000.0, "{after:?}");

    world.heal(&lost("south"));
    assert!(!world.platform.is_lost(1));
    let cold = world.ask(70.0, 1, &file(FILES));
    world.run_to(70.1);
    let (status, ms) = world.answer(cold);
    assert!(status == 200 && ms >= 11.0, "its cache is empty: {ms} ms");
}

#[test]
fn a_miss_costs_the_way_to_the_origin_once_for_all_tiers() {
    let mut world = two_edges();
    let ask = |world: &mut World, edge, at_s| {
        let id = world.ask(at_s, edge, &file(0));
        world.run_to(at_s + 0.1);
        world.answer(id).1.round()
    };
    assert_eq!(ask(&mut world, 0, 1.0), 111.0, "edge, mid tier and origin");
    assert_eq!(ask(&mut world, 0, 2.0), 1.0, "the edge has it");
    assert_eq!(ask(&mut world, 1, 3.0), 11.0, "the mid tier has it");
    world.inject(&slow("mid-tier", 50.0));
    world.inject(&slow("south", 7.0));
    let id = world.ask(4.0, 1, &file(1));
    world.run_to(4.1);
    assert_eq!(world.answer(id).1.round(), 168.0);
    assert_eq!(world.status("edge", "south").latency_added_ms, 7.0);
    assert_eq!(world.status("mid-tier", "").latency_added_ms, 50.0);
    // Both edges at once: the mid tier asks for both.
    let before = reached(&world);
    for edge in [0, 1, 0] {
        world.ask(5.0, edge, &file(2));
    }
    world.run_to(5.1);
    let after = reached(&world);
    assert_eq!((after.mid_tier - before.mid_tier, after.origin - before.origin), (2.0, 1.0));
    assert_eq!(world.replies.len(), world.asked.len());
}

#[test]
fn who_waits_at_an_edge_that_is_lost_is_answered_nowhere() {
    let text = [
        "[edge.a-edge]\nbase_latency_ms = 0\ncache_entries = 9\n",
        crate::world::MEDIA,
        &service("a", 1.0, 0.0, ""),
    ]
    .concat();
    let mut world = World::new(&text);
    let asked = ["/a", "/live/master.m3u8", "/live/240p/1000.ts", "/live/240p/1000.ts"];
    for path in asked {
        world.ask(0.0, 0, path);
    }
    world.inject(&lost("a-edge"));
    // The shell never asks a lost edge; if it did, it would hear nothing and be counted nowhere.
    world.ask(0.5, 0, "/a");
    world.run_to(0.9);
    world.heal(&lost("a-edge"));
    let later = world.ask(0.95, 0, "/live/240p/1000.ts");
    world.run_to(9.0);
    assert_eq!(world.replies.keys().collect::<Vec<_>>(), [&later]);
    assert_eq!(world.replies[&later].body, Body::Bytes(300_000));
    let (edge, a) = (world.status("edge", "a-edge"), world.status("a", ""));
    assert_eq!((edge.requests, edge.answers), (4, [(200, 1)].into()));
    assert_eq!((a.requests, a.internal, a.answers.len()), (1, 3, 0));
}

#[test]
fn connections_are_counted_also_while_an_edge_is_lost() {
    let mut world = two_edges();
    world.step(MatchTime(1), Event::Connected { edge: 0 });
    world.step(MatchTime(1), Event::Connected { edge: 1 });
    world.inject(&lost("south"));
    assert_eq!(world.platform.connections(), 2);
    world.step(MatchTime(2), Event::Disconnected { edge: 1 });
    assert_eq!(world.platform.connections(), 1);
    world.inject(&lost("south"));
    world.heal(&lost("south"));
    assert!(world.platform.is_lost(1), "two faults are healed by two");
    assert!(world.platform.is_lost(7), "what is not there cannot be asked");
}
