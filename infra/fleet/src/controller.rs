//! The controller, without its clock and its bus.

use hulk_record::{Frame, Offset, RunEnd, WorkerEnd, WorkerLost};

use crate::member::{Clocked, Member, Stage};
use crate::{Plan, ToController, ToWorker};

/// A worker that has not enlisted and got ready by then is missing, in µs.
const READY_LIMIT_US: i64 = 60_000_000;
/// From "all are ready" to the start of the lead-in, in µs: all must have heard of it before.
const START_LEAD_US: i64 = 300_000;
/// How often the lease is renewed, in µs: three may be lost.
const RENEW_US: i64 = 750_000;
/// After the end of the window a worker may take so long for its last frame, in µs.
const END_LIMIT_US: i64 = 10_000_000;
/// A worker that says nothing for so long is lost, in µs. In ticks too, so that a machine that
/// stood still does not make all of them silent at once.
const SILENCE_US: i64 = 10_000_000;
const SILENT_TICKS: u32 = 20;

/// What happens to the controller. Times are in µs on its own clock.
#[derive(Debug, Clone, PartialEq)]
pub enum ControllerEvent {
    /// Time has passed.
    Tick,
    /// A worker says something.
    Message {
        /// Who.
        worker: u32,
        /// What.
        message: ToController,
    },
    /// A person or a supervisor wants it to end.
    Interrupt {
        /// The signal's number.
        signal: i32,
    },
    /// The bus to a worker is gone.
    WorkerGone {
        /// Whose.
        worker: u32,
        /// Why, in words.
        reason: String,
    },
}

/// What the controller does.
#[derive(Debug, Clone, PartialEq)]
pub enum ControllerCommand {
    /// Tell a worker.
    Send {
        /// Whom.
        worker: u32,
        /// What.
        message: ToWorker,
    },
    /// The run's wall time 0 is then, on the controller's clock.
    Started {
        /// µs on the controller's clock.
        epoch_us: i64,
    },
    /// Into the record.
    Record(Box<Frame>),
    /// All that a worker will ever tell is in the record: it came to its end.
    Ended(WorkerEnd),
    /// The same, for it was lost; the run goes on without it.
    Lost(WorkerLost),
    /// It is over.
    Finish(RunEnd),
    /// It cannot go on.
    Fail(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Workers enlist, sync their clocks and prepare.
    Gathering,
    /// Wall time 0 is then.
    Running {
        epoch_us: i64,
    },
    Over,
}

/// A controller of some workers.
#[derive(Debug)]
pub struct Controller {
    plan: Plan,
    members: Vec<Member>,
    lost: Vec<WorkerLost>,
    state: State,
    began: Option<i64>,
    renewed: i64,
    signal: Option<i32>,
    stopped: Option<i64>,
}

impl Controller {
    /// A controller of a run, whose plan so many workers share; at least one.
    pub fn new(plan: Plan, workers: u32) -> Self {
        let from = plan.rehearsal.lead_in_from();
        Self {
            members: (0..workers.max(1)).map(|number| Member::new(number, from)).collect(),
            plan,
            lost: Vec::new(),
            state: State::Gathering,
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
            ControllerEvent::WorkerGone { worker, reason } => self.lose(now, worker, &reason),
            ControllerEvent::Message { worker, message } => self.message(now, worker, message),
        }
    }

    fn tick(&mut self, now: i64, began: i64) -> Vec<ControllerCommand> {
        match self.state {
            State::Over => Vec::new(),
            State::Gathering if now > began + READY_LIMIT_US => {
                let missing = self.members.iter().find(|member| !member.is_ready());
                let name = missing.map_or_else(String::new, |member| self.name(member.number));
                self.fail(format!("{name} was not ready in time"))
            }
            State::Gathering => Vec::new(),
            State::Running { epoch_us } => {
                let mut commands = Vec::new();
                for (worker, reason) in self.overdue(now, epoch_us) {
                    commands.extend(self.lose(now, worker, reason));
                }
                if self.state != State::Over && now - self.renewed >= RENEW_US {
                    self.renewed = now;
                    commands.extend(self.tell_running(&ToWorker::Renew { term: 1 }));
                }
                commands
            }
        }
    }

    /// Workers that ought to have said something, and why that is too long.
    fn overdue(&mut self, now: i64, epoch_us: i64) -> Vec<(u32, &'static str)> {
        let until = self.plan.rehearsal.until();
        let late = now > epoch_us + until.0 + END_LIMIT_US
            || self.stopped.is_some_and(|at| now > at + END_LIMIT_US);
        // Nobody has anything to say before the lead-in.
        let begun = now > epoch_us + self.plan.rehearsal.lead_in_from().0;
        let mut overdue = Vec::new();
        for member in self.members.iter_mut().filter(|member| member.stage == Stage::Running) {
            member.silent_ticks = if begun { member.silent_ticks + 1 } else { 0 };
            member.heard = if begun { member.heard } else { now };
            if late {
                overdue.push((member.number, "it did not send its last frame"));
            } else if member.silent_ticks >= SILENT_TICKS && now > member.heard + SILENCE_US {
                overdue.push((member.number, "it said nothing for 10 s"));
            }
        }
        overdue
    }

