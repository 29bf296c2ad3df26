//! The waterfall of a scale-out, what would have been enough, and the scorecard.

use hulk_record::Record;
use hulk_reports::{Enough, Late, ScaleOut, Verdict, judge};

use crate::builder::{Minute, debt, quiet, record, served_share};

/// What is needed in each match minute; and wanted, ordered and ready. A minute is a decision window.
fn run(needed: [u32; 10], [wanted, ordered, ready]: [[u32; 10]; 3]) -> Record {
    let mut minutes = quiet();
    for (at, minute) in minutes.iter_mut().enumerate() {
        let requests = u64::from(needed[at]) * 600;
        let served = requests.min(u64::from(ready[at]) * 600);
        *minute = Minute { requests, served, ready: f64::from(ready[at]), ..Minute::quiet() };
    }
    let mut record = record(&minutes, vec![debt(1.0), served_share(0.999)]);
    for (at, sample) in record.capacity.iter_mut().enumerate() {
        sample.pending = f64::from(ordered[at] - ready[at]);
        sample.desired = f64::from(wanted[at]);
    }
    record
}

fn scale_outs(verdict: &Verdict) -> &[ScaleOut] {
    &verdict.scaling[0].scale_outs
}

const STEP: [u32; 10] = [4, 4, 10, 10, 10, 10, 6, 6, 4, 4];

#[test]
fn golden_waterfall_of_one_step() {
    let verdict = judge(&run(
        STEP,
        [
            [5, 5, 5, 10, 10, 10, 10, 10, 7, 5],
            [5, 5, 5, 8, 10, 10, 10, 10, 7, 5],
            [5, 5, 5, 5, 8, 10, 10, 10, 7, 5],
        ],
    ));
    let [of] = scale_outs(&verdict) else { panic!("{:#?}", verdict.scaling[0]) };
    let wanted = ScaleOut {
        from_match_min: 32.0,
        moment: None,
        supply_before: 5.0,
        demand_peak: 10.0,
        peak_match_s: 0.0,
        crossed_match_s: Some(0.0),
        wanted_more_match_s: Some(60.0),
        wanted_match_s: Some(60.0),
        ordered_match_s: Some(120.0),
        ready_match_s: Some(180.0),
        met_match_s: Some(180.0),
        objective_broken: true,
        objective_met_match_s: Some(180.0),
        wanted_peak: 10.0,
        // 5 of the first minute; 2 of the second; 3 of the second and 2 of the third.
        not_wanted_instance_min: 5.0,
        not_ordered_instance_min: 2.0,
        starting_instance_min: 5.0,
        late: Late::Decision,
        enough: Enough { earlier_match_s: Some(180.0), more_instances: 5.0, instances: 10.0 },
    };
    assert_eq!(*of, wanted);
    let debt = verdict.scaling[0].elasticity.unwrap().debt_unit_min;
    assert_eq!((of.debt_instance_min(), debt), (12.0, 12.0), "the parts are the whole");
    assert!(
        verdict.reasons.contains(
            &"login fell behind at match minute 32.0: the policy wanted enough only after 60 s, they \
              were ordered 60 s later, and instances took 60 s; 180 s earlier, or 5 instances more (10 \
              in all), would have been enough."
                .to_owned()
        ),
        "{:#?}",
        verdict.reasons
    );
}

#[test]
fn each_stage_can_be_the_late_one() {
    let late = |wanted, ordered, ready| {
        let verdict = judge(&run(STEP, [wanted, ordered, ready]));
        let [of] = scale_outs(&verdict) else { panic!("{:#?}", verdict.scaling[0]) };
        (of.late, verdict.reasons[1].clone())
    };
    let (five, ten) = ([5; 10], [10; 10]);
    let soon = [5, 5, 10, 10, 10, 10, 10, 10, 10, 10];
    let later = [5, 5, 5, 5, 10, 10, 10, 10, 10, 10];
    let (stage, told) = late(later, later, later);
    assert_eq!(stage, Late::Decision);
    assert!(told.contains("wanted enough only after 120 s; 120 s earlier"), "{told}");
    let (stage, told) = late([8; 10], [8; 10], five);
    assert_eq!(stage, Late::Start, "most of what was missing was on its way: {told}");
    assert!(told.contains("the policy never wanted more than 8 of the 10 instances; 5"), "{told}");
    let (stage, told) = late([7; 10], five, five);
    assert_eq!(stage, Late::Policy, "{told}");
    let (stage, told) = late(ten, later, later);
    assert_eq!(stage, Late::Order);
    assert!(told.contains("wanted enough in time, they were ordered 120 s later; "), "{told}");
    let (stage, told) = late(soon, soon, later);
    assert_eq!(stage, Late::Start);
    assert!(told.contains("wanted enough in time, and instances took 120 s; "), "{told}");
    let (_, told) = late(soon, soon, five);
    assert!(told.contains("and what was ordered did not serve in time; 5 instances"), "{told}");
}

#[test]
fn rises_without_a_pause_between_them_are_one_scale_out() {
    let count = |needed: [u32; 10], ready: [u32; 10]| {
        let verdict = judge(&run(needed, [ready, ready, ready]));
        scale_outs(&verdict).iter().map(|of| of.from_match_min).collect::<Vec<_>>()
    };
    let ramp = [4, 5, 6, 7, 8, 9, 10, 10, 10, 10];
    // Short, met for one window, short again: one. Met for two: two.
    assert_eq!(count(ramp, [4, 4, 5, 7, 7, 8, 9, 10, 10, 10]), [31.0]);
    assert_eq!(count(ramp, [4, 4, 6, 7, 7, 8, 9, 10, 10, 10]), [31.0, 34.0]);
    assert_eq!(count(ramp, [10; 10]), [0.0; 0], "a rise that was covered is no row");
    // Instances that went too early are missed as well.
    assert_eq!(count([4; 10], [4, 4, 4, 3, 3, 4, 4, 4, 4, 4]), [33.0]);
}

#[test]
fn a_head_start_is_as_long_as_the_longest_lag_of_a_level() {
    let enough = |needed: [u32; 10], ready: [u32; 10]| {
        judge(&run(needed, [ready, ready, ready])).scaling[0].enough.unwrap()
    };
    let ramp = [4, 5, 6, 7, 8, 9, 10, 10, 10, 10];
    let late = enough(ramp, [4, 4, 4, 5, 6, 7, 8, 9, 10, 10]);
    assert_eq!(late, Enough { earlier_match_s: Some(120.0), more_instances: 2.0, instances: 10.0 });
    // What serves after the load has gone counts: it would have been there in time.
    let gone = enough([4, 4, 9, 4, 4, 4, 4, 4, 4, 4], [4, 4, 4, 4, 4, 9, 9, 9, 9, 9]);
    assert_eq!(gone, Enough { earlier_match_s: Some(180.0), more_instances: 5.0, instances: 9.0 });
    let never = enough([4, 4, 9, 4, 4, 4, 4, 4, 4, 4], [4, 4, 4, 4, 4, 8, 8, 8, 8, 8]);
    assert_eq!(never.earlier_match_s, None);
}
