//! The target's own count against the record's.

use std::collections::BTreeMap;

use hulk_record::{
    AnswerCount, LastRequest, Outcome, Record, RunEnd, TargetCounts, TargetService, Unanswered,
};
use hulk_reports::{Check, VerdictKind, html, judge, summary};

use crate::builder::{quiet, record};

fn last(viewer: u32, send: u32, status: Option<u16>) -> LastRequest {
    LastRequest { viewer, send, service: "login".into(), status }
}

fn unanswered(viewer: u32, send: u32) -> Unanswered {
    Unanswered { viewer, send, service: "login".into(), outcome: Outcome::Abandoned }
}

/// 120 answers with 200 and 5 with 503 arrived. Four requests got no answer: the target answered
/// one of them, received another one, and never saw the other two. It has two edges.
fn counted() -> Record {
    let mut record = record(&quiet(), Vec::new());
    let answer = |status, count| AnswerCount { service: "login".into(), status, count };
    record.frames[1].answers = vec![answer(200, 80)];
    record.frames[2].answers = vec![answer(200, 40), answer(503, 5)];
    record.frames[2].unanswered = vec![unanswered(7, 3), unanswered(8, 1)];
    record.frames[3].unanswered = vec![unanswered(9, 1), unanswered(9, 2)];
    let edge = |edge: &str, requests, answers: &[(u16, u64)]| TargetService {
        service: "login".into(),
        edge: edge.into(),
        requests,
        internal: 11,
        answers: answers.iter().copied().collect::<BTreeMap<_, _>>(),
    };
    record.target = Some(TargetCounts {
        services: vec![edge("a", 100, &[(200, 94), (503, 5)]), edge("b", 27, &[(200, 27)])],
        // The second line is of a request that the record has an answer to: it excuses nothing.
        last: vec![last(7, 3, Some(200)), last(1, 1, Some(200)), last(8, 1, None)],
    });
    record
}

fn own_count(record: &Record) -> (VerdictKind, Check) {
    let verdict = judge(record);
    let check = verdict.validity.iter().find(|check| check.name == "target's own count");
    (verdict.kind, check.unwrap().clone())
}

#[test]
fn counts_that_agree_hold_and_tell_what_was_cancelled() {
    let (kind, check) = own_count(&counted());
    assert_eq!((kind, check.measured), (VerdictKind::Pass, Some(0.0)), "{}", check.reason);
    assert_eq!(
        check.reason,
        "The target counted 127 requests itself, and their answers by status as the record has \
         them; 4 requests were cancelled, 2 of them before the target had them."
    );
}

#[test]
fn a_count_that_differs_by_one_makes_the_run_invalid() {
    // One answer that the target did not give, one that did not arrive, one of another status.
    let more = |record: &mut Record| record.frames[2].answers[1].count += 1;
    let fewer = |record: &mut Record| record.frames[1].answers[0].count -= 1;
    let other = |record: &mut Record| {
        let answers = &mut record.target.as_mut().unwrap().services[1].answers;
        answers.insert(200, 26);
        answers.insert(500, 1);
    };
    let received = |record: &mut Record| {
        record.target.as_mut().unwrap().services[0].requests += 1;
    };
    type Change<'a> = &'a dyn Fn(&mut Record);
    let cases: [(Change<'_>, f64, &str); 4] = [
        (
            &more,
            2.0,
            "answers of login with status 503: 5 by the target, 6 by the record; answered \
             requests to login: 125 by the target, 126 by the record",
        ),
        (
            &fewer,
            2.0,
            "answers of login with status 200: 120 by the target, 119 by the record; answered \
             requests to login: 125 by the target, 124 by the record",
        ),
        (
            &other,
            2.0,
            "answers of login with status 200: 119 by the target, 120 by the record; answers of \
             login with status 500: 1 by the target, 0 by the record",
        ),
        (&received, 1.0, "answered requests to login: 126 by the target, 125 by the record"),
    ];
    for (change, apart, told) in cases {
        let mut record = counted();
        change(&mut record);
        let (kind, check) = own_count(&record);
        assert_eq!((kind, check.measured), (VerdictKind::Invalid, Some(apart)), "{told}");
        let wanted = format!(
            "The target's own count differs from the record: {told}; 4 requests were cancelled, 2 \
             of them before the target had them."
        );
        assert_eq!(check.reason, wanted);
        assert_eq!(judge(&record).reasons, [wanted]);
    }
}

#[test]
fn an_unanswered_request_that_nobody_told_of_is_a_difference() {
    let mut record = counted();
    record.frames[2].unanswered.remove(0);
    assert_eq!(own_count(&record).0, VerdictKind::Invalid);
    // A service that only the target knows is one too.
    let mut record = counted();
    let services = &mut record.target.as_mut().unwrap().services;
    services.push(TargetService { service: "ads".into(), requests: 1, ..Default::default() });
    let (kind, check) = own_count(&record);
    assert_eq!(kind, VerdictKind::Invalid);
    assert!(check.reason.contains("answered requests to ads: 1 by the target, 0 by the record"));
}

#[test]
fn what_cannot_be_compared_is_not() {
    let mut silent = counted();
    silent.target = None;
    let mut cut = counted();
    cut.target.as_mut().unwrap().services[0].requests += 1;
    cut.end = RunEnd::Cut;
    let mut untold = counted();
    untold.target.as_mut().unwrap().services[0].requests += 1;
    untold.frames[2].unanswered_untold = 1;
    for record in [silent, cut, untold] {
        let (_, check) = own_count(&record);
        assert_eq!((check.holds, check.measured), (true, None), "{}", check.reason);
    }
}

#[test]
fn both_counts_stand_beside_each_other() {
    let mut record = counted();
    record.frames[2].answers[1].count = 6;
    let verdict = judge(&record);
    let json: serde_json::Value =
        serde_json::from_slice(&summary(&record, &verdict).unwrap()).unwrap();
    let login = &json["target"]["services"][0];
    assert_eq!((&login["received"], &login["internal"]), (&127.into(), &22.into()));
    assert_eq!((&login["unanswered"], &login["answered"]), (&2.into(), &126.into()));
    assert_eq!(login["edges"]["b"], 27);
    let of_200 = &login["statuses"]["200"];
    assert_eq!((&of_200["sent"], &of_200["unanswered"]), (&121.into(), &1.into()));
    assert_eq!(json["target"]["never_received"], 2);
    let page = String::from_utf8(html(&record, &verdict)).unwrap();
    assert!(
        page.contains("<small>200: 120, 503: 5 (record 6)</small><small>a: 100, b: 27</small>")
    );
    assert!(page.contains("4 requests were cancelled, 2 of them before the target had them."));
}
