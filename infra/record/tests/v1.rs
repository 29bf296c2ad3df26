//! Records of older versions stay readable: `tests/v1/` was written by the code of its time.
#![cfg(test)]

use std::path::Path;

use hulk_record::{Frame, Manifest, Offset, Outcome, Record, RunEnd, WorkerEnd};

fn old() -> Record {
    Record::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/v1")).unwrap()
}

#[test]
fn a_version_1_record_is_still_read() {
    let record = old();
    let Manifest { version, name, moments, faults, .. } = &record.manifest;
    assert_eq!((*version, name.as_str(), faults.len()), (1, "old", 0));
    assert_eq!((moments[0].name.as_str(), &moments[0].response), ("wicket", &None));
    assert_eq!(record.frames.len(), 2);
    let Frame { sends, audience, machine, series, arrivals, .. } = &record.frames[1];
    assert_eq!((sends[0].service.as_str(), sends[0].due_interval), ("home", 0));
    assert_eq!((sends[0].first, sends[0].retries, sends[0].served), (8, 2, 6));
    assert_eq!((sends[0].abandoned, sends[0].viewers_not_served), (1, 0));
    assert_eq!((sends[1].service.as_str(), sends[1].due_interval), ("playback", -1));
    assert_eq!((audience.present, audience.visits_us, audience.gave_up), (9, 700_000, 0));
    assert_eq!((machine.cores, machine.resident_kib), (2, 55_555));
    assert_eq!((arrivals.intended, arrivals.lost), (10, 1));
    assert_eq!((series[1].0.outcome, series[1].1.max_us), (Outcome::Abandoned, 900_000));
    let event = &record.events[0];
    assert_eq!((event.at, event.intended), (Offset(500_000), None));
    assert_eq!((record.capacity.len(), &record.target), (1, &None));
    let end = WorkerEnd { worker: 3, incarnation: 11, frames: 2 };
    assert_eq!(record.end, RunEnd::Completed { workers: vec![end], lost: Vec::new() });
}
