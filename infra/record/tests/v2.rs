//! Records of older versions stay readable: `tests/v2/` was written by the code of its time.
#![cfg(test)]

use std::path::Path;

use hulk_record::{
    Frame, Manifest, Measure, Offset, Outcome, QoeCounts, Record, RunEnd, WorkerEnd,
};

#[test]
fn a_version_2_record_is_still_read() {
    let record = Record::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/v2")).unwrap();
    let Manifest { version, run_id, raw, stream, faults, .. } = &record.manifest;
    assert_eq!((*version, faults.len(), *raw), (2, 1, false));
    assert_eq!((run_id, stream), (&None, &None));
    assert_eq!(record.frames.len(), 2);
    let Frame { series, sends, answers, unanswered, responses, .. } = &record.frames[1];
    let (key, samples) = &series[0];
    assert_eq!((key.measure, key.outcome), (Measure::Journey, Outcome::Abandoned));
    assert_eq!(samples.max_us, 12_345);
    assert_eq!((sends[0].step.as_str(), sends[0].due_interval), ("config", -1));
    assert_eq!((sends[0].first, sends[0].viewers_not_served), (8, 1));
    assert_eq!((answers[0].status, answers[0].count), (503, 4));
    assert_eq!((unanswered[0].send, unanswered[0].outcome), (2, Outcome::Broken));
    assert_eq!((responses[0].first_at, responses[0].woken), (Some(Offset(400_000)), 3));
    let Frame { troubles, bytes_received, audience, machine, unanswered_untold, .. } =
        &record.frames[1];
    assert_eq!((troubles[0].count, *bytes_received, *unanswered_untold), (6, 777, 5));
    assert_eq!((audience.at_home, audience.gave_up), (1, 2));
    assert_eq!((machine.cores, machine.resident_kib), (2, 55_555));
    let Frame { qoe, raw, raw_untold, .. } = &record.frames[1];
    assert_eq!((qoe, raw.len(), *raw_untold), (&QoeCounts::default(), 0, 0));
    assert_eq!(record.target.unwrap().services[0].answers[&503], 8);
    let end = WorkerEnd { worker: 3, incarnation: 11, frames: 2 };
    assert_eq!(record.end, RunEnd::Completed { workers: vec![end], lost: Vec::new() });
}
