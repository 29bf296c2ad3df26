//! One viewer's stay: the shell around `hulk_scenarios::Viewer` that waits, sends and reads.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use hulk_net::why_io;
use hulk_record::{Measure, Offset, Outcome};
use hulk_scenarios::{Arrival, Ended, Going, Method, Next, Phase, Planned, Timeouts, Viewer};

use crate::client::answer::Answer;
use crate::client::decode::decode;
use crate::client::scratch::{give_back, with_rendered};
use crate::client::{Broke, Client, Outgoing, RequestId};
use crate::connections::Connections;
use crate::origin::Hop;
use crate::run::{self, Shared};
use crate::waiting::{Stopped, Waiting};

/// EMFILE, ENFILE, EADDRNOTAVAIL: what this machine ran out of, not what the target did.
const EXHAUSTED: [i32; 3] = [24, 23, 99];

/// A connection that was used so shortly before, in µs, is not looked at before it is used again.
const RESTED_US: i64 = 1000;

pub(crate) struct Visit<'a> {
    shared: &'a Arc<Shared>,
    slot: usize,
    waiting: Waiting<'a>,
    viewer: Viewer,
    connections: &'a mut Connections,
    /// What the clock showed when it was last looked at.
    seen: Offset,
}

/// When the last byte of an answer came.
enum At {
    /// With the first.
    FirstByte,
    Later,
}

/// What came of an exchange: an answer, or how it failed.
enum Exchange {
    Answer(Box<Answer>, At),
    /// There is no connection.
    Unconnected(io::Error),
    /// The connection was there, and no complete answer came.
    Broken(Broke),
    /// The answer did not come in time.
    Late(&'static str),
    /// A phase lasted longer than it may by itself.
    Overlong(Phase),
    /// The journey made something of it that is no request.
    Unwritable,
    /// This machine had no descriptor or port left.
    Exhausted,
    /// Load no longer runs.
    NoLoad,
}

impl<'a> Visit<'a> {
    pub(crate) fn new(
        shared: &'a Arc<Shared>,
        slot: usize,
        arrival: &Arrival,
        connections: &'a mut Connections,
    ) -> Self {
        let now = shared.now();
        let viewer = Viewer::come(&shared.rehearsal, arrival, now, &mut shared.recording.books());
        let waiting = Waiting::new(shared, slot);
        Self { shared, slot, waiting, viewer, connections, seen: now }
    }

    /// The stay, until the viewer is gone or the run's phase ends it.
    pub(crate) async fn run(mut self) {
        if self.go_on().await == Err(Stopped::NoLoad) {
            let now = self.shared.now();
            self.viewer.stop(now, &mut self.shared.recording.books());
            self.connections.close_all();
        }
    }

    async fn go_on(&mut self) -> Result<(), Stopped> {
        loop {
            if let Next::Send(planned) = self.viewer.next() {
                let due = self.viewer.due(&planned);
                if self.seen < due {
                    self.waiting.sleep_until(due).await?;
                    self.look();
                } else if self.shared.phase() != run::Phase::Running {
                    return Err(Stopped::NoLoad);
                }
                if !self.send(planned).await? {
                    return Ok(());
                }
                // One that ended at the leg's end is followed by the next leg.
                if self.seen < self.viewer.until() {
                    continue;
                }
            }
            self.waiting.sleep_until(self.viewer.until()).await?;
            let now = self.look();
            let going = self.viewer.turn(now, &mut self.shared.recording.books());
            match going {
                Going::On => {}
                Going::Disconnected => self.connections.close_all(),
                Going::Over => return Ok(()),
            }
        }
    }

