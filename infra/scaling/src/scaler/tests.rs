//! Instances come and go as they are bought.

use hulk_settings::Delay;
use proptest::prelude::*;

use super::*;
use crate::ZoneSpec;

/// A service alone in its zones.
struct Fleet {
    scaler: Scaler,
    zones: Zones,
}

impl Fleet {
    fn new(delays: Provisioning, cooldown_s: f64, ready: u32, zones: &[Option<u32>]) -> Self {
        let named = |(place, capacity): (usize, &Option<u32>)| ZoneSpec {
            name: format!("z{place}"),
            capacity_instances: *capacity,
        };
        let mut zones = Zones::new(&zones.iter().enumerate().map(named).collect::<Vec<_>>());
        let scaler = Scaler::new(delays, cooldown_s, ready, MatchTime(0), (1, &mut zones));
        Self { scaler, zones }
    }

    fn want(&mut self, at_s: f64, desired: u32) -> bool {
        self.scaler.want(MatchTime::from_s(at_s), desired, &mut self.zones)
    }

    fn arrive(&mut self, at_s: f64) -> bool {
        self.scaler.arrive(MatchTime::from_s(at_s))
    }

    fn state(&self) -> (u32, u32) {
        (self.scaler.ready(), self.scaler.pending())
    }

    /// Instances that serve in each zone, in the zones' order.
    fn ready_by_zone(&self) -> Vec<u32> {
        self.scaler.fleet.iter().map(|zone| zone.ready).collect()
    }

    fn used(&self) -> u32 {
        (0..self.zones.count()).map(|place| self.zones.used(place)).sum()
    }
}

fn delays() -> Provisioning {
    Provisioning::fixed(15.0, [75.0, 90.0, 75.0], 60.0)
}

fn fleet(ready: u32) -> Fleet {
    Fleet::new(delays(), 0.0, ready, &[])
}

#[test]
fn capacity_arrives_after_decision_node_and_application() {
    let mut fleet = fleet(10);
    fleet.want(0.0, 14);
    fleet.want(15.0, 16);
    assert_eq!(fleet.state(), (10, 6));
    assert!(!fleet.arrive(239.9));
    assert!(fleet.arrive(240.0));
    assert_eq!(fleet.state(), (14, 2));
    assert!(fleet.arrive(255.0));
    assert_eq!(fleet.state(), (16, 0));
}

#[test]
fn capacity_goes_only_after_the_hold_and_to_the_most_wanted_in_it() {
    let mut fleet = fleet(20);
    for (second, desired) in [(0.0, 8), (15.0, 12), (30.0, 9), (45.0, 5)] {
        assert!(!fleet.want(second, desired), "{second}");
    }
    assert!(fleet.want(60.0, 5));
    assert_eq!(fleet.scaler.ready(), 12);
}

#[test]
fn wanting_as_many_again_ends_the_hold() {
    let mut fleet = fleet(20);
    fleet.want(0.0, 8);
    fleet.want(45.0, 20);
    assert!(!fleet.want(60.0, 8));
    assert_eq!(fleet.scaler.ready(), 20);
}

#[test]
fn what_is_on_its_way_goes_before_what_serves() {
    let mut fleet = fleet(10);
    fleet.want(0.0, 14);
    fleet.want(15.0, 20);
    fleet.want(30.0, 13);
    assert!(!fleet.want(90.0, 11), "those that serve stay");
    assert_eq!(fleet.state(), (10, 3));
    fleet.want(105.0, 8);
    assert!(fleet.want(165.0, 8));
    assert_eq!(fleet.state(), (8, 0));
}

#[test]
fn nothing_changes_in_the_cooldown() {
    let mut fleet = Fleet::new(delays(), 60.0, 10, &[]);
    fleet.want(0.0, 14);
    fleet.want(45.0, 30);
    assert_eq!((fleet.scaler.running(), fleet.scaler.desired()), (14, 14));
    fleet.want(60.0, 30);
    assert_eq!(fleet.scaler.running(), 30);
}

const LOGNORMAL: Delay = Delay::Lognormal { median_s: 90.0, sigma: 0.42 };
const UNIFORM: Delay = Delay::Uniform { from_s: 30.0, to_s: 90.0 };

/// When each instance on its way will serve, in s, in order.
fn arrivals_s(fleet: &Fleet) -> Vec<f64> {
    let each = |((at, ..), count): (&(MatchTime, u64, usize), &u32)| {
        std::iter::repeat_n(at.as_s(), *count as usize)
    };
    fleet.scaler.coming.iter().flat_map(each).collect()
}

/// Four standard deviations of a share `p` of `n` draws.
fn tolerance(p: f64, n: f64) -> f64 {
    4.0 * (p * (1.0 - p) / n).sqrt()
}

