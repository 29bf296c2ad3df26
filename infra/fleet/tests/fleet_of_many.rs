//! The controller of several workers as a pure machine, in virtual time.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::{Ipv4Addr, SocketAddr};

use hulk_fleet::{Controller, ControllerCommand, ControllerEvent, Plan, ToController, ToWorker};
use hulk_record::{Frame, Offset, RunEnd, SHARD_SLOTS, WorkerEnd, WorkerLost};
use hulk_scenarios::Rehearsal;

/// Workers of which a machine is tested.
const COUNTS: [u32; 3] = [1, 2, 5];

fn plan(users_max: Option<u32>) -> Plan {
    let rehearsal = Rehearsal { users_max, ..Rehearsal::load("match-day").unwrap() };
    Plan {
        rehearsal,
        targets: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 9))],
        callee: None,
        slots_from: 0,
        slots_to: SHARD_SLOTS,
        run_id: 7,
        raw: false,
        region: "local".into(),
    }
}

/// A controller, its clock, and what it did.
struct Bench {
    controller: Controller,
    now: i64,
    workers: u32,
}

impl Bench {
    fn new(workers: u32) -> Self {
        Self { controller: Controller::new(plan(None), workers), now: 0, workers }
    }

    fn step(&mut self, event: ControllerEvent) -> Vec<ControllerCommand> {
        self.now += 10;
        self.controller.step(self.now, event)
    }

    fn say(&mut self, worker: u32, message: ToController) -> Vec<ControllerCommand> {
        self.step(ControllerEvent::Message { worker, message })
    }

    fn tick(&mut self, after_us: i64) -> Vec<ControllerCommand> {
        self.now += after_us;
        self.step(ControllerEvent::Tick)
    }

    fn gone(&mut self, worker: u32) -> Vec<ControllerCommand> {
        self.step(ControllerEvent::WorkerGone { worker, reason: "it was unplugged".into() })
    }

