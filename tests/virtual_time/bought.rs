//! The example of `docs/capacity.md`: it passes, and fails when less has been bought.

use hulk_reports::{ObjectiveStatus, VerdictKind, judge};
use hulk_scenarios::chaos::{Fault, FaultKind, FaultTime, NoCapacity};
use hulk_scenarios::scaling::{PlatformSpec, ServiceSpec};
use hulk_scenarios::{Delay, Rehearsal, Target};

use crate::driver::run;

/// An interval of the record is a second of wall time.
const INTERVAL_S: f64 = 6.0;

fn platform(rehearsal: &mut Rehearsal) -> &mut PlatformSpec {
    let Target::Embedded(embedded) = &mut rehearsal.target else { panic!("it is embedded") };
    &mut embedded.platform
}

fn bff(rehearsal: &mut Rehearsal) -> &mut ServiceSpec {
    &mut platform(rehearsal).services[0]
}

/// The match second of the interval in which the first page is turned away; none where it passes.
fn fails_from_s(change: impl FnOnce(&mut Rehearsal)) -> Option<f64> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/as-bought.toml");
    let mut rehearsal = Rehearsal::load(file).expect("a valid rehearsal");
    change(&mut rehearsal);
    let verdict = judge(&run(&rehearsal).record);
    println!("{:?} {:?}", verdict.kind, verdict.reasons);
    assert!([VerdictKind::Pass, VerdictKind::Fail].contains(&verdict.kind), "{verdict:#?}");
    let breached = verdict.objectives.iter().find(|o| o.status == ObjectiveStatus::Breached);
    assert_eq!(breached.is_none(), verdict.kind == VerdictKind::Pass);
    breached.map(|objective| objective.first_match_min.expect("a minute") * 60.0)
}

/// In the interval of that second, or the next to it where it is close.
fn near(from_s: Option<f64>, wanted_s: f64) -> bool {
    from_s.is_some_and(|from_s| (from_s - 3.0..from_s + INTERVAL_S + 3.0).contains(&wanted_s))
}

#[test]
fn what_was_bought_keeps_up() {
    assert_eq!(fails_from_s(|_| {}), None);
}

#[test]
fn a_baked_image_or_a_warm_pool_is_enough_and_neither_is_not() {
    let bought = |image_s: f64, warm: u32| {
        fails_from_s(|rehearsal| {
            let provisioning = &mut bff(rehearsal).provisioning;
            provisioning.image_s = Delay::Fixed { s: image_s };
            provisioning.warm_pool_instances = warm;
        })
    };
    assert_eq!((bought(0.0, 0), bought(60.0, 4)), (None, None));
    let from_s = bought(60.0, 0).expect("it fails");
    assert!((60.0..480.0).contains(&from_s), "{from_s}");
}

#[test]
fn a_zone_without_capacity_is_enough_to_fail() {
    let none = |rehearsal: &mut Rehearsal| {
        rehearsal.faults.push(Fault {
            name: "no instances in c".into(),
            at: FaultTime::Minute(0.0),
            for_s: 540.0,
            kind: FaultKind::NoCapacity(NoCapacity { zone: "c".into() }),
        });
    };
    // 12 instances carry 200 a second, which is reached at 360 s; 400 wait when (t - 360)²/6 do.
    let from_s = fails_from_s(none);
    assert!(near(from_s, 360.0 + 2400_f64.sqrt()), "{from_s:?}");
    let quota = |rehearsal: &mut Rehearsal| {
        bff(rehearsal).provisioning.quota_instances = Some(12);
    };
    assert_eq!(fails_from_s(quota), from_s, "twelve are twelve");
}

#[test]
fn a_load_balancer_s_peak_is_enough_to_fail() {
    let small = |rehearsal: &mut Rehearsal| {
        bff(rehearsal).load_balancers[0].peak_rps = 70.0;
    };
    // 210 a second are reached at 390 s; it holds 70, which are gone when (t - 390)²/18 are 69.
    let from_s = fails_from_s(small);
    assert!(near(from_s, 390.0 + (69.0_f64 * 18.0).sqrt()), "{from_s:?}");
}
