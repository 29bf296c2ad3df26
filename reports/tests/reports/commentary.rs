//! From a message of the commentary to changed instances.

use hulk_record::{BallEvent, MatchTime, Message, Record};
use hulk_reports::{html, judge, summary};
use serde_json::{Value, json};

use crate::builder::{quiet, record};

fn message(id: u32, at_s: f64, event: BallEvent, key_player: bool) -> Message {
    let at = MatchTime::from_s(at_s);
    let (player, moment) = (Some("A & B".into()), Some(format!("moment-{id}")));
    let text = format!("message {id} of A & B");
    Message { id, happened: at, at, event, player, key_player, moment, text }
}

/// Ten match minutes; a look a minute. From minute 4 on 9 instances are wanted, before 3. A message
/// comes 50 s before the look that saw it, and one after it, when nothing more changes.
fn told() -> Record {
    let mut record = record(&quiet(), Vec::new());
    for sample in &mut record.capacity {
        sample.desired = Some(if sample.at.as_s() >= 4.0 { 9.0 } else { 3.0 });
    }
    record.manifest.commentary = vec![
        message(5, 190.0, BallEvent::In, true),
        message(6, 200.0, BallEvent::Wicket, false),
        message(7, 330.0, BallEvent::Wicket, true),
    ];
    record
}

fn in_json(record: &Record) -> Value {
    let bytes = summary(record, &judge(record)).unwrap();
    serde_json::from_slice::<Value>(&bytes).unwrap()["commentary"].clone()
}

#[test]
fn golden_the_time_from_a_message_to_changed_instances() {
    let said = in_json(&told());
    let of = |place: usize| (&said[place]["id"], &said[place]["services"][0]);
    let changed = json!({
        "service": "login", "before": 3.0, "after": 9.0, "match_s": 50.0, "wall_ms": 833.333,
    });
    assert_eq!(of(0), (&json!(5), &changed));
    let same = json!({
        "service": "login", "before": 9.0, "after": null, "match_s": null, "wall_ms": null,
    });
    assert_eq!(of(1), (&json!(7), &same));
    assert_eq!(said.as_array().map(Vec::len), Some(2), "key players only: {said}");
}

#[test]
fn a_change_after_the_next_message_is_not_the_first_one_s() {
    let mut record = told();
    record.manifest.commentary[1].key_player = true;
    let said = in_json(&record);
    assert_eq!(said[0]["services"][0]["after"], Value::Null);
    assert_eq!(said[1]["services"][0]["match_s"], 40.0);
    // And one that comes later than 300 match s is nobody's.
    let mut record = told();
    record.manifest.commentary = vec![message(1, 65.0, BallEvent::In, true)];
    for sample in &mut record.capacity {
        sample.desired = Some(if sample.at.as_s() >= 7.0 { 9.0 } else { 3.0 });
    }
    assert_eq!(in_json(&record)[0]["services"][0]["after"], Value::Null);
}

#[test]
fn golden_the_report_has_a_row_for_each_service_and_says_plainly_that_nothing_changed() {
    let page = |record: &Record| String::from_utf8(html(record, &judge(record))).unwrap();
    let told = page(&told());
    for part in [
        "<h2>From the commentary to the scaler</h2>",
        "message 5 of A &amp; B<small>match minute",
        "<td>login</td><td class=\"n\">3 → 9</td><td class=\"n\">50</td>",
        "<td class=\"n\">9: no change</td><td class=\"n\">–</td>",
    ] {
        assert!(told.contains(part), "{part}");
    }
    let silent = record(&quiet(), Vec::new());
    assert!(!page(&silent).contains("From the commentary"), "nobody heard it");
    assert_eq!(in_json(&silent), Value::Null);
}
