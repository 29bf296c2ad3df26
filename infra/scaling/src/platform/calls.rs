//! Requests on their way through the services, and what those ask of each other.
//!
//! A call that its caller has given up is still worked on: the work of a cascade is done for
//! nobody.

use std::sync::Arc;

use hulk_record::MatchTime;

use super::event::{Body, Reply};
use super::service::Refusal;
use super::{PanicSwitch, Platform};
use crate::{CallSpec, Departure};

/// A question of one service to another, compiled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    service: usize,
    timeout_ms: f64,
    /// The same in match µs.
    timeout_us: i64,
    optional: bool,
}

/// A request that a service works on.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) owner: Owner,
    pub(super) service: usize,
    pub(super) body: Body,
    pub(super) cookie: Option<Arc<str>>,
    /// What is no wait, up to now, in wall ms.
    pub(super) latency_ms: f64,
    /// Whether it asks its service's callees.
    pub(super) calls: bool,
    pub(super) next_call: usize,
}

/// Who waits for a job.
#[derive(Debug, Clone)]
pub(super) enum Owner {
    /// A viewer at an edge, as long as the edge is not lost meanwhile.
    Viewer { id: u64, edge: usize, era: u32 },
    /// A cache: the mid tier's, or that of an edge.
    Fill { path: Arc<str>, ttl_us: i64, edge: Option<(usize, u32)> },
    /// Another job, since `booked`.
    Call { parent: u64, call: Call, booked: MatchTime },
    /// Nobody any more.
    Nobody,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Ended {
    /// With an answer; whether a good one, and its latency in wall ms.
    Answered(bool, f64),
    TimedOut,
}

pub(super) fn compile(
    calls: &[CallSpec],
    place: impl Fn(&str) -> Option<usize>,
    speed: f64,
) -> Arc<[Call]> {
    let compiled = |call: &CallSpec| {
        Some(Call {
            service: place(&call.service)?,
            timeout_ms: call.timeout_ms,
            timeout_us: (call.timeout_ms * 1e3 * speed).round() as i64,
            optional: call.optional,
        })
    };
    calls.iter().filter_map(compiled).collect()
}

impl Platform {
    /// Books a job at its service, which has been asked.
    pub(super) fn admit(&mut self, now: MatchTime, job: Job, cost: f64) -> Result<u64, Refusal> {
        let number = self.next_job;
        self.services[job.service].book(now, number, cost)?;
        self.next_job += 1;
        self.jobs.insert(number, job);
        Ok(number)
    }

    /// A job has left its service's queue.
    pub(super) fn depart(
        &mut self,
        service: usize,
        Departure { at, id }: Departure,
        replies: &mut Vec<Reply>,
    ) {
        let latency_ms = self.services[service].latency_ms();
        if let Some(job) = self.jobs.get_mut(&id) {
            job.latency_ms += latency_ms;
            self.go_on(at, id, replies);
        }
    }

    /// Asks the next callee; after the last one the job is done.
    fn go_on(&mut self, at: MatchTime, number: u64, replies: &mut Vec<Reply>) {
        loop {
            let Some(job) = self.jobs.get_mut(&number) else { return };
            let call = self.services[job.service].calls.get(job.next_call).copied();
            let Some(call) = call.filter(|_| job.calls) else {
                self.end(at, number, 200, replies);
                return;
            };
            job.next_call += 1;
            if !self.is_given_up(call) && !self.call(at, number, call, replies) {
                return;
            }
        }
    }

    /// Whether the panic switches say that this is not asked for.
    fn is_given_up(&self, call: Call) -> bool {
        let given_up = self.panic.as_ref().is_some_and(|panic| {
            panic.flags.has(PanicSwitch::NoRecommendations)
                && panic.recommendation == Some(call.service)
        });
        given_up && call.optional
    }

    /// Asks a callee. Whether its caller goes on at once: it was turned away, and is optional.
    fn call(&mut self, at: MatchTime, parent: u64, call: Call, replies: &mut Vec<Reply>) -> bool {
        let callee = &mut self.services[call.service];
        callee.ask(at, false);
        let job = Job {
            owner: Owner::Call { parent, call, booked: at },
            service: call.service,
            body: Body::Empty,
            cookie: None,
            latency_ms: 0.0,
            calls: true,
            next_call: 0,
        };
        match self.admit(at, job, 1.0) {
            Ok(number) => {
                self.time_outs.insert((at.plus(call.timeout_us), number));
                false
            }
            Err(_) => {
                let callee = &mut self.services[call.service];
                callee.internal_failed += 1;
                let ended = Ended::Answered(false, callee.added_ms);
                self.takes(at, parent, call, at, ended, replies)
            }
        }
    }

    /// A job's call has ended at `at`. Whether the job goes on; if not, it has ended too.
    fn takes(
        &mut self,
        at: MatchTime,
        number: u64,
        call: Call,
        booked: MatchTime,
        ended: Ended,
        replies: &mut Vec<Reply>,
    ) -> bool {
        // What the caller has not waited for in nominal time it waits for in wall time.
        let left_ms = call.timeout_ms - at.since(booked) as f64 / 1e3 / self.speed;
        let (status, latency_ms) = match ended {
            Ended::TimedOut => (504, 0.0),
            Ended::Answered(_, latency_ms) if latency_ms > left_ms => (504, left_ms.max(0.0)),
            Ended::Answered(true, latency_ms) => (200, latency_ms),
            Ended::Answered(false, latency_ms) => (503, latency_ms),
        };
        if let Some(job) = self.jobs.get_mut(&number) {
            job.latency_ms += latency_ms;
        }
        let goes_on = status == 200 || call.optional;
        if !goes_on {
            self.end(at, number, status, replies);
        }
        goes_on
    }

    /// Who waited for this call waits no longer.
    pub(super) fn time_out(&mut self, at: MatchTime, number: u64, replies: &mut Vec<Reply>) {
        let Some(job) = self.jobs.get_mut(&number) else { return };
        if let Owner::Call { parent, call, booked } =
            std::mem::replace(&mut job.owner, Owner::Nobody)
        {
            self.services[call.service].internal_failed += 1;
            if self.takes(at, parent, call, booked, Ended::TimedOut, replies) {
                self.go_on(at, parent, replies);
            }
        }
    }

    /// A job is done.
    fn end(&mut self, at: MatchTime, number: u64, status: u16, replies: &mut Vec<Reply>) {
        let Some(job) = self.jobs.remove(&number) else { return };
        let Job { owner, service, body, cookie, latency_ms, .. } = job;
        match owner {
            Owner::Viewer { id, edge, era } if self.edges[edge].era == era => {
                let good = status == 200;
                let body = if good { body } else { Body::Empty };
                let mut reply = self.reply(at, id, status, body);
                reply.set_cookie = cookie.filter(|_| good);
                reply.latency_ms = latency_ms;
                self.answer(edge, service, reply, replies);
            }
            Owner::Viewer { .. } | Owner::Nobody => {}
            Owner::Fill { path, ttl_us, edge } => {
                // A fill asks no callees: it is always good.
                self.filled((at, latency_ms), &path, (at.plus(ttl_us), body), edge, replies);
            }
            Owner::Call { parent, call, booked } => {
                self.time_outs.remove(&(booked.plus(call.timeout_us), number));
                if status != 200 {
                    self.services[service].internal_failed += 1;
                }
                let ended = Ended::Answered(status == 200, latency_ms);
                if self.takes(at, parent, call, booked, ended, replies) {
                    self.go_on(at, parent, replies);
                }
            }
        }
    }
}
