//! A brown-out that is over, and a backlog that is not.

use hulk_avatar::{FaultSpan, Figure, GpuFault, RunTold, run_figures};
use hulk_record::{CallObjectives, CallersInfo, Offset};

use crate::knee::{one_gpu, run_heard};

/// One RTX 4090 whose clock runs at 0.6 from 5 to 15 s, under so many callers who speak for so long.
fn recovery(callers: u32, speak_s: f64) -> Figure {
    let throttled = GpuFault::ClockThrottle { gpu: 0, factor: 0.6 };
    let (sessions, refused, seconds) =
        run_heard(&one_gpu(8.0, 25.0, 20), 1, callers, speak_s, &[(5.0, 15.0, throttled)]);
    assert_eq!(refused, 0);
    let fault = FaultSpan {
        name: "brown-out".to_owned(),
        from: Offset::from_s(5.0),
        until: Offset::from_s(15.0),
    };
    let info = CallersInfo {
        backend: "4090".to_owned(),
        adapter: "rapido_ws".to_owned(),
        planned: Vec::new(),
        streams_max: None,
        objectives: CallObjectives::default(),
        lag_p99_max_ms: 10.0,
    };
    let told = RunTold {
        sessions: &sessions,
        info: &info,
        intervals: &seconds,
        backend: &[],
        faults: &[fault],
        until: Offset::from_s(speak_s),
    };
    let rows = run_figures(&told);
    rows.into_iter().find(|row| row.name == "well again after the faults").unwrap()
}

/// At 12 streams 20 frames a second are left over to catch up with 108 each: 54 s. At 8 streams there are 120.
#[test]
fn a_brown_out_is_survived_at_8_streams_and_metastable_at_12() {
    let full = recovery(12, 100.0);
    let needed_s = full.measured.unwrap_or_else(|| panic!("{full:?}"));
    assert!((40.0..=60.0).contains(&needed_s), "{needed_s}");
    assert_eq!(full.holds(), Some(true), "no time was asked for");
    let spare = recovery(8, 40.0);
    assert!(spare.measured.is_some_and(|s| s < 5.0), "{spare:?}");
}

#[test]
fn a_run_that_ends_before_the_backlog_does_is_invalid_and_says_how_long_it_would_take() {
    let short = recovery(12, 40.0);
    let why = short.invalid.unwrap_or_else(|| panic!("{:?}", short.measured));
    assert!(why.contains("falls by") && why.contains("s more to tell"), "{why}");
}
