//! Frames into totals: associative, commutative, each frame once.

use std::collections::{BTreeMap, BTreeSet};

use crate::{ArrivalCounts, Frame, Offset, Samples, SendCount, SeriesKey};

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
    pub fn sends(&self) -> BTreeMap<(String, i32), SendCount> {
        let mut merged: BTreeMap<(String, i32), SendCount> = BTreeMap::new();
        for send in self.frames().flat_map(|frame| &frame.sends) {
            let total =
                merged.entry((send.service.clone(), send.due_interval)).or_insert_with(|| {
                    SendCount { first: 0, retries: 0, served: 0, abandoned: 0, ..send.clone() }
                });
            total.first += send.first;
            total.retries += send.retries;
            total.served += send.served;
            total.abandoned += send.abandoned;
        }
        merged
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AudienceSample, MachineSample, Measure, Outcome};

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
            sends: Vec::new(),
            bytes_received: 0,
            audience: AudienceSample::default(),
            machine: MachineSample::default(),
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
