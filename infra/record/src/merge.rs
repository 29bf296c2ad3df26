//! Frames into totals: associative, commutative, each frame once.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    ArrivalCounts, Frame, Offset, ResponseCount, Samples, SendCount, SeriesKey, Session,
    TroubleCount,
};

/// A frame that contradicts another one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("worker {worker} sent two different frames of sequence {sequence}")]
pub struct MergeError {
    worker: u32,
    sequence: u64,
}

/// All frames of a run, each once, in the order of their intervals.
#[derive(Debug, Default)]
pub struct Merged {
    frames: BTreeMap<(Offset, u32, u64, u64), Frame>,
    seen: BTreeSet<(u32, u64, u64)>,
}

impl Merged {
    /// Takes a frame; a repeated one changes nothing.
    ///
    /// # Errors
    /// When another frame of the same worker and sequence has other content.
    pub fn add(&mut self, frame: Frame) -> Result<(), MergeError> {
        let identity = (frame.worker, frame.incarnation, frame.sequence);
        let key = (frame.from, frame.worker, frame.incarnation, frame.sequence);
        if !self.seen.insert(identity) {
            return match self.frames.get(&key) {
                Some(known) if *known == frame => Ok(()),
                _ => Err(MergeError { worker: frame.worker, sequence: frame.sequence }),
            };
        }
        self.frames.insert(key, frame);
        Ok(())
    }

    /// The frames in the order of their intervals.
    pub fn frames(&self) -> impl Iterator<Item = &Frame> {
        self.frames.values()
    }

    /// How many frames a worker delivered.
    pub fn frames_of(&self, worker: u32, incarnation: u64) -> u64 {
        self.seen.iter().filter(|seen| seen.0 == worker && seen.1 == incarnation).count() as u64
    }

    /// The samples of every series in intervals that `keep` accepts.
    pub fn series(&self, keep: impl Fn(&Frame) -> bool) -> BTreeMap<SeriesKey, Samples> {
        let mut merged: BTreeMap<SeriesKey, Samples> = BTreeMap::new();
        for frame in self.frames().filter(|frame| keep(frame)) {
            for (key, samples) in &frame.series {
                merged.entry(key.clone()).or_default().merge(samples);
            }
        }
        merged
    }

    /// The ledger of arrivals over the run.
    pub fn arrivals(&self) -> ArrivalCounts {
        let mut total = ArrivalCounts::default();
        self.frames().for_each(|frame| total.add(&frame.arrivals));
        total
    }

    /// Requests by service and due interval.
    pub fn sends(&self) -> BTreeMap<(String, i32), SendTotals> {
        let mut merged: BTreeMap<(String, i32), SendTotals> = BTreeMap::new();
        for send in self.frames().flat_map(|frame| &frame.sends) {
            merged.entry((send.service.clone(), send.due_interval)).or_default().add(send);
        }
        merged
    }

    /// Complete answers by service and status.
    pub fn answers(&self) -> BTreeMap<(String, u16), u64> {
        let mut merged: BTreeMap<(String, u16), u64> = BTreeMap::new();
        for answer in self.frames().flat_map(|frame| &frame.answers) {
            *merged.entry((answer.service.clone(), answer.status)).or_default() += answer.count;
        }
        merged
    }

    /// What the viewers did, by moment.
    pub fn responses(&self) -> BTreeMap<String, ResponseCount> {
        let mut merged: BTreeMap<String, ResponseCount> = BTreeMap::new();
        for response in self.frames().flat_map(|frame| &frame.responses) {
            let moment = response.moment.clone();
            let total = merged
                .entry(moment.clone())
                .or_insert_with(|| ResponseCount { moment, ..ResponseCount::default() });
            total.add(response);
        }
        merged
    }

    /// The sessions of callers, in the order of their intended times.
    pub fn sessions(&self) -> Vec<&Session> {
        let mut sessions: Vec<&Session> = self.frames().flat_map(|frame| &frame.sessions).collect();
        sessions.sort_by_key(|session| (session.intended_at, session.caller));
        sessions
    }

    /// How many more there were.
    pub fn sessions_untold(&self) -> u64 {
        self.frames().map(|frame| frame.sessions_untold).sum()
    }

    /// What went wrong in the journeys themselves: each trouble once, the most frequent first.
    pub fn troubles(&self) -> Vec<TroubleCount> {
        let mut merged: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
        for trouble in self.frames().flat_map(|frame| &frame.troubles) {
            let key = (trouble.journey.as_str(), trouble.step.as_str(), trouble.what.as_str());
            *merged.entry(key).or_default() += trouble.count;
        }
        let told = |((journey, step, what), count): ((&str, &str, &str), u64)| TroubleCount {
            journey: journey.to_owned(),
            step: step.to_owned(),
            what: what.to_owned(),
            count,
        };
        let mut troubles: Vec<TroubleCount> = merged.into_iter().map(told).collect();
        troubles.sort_by_key(|trouble| std::cmp::Reverse(trouble.count));
        troubles
    }
}

/// Requests of any group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SendTotals {
    /// First attempts.
    pub first: u64,
    /// Retries.
    pub retries: u64,
    /// First attempts that were answered as expected.
    pub served: u64,
    /// First attempts that the viewer gave up on.
    pub abandoned: u64,
    /// Viewers whose first failure at that service in their visit one of these was.
    pub viewers_not_served: u64,
}

impl SendTotals {
    /// Adds the requests of one step and interval.
    pub fn add(&mut self, send: &SendCount) {
        self.first += send.first;
        self.retries += send.retries;
        self.served += send.served;
        self.abandoned += send.abandoned;
        self.viewers_not_served += send.viewers_not_served;
    }

    /// First attempts that were not given up.
    pub fn asked(&self) -> u64 {
        self.first.saturating_sub(self.abandoned)
    }

