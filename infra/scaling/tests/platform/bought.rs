//! Capacity as it is bought: ratings by the minute, zones, load balancers, bandwidth.

use hulk_chaos::{FaultKind, NoCapacity, ZoneLost};
use hulk_scaling::{Bounds, CloudGroup, Lack, Policy};

use crate::world::{MEDIA, ONE_EDGE, World, fixed, service, spec};

/// When the first of evenly spaced requests is turned away, in match seconds.
fn refused_from_s(mut world: World, per_s: f64, path: &str, until_s: f64) -> Option<f64> {
    let count = (until_s * per_s) as u32;
    for n in 0..count {
        world.ask(f64::from(n) / per_s, 0, path);
    }
    world.run_to(until_s + 60.0);
    let refused = world.replies.values().filter(|reply| reply.status == 503).map(|reply| reply.id);
    refused.min().map(|id| world.asked[&id].as_s())
}

#[test]
fn an_instance_rated_1000_a_minute_carries_1000_and_not_1001() {
    let bff = || {
        let text = [ONE_EDGE, MEDIA, &service("a", 1.0, 1.0, "")].concat();
        let text = text.replace("rated_rps = 1\n", "rated_per_min = 1000\n");
        World::new(&text.replace("patience_s = 10", "patience_s = 1"))
    };
    assert_eq!(refused_from_s(bff(), 1000.0 / 60.0, "/a", 3600.0), None);
    // One more a minute waits 1/1000 of a minute, each minute: more than 1 s after 1000 s.
    let from_s = refused_from_s(bff(), 1001.0 / 60.0, "/a", 1200.0).expect("it is too much");
    assert!((from_s - 1000.0).abs() < 0.2, "{from_s}");
}

#[test]
fn a_load_balancer_has_a_peak_of_its_own_however_many_instances_are_behind() {
    let balancers = "load_balancers = [{ peak_rps = 100 }, { peak_rps = 300 }, { peak_rps = 300 }]";
    let world = |scale: f64| {
        let text = [ONE_EDGE, MEDIA, &service("a", 1e9, 1.0, balancers)].concat();
        World::scaled(spec(&text), vec![fixed(1)], (1.0, scale))
    };
    // A tenth of 330 a second is 11 for each of three. The first carries 10 a second, and holds 10: of
    // these the last is gone after 9 s.
    let from_s = refused_from_s(world(0.1), 33.0, "/a", 60.0).expect("it is too much");
    assert!((from_s - 9.0).abs() < 0.2, "{from_s}");
    assert_eq!(refused_from_s(world(0.1), 29.9, "/a", 60.0), None);
    let mut world = world(0.1);
    for n in 0..33 * 60 {
        world.ask(f64::from(n) / 33.0, 0, "/a");
    }
    world.run_to(60.0);
    let a = world.status("a", "");
    assert_eq!(a.answers.get(&503), Some(&a.turned_away), "told apart from its instances");
    assert!(a.turned_away.abs_diff(51) <= 1, "one a second from 9 s on: {}", a.turned_away);
}

/// Two edges, of which the first has a ceiling, or both together: 4 Mbit/s at full scale.
fn narrow(own: &str, all: &str, speed: f64) -> World {
    let text = [
        all,
        "[edge.north]\nbase_latency_ms = 0\ncache_entries = 64\n",
        own,
        "[edge.south]\nbase_latency_ms = 0\ncache_entries = 64\n",
        MEDIA,
        &service("a", 1e9, 0.0, ""),
    ]
    .concat();
    World::with(spec(&text), (speed, 0.5), &[])
}

