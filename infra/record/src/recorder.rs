//! Samples of an interval, before they become a frame.

use std::collections::BTreeMap;
use std::mem::take;
use std::sync::Arc;

use crate::{
    AnswerCount, ArrivalCounts, AudienceSample, Frame, FrameHead, JourneyInfo, MachineSample,
    Measure, Offset, Outcome, QoeCounts, RAW_MAX, RawSample, ResponseCount, Samples, SendCount,
    SeriesKey, SparseHistogram, TroubleCount, UNANSWERED_MAX, Unanswered,
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
    /// The viewer's number.
    pub viewer: u32,
    /// The how manieth request of the viewer's.
    pub send: u32,
    /// When it was written, if it was: something of it may have been received.
    pub written: Option<Offset>,
    /// When the first byte of the answer came.
    pub answer_began: Option<Offset>,
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
    /// Whether each request is told by itself.
    pub raw: bool,
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
    /// Names are filled in when the interval is over.
    sends: Counts<(u16, u16, i32), SendCount>,
    /// By journey, step and status.
    answers: Counts<(u16, u16, u16), u64>,
    /// Journey, step, viewer, the viewer's how manieth request, outcome.
    unanswered: Vec<(u16, u16, u32, u32, Outcome)>,
    unanswered_untold: u64,
    responses: BTreeMap<u16, ResponseCount>,
    troubles: BTreeMap<(u16, u16), BTreeMap<String, u64>>,
    /// How many kinds of trouble there are.
    troubles_known: usize,
    /// The ledger of arrivals of this interval.
    pub arrivals: ArrivalCounts,
    /// What the viewers of the stream felt in this interval.
    pub qoe: QoeCounts,
    raw: Vec<RawSample>,
    raw_untold: u64,
    bytes_received: u64,
}

/// Counts by key. The last one is remembered: most requests are like the one before.
#[derive(Debug)]
struct Counts<K, T> {
    places: BTreeMap<K, usize>,
    counts: Vec<T>,
    last: Option<(K, usize)>,
}

impl<K, T> Default for Counts<K, T> {
    fn default() -> Self {
        Self { places: BTreeMap::new(), counts: Vec::new(), last: None }
    }
}

impl<K: Ord + Copy, T: Default> Counts<K, T> {
    /// The count of a key.
    fn of(&mut self, key: K) -> &mut T {
        let place = match self.last {
            Some((known, place)) if known == key => place,
            _ => {
                let fresh = self.counts.len();
                let place = *self.places.entry(key).or_insert(fresh);
                if place == fresh {
                    self.counts.push(T::default());
                }
                self.last = Some((key, place));
                place
            }
        };
        &mut self.counts[place]
    }

    /// All of them, in the order of their keys; nothing is left.
    fn drain(&mut self) -> impl Iterator<Item = (K, T)> {
        let mut counts = take(&mut self.counts);
        self.last = None;
        let places = take(&mut self.places).into_iter();
        places.map(move |(key, place)| (key, take(&mut counts[place])))
    }
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
    /// What the viewers of the stream felt.
    pub qoe: QoeCounts,
    /// Each request by itself.
    pub raw: Vec<RawSample>,
    /// How many more there were.
    pub raw_untold: u64,
}

impl Drained {
    /// The frame of one interval; its `process` is still to be told.
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
            qoe: self.qoe,
            raw: self.raw,
            raw_untold: self.raw_untold,
            ..Frame::default()
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
            sends: Counts::default(),
            answers: Counts::default(),
            unanswered: Vec::new(),
            unanswered_untold: 0,
            responses: BTreeMap::new(),
            troubles: BTreeMap::new(),
            troubles_known: 0,
            arrivals: ArrivalCounts::default(),
            qoe: QoeCounts::default(),
            raw: Vec::new(),
            raw_untold: 0,
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
        if let Some((written, began)) = sample.written.zip(sample.answer_began) {
            self.add(journey, step, outcome, Measure::FirstByte, micros(written, began));
            self.add(journey, step, outcome, Measure::Body, micros(began, sample.done));
        }
        self.bytes_received += sample.bytes;
        let interval = self.plan.interval_of(sample.due);
        let count = self.sends.of((journey, step, interval));
        count.due_interval = interval;
        count.viewers_not_served += u64::from(sample.service_failed_first);
        if sample.retry {
            count.retries += 1;
        } else {
            count.first += 1;
            count.served += u64::from(outcome == Outcome::Ok);
            count.abandoned += u64::from(outcome == Outcome::Abandoned);
        }
        match sample.status {
            Some(status) => *self.answers.of((journey, step, status)) += 1,
            None if sample.written.is_none() => {}
            None if self.unanswered.len() >= UNANSWERED_MAX => self.unanswered_untold += 1,
            None => self.unanswered.push((journey, step, sample.viewer, sample.send, outcome)),
        }
        if self.plan.raw {
            self.tell(sample);
        }
    }

    /// Keeps a request by itself.
    fn tell(&mut self, of: &RequestSample) {
        if self.raw.len() >= RAW_MAX {
            self.raw_untold += 1;
            return;
        }
        let RequestSample { viewer, send, journey, step, due, sent, done, .. } = *of;
        let RequestSample { outcome, status, bytes, retry, .. } = *of;
        self.raw.push(RawSample {
            viewer,
            send,
            written: of.written.is_some(),
            journey,
            step,
            due,
            sent,
            done,
            outcome,
            status,
            bytes,
            retry,
        });
    }

    /// Takes how long a part of making a connection took, by the step that needed it.
    pub fn phase(&mut self, journey: u16, step: u16, phase: Measure, us: u64) {
        self.add(journey, step, Outcome::Ok, phase, us);
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
        self.add_whole(journey, outcome, Measure::Journey, us);
    }

    /// Takes the start of a player: to its first frame, or to when that was given up.
    pub fn first_frame(&mut self, journey: u16, outcome: Outcome, us: u64) {
        self.add_whole(journey, outcome, Measure::FirstFrame, us);
    }

    /// A sample of a whole journey.
    fn add_whole(&mut self, journey: u16, outcome: Outcome, measure: Measure, us: u64) {
        let nameless =
            self.plan.journeys.get(usize::from(journey)).map_or(0, |known| known.steps.len());
        self.add(journey, nameless as u16, outcome, measure, us);
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
            qoe: take(&mut self.qoe),
            raw: take(&mut self.raw),
            raw_untold: take(&mut self.raw_untold),
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
        self.sends.drain().map(named).collect()
    }

    fn drain_answers(&mut self, plan: &RecorderPlan) -> Vec<AnswerCount> {
        let mut by_service: BTreeMap<(&str, u16), u64> = BTreeMap::new();
        for ((journey, step, status), count) in self.answers.drain() {
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
mod tests;
