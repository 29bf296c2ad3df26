//! Samples from many threads into one frame an interval.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hulk_record::{
    ArrivalCounts, Frame, MachineSample, Offset, Outcome, Presence, Recorder, RecorderPlan,
    RequestSample,
};

thread_local! {
    /// Which shard this thread writes to.
    static SHARD: Cell<Option<usize>> = const { Cell::new(None) };
}
static NEXT_SHARD: AtomicUsize = AtomicUsize::new(0);

/// The recorders of a worker: one a thread in effect, so that a lock is only ever contended in
/// the moment in which an interval is drained.
#[derive(Debug)]
pub(crate) struct Recording {
    shards: Vec<Mutex<Recorder>>,
    presence: Mutex<Presence>,
    sequence: AtomicU64,
    worker: u32,
    incarnation: u64,
}

impl Recording {
    pub(crate) fn new(
        plan: RecorderPlan,
        threads: usize,
        start: Offset,
        (worker, incarnation): (u32, u64),
    ) -> Self {
        let plan = Arc::new(plan);
        let shards =
            (0..threads.max(1)).map(|_| Mutex::new(Recorder::new(Arc::clone(&plan)))).collect();
        Self {
            shards,
            presence: Mutex::new(Presence::new(start)),
            sequence: AtomicU64::new(0),
            worker,
            incarnation,
        }
    }

    pub(crate) fn request(&self, sample: &RequestSample) {
        self.with(|recorder| recorder.request(sample));
    }

    pub(crate) fn journey(&self, journey: u16, outcome: Outcome, us: u64) {
        self.with(|recorder| recorder.journey(journey, outcome, us));
    }

    pub(crate) fn arrivals(&self, change: impl FnOnce(&mut ArrivalCounts)) {
        self.with(|recorder| change(&mut recorder.arrivals));
    }

    pub(crate) fn came(&self, at: Offset) {
        self.presence.lock().unwrap_or_else(PoisonError::into_inner).came(at);
    }

    pub(crate) fn left(&self, since: Offset, at: Offset) {
        self.presence.lock().unwrap_or_else(PoisonError::into_inner).left(since, at);
    }

    pub(crate) fn present(&self) -> u64 {
        self.presence.lock().unwrap_or_else(PoisonError::into_inner).present()
    }

    /// Everything since the last call, as the frame of `from..to`.
    pub(crate) fn drain(
        &self,
        (from, to): (Offset, Offset),
        watermark: Offset,
        machine: MachineSample,
    ) -> Frame {
        let audience = self.presence.lock().unwrap_or_else(PoisonError::into_inner).drain(to);
        let mut frame = Frame {
            worker: self.worker,
            incarnation: self.incarnation,
            sequence: self.sequence.fetch_add(1, Ordering::Relaxed),
            from,
            to,
            watermark,
            series: Vec::new(),
            arrivals: ArrivalCounts::default(),
            sends: Vec::new(),
            bytes_received: 0,
            audience,
            machine,
        };
        for shard in &self.shards {
            let drained = shard.lock().unwrap_or_else(PoisonError::into_inner).drain();
            frame.series.extend(drained.series);
            frame.sends.extend(drained.sends);
            frame.arrivals.add(&drained.arrivals);
            frame.bytes_received += drained.bytes_received;
        }
        frame
    }

    /// How many frames there have been.
    pub(crate) fn frames(&self) -> u64 {
        self.sequence.load(Ordering::Relaxed)
    }

    fn with(&self, change: impl FnOnce(&mut Recorder)) {
        let index = SHARD.with(|shard| {
            shard.get().unwrap_or_else(|| {
                let fresh = NEXT_SHARD.fetch_add(1, Ordering::Relaxed);
                shard.set(Some(fresh));
                fresh
            })
        });
        if let Some(shard) = self.shards.get(index % self.shards.len()) {
            change(&mut shard.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}
