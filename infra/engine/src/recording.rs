//! Samples of the data plane into one frame an interval.

use std::mem::swap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use hulk_record::{
    Frame, FrameHead, MachineSample, Offset, Presence, ProcessSample, Recorder, RecorderPlan,
};
use hulk_scenarios::Books;

use crate::lock::lock;

/// The books of a worker. The data plane is one thread, so their lock is free except in the
/// moment in which an interval's recorder is changed for the one of the interval before.
#[derive(Debug)]
pub(crate) struct Recording {
    books: Mutex<Books>,
    spare: Mutex<Recorder>,
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
        let recorder = Recorder::new(Arc::clone(&plan));
        Self {
            books: Mutex::new(Books { recorder, presence: Presence::new(start) }),
            spare: Mutex::new(Recorder::new(plan)),
            sequence: AtomicU64::new(0),
            worker,
            incarnation,
        }
    }

    /// The books, to be written in.
    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        lock(&self.books)
    }

    /// Everything since the last call, as the frame of `from..to`.
    pub(crate) fn drain(
        &self,
        (from, to): (Offset, Offset),
        watermark: Offset,
        (machine, process): (MachineSample, ProcessSample),
    ) -> Frame {
        let mut spare = lock(&self.spare);
        let audience = {
            let mut books = self.books();
            // The data plane goes on with the empty one while the full one is read.
            swap(&mut books.recorder, &mut *spare);
            books.presence.drain(to)
        };
        let head = FrameHead {
            worker: self.worker,
            incarnation: self.incarnation,
            sequence: self.sequence.fetch_add(1, Ordering::Relaxed),
            from,
            to,
            watermark,
        };
        Frame { process, ..spare.drain().into_frame(head, audience, machine) }
    }

    /// How many frames there have been.
    pub(crate) fn frames(&self) -> u64 {
        self.sequence.load(Ordering::Relaxed)
    }
}