#[test]
fn instances_of_one_order_come_one_by_one_as_their_distribution_says() {
    for law in [UNIFORM, LOGNORMAL, Delay::Exponential { mean_s: 60.0 }] {
        let delays =
            Provisioning { node_s: law, ..Provisioning::fixed(15.0, [5.0, 0.0, 20.0], 0.0) };
        let mut fleet = Fleet::new(delays, 0.0, 0, &[]);
        fleet.want(0.0, 4000);
        let node_s: Vec<f64> = arrivals_s(&fleet).into_iter().map(|at_s| at_s - 25.0).collect();
        let n = node_s.len() as f64;
        assert_eq!(n, 4000.0);
        for p in [0.05, 0.25, 0.5, 0.75, 0.95, 0.99] {
            let below = node_s.iter().filter(|s| **s <= law.quantile_s(p)).count() as f64 / n;
            assert!((below - p).abs() <= tolerance(p, n), "{law:?} {p}: {below}");
        }
        let mean_s = node_s.iter().sum::<f64>() / n;
        let variance = node_s.iter().map(|s| (s - mean_s).powi(2)).sum::<f64>() / n;
        let off_s = (mean_s - law.mean_s()).abs();
        assert!(off_s <= 4.0 * (variance / n).sqrt(), "{law:?}: {mean_s}");
        // One by one: never fewer than were ready, and all in the end.
        let mut ready = 0;
        while fleet.scaler.pending() > 0 {
            let at = fleet.scaler.coming.first_key_value().map(|((at, ..), _)| *at).unwrap();
            assert!(fleet.scaler.arrive(at) && fleet.scaler.ready() > ready);
            ready = fleet.scaler.ready();
        }
        assert_eq!(ready, 4000);
    }
}

#[test]
fn the_decision_is_drawn_once_an_order_and_the_rest_for_each_instance() {
    let delays = Provisioning { decide_s: UNIFORM, ..Provisioning::fixed(15.0, [0.0; 3], 0.0) };
    let mut fleet = Fleet::new(delays.clone(), 0.0, 0, &[]);
    let mut orders = Vec::new();
    for order in 1..=200 {
        fleet.want(0.0, order * 10);
        orders.push(fleet.scaler.coming.len());
    }
    assert_eq!(orders, (1..=200).collect::<Vec<_>>(), "ten at a time, each ten of its own");
    let mean_s = arrivals_s(&fleet).iter().sum::<f64>() / 2000.0;
    // The standard deviation of a uniform delay is a width by the root of 12.
    assert!((mean_s - 60.0).abs() <= 4.0 * 60.0 / 12_f64.sqrt() / 200_f64.sqrt(), "{mean_s}");
    let mut again = Fleet::new(delays, 0.0, 0, &[]);
    for order in 1..=200 {
        again.want(0.0, order * 10);
    }
    assert_eq!(arrivals_s(&again), arrivals_s(&fleet), "the same seed, the same delays");
    again.scaler.seed = 2;
    again.want(0.0, 3000);
    fleet.want(0.0, 3000);
    assert_ne!(arrivals_s(&again), arrivals_s(&fleet), "another seed, others");
}

#[test]
fn a_cold_image_is_pulled_before_the_application_starts() {
    let cold = Provisioning { image_s: Delay::Fixed { s: 60.0 }, ..delays() };
    assert_eq!((delays().total_s(), cold.total_s()), (240.0, 300.0));
    let mut fleet = Fleet::new(cold, 0.0, 10, &[]);
    fleet.want(0.0, 14);
    assert!(!fleet.arrive(299.9) && fleet.arrive(300.0));
}

#[test]
fn what_is_kept_warm_skips_node_and_image_and_the_pool_is_filled_again() {
    let delays =
        Provisioning { warm_pool_instances: 3, image_s: Delay::Fixed { s: 60.0 }, ..delays() };
    let mut fleet = Fleet::new(delays, 0.0, 10, &[]);
    assert_eq!((fleet.state(), fleet.used()), ((10, 0), 13), "what is warm does not serve");
    fleet.want(0.0, 15);
    // Three after decision and application, two after the node and the image as well.
    assert!(!fleet.arrive(149.9) && fleet.arrive(150.0));
    assert_eq!((fleet.state(), fleet.used()), ((13, 2), 18));
    // The pool's three are there after node and image: too late for this order …
    fleet.want(149.0, 16);
    assert_eq!(arrivals_s(&fleet), [300.0, 300.0, 449.0]);
    // … and in time for the next one.
    fleet.want(150.0, 18);
    assert_eq!(arrivals_s(&fleet), [300.0, 300.0, 300.0, 300.0, 449.0]);
}

#[test]
fn an_order_has_its_largest_size_and_all_of_them_a_quota() {
    let limits =
        Provisioning { order_instances_max: Some(20), quota_instances: Some(45), ..delays() };
    let mut fleet = Fleet::new(limits, 0.0, 10, &[]);
    for (look, running, lacking) in
        [(0, 30, None), (1, 45, Some((15, Lack::Quota))), (2, 45, Some((15, Lack::Quota)))]
    {
        fleet.want(f64::from(look) * 15.0, 60);
        assert_eq!((fleet.scaler.running(), fleet.scaler.lacking()), (running, lacking), "{look}");
    }
    fleet.want(45.0, 45);
    assert_eq!(fleet.scaler.lacking(), None, "nobody wants more than there is");
}

