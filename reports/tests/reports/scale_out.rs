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
        sample.pending = Some(f64::from(ordered[at] - ready[at]));
        sample.desired = Some(f64::from(wanted[at]));
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
        enough: Enough {
            earlier_match_s: Some(180.0),
            more_instances: 5.0,
            instances: 10.0,
            at_least: false,
        },
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
    assert_eq!(
        late,
        Enough {
            earlier_match_s: Some(120.0),
            more_instances: 2.0,
            instances: 10.0,
            at_least: false
        }
    );
    // What serves after the load has gone counts: it would have been there in time.
    let gone = enough([4, 4, 9, 4, 4, 4, 4, 4, 4, 4], [4, 4, 4, 4, 4, 9, 9, 9, 9, 9]);
    assert_eq!(
        gone,
        Enough {
            earlier_match_s: Some(180.0),
            more_instances: 5.0,
            instances: 9.0,
            at_least: false
        }
    );
    let never = enough([4, 4, 9, 4, 4, 4, 4, 4, 4, 4], [4, 4, 4, 4, 4, 8, 8, 8, 8, 8]);
    assert_eq!(never.earlier_match_s, None);
}

#[test]
fn who_is_turned_away_in_the_middle_of_a_journey_makes_it_the_least() {
    let four = [4; 10];
    let mut record = run(STEP, [four, four, four]);
    let at_least = |record: &Record| judge(record).scaling[0].enough.unwrap().at_least;
    assert!(!at_least(&record), "nobody had anything more to ask");
    let mut another = record.manifest.journeys[0].steps[0].clone();
    another.name = "look around".into();
    record.manifest.journeys[0].steps.push(another);
    assert!(at_least(&record));
    let told = judge(&record).reasons.concat();
    assert!(told.contains("; that is the least, for who was turned away asked"), "{told}");
}

#[test]
fn golden_scorecard_as_text() {
    // The golden trace of demand and supply, as it was wanted and ordered late.
    let verdict = judge(&run(
        STEP,
        [
            [5, 5, 5, 10, 10, 10, 10, 10, 7, 5],
            [5, 5, 5, 8, 10, 10, 10, 10, 7, 5],
            [5, 5, 5, 5, 8, 10, 10, 10, 7, 5],
        ],
    ));
    let text = hulk_reports::scorecard(&verdict);
    assert_eq!(text, include_str!("scorecard.txt"), "\n{text}");
}

#[test]
fn all_services_together_hide_nothing() {
    let five = [5; 10];
    let mut record = run(STEP, [five, five, five]);
    // Beside it a service with ten instances too many.
    let mut idle = record.manifest.services[0].clone();
    idle.name = "idle".into();
    record.manifest.services.push(idle);
    for mut sample in record.capacity.clone() {
        (sample.service, sample.ready) = ("idle".into(), 10.0);
        record.capacity.push(sample);
    }
    let verdict = judge(&record);
    let [login, idle] = &verdict.scaling[..] else { panic!("{verdict:#?}") };
    let all = &verdict.scaling_total;
    let [own, total] = [login.elasticity, all.elasticity].map(Option::unwrap);
    assert_eq!((all.services, idle.scale_outs.len()), (2, 0));
    assert_eq!((total.debt_unit_min, total.debt_peak_units), (own.debt_unit_min, 5.0));
    assert_eq!((total.tau_o_pct, total.tau_u_pct), (100.0, own.tau_u_pct));
    let costs =
        [login.cost_instance_h, idle.cost_instance_h, all.cost_instance_h].map(Option::unwrap);
    assert!((costs[0] + costs[1] - costs[2]).abs() < 1e-9 && (costs[0] - 50.0 / 60.0).abs() < 1e-9);
    assert_eq!((all.violation_match_min, login.violation_match_min), (6.0, 6.0));
    assert_eq!((idle.violation_match_min, all.rises_not_followed), (0.0, 1));
}

#[test]
fn the_report_draws_what_was_missing_by_its_stage() {
    let five = [5; 10];
    let record = run(STEP, [[10; 10], five, five]);
    let page = String::from_utf8(hulk_reports::html(&record, &judge(&record))).unwrap();
    assert!(page.contains("<h3>Scale-outs that fell behind</h3>"));
    assert!(page.contains("login at 32.0<small>ordered late</small>"), "{page}");
    assert!(page.contains("aria-label=\"100 % not ordered\""));
    assert!(
        page.contains("login fell behind at match minute 32.0: the policy wanted enough in time")
    );
    let still = String::from_utf8(hulk_reports::html_static(page.as_bytes())).unwrap();
    assert!(still.contains("fill=\"#a04100\"") && still.contains("ordered late"));
    let calm = crate::builder::record(&quiet(), vec![debt(1.0)]);
    let page = String::from_utf8(hulk_reports::html(&calm, &judge(&calm))).unwrap();
    assert!(!page.contains("Scale-outs that fell behind</h3>"));
}
