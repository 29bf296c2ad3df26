//! The shells: clock, bus and load around the state machines.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use hulk_net::Epoch;
use hulk_record::{Frame, RunEnd, WorkerEnd, WorkerLost};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::bus::{BusError, Link};
use crate::{
    Controller, ControllerCommand, ControllerEvent, Plan, ToController, ToWorker, Worker,
    WorkerCommand, WorkerEvent,
};

/// How often time is told to the state machines.
const TICK: Duration = Duration::from_millis(250);
/// Frames of a load that may wait for the bus; the load waits when there are more.
const FRAMES: usize = 64;

/// What a load is told.
#[derive(Debug, Clone, PartialEq)]
pub enum LoadOrder {
    /// Get ready.
    Prepare(Box<Plan>),
    /// Wall time 0 is then.
    Start(Instant),
    /// Viewers leave; what is due is lost.
    Pause,
    /// Go on.
    Resume,
    /// No more load.
    Stop,
}

/// What a load tells.
#[derive(Debug, Clone, PartialEq)]
pub enum LoadReport {
    /// Ready, with so many users.
    Ready(u64),
    /// An interval.
    Frame(Box<Frame>),
    /// Over, after so many frames.
    Ended(u64),
    /// It failed.
    Failed(String),
}

/// Whatever makes load: the engine, or a stand-in that is being tested.
pub trait Load: Send + 'static {
    /// Follows orders until they end.
    fn follow(
        self,
        orders: mpsc::Receiver<LoadOrder>,
        reports: mpsc::Sender<LoadReport>,
    ) -> impl Future<Output = ()> + Send;
}

/// What a run tells whoever started it.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// Wall time 0 is then.
    Started(Instant),
    /// An interval, for the record.
    Frame(Box<Frame>),
    /// A worker came to its end: no more comes from it.
    Ended(WorkerEnd),
    /// A worker is lost: no more comes from it.
    Lost(WorkerLost),
    /// It is over.
    Finished(RunEnd),
}

/// A run that broke.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The bus failed.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The controller gave up.
    #[error("the run cannot go on: {0}")]
    Failed(String),
    /// Nobody hears the notices.
    #[error("nobody takes the run's notices")]
    Unheard,
}

