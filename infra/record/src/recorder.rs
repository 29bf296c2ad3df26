//! Samples of an interval, before they become a frame.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{
    ArrivalCounts, AudienceSample, JourneyInfo, Measure, Offset, Outcome, Samples, SendCount,
    SeriesKey, SparseHistogram,
};

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
}

/// Where the recorder finds names, and how long an interval is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecorderPlan {
    /// The journeys in the manifest's order.
    pub journeys: Vec<JourneyInfo>,
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
    /// The ledger of arrivals of this interval.
    pub arrivals: ArrivalCounts,
    bytes_received: u64,
}

/// What a recorder held.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Drained {
    /// The samples by series.
    pub series: Vec<(SeriesKey, SparseHistogram)>,
    /// The requests by service and due interval.
    pub sends: Vec<SendCount>,
    /// The ledger of arrivals.
    pub arrivals: ArrivalCounts,
    /// Bytes of answers' bodies.
    pub bytes_received: u64,
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
        let count = self.sends.entry((journey, step, interval)).or_insert_with(|| SendCount {
            service: String::new(),
            due_interval: interval,
            first: 0,
            retries: 0,
            served: 0,
            abandoned: 0,
        });
        if sample.retry {
            count.retries += 1;
        } else {
            count.first += 1;
            count.served += u64::from(outcome == Outcome::Ok);
            count.abandoned += u64::from(outcome == Outcome::Abandoned);
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
        let mut drained = Drained {
            arrivals: std::mem::take(&mut self.arrivals),
            bytes_received: std::mem::take(&mut self.bytes_received),
            ..Drained::default()
        };
        let plan = Arc::clone(&self.plan);
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
                        drained.series.push((key, samples.sparse()));
                        samples.clear();
                    }
                }
            }
        }
        for ((journey, step, _), mut send) in std::mem::take(&mut self.sends) {
            let journey = plan.journeys.get(usize::from(journey));
            let step = journey.and_then(|journey| journey.steps.get(usize::from(step)));
            send.service = step.map(|step| step.service.clone()).unwrap_or_default();
            drained.sends.push(send);
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

/// Counts the viewers present, and how long they stayed.
#[derive(Debug, Clone, Default)]
pub struct Presence {
    present: u64,
    at: Offset,
    sample: AudienceSample,
}

impl Presence {
    /// Nobody is present at `at`.
    pub fn new(at: Offset) -> Self {
        Self { at, ..Self::default() }
    }

    /// A viewer came.
    pub fn came(&mut self, at: Offset) {
        self.advance(at);
        self.present += 1;
    }

    /// A viewer who came at `since` left.
    pub fn left(&mut self, since: Offset, at: Offset) {
        self.advance(at);
        self.present = self.present.saturating_sub(1);
        self.sample.visits_ended += 1;
        self.sample.visits_us += at.since(since).max(0) as u64;
    }

    /// Viewers present.
    pub fn present(&self) -> u64 {
        self.present
    }

    /// The sample of the interval that ends at `at`; the next one begins.
    pub fn drain(&mut self, at: Offset) -> AudienceSample {
        self.advance(at);
        let sample = AudienceSample { present: self.present, ..self.sample };
        self.sample = AudienceSample::default();
        sample
    }

    fn advance(&mut self, at: Offset) {
        let elapsed = at.since(self.at).max(0) as u64;
        self.sample.presence_us += self.present * elapsed;
        self.at = self.at.max(at);
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
            region: "local".into(),
            interval_us: 1_000_000,
        }))
    }

    #[test]
    fn a_request_is_counted_where_it_was_due() {
        let mut recorder = recorder();
        let sample = RequestSample {
            journey: 0,
            step: 1,
            outcome: Outcome::Ok,
            due: Offset(999_999),
            possible: Offset(1_400_000),
            sent: Offset(1_500_000),
            done: Offset(1_700_000),
            retry: false,
            bytes: 5,
        };
        recorder.request(&sample);
        recorder.request(&RequestSample { retry: true, outcome: Outcome::Timeout, ..sample });
        let drained = recorder.drain();
        let sends = &drained.sends;
        assert_eq!(sends.len(), 1);
        assert_eq!((sends[0].service.as_str(), sends[0].due_interval), ("playback", 0));
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
    fn presence_is_integrated_between_events() {
        let mut presence = Presence::new(Offset(0));
        presence.came(Offset(100));
        presence.came(Offset(300));
        presence.left(Offset(100), Offset(600));
        let sample = presence.drain(Offset(1000));
        assert_eq!(sample.present, 1);
        assert_eq!(sample.presence_us, 200 + 2 * 300 + 400);
        assert_eq!((sample.visits_ended, sample.visits_us), (1, 500));
        assert_eq!(presence.drain(Offset(1500)).presence_us, 500);
    }
}
