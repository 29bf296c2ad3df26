//! Records of older versions stay readable: `tests/v3/` was written by the code of its time.
#![cfg(test)]

use std::path::Path;

use hulk_record::{Frame, Manifest, Offset, Outcome, ProcessSample, Record};

#[test]
fn a_version_3_record_is_still_read() {
    let record = Record::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/v3")).unwrap();
    let Manifest { version, run_id, raw, stream, .. } = &record.manifest;
    assert_eq!((*version, run_id.as_deref(), *raw), (3, Some("0badcafe"), true));
    assert_eq!(stream.as_ref().unwrap().stall_min_us, 250_000);
    assert_eq!(record.frames.len(), 2);
    let Frame { qoe, raw, raw_untold, machine, process, .. } = &record.frames[1];
    assert_eq!((machine.cores, machine.resident_kib), (2, 55_555));
    assert_eq!((qoe.started, qoe.stalled_us, qoe.viewers_stalled), (9, 1_500_000, 1));
    assert_eq!((raw[0].viewer, raw[0].due, raw[0].done), (17, Offset(-5), Offset(900)));
    assert_eq!((raw[0].status, raw[0].bytes, raw[0].outcome), (Some(200), 321, Outcome::Ok));
    assert_eq!((raw.len(), *raw_untold), (1, 4));
    assert_eq!(*process, ProcessSample::default(), "nothing was told, and nothing is made up");
}
