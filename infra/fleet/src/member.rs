//! What the controller knows of one worker.

use hulk_record::{Offset, WorkerEnd};

use crate::ToWorker;

/// How often a worker's clock is asked: the answer with the shortest way counts.
const PROBES: u32 = 8;

/// How far a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing came yet.
    Enlisting,
    /// Its clock is asked.
    Syncing {
        /// Probes sent.
        sent: u32,
        /// When the last one left.
        at: i64,
        /// The best round trip so far.
        best_us: i64,
        /// Its clock less the controller's, by that one.
        offset_us: i64,
    },
    /// It has its part.
    Preparing {
        offset_us: i64,
    },
    /// It waits for the start.
    Ready {
        offset_us: i64,
    },
    Running,
    /// It has told everything.
    Ended(WorkerEnd),
    /// It is gone, and did not.
    Lost,
}

/// What comes of an answer about a worker's clock.
pub(crate) enum Clocked {
    /// The next question.
    Ask(ToWorker),
    /// The clock is known now.
    Known,
    /// Nothing: it was no answer.
    Nothing,
}

/// One worker.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) number: u32,
    pub(crate) incarnation: u64,
    pub(crate) stage: Stage,
    /// Its last frame ends here.
    pub(crate) since: Offset,
    /// When it said something the last time, on the controller's clock.
    pub(crate) heard: i64,
    /// The controller's ticks since then.
    pub(crate) silent_ticks: u32,
}

impl Member {
    /// A worker of which nothing is known yet, in a run that begins at `from`.
    pub(crate) fn new(number: u32, from: Offset) -> Self {
        let (incarnation, stage) = (0, Stage::Enlisting);
        Self { number, incarnation, stage, since: from, heard: i64::MIN, silent_ticks: 0 }
    }

    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.stage, Stage::Ready { .. })
    }

    /// It is there: its clock is asked.
    pub(crate) fn enlist(&mut self, now: i64, incarnation: u64) -> Option<ToWorker> {
        if self.stage != Stage::Enlisting {
            return None;
        }
        self.incarnation = incarnation;
        self.stage = Stage::Syncing { sent: 1, at: now, best_us: i64::MAX, offset_us: 0 };
        Some(ToWorker::Clock { probe: 1 })
    }

    /// Takes an answer about its clock.
    pub(crate) fn clock(&mut self, now: i64, probe: u32, worker_us: i64) -> Clocked {
        let Stage::Syncing { sent, at, mut best_us, mut offset_us } = self.stage else {
            return Clocked::Nothing;
        };
        // A late answer to an earlier question says nothing.
        if probe != sent {
            return Clocked::Nothing;
        }
        let round_trip = now - at;
        if round_trip < best_us {
            best_us = round_trip;
            offset_us = worker_us - (at + now) / 2;
        }
        if sent < PROBES {
            self.stage = Stage::Syncing { sent: sent + 1, at: now, best_us, offset_us };
            return Clocked::Ask(ToWorker::Clock { probe: sent + 1 });
        }
        self.stage = Stage::Preparing { offset_us };
        Clocked::Known
    }

    /// It has prepared its part.
    pub(crate) fn ready(&mut self) {
        if let Stage::Preparing { offset_us } = self.stage {
            self.stage = Stage::Ready { offset_us };
        }
    }

    /// It is told to start; its clock less the controller's, in µs.
    pub(crate) fn start(&mut self, now: i64) -> i64 {
        let offset_us = match self.stage {
            Stage::Ready { offset_us } => offset_us,
            _ => 0,
        };
        (self.stage, self.heard, self.silent_ticks) = (Stage::Running, now, 0);
        offset_us
    }
}