    /// Enlists a worker whose clock is so far ahead and answers all probes; its part.
    fn enlist(&mut self, worker: u32, ahead_us: i64) -> Plan {
        let mut commands = self.say(worker, ToController::Enlist { worker, incarnation: 3 });
        loop {
            match &commands[..] {
                [ControllerCommand::Send { worker: to, message: ToWorker::Clock { probe } }] => {
                    assert_eq!(*to, worker);
                    // It answers in the middle between question and answer.
                    let worker_us = self.now + 5 + ahead_us;
                    commands = self.say(worker, ToController::Clock { probe: *probe, worker_us });
                }
                [ControllerCommand::Send { worker: to, message: ToWorker::Assign(plan) }] => {
                    assert_eq!(*to, worker);
                    return (**plan).clone();
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn ready(&mut self, worker: u32) -> Vec<ControllerCommand> {
        self.say(worker, ToController::Ready { users: 1 })
    }

    /// All get ready; the run's epoch.
    fn start(&mut self) -> i64 {
        let mut commands = Vec::new();
        for worker in 0..self.workers {
            self.enlist(worker, 0);
            commands = self.ready(worker);
        }
        started(&commands).unwrap()
    }

    fn frame(&mut self, worker: u32, from_us: i64) -> Vec<ControllerCommand> {
        self.say(worker, ToController::Frame(Box::new(frame(worker, from_us))))
    }

    fn end(&mut self, worker: u32) -> Vec<ControllerCommand> {
        self.say(worker, ToController::End(end(worker)))
    }
}

fn frame(worker: u32, from_us: i64) -> Frame {
    let (from, to) = (Offset(from_us), Offset(from_us + 1_000_000));
    Frame { worker, incarnation: 3, from, to, ..Frame::default() }
}

fn end(worker: u32) -> WorkerEnd {
    WorkerEnd { worker, incarnation: 3, frames: 2 }
}

fn started(commands: &[ControllerCommand]) -> Option<i64> {
    commands.iter().find_map(|command| match command {
        ControllerCommand::Started { epoch_us } => Some(*epoch_us),
        _ => None,
    })
}

/// Whom a message like that is sent to.
fn told(commands: &[ControllerCommand], wanted: impl Fn(&ToWorker) -> bool) -> Vec<u32> {
    let whom = |command: &ControllerCommand| match command {
        ControllerCommand::Send { worker, message } if wanted(message) => Some(*worker),
        _ => None,
    };
    commands.iter().filter_map(whom).collect()
}

fn lost(commands: &[ControllerCommand]) -> Vec<WorkerLost> {
    let of = |command: &ControllerCommand| match command {
        ControllerCommand::Lost(lost) => Some(lost.clone()),
        _ => None,
    };
    commands.iter().filter_map(of).collect()
}

fn finished(commands: &[ControllerCommand]) -> Option<RunEnd> {
    commands.iter().find_map(|command| match command {
        ControllerCommand::Finish(end) => Some(end.clone()),
        _ => None,
    })
}

#[track_caller]
fn assert_failed(commands: &[ControllerCommand], with: &str) {
    let [ControllerCommand::Fail(reason)] = commands else { panic!("{commands:?}") };
    assert!(reason.contains(with), "{reason}");
}

#[test]
fn all_wait_for_the_last_and_start_at_one_instant() {
    for workers in COUNTS {
        let mut bench = Bench::new(workers);
        let ahead = |worker: u32| i64::from(worker) * 1_000_000;
        for worker in 0..workers {
            bench.enlist(worker, ahead(worker));
        }
        for worker in 1..workers {
            assert_eq!(bench.ready(worker), [], "{workers}: worker 0 is not ready");
        }
        let commands = bench.ready(0);
        let epoch = started(&commands).unwrap();
        let lead_in_us = plan(None).rehearsal.lead_in_us;
        assert!(epoch - lead_in_us >= bench.now + 300_000, "everybody hears of it first");
        for worker in 0..workers {
            let own = epoch + ahead(worker);
            let at = told(&commands, |m| *m == ToWorker::Start { epoch_us: own });
            assert!(at.contains(&worker), "{workers}: {commands:?}");
        }
        let all: Vec<u32> = (0..workers).collect();
        let renewed = bench.tick(750_000);
        assert_eq!(told(&renewed, |m| matches!(m, ToWorker::Renew { .. })), all);
    }
}

#[test]
fn the_run_is_over_when_all_have_ended() {
    for workers in COUNTS {
        let mut bench = Bench::new(workers);
        bench.start();
        for worker in 0..workers {
            let recorded = bench.frame(worker, 0);
            assert_eq!(recorded, [ControllerCommand::Record(Box::new(frame(worker, 0)))]);
        }
        for worker in 0..workers {
            let commands = bench.end(worker);
            assert_eq!(commands[0], ControllerCommand::Ended(end(worker)));
            let is_last = worker + 1 == workers;
            let ends = (0..workers).map(end).collect();
            let wanted = is_last.then_some(RunEnd::Completed { workers: ends, lost: Vec::new() });
            assert_eq!(finished(&commands), wanted);
        }
        assert_eq!(bench.tick(60_000_000), [], "it is over");
    }
}

#[test]
fn a_late_worker_ends_the_run_before_its_start() {
    for workers in COUNTS {
        let mut bench = Bench::new(workers);
        bench.tick(0);
        let late = workers - 1;
        for worker in 0..late {
            bench.enlist(worker, 0);
            bench.ready(worker);
        }
        assert_eq!(bench.tick(59_000_000), []);
        let name = if workers == 1 { "the worker".into() } else { format!("worker {late} of") };
        assert_failed(&bench.tick(1_000_001), &name);
    }
}

#[test]
fn a_worker_that_is_missing_or_another_ends_the_run_before_its_start() {
    let mut bench = Bench::new(2);
    bench.enlist(0, 0);
    assert_failed(&bench.gone(1), "worker 1 of 0 to 1 is missing: it was unplugged");
    let mut bench = Bench::new(2);
    let commands = bench.say(1, ToController::Enlist { worker: 0, incarnation: 3 });
    assert_failed(&commands, "says that it is worker 0");
    let mut bench = Bench::new(2);
    bench.enlist(1, 0);
    let reason = "no descriptors".to_owned();
    assert_failed(
        &bench.say(1, ToController::Failed { reason }),
        "worker 1 of 0 to 1 is missing: no",
    );
}

#[test]
fn the_others_go_on_without_a_lost_worker() {
    for workers in [2, 5] {
        let mut bench = Bench::new(workers);
        let epoch = bench.start();
        bench.frame(1, 2_000_000);
        let commands = bench.gone(1);
        let wanted = WorkerLost {
            worker: 1,
            incarnation: 3,
            at: Offset(bench.now - epoch),
            since: Offset(3_000_000),
            reason: "it was unplugged".into(),
        };
        assert_eq!(lost(&commands), std::slice::from_ref(&wanted));
        assert_eq!(finished(&commands), None);
        assert_eq!(bench.gone(1), [], "it is lost once");
        assert_eq!(bench.frame(1, 3_000_000), [], "the run went on without it");
        let renewed = bench.tick(1_000_000);
        let others: Vec<u32> = (0..workers).filter(|worker| *worker != 1).collect();
        assert_eq!(told(&renewed, |m| matches!(m, ToWorker::Renew { .. })), others);
        let mut last = Vec::new();
        for worker in &others {
            last = bench.end(*worker);
        }
        let ends = others.into_iter().map(end).collect();
        let end = RunEnd::Completed { workers: ends, lost: vec![wanted] };
        assert_eq!(finished(&last), Some(end));
    }
}

#[test]
fn without_any_worker_left_the_run_cannot_go_on() {
    for workers in COUNTS {
        let mut bench = Bench::new(workers);
        bench.start();
        for worker in 1..workers {
            assert_eq!(lost(&bench.gone(worker)).len(), 1);
        }
        assert_failed(&bench.gone(0), "nobody is left: it was unplugged");
    }
}

#[test]
fn a_silent_worker_is_lost_and_one_that_does_not_end_too() {
    let mut bench = Bench::new(2);
    let epoch = bench.start();
    bench.now = epoch + plan(None).rehearsal.lead_in_from().0;
    let mut commands = bench.tick(0);
    for second in -5..10 {
        bench.frame(0, second * 1_000_000);
        for _ in 0..4 {
            commands.extend(bench.tick(250_000));
        }
    }
    let [silent] = &lost(&commands)[..] else { panic!("{commands:?}") };
    assert_eq!((silent.worker, silent.reason.as_str()), (1, "it said nothing for 10 s"));
    assert!((4_500_000..6_000_000).contains(&silent.at.0), "from the lead-in on: {silent:?}");
    assert_eq!(silent.since, plan(None).rehearsal.lead_in_from(), "it never told anything");
    // The other one never ends.
    bench.now = epoch + plan(None).rehearsal.until().0 + 10_000_000;
    assert_failed(&bench.tick(1), "did not send its last frame");
}

#[test]
fn a_machine_that_stood_still_loses_nobody() {
    let mut bench = Bench::new(2);
    bench.start();
    bench.tick(6_000_000);
    let commands = bench.tick(30_000_000);
    assert_eq!(lost(&commands), [], "a tick alone is no silence");
    assert_eq!(told(&commands, |m| matches!(m, ToWorker::Renew { .. })), [0, 1]);
}

#[test]
fn an_interrupt_stops_all_and_keeps_what_they_told() {
    for workers in COUNTS {
        let all: Vec<u32> = (0..workers).collect();
        let stop = |m: &ToWorker| *m == ToWorker::Stop;
        let mut bench = Bench::new(workers);
        bench.enlist(0, 0);
        let commands = bench.step(ControllerEvent::Interrupt { signal: 2 });
        assert_eq!(told(&commands, stop), all, "before the start");
        let nobody = RunEnd::Interrupted { signal: 2, workers: Vec::new(), lost: Vec::new() };
        assert_eq!(finished(&commands), Some(nobody));

        let mut bench = Bench::new(workers);
        bench.start();
        let commands = bench.step(ControllerEvent::Interrupt { signal: 15 });
        assert_eq!((told(&commands, stop), finished(&commands)), (all, None));
        // The first one does not come to its end.
        let mut last = Vec::new();
        for worker in 1..workers {
            last = bench.end(worker);
        }
        assert_eq!(finished(&last), None);
        let Some(RunEnd::Interrupted { signal: 15, workers: ends, lost }) =
            finished(&bench.tick(10_000_001))
        else {
            panic!("not interrupted")
        };
        assert_eq!((ends.len() as u32, lost[0].worker), (workers - 1, 0));
    }
}

#[test]
fn the_parts_are_the_whole() {
    for (workers, users) in [(1, 5), (3, 100), (5, 5), (7, 20_000), (64, 65)] {
        let whole = plan(Some(users));
        let parts: Vec<Plan> = (0..workers).map(|worker| whole.part(worker, workers)).collect();
        assert_eq!((parts[0].slots_from, parts.last().unwrap().slots_to), (0, SHARD_SLOTS));
        assert!(parts.windows(2).all(|pair| pair[0].slots_to == pair[1].slots_from), "no gap");
        let sizes = parts.iter().map(|part| part.slots_to - part.slots_from);
        assert!(sizes.clone().max().unwrap() - sizes.min().unwrap() <= 1, "even shares");
        let of_users = parts.iter().map(|part| part.rehearsal.users_max.unwrap());
        assert_eq!(of_users.clone().sum::<u32>(), users);
        assert!(of_users.clone().max().unwrap() - of_users.min().unwrap() <= 1, "even shares");
    }
}