#[test]
fn a_refused_order_is_tried_again_without_a_cooldown() {
    let mut fleet = Fleet::new(delays(), 600.0, 10, &[Some(10)]);
    fleet.want(0.0, 14);
    assert_eq!((fleet.state(), fleet.scaler.lacking()), ((10, 0), Some((4, Lack::Capacity))));
    fleet.zones.give_back(0, 2);
    fleet.want(15.0, 14);
    assert_eq!((fleet.state(), fleet.scaler.lacking()), ((10, 2), Some((2, Lack::Capacity))));
    fleet.zones.give_back(0, 2);
    fleet.want(30.0, 14);
    assert_eq!(fleet.state(), (10, 2), "what came of the order counts as a change");
}

#[test]
fn instances_are_spread_evenly_over_the_zones_that_have_room() {
    let mut fleet = Fleet::new(delays(), 0.0, 9, &[None, Some(4), None]);
    assert_eq!(fleet.ready_by_zone(), [3, 3, 3]);
    fleet.want(0.0, 18);
    fleet.arrive(240.0);
    assert_eq!(fleet.ready_by_zone(), [7, 4, 7], "one zone is full");
    fleet.want(300.0, 12);
    assert!(fleet.want(360.0, 12));
    assert_eq!(fleet.ready_by_zone(), [4, 4, 4], "they go where the most are");
}

#[test]
fn a_lost_zone_takes_its_instances_and_the_others_fill_up() {
    let mut fleet = Fleet::new(delays(), 0.0, 9, &[None, None, None]);
    fleet.want(0.0, 12);
    let Fleet { scaler, zones } = &mut fleet;
    assert!(scaler.lose(1, zones));
    zones.close(1, true);
    assert_eq!((fleet.state(), fleet.used()), ((6, 2), 8));
    fleet.want(15.0, 12);
    fleet.arrive(300.0);
    assert_eq!(fleet.ready_by_zone(), [6, 0, 6]);
    fleet.zones.close(1, false);
    fleet.want(315.0, 16);
    fleet.arrive(600.0);
    assert_eq!(fleet.ready_by_zone(), [6, 4, 6], "new ones go where the fewest are");
}

#[derive(Debug, Clone, Copy)]
enum Deed {
    Want(u32),
    Lose(usize),
    Close(usize, bool),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        8 => (0..120_u32).prop_map(Deed::Want),
        1 => (0..3_usize).prop_map(Deed::Lose),
        1 => (0..3_usize, any::<bool>()).prop_map(|(zone, closed)| Deed::Close(zone, closed)),
    ]
}

proptest! {
    #[test]
    fn no_instance_comes_from_nowhere_and_none_is_lost_unseen(
        deeds in proptest::collection::vec(deed(), 1..120),
        rooms in proptest::collection::vec(proptest::option::of(0..40_u32), 3),
        quota in proptest::option::of(1..100_u32),
        order_max in proptest::option::of(1..30_u32),
        warm in 0..10_u32,
        start in 0..60_u32,
        hold_s in 0.0..60.0_f64,
    ) {
        let delays = Provisioning {
            node_s: LOGNORMAL,
            app_s: UNIFORM,
            warm_pool_instances: warm,
            quota_instances: quota,
            order_instances_max: order_max,
            ..Provisioning::fixed(15.0, [10.0, 0.0, 0.0], hold_s)
        };
        let mut fleet = Fleet::new(delays, 0.0, start, &rooms);
        prop_assert!(fleet.scaler.ready() <= start);
        for (look, deed) in (1..).zip(deeds) {
            let now = f64::from(look) * 15.0;
            let before = fleet.state();
            fleet.arrive(now);
            prop_assert_eq!(fleet.scaler.running(), before.0 + before.1, "what arrives was ordered");
            let running = fleet.scaler.running();
            match deed {
                Deed::Want(desired) => {
                    fleet.want(now, desired);
                    let (low, high) = (running.min(desired), running.max(desired));
                    prop_assert!((low..=high).contains(&fleet.scaler.running()));
                    let most = order_max.unwrap_or(u32::MAX);
                    prop_assert!(fleet.scaler.running() <= running.saturating_add(most));
                }
                Deed::Lose(zone) => {
                    let Fleet { scaler, zones } = &mut fleet;
                    scaler.lose(zone, zones);
                    prop_assert_eq!(zones.used(zone), 0);
                }
                Deed::Close(zone, closed) => fleet.zones.close(zone, closed),
            }
            let all: u32 = fleet.scaler.fleet.iter().map(|zone| zone.all()).sum();
            prop_assert_eq!(fleet.used(), all, "the zones know of each");
            prop_assert!(quota.is_none_or(|quota| all <= quota));
            for (place, room) in rooms.iter().enumerate() {
                prop_assert!(room.is_none_or(|room| fleet.zones.used(place) <= room));
            }
            prop_assert_eq!(arrivals_s(&fleet).len(), fleet.scaler.pending() as usize);
        }
    }
}