    /// Sends a request to its end, or until it is to be given up. Whether there is a viewer left.
    async fn send(&mut self, planned: Planned) -> Result<bool, Stopped> {
        // The clock was looked at when the wait for it was over, or what came before it.
        let sent = self.seen;
        let deadline = self.viewer.send(planned, sent);
        if self.shared.drops {
            self.shared.pool.awaiting(self.slot, sent);
        }
        let given_up = deadline >= self.viewer.until();
        let place = self.shared.place(self.viewer.edge(), planned.service);
        let exchange = self.exchange(place, &planned, deadline).await;
        if self.shared.drops {
            self.shared.pool.answered(self.slot);
        }
        let done = match exchange {
            // What came with the first byte was there with it.
            Exchange::Answer(_, At::FirstByte) => self.seen,
            _ => self.look(),
        };
        let books = &mut self.shared.recording.books();
        let failed = match exchange {
            Exchange::Answer(mut answer, _) => {
                if planned.wants_body
                    && let Err(what) = decode(&mut answer)
                {
                    self.viewer.trouble(what, books);
                }
                let (status, headers, body) = (answer.status, &*answer, answer.body.as_slice());
                let ended = Ended::Answer { status, headers, body };
                self.viewer.ended(ended, answer.bytes, done, books);
                self.connections.used = done;
                give_back(answer);
                return Ok(true);
            }
            Exchange::NoLoad => return Err(Stopped::NoLoad),
            Exchange::Exhausted => {
                self.viewer.give_back(done, books);
                return Ok(false);
            }
            // The turn records what is in flight as abandoned.
            Exchange::Late(_) if given_up => {
                self.connections.close(place);
                return Ok(true);
            }
            Exchange::Unconnected(error) => {
                self.viewer.trouble(&format!("no connection: {}", why_io(&error)), books);
                Outcome::ConnectError
            }
            Exchange::Broken(broke) => {
                self.viewer.trouble(&format!("no answer: {}", broke.why()), books);
                Outcome::Broken
            }
            Exchange::Late(phase) => {
                if !phase.is_empty() {
                    self.viewer.trouble(phase, books);
                }
                Outcome::Timeout
            }
            Exchange::Overlong(phase) => {
                self.viewer.trouble(phase.overlong(), books);
                Outcome::Timeout
            }
            Exchange::Unwritable => Outcome::CheckFailed,
        };
        self.connections.close(place);
        self.viewer.ended(Ended::Failed(failed), 0, done, books);
        Ok(true)
    }

    async fn exchange(&mut self, place: usize, planned: &Planned, deadline: Offset) -> Exchange {
        let mut again = false;
        loop {
            let was_open = self.is_open(place).await;
            if !was_open {
                self.connections.close(place);
                if let Err(failed) = self.connect(place, deadline).await {
                    return failed;
                }
            }
            let (method, begun) = poll_fn(|cx| Poll::Ready(self.begin(cx, place, planned))).await;
            match begun {
                Ok(()) => {}
                Err(Broke::Unwritable(_)) => return Exchange::Unwritable,
                Err(broke) => return Exchange::Broken(broke),
            }
            let answer = self.answer(place, deadline).await;
            match answer {
                // A server may close a connection that waits just as a request leaves: nothing of
                // that was done, and what may be done twice is sent once more.
                Exchange::Broken(broke)
                    if broke.is_of_idle() && was_open && !again && method != Method::Post =>
                {
                    again = true;
                    self.connections.close(place);
                }
                answer => return answer,
            }
        }
    }

    /// Whether there is a connection to a place that another request may be sent on.
    async fn is_open(&mut self, place: usize) -> bool {
        let rested = self.seen.since(self.connections.used) > RESTED_US;
        let Some(known) = self.connections.to(place) else { return false };
        if rested { poll_fn(|cx| Poll::Ready(known.is_open(cx))).await } else { known.is_usable() }
    }

    /// Renders the request that is in flight and begins to send it.
    fn begin(
        &mut self,
        cx: &mut Context<'_>,
        place: usize,
        planned: &Planned,
    ) -> (Method, Result<(), Broke>) {
        with_rendered(|rendered| {
            let now = self.seen;
            let method = self.viewer.render(now, self.shared.unix_ms(now), rendered);
            let (viewer, send) = self.viewer.send_id();
            let request = Outgoing {
                to: self.shared.destination(place),
                method,
                rendered,
                id: RequestId { run: self.shared.run_id, viewer, send },
                keep_body: planned.wants_body,
            };
            let begun = match self.connections.to(place) {
                Some(client) => client.begin(cx, &request),
                None => Err(Broke::Closed),
            };
            (method, begun)
        })
    }

    /// Waits for the answer.
    async fn answer(&mut self, place: usize, deadline: Offset) -> Exchange {
        let timeouts = *self.shared.destination(place).timeouts();
        let Some(client) = self.connections.to(place) else {
            return Exchange::Broken(Broke::Closed);
        };
        let part = Part::new(Phase::FirstByte, self.seen, &timeouts, deadline);
        match self.waiting.within(part.until, |cx| client.poll_first_byte(cx)).await {
            Ok(Ok(())) => {}
            Ok(Err(broke)) => return Exchange::Broken(broke),
            Err(Stopped::Late) => return part.late,
            Err(Stopped::NoLoad) => return Exchange::NoLoad,
        }
        self.seen = self.waiting.look();
        self.viewer.answer_began(self.seen);
        let part = Part::new(Phase::Body, self.seen, &timeouts, deadline);
        let mut at = At::FirstByte;
        let rest = self.waiting.within(part.until, |cx| {
            let rest = client.poll_rest(cx);
            if rest.is_pending() {
                at = At::Later;
            }
            rest
        });
        match rest.await {
            Ok(Ok(answer)) => Exchange::Answer(answer, at),
            Ok(Err(broke)) => Exchange::Broken(broke),
            Err(Stopped::Late) => part.late,
            Err(Stopped::NoLoad) => Exchange::NoLoad,
        }
    }

