//! Policies at work in the platform.

use hulk_record::MatchTime;
use hulk_scaling::{Bounds, CloudGroup, Event, PlatformEvent, Policy};

use crate::world::{MEDIA, ONE_EDGE, World, fixed, service, spec};

#[test]
fn a_cloud_group_follows_the_requests_of_viewers_and_services() {
    let call = "calls = [ { service = \"b\", timeout_ms = 1000, optional = true } ]";
    let text =
        [ONE_EDGE, MEDIA, &service("a", 1e9, 1.0, call), &service("b", 100.0, 1.0, "")].concat();
    let group = Policy::CloudGroup(CloudGroup {
        rps_per_instance: 100.0,
        target_utilisation: 0.5,
        bounds: Bounds { min_instances: 1, max_instances: 10, initial_instances: 3 },
        step_instances: 2,
        cooldown_s: 30.0,
    });
    // A tenth of the audience: 20 requests a second here are 200, which ask for 4 instances.
    let mut world = World::scaled(spec(&text), vec![fixed(1), group], (1.0, 0.1));
    assert_eq!(world.status("b", "").ready, 3);
    for n in 0..1800 {
        // 20 a second through a, then 60 a second of its own for b besides.
        let second = f64::from(n) / 20.0;
        world.ask(second, 0, "/a");
        if second >= 30.0 {
            for _ in 0..3 {
                world.ask(second, 0, "/b");
            }
        }
    }
    world.run_to(90.0);
    let events = world.platform.take_events();
    let scaled: Vec<(f64, u32, u32)> = events
        .into_iter()
        .filter_map(|event| match event {
            PlatformEvent::Scaled(e) if e.service == "b" => Some((e.at.as_s(), e.ready, e.desired)),
            _ => None,
        })
        .collect();
    // Looks at 15, 30, …; the order of 45 s is followed by a cooldown until 75 s.
    let wanted =
        [(15.0, 3, 4), (18.0, 4, 4), (45.0, 4, 6), (48.0, 6, 6), (75.0, 6, 8), (78.0, 8, 8)];
    assert_eq!(scaled, wanted);
}

#[test]
fn the_lead_in_does_not_count_as_requests() {
    let text = [ONE_EDGE, MEDIA, &service("a", 1e9, 1.0, "")].concat();
    let spec = spec(&text);
    let group = Policy::CloudGroup(CloudGroup {
        rps_per_instance: 1.0,
        target_utilisation: 1.0,
        bounds: Bounds { min_instances: 0, max_instances: 1000, initial_instances: 7 },
        step_instances: 1000,
        cooldown_s: 0.0,
    });
    let start = MatchTime::from_s(-10.0);
    let mut platform = hulk_scaling::Platform::new(spec, vec![group], (1.0, 1.0), start, 0.0, 1);
    let mut ask = |second: f64, id| {
        let event = hulk_scaling::Event::Request { id, edge: 0, path: "/a" };
        platform.step(MatchTime::from_s(second), event, &mut Vec::new());
        platform.status().pop().map(|status| status.desired)
    };
    for id in 0..500 {
        ask(-1.0, id);
    }
    for id in 0..30 {
        ask(1.0, id);
    }
    assert_eq!(ask(14.9, 1000), Some(7));
    // 31 requests in 15 s are 2.07 a second; fewer instances go only after the hold.
    assert_eq!(ask(15.0, 1001), Some(3));
}

/// Instances of `a` that serve, are on their way and are wanted.
fn supply(world: &World) -> (u32, u32, u32) {
    let status = world.status("a", "");
    (status.ready, status.pending, status.desired)
}

#[test]
fn supply_carries_on_from_where_it_is_when_the_policy_changes() {
    let text = [ONE_EDGE, MEDIA, &service("a", 1e9, 1.0, "")].concat();
    let group = |min_instances, step_instances, cooldown_s| {
        let bounds = Bounds { min_instances, max_instances: 50, initial_instances: 4 };
        let (rps_per_instance, target_utilisation) = (1.0, 1.0);
        Policy::CloudGroup(CloudGroup {
            rps_per_instance,
            target_utilisation,
            bounds,
            step_instances,
            cooldown_s,
        })
    };
    // It orders 6 at 15 s, which serve at 18 s, and may not order more before 115 s.
    let mut world = World::scaled(spec(&text), vec![group(20, 6, 100.0)], (1.0, 1.0));
    world.run_to(16.0);
    assert_eq!(supply(&world), (4, 6, 10));
    let fixed_30 = fixed(30);
    world.step(MatchTime::from_s(16.0), Event::Follow { service: "a", policy: &fixed_30 });
    assert_eq!(supply(&world), (4, 6, 10), "nothing is lost and nothing jumps");
    assert!(world.platform.policies().eq([("a", &fixed_30)]));
    // The pause of the one before is over; it looks when that one would have.
    world.run_to(29.9);
    assert_eq!(supply(&world), (10, 0, 10));
    world.run_to(30.0);
    assert_eq!(supply(&world), (10, 1, 11), "a step of this policy");
    // Fewer: the hold of 60 s begins with the new policy.
    world.run_to(40.0);
    world.step(MatchTime::from_s(40.0), Event::Follow { service: "a", policy: &group(5, 50, 0.0) });
    world.run_to(104.9);
    assert_eq!(supply(&world), (11, 0, 5));
    world.run_to(105.0);
    assert_eq!(supply(&world), (5, 0, 5));
    // A service that is not there changes nothing.
    world.step(MatchTime::from_s(105.0), Event::Follow { service: "b", policy: &fixed_30 });
    world.run_to(200.0);
    assert_eq!(supply(&world), (5, 0, 5));
}
