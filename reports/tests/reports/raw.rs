//! Each request by itself.

use hulk_record::{Offset, Outcome, RawSample, Record};
use hulk_reports::{html, judge, raw, summary};

use crate::builder::{quiet, record};

fn told() -> Record {
    let mut record = record(&quiet(), Vec::new());
    record.manifest.raw = true;
    record.manifest.run_id = Some("0000002a".into());
    record.manifest.journeys[0].name = "sign, \"up\"".into();
    let sample = RawSample {
        viewer: 7,
        send: 2,
        written: true,
        journey: 0,
        step: 0,
        due: Offset(500),
        sent: Offset(600),
        done: Offset(900),
        outcome: Outcome::Ok,
        status: Some(200),
        bytes: 31,
        retry: false,
    };
    let unanswered = RawSample {
        send: 1,
        due: Offset(-20),
        outcome: Outcome::Timeout,
        status: None,
        bytes: 0,
        ..sample
    };
    let refused = RawSample {
        viewer: 3,
        written: false,
        outcome: Outcome::ConnectError,
        status: None,
        bytes: 0,
        retry: true,
        ..sample
    };
    record.frames[0].raw = vec![sample, refused];
    record.frames[1].raw = vec![unanswered];
    // A frame that was delivered twice counts once.
    record.frames.push(record.frames[1].clone());
    record
}

#[test]
fn golden_a_line_for_each_request() {
    let text = String::from_utf8(raw(&told()).unwrap()).unwrap();
    let names = "\"sign, \"\"up\"\"\",log in,login";
    let wanted = [
        "id,viewer,send,journey,step,service,due_us,sent_us,done_us,outcome,status,bytes,retry\n",
        &format!("0000002a-7-1,7,1,{names},-20,600,900,timeout,,0,false\n"),
        &format!(",3,2,{names},500,600,900,connect_error,,0,true\n"),
        &format!("0000002a-7-2,7,2,{names},500,600,900,ok,200,31,false\n"),
    ];
    assert_eq!(text, wanted.concat());
}

#[test]
fn without_single_requests_there_is_no_file_of_them() {
    assert_eq!(raw(&record(&quiet(), Vec::new())), None);
}

#[test]
fn what_had_no_room_is_named() {
    let mut record = told();
    let json = |record: &Record| -> serde_json::Value {
        serde_json::from_slice(&summary(record, &judge(record)).unwrap()).unwrap()
    };
    assert_eq!(json(&record)["raw_untold"], 0);
    record.frames[2].raw_untold = 1_234;
    assert_eq!(json(&record)["raw_untold"], 1_234);
    let page = String::from_utf8(html(&record, &judge(&record))).unwrap();
    assert!(page.contains("in raw.csv, but for 1,234 that had no room there"));
}
