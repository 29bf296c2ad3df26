//! What is written is read back.
#![cfg(test)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hulk_record::{
    AnswerCount, CalleeSample, CallersSample, Cause, FaultInfo, Felt, Frame, Interval, LastRequest,
    Manifest, MatchTime, Offset, Outcome, ProcessSample, Record, RecordWriter, RunEnd, RunEvent,
    Samples, Session, SessionEnd, Setup, Slope, SyncClass, TargetCounts, TargetService, Unanswered,
};

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("hulk-record-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn manifest() -> Manifest {
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/v1");
    let mut manifest = Record::read(&old).unwrap().manifest;
    manifest.version = Manifest::VERSION;
    manifest.moments[0].response = Some("exit".into());
    manifest.faults = vec![FaultInfo {
        name: "slow home".into(),
        kind: "latency".into(),
        text: "300 ms more".into(),
        from: MatchTime::from_s(10.0),
        until: MatchTime::from_s(20.0),
        service: Some("home".into()),
    }];
    manifest
}

fn target() -> TargetCounts {
    TargetCounts {
        services: vec![TargetService {
            service: "home".into(),
            edge: "edge-a".into(),
            requests: 12,
            internal: 3,
            answers: BTreeMap::from([(200, 10), (503, 1)]),
        }],
        last: vec![LastRequest { viewer: 7, send: 2, service: "home".into(), status: None }],
    }
}

fn session() -> Session {
    let mut latency = Samples::new();
    latency.record_n(120_000, 95);
    Session {
        caller: 7,
        intended_at: Offset(-3),
        wanted_us: 60_000_000,
        end: SessionEnd::Lost(Cause::Network),
        setup: Setup { http_us: Some(12_000), ..Setup::default() },
        setup_us: Some(250_000),
        first_frame_us: Some(80_000),
        turn_us: vec![400_000, 410_000],
        barge_ins: 1,
        barge_in_us: vec![200_000],
        served_us: 9_000_000,
        lag_us_max: 90,
        felt: Felt {
            frames: 225,
            fps: Some(24.5),
            av_class: Some(SyncClass::Detectable),
            jitter_us: 1.25,
            latency: latency.sparse(),
            backlog_slope: Some(Slope {
                ms_per_s: 25.0,
                error_ms_per_s: 0.5,
                interval_ms_per_s: Interval { low: 24.0, high: 26.0 },
                samples: 95,
            }),
            ..Felt::default()
        },
        attempt: 2,
    }
}

#[test]
fn a_record_is_read_back_as_it_was_written() {
    let folder = folder("whole");
    let frame = Frame {
        callers: CallersSample { open: 4, frames: 100, ..CallersSample::default() },
        sessions: vec![session()],
        sessions_untold: 1,
        answers: vec![AnswerCount { service: "home".into(), status: 200, count: 10 }],
        unanswered: vec![Unanswered {
            viewer: 7,
            send: 2,
            service: "home".into(),
            outcome: Outcome::Abandoned,
        }],
        unanswered_untold: 4,
        process: ProcessSample { run_delay_us: Some(1200), ..ProcessSample::default() },
        ..Frame::default()
    };
    let event = RunEvent {
        at: Offset(12),
        intended: Some(Offset(10)),
        kind: "fault".into(),
        text: "slow home begins".into(),
    };
    let mut writer = RecordWriter::create(&folder, &manifest()).unwrap();
    writer.frame(&frame).unwrap();
    writer.event(&event).unwrap();
    let callee = [1, 2].map(|s| CalleeSample { at: Offset(s), streams: 4, streams_max: 72 });
    callee.iter().for_each(|sample| writer.callee(sample).unwrap());
    writer.target(&target()).unwrap();
    let end = RunEnd::Completed { workers: Vec::new(), lost: Vec::new() };
    writer.finish(&end).unwrap();
    let read = Record::read(&folder).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(read.manifest, manifest());
    assert_eq!((read.frames, read.events), (vec![frame], vec![event]));
    assert_eq!((read.target, read.end), (Some(target()), end));
    assert_eq!(read.callee, callee);
}

#[test]
fn a_torn_count_of_the_target_harms_only_a_run_that_ended() {
    let folder = folder("torn");
    let mut writer = RecordWriter::create(&folder, &manifest()).unwrap();
    writer.target(&target()).unwrap();
    std::fs::write(folder.join("target.json"), "{\"services\": [").unwrap();
    let read = Record::read(&folder).unwrap();
    assert_eq!((read.target, read.end), (None, RunEnd::Cut));
    writer.finish(&RunEnd::Completed { workers: Vec::new(), lost: Vec::new() }).unwrap();
    assert!(Record::read(&folder).is_err());
    std::fs::remove_dir_all(&folder).unwrap();
}
