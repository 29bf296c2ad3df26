//! Samples of the data plane into one frame an interval.

use std::mem::swap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hulk_record::{
    ArrivalCounts, Frame, MachineSample, Offset, Outcome, Presence, Recorder, RecorderPlan,
    RequestSample,
};

/// The recorder of a worker. The data plane is one thread, so its lock is free except in the
/// moment in which an interval's recorder is changed for the one of the interval before.
#[derive(Debug)]
pub(crate) struct Recording {
    recorder: Mutex<Recorder>,
    spare: Mutex<Recorder>,
    presence: Mutex<Presence>,
    sequence: AtomicU64,
    worker: u32,
    incarnation: u64,
}

impl Recording {
    pub(crate) fn new(
        plan: RecorderPlan,
        start: Offset,
        (worker, incarnation): (u32, u64),
    ) -> Self {
        let plan = Arc::new(plan);
        Self {
            recorder: Mutex::new(Recorder::new(Arc::clone(&plan))),
            spare: Mutex::new(Recorder::new(plan)),
            presence: Mutex::new(Presence::new(start)),
            sequence: AtomicU64::new(0),
            worker,
            incarnation,
        }
    }

    pub(crate) fn request(&self, sample: &RequestSample) {
        lock(&self.recorder).request(sample);
    }

    pub(crate) fn journey(&self, journey: u16, outcome: Outcome, us: u64) {
        lock(&self.recorder).journey(journey, outcome, us);
    }

    pub(crate) fn arrivals(&self, change: impl FnOnce(&mut ArrivalCounts)) {
        change(&mut lock(&self.recorder).arrivals);
    }

    pub(crate) fn came(&self, at: Offset) {
        lock(&self.presence).came(at);
    }

    pub(crate) fn left(&self, since: Offset, at: Offset) {
        lock(&self.presence).left(since, at);
    }

    pub(crate) fn present(&self) -> u64 {
        lock(&self.presence).present()
    }

    /// Everything since the last call, as the frame of `from..to`.
    pub(crate) fn drain(
        &self,
        (from, to): (Offset, Offset),
        watermark: Offset,
        machine: MachineSample,
    ) -> Frame {
        let audience = lock(&self.presence).drain(to);
        let mut spare = lock(&self.spare);
        // The data plane goes on with the empty one while the full one is read.
        swap(&mut *lock(&self.recorder), &mut *spare);
        let drained = spare.drain();
        Frame {
            worker: self.worker,
            incarnation: self.incarnation,
            sequence: self.sequence.fetch_add(1, Ordering::Relaxed),
            from,
            to,
            watermark,
            series: drained.series,
            arrivals: drained.arrivals,
            sends: drained.sends,
            bytes_received: drained.bytes_received,
            audience,
            machine,
        }
    }

    /// How many frames there have been.
    pub(crate) fn frames(&self) -> u64 {
        self.sequence.load(Ordering::Relaxed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
