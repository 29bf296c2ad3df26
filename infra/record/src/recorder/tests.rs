use super::*;
use crate::StepInfo;

fn recorder() -> Recorder {
    let steps = vec![
        StepInfo { name: "config".into(), service: "home".into() },
        StepInfo { name: "heartbeat".into(), service: "playback".into() },
    ];
    let journeys = vec![JourneyInfo { name: "streaming".into(), steps }];
    Recorder::new(Arc::new(RecorderPlan {
        journeys,
        moments: vec!["out".into(), "push".into()],
        region: "local".into(),
        interval_us: 1_000_000,
        raw: false,
    }))
}

fn sample() -> RequestSample {
    RequestSample {
        journey: 0,
        step: 1,
        outcome: Outcome::Ok,
        due: Offset(999_999),
        possible: Offset(1_400_000),
        sent: Offset(1_500_000),
        done: Offset(1_700_000),
        retry: false,
        bytes: 5,
        service_failed_first: false,
        status: Some(200),
        viewer: 7,
        send: 1,
        written: Some(Offset(1_500_000)),
        answer_began: None,
    }
}

#[test]
fn a_request_is_counted_where_it_was_due() {
    let mut recorder = recorder();
    let sample = sample();
    recorder.request(&sample);
    recorder.request(&RequestSample { retry: true, outcome: Outcome::Timeout, ..sample });
    let drained = recorder.drain();
    let sends = &drained.sends;
    assert_eq!(sends.len(), 1);
    assert_eq!((sends[0].service.as_str(), sends[0].due_interval), ("playback", 0));
    assert_eq!((sends[0].journey.as_str(), sends[0].step.as_str()), ("streaming", "heartbeat"));
    assert_eq!((sends[0].first, sends[0].retries, sends[0].served), (1, 1, 1));
    let of = |measure| {
        let found = drained.series.iter().find(|(k, _)| {
            k.measure == measure && k.step == "heartbeat" && k.outcome == Outcome::Ok
        });
        found.map(|(_, samples)| samples.max_us)
    };
    assert_eq!(of(Measure::Response), Some(700_001));
    assert_eq!(of(Measure::Service), Some(200_000));
    assert_eq!(of(Measure::Lag), Some(100_000));
    assert_eq!(recorder.drain(), Drained::default());
}

#[test]
fn every_written_request_is_answered_or_told() {
    let mut recorder = recorder();
    let abandoned =
        RequestSample { outcome: Outcome::Abandoned, status: None, send: 2, ..sample() };
    let refused = RequestSample {
        outcome: Outcome::Rejected,
        status: Some(503),
        service_failed_first: true,
        ..sample()
    };
    recorder.request(&sample());
    recorder.request(&refused);
    recorder.request(&RequestSample { retry: true, service_failed_first: false, ..refused });
    recorder.request(&abandoned);
    recorder.request(&RequestSample { outcome: Outcome::ConnectError, written: None, ..abandoned });
    let drained = recorder.drain();
    let answer = |status, count| AnswerCount { service: "playback".into(), status, count };
    assert_eq!(drained.answers, [answer(200, 1), answer(503, 2)]);
    assert_eq!(drained.unanswered.len(), 1);
    let told = &drained.unanswered[0];
    assert_eq!((told.viewer, told.send, told.outcome), (7, 2, Outcome::Abandoned));
    assert_eq!((told.service.as_str(), drained.unanswered_untold), ("playback", 0));
    assert_eq!(drained.sends[0].viewers_not_served, 1);
}

#[test]
fn a_frame_tells_of_a_bounded_number_of_things() {
    let mut recorder = recorder();
    let broken = RequestSample { outcome: Outcome::Broken, status: None, ..sample() };
    (0..UNANSWERED_MAX + 3).for_each(|_| recorder.request(&broken));
    (0..TROUBLES_MAX + 5).for_each(|n| recorder.trouble(0, 0, &format!("trouble {n}")));
    recorder.trouble(0, 0, &"é".repeat(500));
    recorder.trouble(0, 0, "trouble 3");
    let drained = recorder.drain();
    assert_eq!((drained.unanswered.len(), drained.unanswered_untold), (UNANSWERED_MAX, 3));
    assert_eq!(drained.troubles.len(), TROUBLES_MAX + 1);
    let count = |what: &str| drained.troubles.iter().find(|t| t.what == what).map(|t| t.count);
    assert_eq!((count(OTHER_TROUBLES), count("trouble 3")), (Some(6), Some(2)));
    assert_eq!(recorder.drain(), Drained::default());
    recorder.trouble(0, 0, &"é".repeat(500));
    assert_eq!(recorder.drain().troubles[0].what, "é".repeat(100));
}

#[test]
fn responses_are_told_by_moment_with_their_first_time() {
    let mut recorder = recorder();
    recorder.response(1, Offset(900), |count| count.came += 2);
    recorder.response(1, Offset(700), |count| count.came += 1);
    recorder.response(0, Offset(950), |count| count.woken += 1);
    let head = FrameHead { worker: 3, sequence: 9, to: Offset(1000), ..FrameHead::default() };
    let audience = AudienceSample { present: 4, ..AudienceSample::default() };
    let frame = recorder.drain().into_frame(head, audience, MachineSample::default());
    assert_eq!((frame.worker, frame.sequence, frame.audience.present), (3, 9, 4));
    let [out, push] = frame.responses.as_slice() else { panic!("two moments") };
    assert_eq!((out.moment.as_str(), out.woken), ("out", 1));
    assert_eq!((push.moment.as_str(), push.came), ("push", 3));
    assert_eq!(push.first_at, Some(Offset(700)));
}

#[test]
fn single_requests_are_told_when_asked_for_and_bounded() {
    let mut quiet = recorder();
    quiet.request(&sample());
    assert_eq!(quiet.drain().raw, []);
    let plan = RecorderPlan { raw: true, ..(*quiet.plan).clone() };
    let mut recorder = Recorder::new(Arc::new(plan));
    let refused = RequestSample { written: None, status: None, ..sample() };
    recorder.request(&refused);
    (0..RAW_MAX + 2).for_each(|_| recorder.request(&sample()));
    let drained = recorder.drain();
    assert_eq!((drained.raw.len(), drained.raw_untold), (RAW_MAX, 3));
    let RawSample { viewer, send, written, status, .. } = drained.raw[0];
    assert_eq!((viewer, send, written, status), (7, 1, false, None));
    let RawSample { due, sent, done, bytes, .. } = drained.raw[1];
    assert_eq!((due, sent, done, bytes), (sample().due, sample().sent, sample().done, 5));
    assert_eq!(recorder.drain(), Drained::default());
}

#[test]
fn playback_of_an_interval_reaches_its_frame() {
    let mut recorder = recorder();
    let counts = QoeCounts { stalls: 2, stalled_us: 1, watched_us: 3, ..QoeCounts::default() };
    recorder.qoe.add(&counts);
    recorder.qoe.add(&counts);
    recorder.first_frame(0, Outcome::Ok, 70_000);
    let (head, audience) = (FrameHead::default(), AudienceSample::default());
    let frame = recorder.drain().into_frame(head, audience, MachineSample::default());
    assert_eq!((frame.qoe.stalls, frame.qoe.stall_ratio()), (4, Some(0.25)));
    let (key, samples) = &frame.series[0];
    assert_eq!((key.measure, key.step.as_str(), samples.max_us), (Measure::FirstFrame, "", 70_000));
    assert_eq!(recorder.drain(), Drained::default());
}
