//! Before, during and after of faults and moments, computed by hand.

use hulk_record::{FaultInfo, MatchTime, Offset, Record, ResponseCount, RunEvent};
use hulk_reports::{html, judge, summary};
use serde_json::{Value, json};

use crate::builder::{Minute, debt, quiet, record};

/// Twelve minutes; from minute 4 to 6 of the run answers are four times slower and 5 % are refused.
fn slow() -> Record {
    let mut minutes = quiet();
    minutes.extend(vec![Minute::quiet(); 2]);
    for minute in &mut minutes[4..6] {
        *minute = Minute { latency_us: 80_000, served: 1140, ..minute.clone() };
    }
    let mut record = record(&minutes, vec![debt(2.0)]);
    record.manifest.moments.clear();
    record.manifest.faults = vec![FaultInfo {
        name: "slow".into(),
        kind: "latency".into(),
        text: "login takes 60 ms more".into(),
        from: MatchTime::from_s(240.0),
        until: MatchTime::from_s(360.0),
        service: Some("login".into()),
    }];
    record
}

fn event(at_s: f64, intended_s: Option<f64>, text: &str) -> RunEvent {
    let intended = intended_s.map(Offset::from_s);
    RunEvent { at: Offset::from_s(at_s), intended, kind: "fault".into(), text: text.into() }
}

fn spans(record: &Record) -> Vec<Value> {
    let bytes = summary(record, &judge(record)).unwrap();
    let json: Value = serde_json::from_slice(&bytes).unwrap();
    json["windows"].as_array().unwrap().clone()
}

/// What the report says in the line of a fault or moment.
fn told(record: &Record, name: &str) -> String {
    let page = String::from_utf8(html(record, &judge(record))).unwrap();
    let (_, rest) = page.split_once(&format!(" <b>{name}</b>")).unwrap();
    rest.split_once("</summary>").unwrap().0.to_owned()
}

fn bounds(window: &Value) -> (f64, f64) {
    (window["from_match_min"].as_f64().unwrap(), window["until_match_min"].as_f64().unwrap())
}

#[test]
fn golden_a_fault_before_during_and_after() {
    let record = slow();
    let spans = spans(&record);
    let span = &spans[0];
    assert_eq!(
        (spans.len(), &span["kind"], &span["times"]),
        (1, &json!("fault"), &json!("planned"))
    );
    // Two minutes long; beside it three, for less says nothing.
    assert_eq!(bounds(&span["before"]), (31.0, 34.0));
    assert_eq!(bounds(&span["during"]), (34.0, 36.0));
    assert_eq!(bounds(&span["after"]), (36.0, 39.0));
    let quiet = json!({
        "requests": 3600, "requests_per_s": 1200.0, "answers": 3600, "failures": 0,
        "failure_share": 0.0, "p50_us": 20_000, "p90_us": 20_000, "p99_us": 20_000, "not_served": 0,
        "viewers_not_served": 0, "demand": 2.0, "supply": 3.0, "missing_max": 0.0,
    });
    assert_eq!(span["before"]["services"]["login"], quiet);
    assert_eq!(span["after"]["services"]["login"], quiet);
    // In each of its minutes 60 of 1,200 are refused, 30 of them tried again, 45 viewers.
    let during = json!({
        "requests": 2460, "requests_per_s": 1230.0, "answers": 2400, "failures": 120,
        "failure_share": 0.05, "p50_us": 80_000, "p90_us": 80_000, "p99_us": 80_000, "not_served": 120,
        "viewers_not_served": 90, "demand": 2.0, "supply": 3.0, "missing_max": 0.0,
    });
    assert_eq!(span["during"]["services"]["login"], during);
    assert_eq!(span["during"]["viewers_mean"], 1000.0);
    assert_eq!((&span["during"]["wall_s"], &span["during"]["intervals"]), (&json!(2.0), &json!(2)));
    assert_eq!(
        told(&record, "slow"),
        " (login takes 60 ms more): when it really was on is not in the record, so the planned time \
         is taken; it bit: requests of login not served 0 → 120, failures of login 0 % → 5 %, p50 of \
         login 20 ms → 80 ms, p90 of login 20 ms → 80 ms, and 1 more. Afterwards it was as before."
    );
}

