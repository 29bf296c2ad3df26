//! One viewer's visit: the shell around `hulk_scenarios::Session` that waits, sends and records.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hulk_net::{Connection, HttpError};
use hulk_record::{Offset, Outcome, RequestSample};
use hulk_scenarios::{Arrival, Ended, Method, Planned, Rendered, Session};
use hyper::Request;
use hyper::body::Body;
use hyper::header::HOST;
use tokio::sync::watch;
use tokio::time::{sleep_until, timeout_at};

use crate::run::{Phase, Shared};

/// An arrival that is sent later than this after it was due is late, in µs.
const LATE_US: i64 = 10_000;
/// Of an answer that a step looks into, so much is kept; more is counted and thrown away.
const BODY_KEPT_MAX: usize = 1 << 20;

/// EMFILE, ENFILE, EADDRNOTAVAIL: what this machine ran out of, not what the target did.
const EXHAUSTED: [i32; 3] = [24, 23, 99];

pub(crate) struct Visit<'a> {
    shared: &'a Arc<Shared>,
    slot: usize,
    arrival: Arrival,
    session: Session,
    connection: Option<Connection>,
    rendered: Rendered,
    body: Vec<u8>,
    sends: u64,
    /// Since when nothing of this viewer's own is in the way of a send.
    free_since: Offset,
    in_flight: Option<InFlight>,
    fate: Fate,
}

/// What becomes of the arrival in the ledger.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Nothing has been sent.
    Open,
    /// Its first request is on its way; whether it was sent late.
    Sent { late: bool },
    /// It is in the ledger.
    Counted,
}

#[derive(Clone, Copy)]
struct InFlight {
    planned: Planned,
    possible: Offset,
    sent: Offset,
    bytes: u64,
}

/// What came of an exchange: a status, or how it failed.
enum Exchange {
    Status(u16),
    Failed(Outcome),
    /// This machine had no descriptor or port left.
    Exhausted,
}

impl<'a> Visit<'a> {
    pub(crate) fn new(shared: &'a Arc<Shared>, slot: usize, arrival: Arrival) -> Self {
        let session = Session::new(
            Arc::clone(&shared.rehearsal.journey),
            shared.rehearsal.seed,
            arrival.viewer,
            arrival.arrive,
            arrival.already_watching,
        );
        Self {
            shared,
            slot,
            arrival,
            session,
            connection: None,
            rendered: Rendered::default(),
            body: Vec::new(),
            sends: 0,
            free_since: shared.offset(arrival.arrive),
            in_flight: None,
            fate: Fate::Open,
        }
    }

    /// The visit, until the viewer leaves or the run's phase ends it.
    pub(crate) async fn run(mut self, phase: &mut watch::Receiver<Phase>) {
        let came = self.shared.now();
        self.shared.recording.came(came);
        let stopped = tokio::select! {
            () = self.go_on() => false,
            // An error means that nobody is left to say so: over, too.
            _ = phase.wait_for(|phase| *phase != Phase::Running) => true,
        };
        let now = self.shared.now();
        if let Some(in_flight) = self.in_flight.take() {
            self.record(&in_flight, Outcome::Abandoned, now);
        }
        if self.fate == Fate::Open && !stopped {
            // The viewer left before anything was due: nothing is missing.
            self.fate = Fate::Sent { late: false };
        }
        self.count();
        self.shared.recording.left(came, now);
    }

    /// Enters the arrival into the ledger, once.
    fn count(&mut self) {
        let fate = std::mem::replace(&mut self.fate, Fate::Counted);
        self.shared.recording.arrivals(|counts| match fate {
            Fate::Open => counts.lost += 1,
            Fate::Sent { late: true } => counts.late += 1,
            Fate::Sent { late: false } => counts.on_time += 1,
            Fate::Counted => {}
        });
    }

    async fn go_on(&mut self) {
        let leave = self.shared.instant(self.shared.offset(self.arrival.leave));
        while let Some(planned) = self.session.next() {
            let due = self.shared.offset(planned.due);
            let due_at = self.shared.instant(due);
            if due_at >= leave {
                break;
            }
            if self.shared.now() < due {
                sleep_until(due_at).await;
            }
            let possible = due.max(self.free_since);
            let sent = self.shared.now();
            if self.fate == Fate::Open {
                self.fate = Fate::Sent { late: sent.since(possible) > LATE_US };
            }
            self.in_flight = Some(InFlight { planned, possible, sent, bytes: 0 });
            self.shared.pool.awaiting(self.slot, sent);
            let deadline = self.shared.instant(sent.plus(self.shared.timeout_us)).min(leave);
            let exchange = timeout_at(deadline, self.exchange(&planned)).await;
            self.shared.pool.answered(self.slot);
            let done = self.shared.now();
            let ended = match exchange {
                Ok(exchange) => exchange,
                Err(_) if deadline >= leave => {
                    self.connection = None;
                    // `run` records what is in flight as abandoned.
                    return;
                }
                Err(_) => Exchange::Failed(Outcome::Timeout),
            };
            if matches!(ended, Exchange::Exhausted) {
                self.give_back(done);
                return;
            }
            self.finish(&planned, &ended, done);
        }
        sleep_until(leave).await;
    }