    fn message(&mut self, now: i64, worker: u32, message: ToController) -> Vec<ControllerCommand> {
        let Some(member) = self.members.get_mut(worker as usize) else { return Vec::new() };
        if member.stage == Stage::Lost || self.state == State::Over {
            // The run went on without it.
            return Vec::new();
        }
        (member.heard, member.silent_ticks) = (now, 0);
        match message {
            ToController::Enlist { worker: number, .. } if number != worker => {
                let name = self.name(worker);
                self.fail(format!("{name} says that it is worker {number}"))
            }
            ToController::Enlist { incarnation, .. } => {
                member.enlist(now, incarnation).map(send(worker)).into_iter().collect()
            }
            ToController::Clock { probe, worker_us } => {
                let next = match member.clock(now, probe, worker_us) {
                    Clocked::Ask(question) => question,
                    Clocked::Known => {
                        let of = self.members.len() as u32;
                        ToWorker::Assign(Box::new(self.plan.part(worker, of)))
                    }
                    Clocked::Nothing => return Vec::new(),
                };
                vec![send(worker)(next)]
            }
            ToController::Ready { .. } => {
                member.ready();
                self.start(now)
            }
            ToController::Frame(frame) => {
                member.since = member.since.max(frame.to);
                vec![ControllerCommand::Record(frame)]
            }
            ToController::End(end) if member.stage == Stage::Running => {
                member.stage = Stage::Ended(end);
                let mut commands = vec![ControllerCommand::Ended(end)];
                commands.extend(self.finish());
                commands
            }
            ToController::Failed { reason } => self.lose(now, worker, &reason),
            // What comes out of its turn changes nothing.
            ToController::End(_) => Vec::new(),
        }
    }

    /// The start, when all are ready for it: one instant for all.
    fn start(&mut self, now: i64) -> Vec<ControllerCommand> {
        if self.state != State::Gathering || !self.members.iter().all(Member::is_ready) {
            return Vec::new();
        }
        let epoch_us = now + START_LEAD_US - self.plan.rehearsal.lead_in_from().0;
        self.state = State::Running { epoch_us };
        self.renewed = now;
        let mut commands = vec![ControllerCommand::Started { epoch_us }];
        for member in &mut self.members {
            let epoch_us = epoch_us + member.start(now);
            let send = send(member.number);
            commands.push(send(ToWorker::Renew { term: 1 }));
            commands.push(send(ToWorker::Start { epoch_us }));
        }
        commands
    }

    fn interrupt(&mut self, now: i64, signal: i32) -> Vec<ControllerCommand> {
        self.signal = Some(signal);
        match self.state {
            State::Running { .. } => {
                self.stopped.get_or_insert(now);
                self.tell_running(&ToWorker::Stop)
            }
            State::Over => Vec::new(),
            State::Gathering => {
                self.state = State::Over;
                let stop = |member: &Member| send(member.number)(ToWorker::Stop);
                let mut commands: Vec<_> = self.members.iter().map(stop).collect();
                let (workers, lost) = (Vec::new(), Vec::new());
                commands.push(ControllerCommand::Finish(RunEnd::Interrupted {
                    signal,
                    workers,
                    lost,
                }));
                commands
            }
        }
    }

    /// A worker is gone. Before the start nothing has been sent, and nothing is; afterwards the
    /// others go on, if there are any.
    fn lose(&mut self, now: i64, worker: u32, reason: &str) -> Vec<ControllerCommand> {
        let name = self.name(worker);
        let Some(member) = self.members.get_mut(worker as usize) else { return Vec::new() };
        match (self.state, &member.stage) {
            (State::Gathering, _) => self.fail(format!("{name} is missing: {reason}")),
            (State::Running { epoch_us }, Stage::Running) => {
                member.stage = Stage::Lost;
                let lost = WorkerLost {
                    worker,
                    incarnation: member.incarnation,
                    at: Offset(now - epoch_us),
                    since: member.since,
                    reason: reason.to_owned(),
                };
                self.lost.push(lost.clone());
                if self.signal.is_none() && self.members.iter().all(|m| m.stage == Stage::Lost) {
                    return self.fail(format!("{name} is gone, and nobody is left: {reason}"));
                }
                let mut commands =
                    vec![send(worker)(ToWorker::Stop), ControllerCommand::Lost(lost)];
                commands.extend(self.finish());
                commands
            }
            // It has told everything, or its loss is known.
            _ => Vec::new(),
        }
    }

    /// The end, when nobody has anything left to tell.
    fn finish(&mut self) -> Option<ControllerCommand> {
        if self.members.iter().any(|member| member.stage == Stage::Running) {
            return None;
        }
        self.state = State::Over;
        let ends = self.members.iter().filter_map(|member| match member.stage {
            Stage::Ended(end) => Some(end),
            _ => None,
        });
        let (workers, lost) = (ends.collect(), std::mem::take(&mut self.lost));
        Some(ControllerCommand::Finish(match self.signal {
            Some(signal) => RunEnd::Interrupted { signal, workers, lost },
            None => RunEnd::Completed { workers, lost },
        }))
    }

    fn fail(&mut self, reason: String) -> Vec<ControllerCommand> {
        if self.state == State::Over {
            return Vec::new();
        }
        self.state = State::Over;
        vec![ControllerCommand::Fail(reason)]
    }

    fn tell_running(&self, message: &ToWorker) -> Vec<ControllerCommand> {
        let running = self.members.iter().filter(|member| member.stage == Stage::Running);
        running.map(|member| send(member.number)(message.clone())).collect()
    }

    /// What a worker is called: the only one needs no number.
    fn name(&self, worker: u32) -> String {
        match self.members.len() {
            1 => "the worker".to_owned(),
            of => format!("worker {worker} of 0 to {}", of - 1),
        }
    }
}

fn send(worker: u32) -> impl Fn(ToWorker) -> ControllerCommand {
    move |message| ControllerCommand::Send { worker, message }
}
