//! A staircase against a platform whose capacity is known.

use hulk_reports::{Calibrated, VerdictKind, calibrate, judge};
use hulk_scenarios::{Rehearsal, Staircase};

use crate::driver::run;
use crate::enough::{JUMP, follows, rehearsal};

fn calibrated(of: &Rehearsal, from_per_s: f64, to_per_s: f64, instances: u32) -> Calibrated {
    let staircase = Staircase { from_per_s, to_per_s, stairs: 10, stair_s: 10.0, instances };
    let climb = of.on_staircase(&staircase).expect("it has a load");
    let record = run(&climb).record;
    let stairs: Vec<(f64, f64)> =
        staircase.stairs().iter().map(|stair| (stair.from_s, stair.to_s)).collect();
    let found = calibrate(&record, &judge(&record), &stairs, instances);
    println!("{}", found.text());
    assert_ne!(found.kind, VerdictKind::Invalid);
    let [api] = &found.services[..] else { panic!("{found:#?}") };
    api.clone()
}

#[test]
fn a_staircase_finds_the_rated_capacity_within_a_step() {
    // An instance is rated for 50 requests/s. Ten stairs, each a ninth of the way.
    let of = rehearsal(&follows(4), JUMP);
    for (from_per_s, to_per_s, instances) in [(22.0, 94.0, 1), (52.0, 312.0, 4)] {
        let step = (to_per_s - from_per_s) / 9.0 / f64::from(instances);
        let api = calibrated(&of, from_per_s, to_per_s, instances);
        let (held, broke) = (api.held_rps.expect("it held"), api.broke_rps.expect("it broke"));
        assert!((broke - held - step).abs() < 0.1, "{held}, {broke}: stairs follow each other");
        assert!(held <= 50.0 && 50.0 < broke, "{held}, {broke}");
        assert_eq!(api.rated_rps, Some(50.0));
    }
}

#[test]
fn a_queue_that_grows_does_not_hold_though_nobody_is_turned_away() {
    // Who waits is patient: 55 a second of 50 make a wait of 1 s in a stair of 10 s.
    let mut of = rehearsal(&follows(4), JUMP);
    let hulk_scenarios::Target::Embedded(embedded) = &mut of.target else { panic!("embedded") };
    embedded.platform.services[0].patience_s = 1000.0;
    let api = calibrated(&of, 45.0, 90.0, 1);
    assert!((api.held_rps.expect("it held") - 50.0).abs() < 0.1, "{api:#?}");
    assert!((api.broke_rps.expect("it broke") - 55.0).abs() < 0.1, "{api:#?}");
}

#[test]
fn a_staircase_that_begins_too_high_or_ends_too_low_says_so() {
    let of = rehearsal(&follows(4), JUMP);
    let high = calibrated(&of, 80.0, 100.0, 1);
    assert_eq!(high.held_rps, None);
    let low = calibrated(&of, 10.0, 40.0, 1);
    assert_eq!(low.broke_rps, None);
    let stays = Rehearsal::load("match-day").expect("it is shipped");
    let staircase =
        Staircase { from_per_s: 1.0, to_per_s: 2.0, stairs: 10, stair_s: 1.0, instances: 1 };
    let refused = stays.on_staircase(&staircase).unwrap_err();
    assert!(refused.contains("`[load]`"), "{refused}");
}
