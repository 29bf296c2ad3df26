//! What controller and workers say to each other.

use std::net::SocketAddr;

use hulk_record::{Frame, WorkerEnd};
use hulk_scenarios::Rehearsal;
use serde::{Deserialize, Serialize};

/// A worker's part of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What is rehearsed.
    pub rehearsal: Rehearsal,
    /// Where the load goes, in the order of the target's origins; the worker asks its own scope
    /// for consent.
    pub targets: Vec<SocketAddr>,
    /// The avatar backend that callers call; the worker asks its own scope for consent.
    pub callee: Option<SocketAddr>,
    /// The shard: slots from here …
    pub slots_from: u32,
    /// … to before here.
    pub slots_to: u32,
    /// Marks the run's requests.
    pub run_id: u32,
    /// Where the worker stands.
    pub region: String,
    /// Whether each request is told by itself.
    pub raw: bool,
}

impl Plan {
    /// The part of worker `worker` of `of`: an even share of the slots, and of the users where
    /// their number is limited. The parts together are the whole.
    #[must_use]
    pub fn part(&self, worker: u32, of: u32) -> Self {
        let of = of.max(1);
        let slots = self.slots_to.saturating_sub(self.slots_from);
        let at = |worker: u32| {
            self.slots_from + (u64::from(slots) * u64::from(worker) / u64::from(of)) as u32
        };
        let mut part = self.clone();
        (part.slots_from, part.slots_to) = (at(worker), at(worker + 1));
        let users = |all: u32| all / of + u32::from(worker < all % of);
        part.rehearsal.users_max = self.rehearsal.users_max.map(users);
        part
    }
}

/// From the controller to a worker. Times are in µs on the clock that is named.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ToWorker {
    /// What does your clock say?
    Clock {
        /// Comes back with the answer.
        probe: u32,
    },
    /// Your part of the run.
    Assign(Box<Plan>),
    /// Wall time 0 of the run is then, on the worker's clock.
    Start {
        /// µs on the worker's clock.
        epoch_us: i64,
    },
    /// The lease goes on; a higher term may also wake a paused worker.
    Renew {
        /// The controller's term.
        term: u64,
    },
    /// No more load.
    Stop,
}

/// From a worker to the controller.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ToController {
    /// Here I am.
    Enlist {
        /// The worker's number.
        worker: u32,
        /// Tells a restarted worker from its former self.
        incarnation: u64,
    },
    /// What my clock says.
    Clock {
        /// Of the question.
        probe: u32,
        /// µs on the worker's clock.
        worker_us: i64,
    },
    /// Users are launched; the start may come.
    Ready {
        /// How many.
        users: u64,
    },
    /// An interval.
    Frame(Box<Frame>),
    /// All frames have been sent.
    End(WorkerEnd),
    /// The worker's load failed.
    Failed {
        /// Why.
        reason: String,
    },
}
