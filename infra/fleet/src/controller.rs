//! The controller, without its clock and its bus.

use hulk_record::{Frame, Offset, RunEnd, WorkerEnd};

use crate::{Plan, ToController, ToWorker};

/// How often a worker's clock is asked: the answer with the shortest way counts.
const PROBES: u32 = 8;
/// A worker that has not enlisted and got ready by then is missing, in µs.
const READY_LIMIT_US: i64 = 60_000_000;
/// From "all are ready" to the start of the lead-in, in µs: all must have heard of it before.
const START_LEAD_US: i64 = 300_000;
/// How often the lease is renewed, in µs: three may be lost.
const RENEW_US: i64 = 750_000;
/// After the end of the window a worker may take so long for its last frame, in µs.
const END_LIMIT_US: i64 = 10_000_000;

/// What happens to the controller. Times are in µs on its own clock.
#[derive(Debug, Clone, PartialEq)]
pub enum ControllerEvent {
    /// Time has passed.
    Tick,
    /// The worker says something.
    Message(ToController),
    /// A person or a supervisor wants it to end.
    Interrupt {
        /// The signal's number.
        signal: i32,
    },
    /// The bus to the worker is gone.
    WorkerGone,
}

/// What the controller does.
#[derive(Debug, Clone, PartialEq)]
pub enum ControllerCommand {
    /// Tell the worker.
    Send(ToWorker),
    /// The run's wall time 0 is then, on the controller's clock.
    Started {
        /// µs on the controller's clock.
        epoch_us: i64,
    },
    /// Into the record.
    Record(Box<Frame>),
    /// It is over.
    Finish(RunEnd),
    /// It cannot go on.
    Fail(String),
}

#[derive(Debug, Clone, PartialEq)]
enum State {
    Enlisting,
    /// (probes sent, when the last one left, best round trip, offset of the worker's clock)
    Syncing {
        sent: u32,
        at: i64,
        best_us: i64,
        offset_us: i64,
    },
    Preparing {
        offset_us: i64,
    },
    Running {
        epoch_us: i64,
    },
    Over,
}

/// A controller of one worker.
#[derive(Debug)]
pub struct Controller {
    plan: Option<Box<Plan>>,
    lead_in_from: Offset,
    until: Offset,
    state: State,
    began: Option<i64>,
    renewed: i64,
    signal: Option<i32>,
    stopped: Option<i64>,
}

impl Controller {
    /// A controller of a run.
    pub fn new(plan: Plan) -> Self {
        Self {
            lead_in_from: plan.rehearsal.lead_in_from(),
            until: plan.rehearsal.until(),
            plan: Some(Box::new(plan)),
            state: State::Enlisting,
            began: None,
            renewed: i64::MIN,
            signal: None,
            stopped: None,
        }
    }

    /// Takes an event at `now` µs of the controller's clock.
    pub fn step(&mut self, now: i64, event: ControllerEvent) -> Vec<ControllerCommand> {
        let began = *self.began.get_or_insert(now);
        match event {
            ControllerEvent::Tick => self.tick(now, began),
            ControllerEvent::Interrupt { signal } => self.interrupt(now, signal),
            ControllerEvent::WorkerGone => self.fail("the worker is gone"),
            ControllerEvent::Message(message) => self.message(now, message),
        }
    }

    fn tick(&mut self, now: i64, began: i64) -> Vec<ControllerCommand> {
        match self.state {
            State::Running { epoch_us } => {
                let late = now > epoch_us + self.until.0 + END_LIMIT_US
                    || self.stopped.is_some_and(|at| now > at + END_LIMIT_US);
                if late {
                    return self.fail("the worker did not send its last frame");
                }
                if now - self.renewed < RENEW_US {
                    return Vec::new();
                }
                self.renewed = now;
                vec![ControllerCommand::Send(ToWorker::Renew { term: 1 })]
            }
            State::Over => Vec::new(),
            _ if now > began + READY_LIMIT_US => self.fail("the worker was not ready in time"),
            _ => Vec::new(),
        }
    }

    fn message(&mut self, now: i64, message: ToController) -> Vec<ControllerCommand> {
        match (message, self.state.clone()) {
            (ToController::Enlist { .. }, State::Enlisting) => {
                self.state = State::Syncing { sent: 1, at: now, best_us: i64::MAX, offset_us: 0 };
                vec![ControllerCommand::Send(ToWorker::Clock { probe: 1 })]
            }
            (
                ToController::Clock { probe, worker_us },
                State::Syncing { sent, at, best_us, offset_us },
            ) if probe == sent => self.clock(now, (sent, at), worker_us, (best_us, offset_us)),
            (ToController::Ready { .. }, State::Preparing { offset_us }) => {
                let epoch_us = now + START_LEAD_US - self.lead_in_from.0;
                self.state = State::Running { epoch_us };
                self.renewed = now;
                let at_worker = epoch_us + offset_us;
                vec![
                    ControllerCommand::Started { epoch_us },
                    ControllerCommand::Send(ToWorker::Renew { term: 1 }),
                    ControllerCommand::Send(ToWorker::Start { epoch_us: at_worker }),
                ]
            }
            (ToController::Frame(frame), _) => vec![ControllerCommand::Record(frame)],
            (ToController::End(end), State::Running { .. }) => self.end(end),
            (ToController::Failed { reason }, _) => self.fail(&reason),
            // What comes out of its turn (a late probe, say) changes nothing.
            _ => Vec::new(),
        }
    }

    fn clock(
        &mut self,
        now: i64,
        (sent, at): (u32, i64),
        worker_us: i64,
        (mut best_us, mut offset_us): (i64, i64),
    ) -> Vec<ControllerCommand> {
        let round_trip = now - at;
        if round_trip < best_us {
            best_us = round_trip;
            offset_us = worker_us - (at + now) / 2;
        }
        if sent < PROBES {
            self.state = State::Syncing { sent: sent + 1, at: now, best_us, offset_us };
            return vec![ControllerCommand::Send(ToWorker::Clock { probe: sent + 1 })];
        }
        self.state = State::Preparing { offset_us };
        let plan = self.plan.take();
        plan.map(|plan| ControllerCommand::Send(ToWorker::Assign(plan))).into_iter().collect()
    }

    fn interrupt(&mut self, now: i64, signal: i32) -> Vec<ControllerCommand> {
        self.signal = Some(signal);
        match self.state {
            State::Running { .. } => {
                self.stopped.get_or_insert(now);
                vec![ControllerCommand::Send(ToWorker::Stop)]
            }
            State::Over => Vec::new(),
            _ => {
                self.state = State::Over;
                let end = RunEnd::Interrupted { signal, workers: Vec::new() };
                vec![ControllerCommand::Send(ToWorker::Stop), ControllerCommand::Finish(end)]
            }
        }
    }

    fn end(&mut self, end: WorkerEnd) -> Vec<ControllerCommand> {
        self.state = State::Over;
        let workers = vec![end];
        vec![ControllerCommand::Finish(match self.signal {
            Some(signal) => RunEnd::Interrupted { signal, workers },
            None => RunEnd::Completed { workers },
        })]
    }

    fn fail(&mut self, reason: &str) -> Vec<ControllerCommand> {
        if self.state == State::Over {
            return Vec::new();
        }
        self.state = State::Over;
        vec![ControllerCommand::Fail(reason.to_owned())]
    }
}
