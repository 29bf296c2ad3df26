//! A small record, one match minute an interval, of a run in which all went well.

use hulk_record::{
    ArrivalCounts, AudienceSample, Bound, CapacitySample, Clock, Environment, Frame, JourneyInfo,
    MachineSample, Manifest, MatchTime, Measure, MomentInfo, Objective, Offset, Outcome,
    ProcessSample, Record, RunEnd, RunEvent, Samples, SendCount, SeriesKey, ServiceInfo,
    SparseHistogram, StepInfo, ValidityLimits, WorkerEnd,
};

/// An interval of wall time: at a clock speed of 60 it is a match minute.
pub(crate) const INTERVAL_US: u64 = 1_000_000;
/// An instance serves 10 requests a match second: 600 an interval.
pub(crate) const RATED_RPS: f64 = 10.0;
pub(crate) const WORKER: u32 = 0;
pub(crate) const INCARNATION: u64 = 7;

/// What happens in one interval.
#[derive(Debug, Clone)]
pub(crate) struct Minute {
    pub(crate) viewers: u32,
    /// First attempts due, and the samples of latency.
    pub(crate) requests: u64,
    pub(crate) served: u64,
    pub(crate) latency_us: u64,
    /// The slowest requests: count and µs.
    pub(crate) tail: (u64, u64),
    pub(crate) lag_us: u64,
    /// Instances ready from the interval's start on.
    pub(crate) ready: f64,
    pub(crate) arrivals: ArrivalCounts,
    pub(crate) machine: MachineSample,
    pub(crate) process: ProcessSample,
}

impl Minute {
    pub(crate) fn quiet() -> Self {
        Self {
            viewers: 1000,
            requests: 1200,
            served: 1200,
            latency_us: 20_000,
            tail: (0, 0),
            lag_us: 200,
            ready: 3.0,
            arrivals: ArrivalCounts { intended: 100, on_time: 100, ..ArrivalCounts::default() },
            machine: MachineSample {
                cpu_us: 200_000,
                cores: 2,
                sleeper_late_us: 300,
                open_files: 1000,
                open_files_max: 65_536,
                resident_kib: 90_000,
                ..MachineSample::default()
            },
            process: ProcessSample::default(),
        }
    }
}

/// Ten quiet minutes.
pub(crate) fn quiet() -> Vec<Minute> {
    vec![Minute::quiet(); 10]
}

pub(crate) fn latency(max_ms: f64) -> Objective {
    let bound = Bound::Latency { measure: Measure::Response, quantile_ppm: 990_000, max_ms };
    Objective { name: "login is quick".into(), service: "login".into(), bound }
}

pub(crate) fn served_share(min: f64) -> Objective {
    let bound = Bound::ServedShare { min };
    Objective { name: "login answers".into(), service: "login".into(), bound }
}

pub(crate) fn debt(max_instance_min: f64) -> Objective {
    let bound = Bound::CapacityDebt { max_instance_min };
    Objective { name: "login scales".into(), service: "login".into(), bound }
}

fn samples(parts: &[(u64, u64)]) -> SparseHistogram {
    let mut samples = Samples::new();
    parts.iter().for_each(|&(count, us)| samples.record_n(us, count));
    samples.sparse()
}

pub(crate) fn key(measure: Measure, outcome: Outcome) -> SeriesKey {
    SeriesKey {
        measure,
        journey: "signup".into(),
        step: "log in".into(),
        outcome,
        region: "local".into(),
    }
}

