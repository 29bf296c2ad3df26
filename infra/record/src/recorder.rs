//! Samples of an interval, before they become a frame.

use std::collections::BTreeMap;
use std::mem::take;
use std::sync::Arc;

use crate::{
    AnswerCount, ArrivalCounts, AudienceSample, Frame, FrameHead, JourneyInfo, MachineSample,
    Measure, Offset, Outcome, ResponseCount, Samples, SendCount, SeriesKey, SparseHistogram,
    TroubleCount, UNANSWERED_MAX, Unanswered,
};

/// More kinds of trouble than that in one interval are counted as one kind.
const TROUBLES_MAX: usize = 200;
/// A trouble's text is cut there, in bytes.
const TROUBLE_BYTES_MAX: usize = 200;
const OTHER_TROUBLES: &str = "troubles of more kinds than are told apart";

/// A request that came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestSample {
    /// The journey's place in the manifest.
    pub journey: u16,
    /// The step's place in the journey.
    pub step: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// Intended send time.
    pub due: Offset,
    /// When it was due *and* the viewer's connection was free: from here on a delay is the
    /// generator's own.
    pub possible: Offset,
    /// Actual send time.
    pub sent: Offset,
    /// End of the answer, or of the waiting for it.
    pub done: Offset,
    /// Whether it repeats a failed one.
    pub retry: bool,
    /// Bytes of the answer's body.
    pub bytes: u64,
    /// Whether it is this viewer's first failure at this service in this visit.
    pub service_failed_first: bool,
    /// The status of a complete answer; none where there was no complete answer.
    pub status: Option<u16>,
    /// The viewer, and the how manieth request of the viewer's it is; none where the request was
    /// never written.
    pub send: Option<(u32, u32)>,
}

/// Where the recorder finds names, and how long an interval is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecorderPlan {
    /// The journeys in the manifest's order.
    pub journeys: Vec<JourneyInfo>,
    /// The names of the moments in the manifest's order.
    pub moments: Vec<String>,
    /// Where this worker stands.
    pub region: String,
    /// Length of an interval in µs.
    pub interval_us: u64,
}

impl RecorderPlan {
    /// Which interval of the run a time is in.
    pub fn interval_of(&self, at: Offset) -> i32 {
        at.0.div_euclid(self.interval_us.max(1) as i64) as i32
    }

    /// The names of a step, its journey and its service; empty where there is no such step.
    fn names(&self, journey: u16, step: u16) -> (&str, &str, &str) {
        let Some(journey) = self.journeys.get(usize::from(journey)) else { return ("", "", "") };
        let step = journey.steps.get(usize::from(step));
        step.map_or((&journey.name, "", ""), |step| (&journey.name, &step.name, &step.service))
    }
}

const OUTCOMES: usize = Outcome::ALL.len();
const MEASURES: usize = Measure::ALL.len();

/// Collects samples between two frames. Its histograms are kept from interval to interval, so
/// that a sample allocates nothing once its series has been seen.
#[derive(Debug)]
pub struct Recorder {
    plan: Arc<RecorderPlan>,
    /// First series of each journey; the series of its last, nameless step is the journey's own.
    first: Vec<usize>,
    series: Vec<Option<Box<Samples>>>,
    sends: BTreeMap<(u16, u16, i32), SendCount>,
    /// By journey, step and status.
    answers: BTreeMap<(u16, u16, u16), u64>,
    /// Journey, step, viewer, the viewer's how manieth request, outcome.
    unanswered: Vec<(u16, u16, u32, u32, Outcome)>,
    unanswered_untold: u64,
    responses: BTreeMap<u16, ResponseCount>,
    troubles: BTreeMap<(u16, u16), BTreeMap<String, u64>>,
    /// How many kinds of trouble there are.
    troubles_known: usize,
    /// The ledger of arrivals of this interval.
    pub arrivals: ArrivalCounts,
    bytes_received: u64,
}

/// What a recorder held.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Drained {
    /// The samples by series.
    pub series: Vec<(SeriesKey, SparseHistogram)>,
    /// The requests by step and due interval.
    pub sends: Vec<SendCount>,
    /// The complete answers by service and status.
    pub answers: Vec<AnswerCount>,
    /// The requests without a complete answer.
    pub unanswered: Vec<Unanswered>,
    /// How many more there were.
    pub unanswered_untold: u64,
    /// What the viewers did at the moments.
    pub responses: Vec<ResponseCount>,
    /// What went wrong in the journeys themselves.
    pub troubles: Vec<TroubleCount>,
    /// The ledger of arrivals.
    pub arrivals: ArrivalCounts,
    /// Bytes of answers' bodies.
    pub bytes_received: u64,
}