    /// Opens a connection to a place.
    async fn connect(&mut self, place: usize, deadline: Offset) -> Result<(), Exchange> {
        if self.connections.len() >= self.shared.connections_max {
            // An old connection is closed before there is another.
            self.connections.close_all();
        }
        let destination = self.shared.destination(place);
        let timeouts = *destination.timeouts();
        let hop = self.hop(place, deadline).await?;
        let from = self.look();
        let part = Part::new(Phase::Connect, from, &timeouts, deadline);
        // Boxed: what making a connection needs is held only meanwhile.
        let connect = Box::pin(destination.connect(hop));
        let stream = stopped(self.waiting.future(part.until, connect).await, part.late)?;
        let connected = self.look();
        self.took(Measure::Connect, connected.since(from));
        let part = Part::new(Phase::Tls, connected, &timeouts, deadline);
        let speak = Box::pin(destination.speak(stream));
        let client = stopped(self.waiting.future(part.until, speak).await, part.late)?;
        if destination.is_encrypted() {
            let encrypted = self.look();
            self.took(Measure::Tls, encrypted.since(connected));
        }
        self.connections.open(place, client);
        Ok(())
    }

    fn look(&mut self) -> Offset {
        self.seen = self.waiting.look();
        self.seen
    }

    /// From where to where a connection to a place goes; the name is looked up where it must be.
    async fn hop(&mut self, place: usize, deadline: Offset) -> Result<Hop, Exchange> {
        let destination = self.shared.destination(place);
        let (viewer, _) = self.viewer.send_id();
        let connection = self.connections.next();
        loop {
            if let Some(hop) = destination.hop(viewer, connection) {
                return hop.map_err(Exchange::Unconnected);
            }
            let from = self.look();
            let part = Part::new(Phase::Dns, from, destination.timeouts(), deadline);
            let look_up = Box::pin(destination.look_up());
            let found = stopped(self.waiting.future(part.until, look_up).await, part.late)?;
            let found_at = self.look();
            self.took(Measure::Dns, found_at.since(from));
            if found.is_some_and(|found| found.strays) {
                let books = &mut self.shared.recording.books();
                self.viewer.trouble("the name leads outside the scope", books);
            }
        }
    }

    fn took(&self, phase: Measure, us: i64) {
        self.viewer.took(phase, us, &mut self.shared.recording.books());
    }
}

/// A part of an exchange: until when it may last, and what it is when it lasts longer.
struct Part {
    until: Offset,
    late: Exchange,
}

impl Part {
    /// A phase that starts at `from`.
    fn new(phase: Phase, from: Offset, timeouts: &Timeouts, deadline: Offset) -> Self {
        match timeouts.of(phase).map(|us| from.plus(us.into())) {
            Some(until) if until < deadline => Self { until, late: Exchange::Overlong(phase) },
            _ => Self { until: deadline, late: Exchange::Late(late(phase)) },
        }
    }
}

/// What is told when the time of the whole runs out in a phase; nothing where that says it all.
fn late(phase: Phase) -> &'static str {
    match phase {
        Phase::Dns => "the name was not looked up in time",
        Phase::Connect | Phase::FirstByte => "",
        Phase::Tls => "the connection was not encrypted in time",
        Phase::Body => "the answer began and did not end in time",
    }
}

/// What came of a part of making a connection.
fn stopped<T>(came: Result<io::Result<T>, Stopped>, late: Exchange) -> Result<T, Exchange> {
    match came {
        Ok(Ok(made)) => Ok(made),
        Ok(Err(error)) if is_exhausted(&error) => Err(Exchange::Exhausted),
        Ok(Err(error)) => Err(Exchange::Unconnected(error)),
        Err(Stopped::Late) => Err(late),
        Err(Stopped::NoLoad) => Err(Exchange::NoLoad),
    }
}

fn is_exhausted(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| EXHAUSTED.contains(&code))
}
