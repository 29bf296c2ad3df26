//! A worker, without its clock, its bus and its load.

use hulk_record::{Frame, WorkerEnd};

use crate::{Plan, ToController, ToWorker};

/// A lease that has not been renewed for so long has lapsed, in µs: load pauses.
const LEASE_US: i64 = 3_000_000;
/// A paused worker stops after so long, in µs.
const RESUME_LIMIT_US: i64 = 30_000_000;

/// What happens to the worker. Times are in µs on its own clock.
#[derive(Debug, Clone, PartialEq)]
pub enum WorkerEvent {
    /// The worker comes up.
    Up,
    /// Time has passed.
    Tick,
    /// The controller says something.
    Message(ToWorker),
    /// The load is prepared, with so many users.
    Prepared {
        /// Users.
        users: u64,
    },
    /// The load measured an interval.
    Measured(Box<Frame>),
    /// The load has ended, after so many frames.
    Ended {
        /// Frames.
        frames: u64,
    },
    /// The load failed.
    Failed(String),
}

/// What the worker does.
#[derive(Debug, Clone, PartialEq)]
pub enum WorkerCommand {
    /// Tell the controller.
    Send(ToController),
    /// Prepare the load.
    Prepare(Box<Plan>),
    /// Start it: wall time 0 is then, on the worker's clock.
    Start {
        /// µs on the worker's clock.
        epoch_us: i64,
    },
    /// Viewers leave; what is due is lost.
    Pause,
    /// Go on.
    Resume,
    /// No more load.
    Stop,
    /// The worker is done.
    Finish,
}

/// A worker of a run.
#[derive(Debug)]
pub struct Worker {
    number: u32,
    incarnation: u64,
    term: u64,
    /// When the lease was last renewed, once load has been started.
    renewed: Option<i64>,
    paused: Option<i64>,
    running: bool,
    over: bool,
}

impl Worker {
    /// A worker that has not enlisted yet.
    pub fn new(number: u32, incarnation: u64) -> Self {
        let (term, renewed, paused) = (0, None, None);
        Self { number, incarnation, term, renewed, paused, running: false, over: false }
    }

    /// Takes an event at `now` µs of the worker's clock.
    pub fn step(&mut self, now: i64, event: WorkerEvent) -> Vec<WorkerCommand> {
        match event {
            WorkerEvent::Up => {
                let (worker, incarnation) = (self.number, self.incarnation);
                vec![WorkerCommand::Send(ToController::Enlist { worker, incarnation })]
            }
            WorkerEvent::Tick => self.tick(now),
            WorkerEvent::Message(message) => self.message(now, message),
            WorkerEvent::Prepared { users } => {
                vec![WorkerCommand::Send(ToController::Ready { users })]
            }
            WorkerEvent::Measured(frame) => vec![WorkerCommand::Send(ToController::Frame(frame))],
            WorkerEvent::Ended { frames } => {
                self.over = true;
                let (worker, incarnation) = (self.number, self.incarnation);
                let end = WorkerEnd { worker, incarnation, frames };
                vec![WorkerCommand::Send(ToController::End(end)), WorkerCommand::Finish]
            }
            WorkerEvent::Failed(reason) => {
                self.over = true;
                vec![WorkerCommand::Send(ToController::Failed { reason }), WorkerCommand::Finish]
            }
        }
    }

    fn tick(&mut self, now: i64) -> Vec<WorkerCommand> {
        let (Some(renewed), false) = (self.renewed.filter(|_| self.running), self.over) else {
            return Vec::new();
        };
        match self.paused {
            None if now - renewed > LEASE_US => {
                self.paused = Some(now);
                vec![WorkerCommand::Pause]
            }
            Some(since) if now - since > RESUME_LIMIT_US => {
                self.over = true;
                vec![WorkerCommand::Stop]
            }
            _ => Vec::new(),
        }
    }

    fn message(&mut self, now: i64, message: ToWorker) -> Vec<WorkerCommand> {
        match message {
            ToWorker::Clock { probe } => {
                vec![WorkerCommand::Send(ToController::Clock { probe, worker_us: now })]
            }
            ToWorker::Assign(plan) => vec![WorkerCommand::Prepare(plan)],
            ToWorker::Start { epoch_us } => {
                self.running = true;
                self.renewed = Some(now);
                vec![WorkerCommand::Start { epoch_us }]
            }
            ToWorker::Renew { term } if term < self.term => Vec::new(),
            ToWorker::Renew { term } => {
                // Whoever let the lease lapse may not wake the worker: a newer controller may.
                let newer = term > self.term && self.term > 0;
                self.term = term;
                match self.paused {
                    Some(_) if !newer => Vec::new(),
                    Some(_) => {
                        (self.renewed, self.paused) = (Some(now), None);
                        vec![WorkerCommand::Resume]
                    }
                    None => {
                        self.renewed = Some(now);
                        Vec::new()
                    }
                }
            }
            ToWorker::Stop if self.running => vec![WorkerCommand::Stop],
            ToWorker::Stop => {
                self.over = true;
                vec![WorkerCommand::Stop, WorkerCommand::Finish]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> Worker {
        let mut worker = Worker::new(0, 1);
        worker.step(0, WorkerEvent::Message(ToWorker::Renew { term: 1 }));
        worker.step(0, WorkerEvent::Message(ToWorker::Start { epoch_us: 0 }));
        worker
    }

    #[test]
    fn load_pauses_when_the_lease_lapses_and_stops_when_nobody_takes_over() {
        let mut worker = running();
        assert_eq!(worker.step(3_000_000, WorkerEvent::Tick), []);
        assert_eq!(worker.step(3_000_001, WorkerEvent::Tick), [WorkerCommand::Pause]);
        assert_eq!(worker.step(33_000_001, WorkerEvent::Tick), []);
        assert_eq!(worker.step(33_000_002, WorkerEvent::Tick), [WorkerCommand::Stop]);
        assert_eq!(worker.step(99_000_000, WorkerEvent::Tick), []);
    }

    #[test]
    fn a_renewed_lease_goes_on() {
        let mut worker = running();
        for second in 1..100 {
            let now = second * 1_000_000;
            worker.step(now, WorkerEvent::Message(ToWorker::Renew { term: 1 }));
            assert_eq!(worker.step(now + 900_000, WorkerEvent::Tick), []);
        }
    }

    #[test]
    fn only_a_controller_of_a_higher_term_wakes_a_paused_worker() {
        let mut worker = running();
        worker.step(4_000_000, WorkerEvent::Tick);
        let renew = |term| WorkerEvent::Message(ToWorker::Renew { term });
        assert_eq!(worker.step(5_000_000, renew(1)), []);
        assert_eq!(worker.step(6_000_000, renew(2)), [WorkerCommand::Resume]);
        assert_eq!(worker.step(6_500_000, WorkerEvent::Tick), []);
        assert_eq!(worker.step(9_000_001, WorkerEvent::Tick), [WorkerCommand::Pause]);
    }
}