impl Drained {
    /// The frame of one interval.
    pub fn into_frame(
        self,
        head: FrameHead,
        audience: AudienceSample,
        machine: MachineSample,
    ) -> Frame {
        Frame {
            worker: head.worker,
            incarnation: head.incarnation,
            sequence: head.sequence,
            from: head.from,
            to: head.to,
            watermark: head.watermark,
            series: self.series,
            arrivals: self.arrivals,
            sends: self.sends,
            answers: self.answers,
            unanswered: self.unanswered,
            unanswered_untold: self.unanswered_untold,
            responses: self.responses,
            troubles: self.troubles,
            bytes_received: self.bytes_received,
            audience,
            machine,
        }
    }
}

impl Recorder {
    /// An empty recorder.
    pub fn new(plan: Arc<RecorderPlan>) -> Self {
        let mut first = Vec::with_capacity(plan.journeys.len());
        let mut total = 0;
        for journey in &plan.journeys {
            first.push(total);
            total += (journey.steps.len() + 1) * OUTCOMES * MEASURES;
        }
        Self {
            first,
            series: (0..total).map(|_| None).collect(),
            sends: BTreeMap::new(),
            answers: BTreeMap::new(),
            unanswered: Vec::new(),
            unanswered_untold: 0,
            responses: BTreeMap::new(),
            troubles: BTreeMap::new(),
            troubles_known: 0,
            arrivals: ArrivalCounts::default(),
            bytes_received: 0,
            plan,
        }
    }

    /// Takes a request that came to its end.
    pub fn request(&mut self, sample: &RequestSample) {
        let micros = |from: Offset, to: Offset| to.since(from).max(0) as u64;
        let RequestSample { journey, step, outcome, .. } = *sample;
        self.add(journey, step, outcome, Measure::Response, micros(sample.due, sample.done));
        self.add(journey, step, outcome, Measure::Service, micros(sample.sent, sample.done));
        self.add(journey, step, outcome, Measure::Lag, micros(sample.possible, sample.sent));
        self.bytes_received += sample.bytes;
        let interval = self.plan.interval_of(sample.due);
        // Names are filled in when the interval is over.
        let count = self
            .sends
            .entry((journey, step, interval))
            .or_insert_with(|| SendCount { due_interval: interval, ..SendCount::default() });
        count.viewers_not_served += u64::from(sample.service_failed_first);
        if sample.retry {
            count.retries += 1;
        } else {
            count.first += 1;
            count.served += u64::from(outcome == Outcome::Ok);
            count.abandoned += u64::from(outcome == Outcome::Abandoned);
        }
        match (sample.status, sample.send) {
            (Some(status), _) => *self.answers.entry((journey, step, status)).or_default() += 1,
            (None, Some(_)) if self.unanswered.len() >= UNANSWERED_MAX => {
                self.unanswered_untold += 1;
            }
            (None, Some((viewer, send))) => {
                self.unanswered.push((journey, step, viewer, send, outcome));
            }
            (None, None) => {}
        }
    }

    /// Takes what viewers did at a moment, given by its place in the plan.
    pub fn response(&mut self, moment: u16, at: Offset, change: impl FnOnce(&mut ResponseCount)) {
        let count = self.responses.entry(moment).or_default();
        count.first_at = Some(count.first_at.map_or(at, |first| first.min(at)));
        change(count);
    }

    /// Takes a trouble in a step that is not its service's.
    pub fn trouble(&mut self, journey: u16, step: u16, what: &str) {
        let what = what.get(..what.floor_char_boundary(TROUBLE_BYTES_MAX)).unwrap_or(what);
        let of_step = self.troubles.entry((journey, step)).or_default();
        if let Some(count) = of_step.get_mut(what) {
            *count += 1;
            return;
        }
        if self.troubles_known < TROUBLES_MAX {
            self.troubles_known += 1;
            of_step.insert(what.to_owned(), 1);
        } else {
            *of_step.entry(OTHER_TROUBLES.to_owned()).or_default() += 1;
        }
    }

    /// Takes a viewer's whole start: from the arrival to the last of the steps before watching.
    pub fn journey(&mut self, journey: u16, outcome: Outcome, us: u64) {
        let nameless =
            self.plan.journeys.get(usize::from(journey)).map_or(0, |known| known.steps.len());
        self.add(journey, nameless as u16, outcome, Measure::Journey, us);
    }

