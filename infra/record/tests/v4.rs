//! Records of older versions stay readable: `tests/v4/` was written by the code of its time.
#![cfg(test)]

use std::path::Path;

use hulk_record::{CallersSample, Manifest, Record};

#[test]
fn a_version_4_record_is_still_read() {
    let record = Record::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/v4")).unwrap();
    let Manifest { version, callers, arrivals_planned, .. } = &record.manifest;
    assert_eq!((*version, callers, *arrivals_planned), (4, &None, 4));
    assert_eq!((record.frames.len(), record.callee.len()), (3, 0));
    let sent: u64 = record.frames.iter().map(|frame| frame.arrivals.sent()).sum();
    assert_eq!(sent, 4, "what follows is where it was");
    for frame in &record.frames {
        assert_eq!((&frame.callers, frame.sessions.len()), (&CallersSample::default(), 0));
        assert_eq!(frame.sessions_untold, 0, "nothing was told, and nothing is made up");
    }
}
