//! The ledger of requests: what was sent, and what the platform counted itself.

use std::collections::{BTreeMap, BTreeSet};

use hulk_record::{Frame, Merged, Record};

use crate::bench::{Run, Summary};

/// The check that lays the two counts side by side.
pub(crate) const OWN_COUNT: &str = "target's own count";

/// Requests by service.
pub(crate) type Requests = BTreeMap<String, i64>;
/// Answers by service and status.
pub(crate) type Answers = BTreeMap<(String, u16), i64>;

/// All frames of a record.
pub(crate) fn merged(record: &Record) -> Merged {
    let mut merged = Merged::default();
    record.frames.iter().for_each(|frame| merged.add(frame.clone()).unwrap());
    merged
}

/// The run says that the two counts were compared and are equal.
#[track_caller]
pub(crate) fn assert_compared(summary: &Summary) {
    let check = summary.check(OWN_COUNT);
    assert!(check["holds"] == true && check["measured"] == 0.0, "{check:#}");
}

/// To the last request, by service and status: what the platform counted, but for what nobody
/// waited for, is what the record calls answered. And nothing but what viewers took back is missing
/// between what was due and what was written.
#[track_caller]
pub(crate) fn the_platform_received_what_was_sent(run: &Run) {
    assert_compared(&run.summary());
    let record = run.record();
    let (requests, answers) = complete_by_the_target(&record);
    let mut answered = Requests::new();
    let mut by_status = Answers::new();
    for ((service, status), count) in merged(&record).answers() {
        *answered.entry(service.clone()).or_default() += count as i64;
        by_status.insert((service, status), count as i64);
    }
    assert_eq!(requests, answered, "complete requests by service");
    assert_eq!(answers, by_status, "complete answers by service and status");
    let mut written = answered;
    for (_, service) in unanswered(&record) {
        *written.entry(service).or_default() += 1;
    }
    let mut due = Requests::new();
    for ((service, _), count) in merged(&record).sends() {
        *due.entry(service).or_default() += (count.first + count.retries) as i64;
    }
    for (service, due) in due {
        let written = written[&service];
        // A viewer who leaves takes back what has not been sent yet.
        let wanted = (due as f64 * 0.99).floor() as i64..=due;
        assert!(wanted.contains(&written), "{service}: {written} written of {due}");
    }
}

/// Who and which, and of whom, of all requests without a complete answer.
fn unanswered(record: &Record) -> Vec<((u32, u32), String)> {
    let untold: u64 = record.frames.iter().map(|frame| frame.unanswered_untold).sum();
    assert_eq!(untold, 0, "the record tells of each");
    let of = |frame: &Frame| frame.unanswered.clone();
    let all = record.frames.iter().flat_map(of);
    all.map(|request| ((request.viewer, request.send), request.service)).collect()
}

/// Requests and answers by the platform's own count, without those that the record calls unanswered.
pub(crate) fn complete_by_the_target(record: &Record) -> (Requests, Answers) {
    let target = record.target.as_ref().expect("the embedded platform tells what it counted");
    let (mut requests, mut answers) = (Requests::new(), Answers::new());
    for part in &target.services {
        *requests.entry(part.service.clone()).or_default() += part.requests as i64;
        for (status, count) in &part.answers {
            *answers.entry((part.service.clone(), *status)).or_default() += *count as i64;
        }
    }
    let unanswered: BTreeMap<_, _> = unanswered(record).into_iter().collect();
    let mut seen = BTreeSet::new();
    for last in &target.last {
        let identity = (last.viewer, last.send);
        assert!(seen.insert(identity), "{last:?} is there twice");
        assert_eq!(unanswered.get(&identity), Some(&last.service), "{last:?}");
        *requests.get_mut(&last.service).unwrap() -= 1;
        if let Some(status) = last.status {
            *answers.get_mut(&(last.service.clone(), status)).unwrap() -= 1;
        }
    }
    // A service that nobody but other services asks, and a status that nobody waited for.
    requests.retain(|_, count| *count != 0);
    answers.retain(|_, count| *count != 0);
    (requests, answers)
}