    /// Hands over everything and starts anew.
    pub fn drain(&mut self) -> Drained {
        let plan = Arc::clone(&self.plan);
        self.troubles_known = 0;
        Drained {
            series: self.drain_series(&plan),
            sends: self.drain_sends(&plan),
            answers: self.drain_answers(&plan),
            unanswered: self.drain_unanswered(&plan),
            unanswered_untold: take(&mut self.unanswered_untold),
            responses: self.drain_responses(&plan),
            troubles: self.drain_troubles(&plan),
            arrivals: take(&mut self.arrivals),
            bytes_received: take(&mut self.bytes_received),
        }
    }

    fn drain_series(&mut self, plan: &RecorderPlan) -> Vec<(SeriesKey, SparseHistogram)> {
        let mut drained = Vec::new();
        for (journey, &first) in plan.journeys.iter().zip(&self.first) {
            for step in 0..=journey.steps.len() {
                let name = journey.steps.get(step).map_or("", |step| step.name.as_str());
                for (o, outcome) in Outcome::ALL.into_iter().enumerate() {
                    for (m, measure) in Measure::ALL.into_iter().enumerate() {
                        let index = first + (step * OUTCOMES + o) * MEASURES + m;
                        let Some(Some(samples)) = self.series.get_mut(index) else { continue };
                        if samples.count() == 0 {
                            continue;
                        }
                        let key = SeriesKey {
                            measure,
                            journey: journey.name.clone(),
                            step: name.to_owned(),
                            outcome,
                            region: plan.region.clone(),
                        };
                        drained.push((key, samples.sparse()));
                        samples.clear();
                    }
                }
            }
        }
        drained
    }

    fn drain_sends(&mut self, plan: &RecorderPlan) -> Vec<SendCount> {
        let named = |((journey, step, _), send): ((u16, u16, i32), SendCount)| {
            let (journey, step, service) = plan.names(journey, step);
            let [journey, step, service] = [journey, step, service].map(str::to_owned);
            SendCount { service, journey, step, ..send }
        };
        take(&mut self.sends).into_iter().map(named).collect()
    }

    fn drain_answers(&mut self, plan: &RecorderPlan) -> Vec<AnswerCount> {
        let mut by_service: BTreeMap<(&str, u16), u64> = BTreeMap::new();
        for ((journey, step, status), count) in take(&mut self.answers) {
            let (_, _, service) = plan.names(journey, step);
            *by_service.entry((service, status)).or_default() += count;
        }
        by_service
            .into_iter()
            .map(|((service, status), count)| AnswerCount {
                service: service.to_owned(),
                status,
                count,
            })
            .collect()
    }

    fn drain_unanswered(&mut self, plan: &RecorderPlan) -> Vec<Unanswered> {
        let named = |(journey, step, viewer, send, outcome)| {
            let (_, _, service) = plan.names(journey, step);
            Unanswered { viewer, send, service: service.to_owned(), outcome }
        };
        self.unanswered.drain(..).map(named).collect()
    }

    fn drain_responses(&mut self, plan: &RecorderPlan) -> Vec<ResponseCount> {
        let named = |(moment, count): (u16, ResponseCount)| {
            let moment = plan.moments.get(usize::from(moment)).cloned().unwrap_or_default();
            ResponseCount { moment, ..count }
        };
        take(&mut self.responses).into_iter().map(named).collect()
    }

    fn drain_troubles(&mut self, plan: &RecorderPlan) -> Vec<TroubleCount> {
        let mut drained = Vec::new();
        for ((journey, step), of_step) in take(&mut self.troubles) {
            let (journey, step, _) = plan.names(journey, step);
            drained.extend(of_step.into_iter().map(|(what, count)| TroubleCount {
                journey: journey.to_owned(),
                step: step.to_owned(),
                what,
                count,
            }));
        }
        drained
    }

    fn add(&mut self, journey: u16, step: u16, outcome: Outcome, measure: Measure, us: u64) {
        let Some(first) = self.first.get(usize::from(journey)) else { return };
        let index = (usize::from(step) * OUTCOMES + outcome as usize) * MEASURES + measure as usize;
        if let Some(slot) = self.series.get_mut(first + index) {
            slot.get_or_insert_with(Box::default).record(us);
        }
    }
}

#[cfg(test)]
mod tests {
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
            send: Some((7, 1)),
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
        let abandoned = RequestSample {
            outcome: Outcome::Abandoned,
            status: None,
            send: Some((7, 2)),
            ..sample()
        };
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
        recorder.request(&RequestSample {
            outcome: Outcome::ConnectError,
            send: None,
            ..abandoned
        });
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
}
