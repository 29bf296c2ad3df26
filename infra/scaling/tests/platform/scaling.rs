//! Policies at work in the platform.

use hulk_record::MatchTime;
use hulk_scaling::{Bounds, CloudGroup, PlatformEvent, Policy};

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
