//! Frames of several workers, put together by the intervals that they are of.

use std::collections::{BTreeMap, BTreeSet};

use hulk_record::{Frame, Offset};

/// Holds frames back until every worker of the run has told of their interval, so that nobody sees
/// a part of the workers for the whole.
pub(crate) struct Intervals {
    /// From where the last frame of each worker is that has more to tell.
    told: BTreeMap<u32, Offset>,
    /// Workers that have told nothing yet.
    silent: BTreeSet<u32>,
    /// By where they begin.
    waiting: BTreeMap<Offset, Vec<Frame>>,
}

impl Intervals {
    /// Of so many workers.
    pub(crate) fn of(workers: u32) -> Self {
        let (told, waiting) = (BTreeMap::new(), BTreeMap::new());
        Self { told, silent: (0..workers).collect(), waiting }
    }

    /// Takes a frame; the intervals that are complete with it, in their order.
    pub(crate) fn frame(&mut self, frame: Frame) -> Vec<Vec<Frame>> {
        self.silent.remove(&frame.worker);
        self.told.insert(frame.worker, frame.from);
        self.waiting.entry(frame.from).or_default().push(frame);
        self.complete()
    }

    /// A worker has ended or is lost: nobody waits for it any more.
    pub(crate) fn gone(&mut self, worker: u32) -> Vec<Vec<Frame>> {
        self.silent.remove(&worker);
        self.told.remove(&worker);
        self.complete()
    }

    fn complete(&mut self) -> Vec<Vec<Frame>> {
        if !self.silent.is_empty() {
            return Vec::new();
        }
        let rest = match self.told.values().min() {
            // Every worker that is there has told of what begins then, and before.
            Some(least) => self.waiting.split_off(&least.plus(1)),
            None => BTreeMap::new(),
        };
        std::mem::replace(&mut self.waiting, rest).into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(worker: u32, from: i64) -> Frame {
        Frame { worker, from: Offset(from), to: Offset(from + 10), ..Frame::default() }
    }

    /// Whose frames are together, and from when.
    fn told(intervals: Vec<Vec<Frame>>) -> Vec<(i64, Vec<u32>)> {
        let one = |of: Vec<Frame>| (of[0].from.0, of.iter().map(|frame| frame.worker).collect());
        intervals.into_iter().map(one).collect()
    }

    #[test]
    fn an_interval_waits_for_the_last_worker() {
        let mut intervals = Intervals::of(2);
        assert!(told(intervals.frame(frame(1, -10))).is_empty());
        assert!(told(intervals.frame(frame(1, 0))).is_empty());
        assert_eq!(told(intervals.frame(frame(0, -10))), [(-10, vec![1, 0])]);
        assert_eq!(told(intervals.frame(frame(0, 0))), [(0, vec![1, 0])]);
        let mut alone = Intervals::of(1);
        assert_eq!(told(alone.frame(frame(0, 5))), [(5, vec![0])]);
    }

    #[test]
    fn nobody_waits_for_a_worker_that_is_gone() {
        let mut intervals = Intervals::of(3);
        for worker in [0, 2] {
            assert!(told(intervals.frame(frame(worker, 0))).is_empty());
        }
        assert_eq!(told(intervals.gone(1)), [(0, vec![0, 2])], "it never said anything");
        assert!(told(intervals.frame(frame(0, 10))).is_empty());
        assert!(told(intervals.frame(frame(0, 20))).is_empty());
        let rest = told(intervals.gone(2));
        assert_eq!(rest, [(10, vec![0]), (20, vec![0])]);
        assert!(told(intervals.gone(0)).is_empty());
    }
}