#[test]
fn a_fault_lasts_from_its_real_start_to_its_real_end() {
    let mut record = slow();
    record.events.push(event(4.95, Some(4.0), "slow: login takes 60 ms more"));
    record.events.push(event(6.05, Some(6.0), "slow: healed"));
    // A twentieth of an interval is no part of it, on either side.
    assert_eq!(bounds(&spans(&record)[0]["during"]), (35.0, 36.0));
    assert_eq!(spans(&record)[0]["times"], "real");
    record.events.pop();
    record.events.push(event(6.5, Some(6.0), "slow: healed"));
    assert_eq!(bounds(&spans(&record)[0]["during"]), (35.0, 37.0));
    let mut record = slow();
    record.events.push(event(6.0, None, "slow: was never on: no such edge"));
    assert_eq!(spans(&record)[0]["times"], json!({"never": {"why": "no such edge"}}));
    assert!(told(&record, "slow").ends_with(": it was never injected: no such edge."));
}

#[test]
fn a_fault_that_did_not_bite_says_so_plainly() {
    let mut record = slow();
    for frame in &mut record.frames[4..6] {
        let calm = crate::builder::record(&quiet(), Vec::new()).frames.remove(0);
        frame.series.clone_from(&calm.series);
        frame.sends[0].served = frame.sends[0].first;
    }
    assert_eq!(spans(&record)[0]["worse"], json!([]));
    assert!(told(&record, "slow").ends_with("it did not bite: nothing measurable got worse."));
    // Without a time before it there is nothing that it could have changed.
    let mut record = slow();
    record.manifest.faults[0].from = MatchTime::from_s(120.0);
    assert_eq!(spans(&record)[0]["worse"], Value::Null);
    assert!(
        told(&record, "slow")
            .ends_with("the run has too little before it, so there is nothing to compare with.")
    );
}

#[test]
fn a_moment_lasts_until_a_scaler_can_see_it_or_95_percent_have_answered() {
    let mut record = slow();
    record.manifest.faults.clear();
    record.manifest.moments = vec![hulk_record::MomentInfo {
        name: "wicket".into(),
        at: MatchTime::from_s(228.0),
        response: Some("act".into()),
    }];
    let three = |record: &Record| {
        let span = spans(record).remove(0);
        ["before", "during", "after"].map(|window| bounds(&span[window]))
    };
    // A decision window is one interval, and three are the least.
    assert_eq!(three(&record), [(30.0, 33.0), (33.0, 36.0), (36.0, 39.0)]);
    for (frame, acted) in [(3, 50), (4, 44), (7, 6)] {
        let moment = "wicket".to_owned();
        let count = ResponseCount { moment, acted, ..ResponseCount::default() };
        record.frames[frame].responses.push(count);
    }
    // The 95th of 100 acts in the eighth interval.
    assert_eq!(three(&record), [(30.0, 33.0), (33.0, 38.0), (38.0, 42.0)]);
    record.frames[4].responses[0].acted = 200;
    assert_eq!(three(&record), [(30.0, 33.0), (33.0, 36.0), (36.0, 39.0)]);
}

#[test]
fn neighbours_name_each_other() {
    let mut record = slow();
    record.manifest.moments = vec![hulk_record::MomentInfo {
        name: "wicket".into(),
        at: MatchTime::from_s(300.0),
        response: None,
    }];
    let also: Vec<Value> = spans(&record).iter().map(|span| span["also"].clone()).collect();
    assert_eq!(also, [json!(["wicket"]), json!(["slow"])]);
}