    /// First attempts that were neither served nor given up.
    pub fn not_served(&self) -> u64 {
        self.asked().saturating_sub(self.served)
    }

    /// Requests for each first attempt: (first + retries) ÷ first; none without first attempts.
    pub fn amplification(&self) -> Option<f64> {
        (self.first > 0).then(|| (self.first + self.retries) as f64 / self.first as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AnswerCount, Felt, Measure, Outcome, SessionEnd, Setup};

    fn frame(worker: u32, sequence: u64) -> Frame {
        let mut samples = Samples::new();
        samples.record(100 * (sequence + 1));
        let key = SeriesKey {
            measure: Measure::Response,
            journey: "streaming".into(),
            step: "home".into(),
            outcome: Outcome::Ok,
            region: "local".into(),
        };
        Frame {
            worker,
            incarnation: 1,
            sequence,
            from: Offset(sequence as i64 * 1_000_000),
            to: Offset((sequence as i64 + 1) * 1_000_000),
            watermark: Offset((sequence as i64 + 1) * 1_000_000),
            series: vec![(key, samples.sparse())],
            arrivals: ArrivalCounts { intended: 2, on_time: 2, ..Default::default() },
            sends: vec![SendCount {
                service: "home".into(),
                step: format!("step {}", sequence % 2),
                first: 4,
                retries: 2,
                served: 2,
                abandoned: 1,
                viewers_not_served: 1,
                ..SendCount::default()
            }],
            answers: vec![AnswerCount { service: "home".into(), status: 200, count: 2 }],
            responses: vec![ResponseCount {
                moment: "out".into(),
                first_at: Some(Offset(sequence as i64)),
                woken: 3,
                ..ResponseCount::default()
            }],
            troubles: vec![TroubleCount {
                what: format!("worker {worker} is dry"),
                count: u64::from(worker) + 1,
                ..TroubleCount::default()
            }],
            ..Frame::default()
        }
    }

    #[test]
    fn merging_is_commutative_and_counts_each_frame_once() {
        let frames: Vec<Frame> = (0..3).flat_map(|w| (0..5).map(move |s| frame(w, s))).collect();
        let (mut forward, mut backward) = (Merged::default(), Merged::default());
        for frame in &frames {
            forward.add(frame.clone()).unwrap();
        }
        for frame in frames.iter().rev().chain(&frames) {
            backward.add(frame.clone()).unwrap();
        }
        assert_eq!(forward.arrivals(), backward.arrivals());
        assert_eq!(forward.arrivals().intended, 30);
        let [a, b] = [&forward, &backward].map(|merged| merged.series(|_| true));
        assert_eq!(a.values().next().unwrap().histogram(), b.values().next().unwrap().histogram());
        assert_eq!(forward.frames_of(0, 1), 5);
        assert_eq!(forward.sends(), backward.sends());
        assert_eq!(forward.responses(), backward.responses());
        assert_eq!(forward.troubles(), backward.troubles());
    }

    #[test]
    fn counts_of_frames_add_up() {
        let mut merged = Merged::default();
        for (worker, sequence) in [(0, 0), (0, 1), (1, 1)] {
            merged.add(frame(worker, sequence)).unwrap();
        }
        let sends = merged.sends()[&("home".to_owned(), 0)];
        assert_eq!((sends.first, sends.retries, sends.viewers_not_served), (12, 6, 3));
        assert_eq!((sends.not_served(), sends.amplification()), (3, Some(1.5)));
        assert_eq!(SendTotals::default().amplification(), None);
        assert_eq!(merged.answers()[&("home".to_owned(), 200)], 6);
        let out = &merged.responses()["out"];
        assert_eq!((out.first_at, out.woken), (Some(Offset(0)), 9));
        let troubles = merged.troubles();
        assert_eq!(troubles.len(), 2);
        assert_eq!((troubles[0].what.as_str(), troubles[0].count), ("worker 0 is dry", 2));
    }

    fn session(caller: u32, at_us: i64) -> Session {
        Session {
            caller,
            intended_at: Offset(at_us),
            wanted_us: 1,
            end: SessionEnd::Completed,
            setup: Setup::default(),
            setup_us: Some(1),
            first_frame_us: None,
            turn_us: Vec::new(),
            barge_ins: 0,
            barge_in_us: Vec::new(),
            served_us: 0,
            lag_us_max: 0,
            felt: Felt::default(),
            attempt: 0,
        }
    }

    #[test]
    fn sessions_come_in_the_order_of_their_intended_times() {
        let mut merged = Merged::default();
        let early = vec![session(9, 20), session(3, 20)];
        merged.add(Frame { sessions: early, sessions_untold: 2, ..frame(0, 0) }).unwrap();
        // It was to begin first, and ended last.
        merged.add(Frame { sessions: vec![session(5, 10)], ..frame(0, 1) }).unwrap();
        merged.add(Frame { sessions_untold: 1, ..frame(1, 1) }).unwrap();
        let callers: Vec<u32> = merged.sessions().iter().map(|session| session.caller).collect();
        assert_eq!((callers, merged.sessions_untold()), (vec![5, 3, 9], 3));
    }

    #[test]
    fn a_contradiction_is_an_error() {
        let mut merged = Merged::default();
        merged.add(frame(0, 0)).unwrap();
        let mut other = frame(0, 0);
        other.bytes_received = 1;
        assert!(merged.add(other).is_err());
    }

    #[test]
    fn a_frame_survives_the_wire() {
        let sent = frame(3, 4);
        let bytes = crate::encode(&sent).unwrap();
        assert_eq!(crate::decode::<Frame>(&bytes).unwrap(), sent);
        assert!(crate::decode::<Frame>(&bytes[..bytes.len() - 1]).is_err());
    }
}