fn frame(index: usize, minute: &Minute) -> Frame {
    let at = |interval: usize| Offset(interval as i64 * INTERVAL_US as i64);
    let failed = minute.requests - minute.served;
    let (tail, tail_us) = minute.tail;
    let quick = minute.served.saturating_sub(tail);
    let answers = samples(&[(quick, minute.latency_us), (tail.min(minute.served), tail_us)]);
    let mut series = vec![
        (key(Measure::Response, Outcome::Ok), answers.clone()),
        (key(Measure::Service, Outcome::Ok), answers),
        (key(Measure::Lag, Outcome::Ok), samples(&[(minute.requests, minute.lag_us)])),
    ];
    if failed > 0 {
        let refused = samples(&[(failed, minute.latency_us)]);
        series.push((key(Measure::Response, Outcome::Rejected), refused));
    }
    Frame {
        worker: WORKER,
        incarnation: INCARNATION,
        sequence: index as u64,
        from: at(index),
        to: at(index + 1),
        watermark: at(index + 1),
        series,
        arrivals: minute.arrivals,
        sends: vec![SendCount {
            service: "login".into(),
            journey: "signup".into(),
            step: "log in".into(),
            due_interval: index as i32,
            first: minute.requests,
            retries: failed / 2,
            served: minute.served,
            abandoned: 0,
            viewers_not_served: failed / 4 * 3,
        }],
        audience: AudienceSample {
            present: u64::from(minute.viewers),
            presence_us: u64::from(minute.viewers) * INTERVAL_US,
            ..AudienceSample::default()
        },
        machine: minute.machine,
        process: minute.process,
        ..Frame::default()
    }
}

fn capacity(index: usize, minute: &Minute) -> CapacitySample {
    CapacitySample {
        at: Offset(index as i64 * INTERVAL_US as i64),
        service: "login".into(),
        ready: minute.ready,
        pending: Some(0.0),
        desired: Some(minute.ready),
        requests_total: Some(0.0),
        rejected_total: Some(0.0),
        wait_match_s: Some(0.0),
        stalled_ms_total: None,
    }
}

/// The record of these minutes, judged by these objectives.
pub(crate) fn record(minutes: &[Minute], objectives: Vec<Objective>) -> Record {
    let frames: Vec<Frame> = minutes.iter().enumerate().map(|(i, m)| frame(i, m)).collect();
    let end = WorkerEnd { worker: WORKER, incarnation: INCARNATION, frames: frames.len() as u64 };
    Record {
        manifest: manifest(minutes, objectives),
        frames,
        capacity: minutes.iter().enumerate().map(|(i, m)| capacity(i, m)).collect(),
        events: vec![RunEvent {
            at: Offset(0),
            intended: Some(Offset(0)),
            kind: "moment".into(),
            text: "the match begins".into(),
        }],
        callee: Vec::new(),
        target: None,
        end: RunEnd::Completed { workers: vec![end], lost: Vec::new() },
    }
}

fn manifest(minutes: &[Minute], objectives: Vec<Objective>) -> Manifest {
    Manifest {
        version: Manifest::VERSION,
        name: "final".into(),
        file: "scenarios/final.toml".into(),
        seed: 42,
        started_unix_s: 1_781_465_400,
        clock: Clock { speed: 60.0 },
        scale: 1.0,
        from_match_min: 30.0,
        lead_in_from: Offset(-2_000_000),
        until: Offset(minutes.len() as i64 * INTERVAL_US as i64),
        interval_us: INTERVAL_US,
        wanted: minutes.iter().map(|minute| minute.viewers).collect(),
        arrivals_planned: minutes.iter().map(|minute| minute.arrivals.intended).sum(),
        journeys: vec![JourneyInfo {
            name: "signup".into(),
            steps: vec![StepInfo { name: "log in".into(), service: "login".into() }],
        }],
        services: vec![ServiceInfo {
            name: "login".into(),
            rated_rps: Some(RATED_RPS),
            decision_window_s: 60.0,
        }],
        moments: vec![MomentInfo {
            name: "wicket".into(),
            at: MatchTime::from_s(228.0),
            response: None,
        }],
        faults: Vec::new(),
        objectives,
        limits: ValidityLimits {
            lag_p99_max_ms: 10.0,
            generator_share_max: 0.01,
            cpu_share_max: 0.75,
            presence_off_share_max: 0.05,
            steal_share_max: 0.02,
            sleeper_late_max_ms: 20.0,
            little_max: 0.01,
            platform_stall_share_max: 0.005,
        },
        observed: true,
        regions: vec!["local".into()],
        environment: Environment {
            hulk: "0.1.0".into(),
            target: "embedded".into(),
            kernel: "Linux 6.8".into(),
            cpu: "Some CPU".into(),
            cores: 4,
            memory_mib: 16_384,
        },
        stream: None,
        run_id: None,
        script: None,
        raw: false,
        load: None,
        commentary: Vec::new(),
        callers: None,
    }
}
