//! Coordinated omission: a server that answers nothing for a second, and who sees it.
//!
//! Sends are intended at k ms, k = 0..9999; the server adds its base latency, answers nothing in
//! [5, 6) s and then lets go of everybody at once.

use std::path::Path;
use std::sync::Arc;

use hulk_record::{
    AudienceSample, Clock, Frame, FrameHead, JourneyInfo, MachineSample, MatchTime, Measure,
    Merged, Offset, Outcome, Recorder, RecorderPlan, RequestSample, Samples, decode, encode,
};
use hulk_scenarios::traffic::Then;
use hulk_scenarios::{Arrival, Ended, Journey, Rendered, Script, Session, Source};

const INTERVAL_US: u64 = 1_000_000;
const END: Offset = Offset(10_000_000);

fn journey(steps: &str) -> Arc<Script> {
    let head = "name = \"co1\"\nretry = { none = {} }\n";
    let source = Source::new("co1.toml", format!("{head}{steps}"));
    let journey = Journey::read(&source, Path::new(".")).expect("a valid journey");
    Arc::new(Script::of(journey).expect("it compiles"))
}

/// A viewer who comes then and stays.
fn comes(viewer: u32, arrive: MatchTime) -> Arrival {
    let end = MatchTime::from_s(1e6);
    let (push, back, acts, then) = (None, None, Vec::new(), Then::Watch);
    Arrival { viewer, arrive, leave: end, already_watching: false, push, back, acts, then, end }
}

/// When the server has answered what it received at `received`.
fn server(received: Offset, latency_us: i64) -> Offset {
    let stalled = (5_000_000..6_000_000).contains(&received.0);
    Offset(if stalled { 6_000_000 } else { received.0 }).plus(latency_us)
}

/// One viewer on one connection, until nothing more can be sent before the end.
fn drive(session: &mut Session, clock: Clock, latency_us: i64, samples: &mut Vec<RequestSample>) {
    let mut free = Offset(i64::MIN);
    let mut rendered = Rendered::default();
    while let Some(planned) = session.next() {
        let due = clock.wall(planned.due);
        let sent = due.max(free);
        if sent >= END {
            return;
        }
        session.render(&planned, 0, &mut rendered);
        assert_eq!(rendered.path, "/ask");
        let done = server(sent, latency_us);
        let headers: &[(&str, &str)] = &[];
        let answer = Ended::Answer { status: 200, headers: &headers, body: b"" };
        let outcome = session.answered(&planned, clock.match_time(done), 1.0, answer).outcome;
        samples.push(RequestSample {
            journey: 0,
            step: planned.step,
            outcome,
            due,
            possible: sent,
            sent,
            done,
            retry: planned.retry,
            bytes: 0,
            service_failed_first: false,
            status: Some(200),
            viewer: 0,
            send: 0,
            written: None,
            answer_began: None,
        });
        free = done;
    }
}

/// The samples on the way that all take: recorder, frames on the wire, merged in any order.
struct Measured(Merged);

impl Measured {
    fn of(journey: JourneyInfo, mut samples: Vec<RequestSample>) -> Self {
        let plan = RecorderPlan {
            journeys: vec![journey],
            moments: Vec::new(),
            region: "local".into(),
            interval_us: INTERVAL_US,
            raw: false,
        };
        let mut recorder = Recorder::new(Arc::new(plan));
        samples.sort_by_key(|sample| sample.done);
        let mut wire = Vec::new();
        let mut rest = samples.as_slice();
        while !rest.is_empty() {
            let sequence = wire.len() as u64;
            let to = Offset(((sequence + 1) * INTERVAL_US) as i64);
            let (now, later) = rest.split_at(rest.partition_point(|sample| sample.done < to));
            now.iter().for_each(|sample| recorder.request(sample));
            rest = later;
            let frame = frame(&mut recorder, sequence, to);
            wire.push(encode(&frame).expect("a frame has a wire form"));
        }
        let mut merged = Merged::default();
        // Backwards, and some of them twice.
        for bytes in wire.iter().rev().chain(wire.iter().step_by(3)) {
            let frame = decode(bytes).expect("what was encoded can be decoded");
            merged.add(frame).expect("frames do not contradict each other");
        }
        Self(merged)
    }

    /// All samples of one measure.
    fn samples(&self, measure: Measure) -> Samples {
        let mut all = Samples::new();
        for (key, samples) in self.0.series(|_| true) {
            if key.measure == measure {
                assert_eq!(key.outcome, Outcome::Ok);
                all.merge(&samples.sparse());
            }
        }
        all
    }
}

fn frame(recorder: &mut Recorder, sequence: u64, to: Offset) -> Frame {
    let from = to.plus(-(INTERVAL_US as i64));
    let head = FrameHead { sequence, from, to, watermark: to, ..FrameHead::default() };
    recorder.drain().into_frame(head, AudienceSample::default(), MachineSample::default())
}

/// p50, p90, p95, p99, p99.9 and p99.99 in µs, as the histogram answers.
fn quantiles(samples: &Samples) -> [u64; 6] {
    [500_000, 900_000, 950_000, 990_000, 999_000, 999_900].map(|ppm| samples.quantile_us(ppm))
}

