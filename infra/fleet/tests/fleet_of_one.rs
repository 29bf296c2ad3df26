//! A controller and a worker over the in-process bus, with a stand-in for the load.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use hulk_fleet::{
    Controller, ControllerCommand, ControllerEvent, Link, Load, LoadOrder, LoadReport, Notice,
    Plan, ToController, ToWorker, Worker, in_process, run_controller, run_worker,
};
use hulk_record::{Frame, Offset, RunEnd, WorkerEnd};
use hulk_scenarios::Rehearsal;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

fn plan() -> Plan {
    let match_day = Rehearsal::load("match-day").unwrap();
    Plan {
        // Nobody has to come first.
        rehearsal: Rehearsal { lead_in_us: 100_000, ..match_day },
        targets: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 9))],
        callee: None,
        slots_from: 0,
        slots_to: 4096,
        run_id: 7,
        raw: false,
        region: "local".into(),
    }
}

fn frame(sequence: u64) -> Frame {
    let (from, to) = (Offset(sequence as i64), Offset(sequence as i64 + 1));
    Frame { sequence, from, to, ..Frame::default() }
}

/// Sends a frame each 10 ms until it is told to stop, or three.
struct StandIn {
    until_stopped: bool,
    seen: mpsc::UnboundedSender<String>,
}

impl Load for StandIn {
    async fn follow(
        self,
        mut orders: mpsc::Receiver<LoadOrder>,
        reports: mpsc::Sender<LoadReport>,
    ) {
        while let Some(order) = orders.recv().await {
            match order {
                LoadOrder::Prepare(got) => {
                    assert_eq!(*got, plan(), "the plan survives the wire");
                    reports.send(LoadReport::Ready(10)).await.unwrap();
                }
                LoadOrder::Start(at) => {
                    sleep_until(at).await;
                    break;
                }
                other => self.seen.send(format!("{other:?}")).unwrap(),
            }
        }
        let mut sent = 0;
        while self.until_stopped || sent < 3 {
            reports.send(LoadReport::Frame(Box::new(frame(sent)))).await.unwrap();
            sent += 1;
            tokio::select! {
                () = sleep(Duration::from_millis(10)) => {}
                order = orders.recv() => {
                    self.seen.send(format!("{:?}", order.unwrap())).unwrap();
                    break;
                }
            }
        }
        reports.send(LoadReport::Ended(sent)).await.unwrap();
    }
}

#[tokio::test]
async fn a_run_goes_from_enlisting_to_its_end_through_the_wire_codec() {
    let (controller_end, worker_end) = in_process();
    let (seen, _) = mpsc::unbounded_channel();
    let load = StandIn { until_stopped: false, seen };
    let worker = tokio::spawn(run_worker(Worker::new(0, 0), worker_end, load));
    let (notices, mut queue) = mpsc::channel(16);
    let (_interrupts, on_interrupt) = mpsc::channel(1);
    let controller = Controller::new(plan(), 1);
    let controller =
        tokio::spawn(run_controller(controller, vec![controller_end], on_interrupt, notices));
    let began = Instant::now();
    let Some(Notice::Started(epoch)) = queue.recv().await else { panic!("not started") };
    let lead_in = Duration::from_micros(plan().rehearsal.lead_in_us as u64);
    assert!(epoch - began >= lead_in + Duration::from_millis(300), "everybody hears of it first");
    for sequence in 0..3 {
        assert_eq!(queue.recv().await, Some(Notice::Frame(Box::new(frame(sequence)))));
    }
    let end = WorkerEnd { worker: 0, incarnation: 0, frames: 3 };
    assert_eq!(queue.recv().await, Some(Notice::Ended(end)));
    let end = RunEnd::Completed { workers: vec![end], lost: Vec::new() };
    assert_eq!(queue.recv().await, Some(Notice::Finished(end)));
    controller.await.unwrap().unwrap();
    worker.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_interrupt_stops_the_load_and_keeps_its_frames() {
    let (controller_end, worker_end) = in_process();
    let (seen, mut told) = mpsc::unbounded_channel();
    let load = StandIn { until_stopped: true, seen };
    tokio::spawn(run_worker(Worker::new(0, 0), worker_end, load));
    let (notices, mut queue) = mpsc::channel(16);
    let (interrupts, on_interrupt) = mpsc::channel(1);
    let controller = Controller::new(plan(), 1);
    tokio::spawn(run_controller(controller, vec![controller_end], on_interrupt, notices));
    assert!(matches!(queue.recv().await, Some(Notice::Started(_))));
    assert!(matches!(queue.recv().await, Some(Notice::Frame(_))));
    interrupts.send(15).await.unwrap();
    assert_eq!(told.recv().await.as_deref(), Some("Stop"));
    let mut end = None;
    while let Some(notice) = queue.recv().await {
        end = Some(notice);
    }
    let Some(Notice::Finished(RunEnd::Interrupted { signal: 15, workers, .. })) = end else {
        panic!("{end:?}")
    };
    assert!(workers[0].frames >= 1);
}

#[tokio::test]
async fn a_controller_that_is_gone_leaves_no_load_behind() {
    let (controller_end, worker_end): (Link<ToWorker, ToController>, _) = in_process();
    let (seen, mut told) = mpsc::unbounded_channel();
    let load = StandIn { until_stopped: true, seen };
    tokio::spawn(run_worker(Worker::new(0, 0), worker_end, load));
    controller_end.send(&ToWorker::Assign(Box::new(plan()))).await.unwrap();
    controller_end.send(&ToWorker::Start { epoch_us: 0 }).await.unwrap();
    let started = Instant::now();
    sleep(Duration::from_millis(100)).await;
    drop(controller_end);
    assert_eq!(told.recv().await.as_deref(), Some("Pause"));
    // When exactly is shown without a clock, where the worker is.
    let paused_after = started.elapsed();
    assert!(paused_after > Duration::from_secs(3), "its lease still held: {paused_after:?}");
}

#[test]
fn the_worker_s_clock_is_taken_from_the_shortest_way() {
    let mut controller = Controller::new(plan(), 1);
    let mut step =
        |now, message| controller.step(now, ControllerEvent::Message { worker: 0, message });
    step(0, ToController::Enlist { worker: 0, incarnation: 0 });
    // The worker's clock is 1,000,000 µs ahead; the way there and back takes 100 µs once, and
    // otherwise 10,000 µs, all of it on the way back.
    let mut now = 0;
    for probe in 1..=8 {
        let round_trip = if probe == 5 { 100 } else { 10_000 };
        let worker_us = now + 1_000_000 + if probe == 5 { 50 } else { 0 };
        now += round_trip;
        step(now, ToController::Clock { probe, worker_us });
    }
    let commands = step(now, ToController::Ready { users: 1 });
    let started = commands.iter().find_map(|command| match command {
        ControllerCommand::Started { epoch_us } => Some(*epoch_us),
        _ => None,
    });
    let told = commands.iter().find_map(|command| match command {
        ControllerCommand::Send { message: ToWorker::Start { epoch_us }, .. } => Some(*epoch_us),
        _ => None,
    });
    assert_eq!(told.unwrap() - started.unwrap(), 1_000_000);
}

#[test]
fn a_worker_that_never_gets_ready_ends_the_run_with_a_reason() {
    let mut controller = Controller::new(plan(), 1);
    assert_eq!(controller.step(0, ControllerEvent::Tick), []);
    let commands = controller.step(60_000_001, ControllerEvent::Tick);
    assert!(matches!(&commands[..], [ControllerCommand::Fail(reason)] if reason.contains("ready")));
}
