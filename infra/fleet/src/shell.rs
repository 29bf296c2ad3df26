//! The shells: clock, bus and load around the state machines.

use std::time::Duration;

use hulk_net::Epoch;
use hulk_record::{Frame, RunEnd};
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

/// Runs a controller until its run is over. A number on `interrupts` is a signal that asks for the
/// end.
///
/// # Errors
/// When the bus or the worker fails.
pub async fn run_controller(
    mut controller: Controller,
    mut link: Link<ToWorker, ToController>,
    mut interrupts: mpsc::Receiver<i32>,
    notices: mpsc::Sender<Notice>,
) -> Result<(), FleetError> {
    let clock = Epoch(Instant::now());
    let mut ticks = ticks();
    loop {
        let event = tokio::select! {
            message = link.receive() => match message {
                Ok(message) => ControllerEvent::Message(message),
                Err(BusError::Gone) => ControllerEvent::WorkerGone,
                Err(error) => return Err(error.into()),
            },
            Some(signal) = interrupts.recv() => ControllerEvent::Interrupt { signal },
            _ = ticks.tick() => ControllerEvent::Tick,
        };
        for command in controller.step(clock.now_us(), event) {
            let notice = match command {
                ControllerCommand::Send(message) => {
                    // A worker that is gone is noticed when nothing comes from it any more.
                    let _gone = link.send(&message).await;
                    continue;
                }
                ControllerCommand::Started { epoch_us } => Notice::Started(clock.at_us(epoch_us)),
                ControllerCommand::Record(frame) => Notice::Frame(frame),
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