/// A segment is 300,000 bytes; at half scale 250,000 bytes a second may be sent.
#[test]
fn what_is_above_the_ceiling_of_bandwidth_waits_and_is_turned_away_once_it_is_of_no_use() {
    const CEILING: &str = "bandwidth_gbps = 0.004\n";
    for (own, all, speed) in [(CEILING, "", 1.0), ("", CEILING, 4.0)] {
        let mut world = narrow(own, all, speed);
        // At both edges in turn, a segment a second in all; at the first one alone where it is its own.
        let edges = if own.is_empty() { 2 } else { 1 };
        for n in 0..60 {
            let second = f64::from(n);
            let path = format!("/live/240p/{}.ts", 1000 + n / 6);
            world.ask(second, n as usize % edges, &path);
            world.run_to(second + 0.5);
        }
        // Each second 50,000 bytes too many: 0.2 s more to wait.
        for n in 0..30 {
            let (status, ms) = world.answer(n);
            let wanted_ms = 200.0 * n as f64 / speed;
            assert!(status == 200 && (ms - wanted_ms).abs() < 1.0, "{n}: {status} {ms}");
        }
        // A wait of 6 s is a segment's length: one in six goes.
        let refused: Vec<u64> = (0..60).filter(|n| world.answer(*n).0 == 503).collect();
        assert!((4..=6).contains(&refused.len()) && refused[0] == 31, "{refused:?}");
        let turned_away: u64 =
            ["north", "south"].iter().map(|edge| world.status("edge", edge).turned_away).sum();
        assert_eq!(turned_away, refused.len() as u64);
    }
    let mut wide = narrow("", "", 1.0);
    for _ in 0..60 {
        wide.ask(1.0, 0, "/live/240p/1000.ts");
    }
    wide.run_to(2.0);
    assert!(
        (0..60).map(|n| wide.answer(n)).all(|(status, ms)| status == 200 && ms < 1.0),
        "without a ceiling nobody waits"
    );
}

/// Two zones of four, and a policy that has six of its services' instances and soon wants eight.
fn two_zones() -> World {
    let zones = "[zone.a]\ncapacity_instances = 4\n[zone.b]\ncapacity_instances = 5\n";
    let text = [ONE_EDGE, zones, MEDIA, &service("a", 1.0, 0.0, "")].concat();
    let group = Policy::CloudGroup(CloudGroup {
        rps_per_instance: 1.0,
        target_utilisation: 1.0,
        bounds: Bounds { min_instances: 6, max_instances: 20, initial_instances: 6 },
        step_instances: 20,
        cooldown_s: 0.0,
    });
    World::scaled(spec(&text), vec![group], (1.0, 1.0))
}

fn ask_8_a_second(world: &mut World, from_s: u32, until_s: u32) {
    for n in from_s * 8..until_s * 8 {
        world.ask(f64::from(n) / 8.0, 0, "/a");
    }
}

#[test]
fn a_zone_without_capacity_refuses_orders_until_it_has_some_again() {
    let none = FaultKind::NoCapacity(NoCapacity { zone: "b".into() });
    let mut world = two_zones();
    world.inject(&none);
    ask_8_a_second(&mut world, 0, 30);
    let a = world.status("a", "");
    assert_eq!((a.ready, a.desired, a.lacking), (7, 8, Some((1, Lack::Capacity))));
    world.heal(&none);
    ask_8_a_second(&mut world, 30, 40);
    let a = world.status("a", "");
    assert_eq!((a.ready, a.lacking), (8, None), "the next look has it");
    let mut free = two_zones();
    ask_8_a_second(&mut free, 0, 30);
    assert_eq!(free.status("a", "").ready, 8);
}

#[test]
fn a_lost_zone_takes_its_instances_at_once_and_the_other_cannot_carry_all() {
    let lost = FaultKind::ZoneLost(ZoneLost { zone: "b".into() });
    let mut world = two_zones();
    ask_8_a_second(&mut world, 0, 20);
    assert_eq!(world.status("a", "").ready, 8);
    world.inject(&lost);
    let a = world.status("a", "");
    assert_eq!((a.ready, a.pending), (4, 0));
    ask_8_a_second(&mut world, 20, 60);
    let a = world.status("a", "");
    assert_eq!((a.ready, a.lacking), (4, Some((4, Lack::Capacity))), "the other one is full");
    assert!(a.answers[&503] > 0);
    world.heal(&lost);
    assert_eq!(world.status("a", "").ready, 4, "what was lost does not come back by itself");
    world.run_to(61.0);
    ask_8_a_second(&mut world, 61, 80);
    assert_eq!(world.status("a", "").ready, 8);
}

#[test]
fn faults_of_zones_need_the_zone() {
    let zones = "[zone.a]\n[zone.b]\n";
    let two = spec(&[ONE_EDGE, zones, MEDIA, &service("a", 1.0, 0.0, "")].concat());
    let fault = |zone: &str| FaultKind::ZoneLost(ZoneLost { zone: zone.into() });
    assert_eq!(two.check_fault(&fault("a")), Ok(()));
    let wrong = two.check_fault(&fault("c")).unwrap_err();
    assert_eq!(wrong, "the platform has no zone `c`: it has a, b");
    let none = spec(&[ONE_EDGE, MEDIA, &service("a", 1.0, 0.0, "")].concat());
    let wrong = none.check_fault(&fault("")).unwrap_err();
    assert_eq!(wrong, "the platform has no zone ``, and no other");
}