    /// The machine is out of descriptors or ports: the arrival, if this was its first send, was
    /// dropped by the generator, and the slot is given back.
    fn give_back(&mut self, now: Offset) {
        let in_flight = self.in_flight.take();
        if self.fate == Fate::Counted {
            if let Some(in_flight) = in_flight {
                self.record(&in_flight, Outcome::ConnectError, now);
            }
            return;
        }
        self.fate = Fate::Counted;
        self.shared.recording.arrivals(|counts| counts.dropped_descriptors += 1);
    }

    fn finish(&mut self, planned: &Planned, ended: &Exchange, done: Offset) {
        let at = self.shared.rehearsal.clock.match_time(done);
        let watching = self.session.watching_since().is_some();
        let outcome = match ended {
            Exchange::Status(status) => {
                let answer = Ended::Answer { status: *status, body: &self.body };
                self.session.answered(planned, at, answer)
            }
            Exchange::Failed(outcome) => {
                self.session.answered(planned, at, Ended::Failed(*outcome))
            }
            Exchange::Exhausted => Outcome::ConnectError,
        };
        // A connection that failed once is not used again.
        if matches!(ended, Exchange::Failed(_)) {
            self.connection = None;
        }
        self.free_since = done;
        self.count();
        if let Some(in_flight) = self.in_flight.take() {
            self.record(&in_flight, outcome, done);
        }
        if !watching && self.session.watching_since().is_some() && !self.arrival.already_watching {
            let from = self.shared.offset(self.arrival.arrive);
            self.shared.recording.journey(0, Outcome::Ok, done.since(from).max(0) as u64);
        }
    }

    fn record(&self, in_flight: &InFlight, outcome: Outcome, done: Offset) {
        let InFlight { planned, possible, sent, bytes } = *in_flight;
        self.shared.recording.request(&RequestSample {
            journey: 0,
            step: planned.step,
            outcome,
            due: self.shared.offset(planned.due),
            possible,
            sent,
            done,
            retry: planned.retry,
            bytes,
        });
    }

    async fn exchange(&mut self, planned: &Planned) -> Exchange {
        let method = self.session.render(planned, &mut self.rendered);
        let reused = self.connection.as_ref().is_some_and(Connection::is_open);
        if !reused {
            match Connection::open(self.shared.permit).await {
                Ok(connection) => self.connection = Some(connection),
                Err(HttpError::Connect { source, .. }) if is_exhausted(&source) => {
                    return Exchange::Exhausted;
                }
                Err(_) => return Exchange::Failed(Outcome::ConnectError),
            }
        }
        self.sends += 1;
        let Some(connection) = &mut self.connection else {
            return Exchange::Failed(Outcome::ConnectError);
        };
        let id = format!("{:08x}-{}-{}", self.shared.run_id, self.arrival.viewer, self.sends);
        let body = match self.rendered.body.as_str() {
            "" => Bytes::new(),
            text => Bytes::copy_from_slice(text.as_bytes()),
        };
        let request = Request::builder()
            .method(match method {
                Method::Get => hyper::Method::GET,
                Method::Post => hyper::Method::POST,
            })
            .uri(self.rendered.path.as_str())
            .header(HOST, self.shared.host.clone())
            .header("x-hulk-request", id)
            .body(Full::new(body));
        let Ok(request) = request else { return Exchange::Failed(Outcome::CheckFailed) };
        match connection.send(request).await {
            Ok(answer) => {
                let status = answer.status().as_u16();
                match self.read(answer.into_body(), planned.wants_body).await {
                    Ok(()) => Exchange::Status(status),
                    Err(_) => Exchange::Failed(Outcome::Broken),
                }
            }
            Err(_) => Exchange::Failed(Outcome::Broken),
        }
    }

    /// Counts the body; keeps it where a step looks into it.
    async fn read<B>(&mut self, mut body: B, keep: bool) -> Result<(), B::Error>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        self.body.clear();
        while let Some(frame) = body.frame().await {
            let frame = frame?;
            let Some(data) = frame.data_ref() else { continue };
            if let Some(in_flight) = &mut self.in_flight {
                in_flight.bytes += data.len() as u64;
            }
            if keep && self.body.len() + data.len() <= BODY_KEPT_MAX {
                self.body.extend_from_slice(data);
            }
        }
        Ok(())
    }
}

fn is_exhausted(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| EXHAUSTED.contains(&code))
}
