//! The shipped rehearsal that must fail: the same match, scaled as a cloud scales.

use serde_json::Value;

use crate::bench::{Bench, Run};
use crate::counts::the_platform_received_what_was_sent;

const FILE: &str = include_str!("../../scenarios/match-day-cloud-group.toml");

/// Its last five minutes, which begin with the instances that the groups want by then;
/// `tests/long runs` plays the whole.
const LATE: [(&str, &str); 5] = [
    ("from_min = 251", "from_min = 256.5"),
    ("initial_instances = 43,", "initial_instances = 59,"),
    ("initial_instances = 73,", "initial_instances = 103,"),
    ("initial_instances = 423,", "initial_instances = 528,"),
    ("initial_instances = 112,", "initial_instances = 140,"),
];

fn cloud_group() -> Run {
    let bench = Bench::take("cloud-group");
    let mut text = FILE.to_owned();
    for (whole, late) in LATE {
        assert_eq!(text.matches(whole).count(), 1, "{whole}");
        text = text.replace(whole, late);
    }
    bench.write("late.toml", text);
    let run = bench.rehearse("late.toml");
    bench.leave_folder();
    run
}

/// A count as people read it.
fn with_commas(count: u64) -> String {
    match count {
        0..1_000 => count.to_string(),
        _ => format!("{},{:03}", with_commas(count / 1_000), count % 1_000),
    }
}

#[test]
fn the_cloud_group_fails_live_at_the_exit() {
    let run = &cloud_group();
    run.assert_ended(3, "FAIL");
    let summary = run.summary();
    assert_eq!((&summary.0["exit_code"], &summary.verdict()["kind"]), (&3.into(), &"fail".into()));
    assert!(summary.checks(false).is_empty(), "{:#?}", summary.checks(false));
    the_platform_received_what_was_sent(run);
    let objectives = summary.verdict()["objectives"].as_array().unwrap();
    let (breached, others): (Vec<&Value>, Vec<&Value>) =
        objectives.iter().partition(|objective| objective["status"] == "breached");
    // Nothing but home falls, and everything else is known to hold.
    assert!(breached.iter().all(|objective| objective["service"] == "home"), "{breached:#?}");
    assert!(others.iter().all(|objective| objective["status"] == "met"), "{others:#?}");
    let served = breached.iter().find(|objective| objective["name"] == "home is served");
    let served = served.unwrap_or_else(|| panic!("{breached:#?}"));
    let onset_min = served["first_match_min"].as_f64().unwrap();
    assert!((259.5..261.0).contains(&onset_min), "{onset_min}");
    assert_eq!(served["moment"], "dhoni-out");
    let viewers = served["viewers_not_served"].as_u64().unwrap();
    assert!(viewers > 100, "{viewers}");
    // The sentence that a person reads says all of it.
    let headline = summary.0["headline"].as_str().unwrap();
    assert!(run.stdout.contains(&format!("FAIL: {headline}")), "{}", run.stdout);
    let told = [
        "It did not hold: home served ".to_owned(),
        format!(" of {} viewers (who stood for ", with_commas(viewers)),
        format!("were not served, from match minute {onset_min:.1} ("),
        "dhoni-out".to_owned(),
    ];
    for text in told {
        assert!(headline.contains(&text), "`{text}` is not in {headline}");
    }
}