fn ticks() -> tokio::time::Interval {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// The controller's ends of the workers' links, by their numbers; none where it is gone.
struct Links {
    links: Vec<Option<Link<ToWorker, ToController>>>,
    /// Whose turn it is to be listened to first.
    turn: usize,
}

impl Links {
    /// What a worker says next, or that its link is gone.
    async fn receive(&mut self) -> ControllerEvent {
        let count = self.links.len().max(1);
        let (index, received) = poll_fn(|context| {
            for index in (self.turn..count).chain(0..self.turn) {
                let Some(Some(link)) = self.links.get_mut(index) else { continue };
                if let Poll::Ready(received) = link.poll_receive(context) {
                    return Poll::Ready((index, received));
                }
            }
            Poll::Pending
        })
        .await;
        self.turn = (index + 1) % count;
        let worker = index as u32;
        match received {
            Ok(message) => ControllerEvent::Message { worker, message },
            Err(error) => {
                self.links[index] = None;
                let reason = match error {
                    BusError::Gone => "its end of the bus was closed".to_owned(),
                    other => other.to_string(),
                };
                ControllerEvent::WorkerGone { worker, reason }
            }
        }
    }

    /// Tells a worker; the reason when that is not possible.
    async fn send(&self, worker: u32, message: &ToWorker) -> Option<ControllerEvent> {
        let link = self.links.get(worker as usize)?.as_ref()?;
        match link.send(message).await {
            // A worker that is gone is noticed when nothing comes from it any more.
            Ok(()) | Err(BusError::Gone) => None,
            Err(error) => {
                let reason = error.to_string();
                Some(ControllerEvent::WorkerGone { worker, reason })
            }
        }
    }
}

/// Runs a controller until its run is over; `links` are those to its workers, by their numbers. A
/// number on `interrupts` is a signal that asks for the end.
///
/// # Errors
/// When a worker fails before the start, or all of them do, or nobody takes the notices.
pub async fn run_controller(
    mut controller: Controller,
    links: Vec<Link<ToWorker, ToController>>,
    mut interrupts: mpsc::Receiver<i32>,
    notices: mpsc::Sender<Notice>,
) -> Result<(), FleetError> {
    let clock = Epoch(Instant::now());
    let mut ticks = ticks();
    let mut links = Links { links: links.into_iter().map(Some).collect(), turn: 0 };
    let mut pending = VecDeque::new();
    loop {
        let event = match pending.pop_front() {
            Some(event) => event,
            None => tokio::select! {
                event = links.receive() => event,
                Some(signal) = interrupts.recv() => ControllerEvent::Interrupt { signal },
                _ = ticks.tick() => ControllerEvent::Tick,
            },
        };
        for command in controller.step(clock.now_us(), event) {
            let notice = match command {
                ControllerCommand::Send { worker, message } => {
                    pending.extend(links.send(worker, &message).await);
                    continue;
                }
                ControllerCommand::Started { epoch_us } => Notice::Started(clock.at_us(epoch_us)),
                ControllerCommand::Record(frame) => Notice::Frame(frame),
                ControllerCommand::Ended(end) => Notice::Ended(end),
                ControllerCommand::Lost(lost) => Notice::Lost(lost),
                ControllerCommand::Finish(end) => Notice::Finished(end),
                ControllerCommand::Fail(reason) => return Err(FleetError::Failed(reason)),
            };
            let over = matches!(notice, Notice::Finished(_));
            notices.send(notice).await.map_err(|_| FleetError::Unheard)?;
            if over {
                return Ok(());
            }
        }
    }
}

/// Runs a worker with its load until it is done.
///
/// # Errors
/// When the bus fails.
pub async fn run_worker(
    mut worker: Worker,
    mut link: Link<ToController, ToWorker>,
    load: impl Load,
) -> Result<(), FleetError> {
    let clock = Epoch(Instant::now());
    let (orders, order_queue) = mpsc::channel(8);
    let (reports, mut report_queue) = mpsc::channel(FRAMES);
    let load = tokio::spawn(load.follow(order_queue, reports));
    let mut ticks = ticks();
    let mut event = WorkerEvent::Up;
    'run: loop {
        for command in worker.step(clock.now_us(), event) {
            let order = match command {
                WorkerCommand::Send(message) => {
                    match link.send(&message).await {
                        // Nobody listens: the lease lapses, and the load with it.
                        Ok(()) | Err(BusError::Gone) => continue,
                        Err(error) => return Err(error.into()),
                    }
                }
                WorkerCommand::Finish => break 'run,
                WorkerCommand::Prepare(plan) => LoadOrder::Prepare(plan),
                WorkerCommand::Start { epoch_us } => LoadOrder::Start(clock.at_us(epoch_us)),
                WorkerCommand::Pause => LoadOrder::Pause,
                WorkerCommand::Resume => LoadOrder::Resume,
                WorkerCommand::Stop => LoadOrder::Stop,
            };
            // A load that is gone has said why, or its task will.
            let _gone = orders.send(order).await;
        }
        event = tokio::select! {
            message = link.receive() => match message {
                Ok(message) => WorkerEvent::Message(message),
                // Nobody renews the lease any more: it lapses, and the load with it.
                Err(BusError::Gone) => {
                    ticks.tick().await;
                    WorkerEvent::Tick
                }
                Err(error) => return Err(error.into()),
            },
            report = report_queue.recv() => match report {
                Some(LoadReport::Ready(users)) => WorkerEvent::Prepared { users },
                Some(LoadReport::Frame(frame)) => WorkerEvent::Measured(frame),
                Some(LoadReport::Ended(frames)) => WorkerEvent::Ended { frames },
                Some(LoadReport::Failed(reason)) => WorkerEvent::Failed(reason),
                None => WorkerEvent::Failed("the load ended without a word".into()),
            },
            _ = ticks.tick() => WorkerEvent::Tick,
        };
    }
    drop(orders);
    // It has nothing left to say: its last report came.
    let _ended = load.await;
    Ok(())
}
