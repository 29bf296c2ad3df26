//! A backend that grows while it runs, in virtual time.

use super::*;

/// Three GPUs of the first kind and zone for 8 streams each.
pub(super) fn scaler(every_us: i64, provisioning_us: i64) -> ScalerSpec {
    ScalerSpec {
        entry: 0,
        max_gpus: 3,
        provisioning_us,
        every_us,
        rule: ScaleRule::Hpa,
        metric_name_matches: true,
        scales: Scales::Workers,
        target_streams: 8.0,
    }
}

/// GPUs of 12 streams, two on the spot and one elsewhere, of which there may be three on the spot.
fn scaled(change: impl FnOnce(&mut ScalerSpec)) -> BackendSpec {
    let mut spec = in_zones(&[("here", 2, 0), ("there", 1, 0)]);
    let mut scaler = scaler(15_000_000, 60_000_000);
    change(&mut scaler);
    spec.scaler = Some(scaler);
    spec
}

/// GPUs that serve, their limits together, GPUs that are ordered, and pods of the API.
fn there_are(backend: &mut Backend, s: f64) -> (usize, usize, usize, u32) {
    outs(backend, s);
    let status = backend.status(Offset::from_s(s));
    let scaling = status.scaling.unwrap();
    let limits = status.gpus.iter().map(|gpu| gpu.streams_max).sum();
    (status.gpus.len(), limits, scaling.gpus_ordered, scaling.api_pods)
}

#[test]
fn a_gpu_serves_a_look_and_its_provisioning_after_it_is_needed() {
    let mut backend = filled(&scaled(|_| {}), 1, 36);
    // 36 streams of three GPUs are 12 each: ⌈3 · 12 ÷ 8⌉ = 5, of which 4 may be.
    assert_eq!(there_are(&mut backend, 14.9), (3, 36, 0, 1));
    assert_eq!(there_are(&mut backend, 15.0), (3, 36, 1, 1));
    assert!(backend.join(Offset::from_s(74.9), "late", 0).is_err());
    assert_eq!(there_are(&mut backend, 74.9), (3, 36, 1, 1), "it is ordered once");
    assert_eq!(there_are(&mut backend, 75.0), (4, 48, 0, 1));
    assert_eq!(backend.join(Offset::from_s(75.0), "late", 0).unwrap().gpu, 3);
    let made = frames(&mut backend, 77.0);
    assert!(made.iter().any(|frame| frame.stream == StreamId(36)), "it makes frames");
    let new = backend.status(Offset::from_s(77.0)).gpus.remove(3);
    assert_eq!((new.zone.as_str(), new.streams, new.healthy), ("here", 1, true));
    assert_eq!(there_are(&mut backend, 200.0), (4, 48, 0, 1), "it is the most");
}

#[test]
fn nothing_is_ordered_before_the_target_is_passed_and_nothing_given_back() {
    // 24 streams of three GPUs are 8 each; 27 are 9: ⌈3 · 9 ÷ 8⌉ = 4.
    let mut backend = filled(&scaled(|_| {}), 2, 24);
    assert_eq!(there_are(&mut backend, 100.0), (3, 36, 0, 1));
    for n in 0..3 {
        backend.join(Offset::from_s(100.0), &format!("more {n}"), 0).unwrap();
    }
    assert_eq!(there_are(&mut backend, 105.0), (3, 36, 1, 1));
    (0..27).for_each(|n| backend.leave(Offset::from_s(106.0), StreamId(n)));
    assert_eq!(there_are(&mut backend, 300.0), (4, 48, 0, 1));
}

#[test]
fn who_asks_for_a_metric_that_nobody_has_never_grows() {
    let mut backend = filled(&scaled(|scaler| scaler.metric_name_matches = false), 3, 36);
    assert_eq!(there_are(&mut backend, 600.0), (3, 36, 0, 1));
}

#[test]
fn more_of_the_api_takes_no_more_streams() {
    let mut backend = filled(&scaled(|scaler| scaler.scales = Scales::Api), 4, 36);
    // 36 streams of one pod: ⌈36 ÷ 8⌉ = 5, of which 3 may be.
    assert_eq!(there_are(&mut backend, 600.0), (3, 36, 0, 3));
    assert!(backend.join(Offset::from_s(600.0), "late", 0).is_err());
}

#[test]
fn the_plan_s_rule_orders_one_after_another() {
    let plan = |scaler: &mut ScalerSpec| {
        (scaler.rule, scaler.max_gpus, scaler.provisioning_us) = (ScaleRule::Plan, 9, 20_000_000);
    };
    // 29 of 36 streams are 81 %.
    let mut backend = filled(&scaled(plan), 5, 29);
    assert_eq!(there_are(&mut backend, 15.0), (3, 36, 1, 1));
    assert_eq!(there_are(&mut backend, 34.9), (3, 36, 1, 1), "one is on its way");
    assert_eq!(there_are(&mut backend, 35.0), (4, 48, 0, 1));
    // 12 streams of three GPUs: nothing is above its bound.
    let mut idle = filled(&scaled(plan), 6, 12);
    assert_eq!(there_are(&mut idle, 300.0), (3, 36, 0, 1));
}