/// 10,000 viewers, each with a connection and one request.
fn open_arrivals() -> Measured {
    let journey = journey(
        "[[step]]\nafter = { name = \"ask\", service = \"target\", get = \"/ask\", expect_status = 200 }\n",
    );
    let mut samples = Vec::new();
    for k in 0..10_000 {
        let arrive = MatchTime(i64::from(k) * 1000);
        let mut session = Session::new(Arc::clone(&journey), 1, &comes(k, arrive));
        drive(&mut session, Clock { speed: 1.0 }, 1000, &mut samples);
    }
    Measured::of(journey.info().remove(0), samples)
}

#[test]
fn co1_holds_to_the_last_digit() {
    let measured = open_arrivals();
    let response = measured.samples(Measure::Response);
    let mut exact = Samples::new();
    exact.record_n(1000, 9000);
    (2..=1001).for_each(|ms| exact.record(ms * 1000));
    assert_eq!(response.histogram(), exact.histogram(), "the exact law");
    assert_eq!(response.count(), 10_000);
    assert_eq!(response.mean_us(), 51_050.0);
    assert_eq!(quantiles(&response), [1000, 1000, 501_247, 901_119, 991_231, 1_000_447]);
    assert_eq!(response.histogram().max(), 1_001_471, "the top of the histogram's last bucket");
    assert_eq!((response.min_us(), response.max_us()), (1000, 1_001_000), "ours are exact");
    assert_eq!(response.count_above(100_000), 901);
    assert_eq!(response.above(), 0);
    // Open arrivals: each request has a connection of its own, so it is sent when it is due.
    assert_eq!(measured.samples(Measure::Service).histogram(), exact.histogram());
    assert_eq!(measured.samples(Measure::Lag).max_us(), 0);
    let sends: u64 = measured.0.sends().values().map(|send| send.first).sum();
    assert_eq!(sends, 10_000);
}

/// One connection, a grid of 1 ms, answers after 0.5 ms: the stall of 1 s (S) delays
/// λSμ/(μ − λ) = 2,000 requests for λ = 1,000 and μ = 2,000 requests a second.
#[test]
fn co1_on_one_connection_shows_the_stall_from_the_intended_time_only() {
    let every = "[[step]]\nevery = { name = \"ask\", service = \"target\", get = \"/ask\", period_s = 0.1 }\n";
    let journey = journey(every);
    // The shortest period is 0.1 match seconds: at this speed it is 1 ms. Its grid begins one
    // period after the arrival.
    let arrive = MatchTime(-100_000);
    let mut session = Session::new(Arc::clone(&journey), 1, &comes(0, arrive));
    let mut samples = Vec::new();
    drive(&mut session, Clock { speed: 100.0 }, 500, &mut samples);
    let intended: Vec<Offset> = (0..10_000).map(|k| Offset(k * 1000)).collect();
    assert!(samples.iter().map(|sample| sample.due).eq(intended), "the grid never shifts");
    let measured = Measured::of(journey.info().remove(0), samples);
    let (response, service) =
        (measured.samples(Measure::Response), measured.samples(Measure::Service));
    let mut exact = Samples::new();
    exact.record_n(500, 8000);
    (2..=2001).for_each(|halves| exact.record(halves * 500));
    assert_eq!(response.histogram(), exact.histogram(), "2,000 requests are delayed");
    assert_eq!(quantiles(&response)[1..4], [500_735, 750_591, 950_783]);
    assert_eq!(response.max_us(), 1_000_500);
    // The failure that the right measure shows: all but one request were quick once sent.
    assert_eq!(quantiles(&service), [500; 6]);
    assert_eq!((service.count(), service.max_us()), (10_000, 1_000_500));
    // Waiting for the viewer's own connection is not the generator's lag.
    assert_eq!(measured.samples(Measure::Lag).max_us(), 0);
}

#[test]
fn a_closed_loop_without_correction_hides_the_stall() {
    let step = |n| {
        let name = format!("name = \"ask-{n}\", service = \"target\", get = \"/ask\"");
        format!("[[step]]\nafter = {{ {name}, repeat = 1000 }}\n")
    };
    let journey = journey(&(0..10).map(step).collect::<String>());
    let mut session = Session::new(Arc::clone(&journey), 1, &comes(0, MatchTime(0)));
    let mut samples = Vec::new();
    drive(&mut session, Clock { speed: 1.0 }, 1000, &mut samples);
    let measured = Measured::of(journey.info().remove(0), samples);
    let closed = measured.samples(Measure::Service);
    // While it waited it sent nothing: 999 of 10,000 requests are missing, all of them slow.
    assert_eq!(closed.count(), 9_000);
    assert_eq!(closed.max_us(), 1_001_000);
    assert_eq!(quantiles(&closed)[..5], [1000; 5], "its p99.9 is 1 ms");
    let open = open_arrivals().samples(Measure::Response);
    assert_eq!(open.quantile_us(999_000), 991_231, "the truth of the same second");
}
