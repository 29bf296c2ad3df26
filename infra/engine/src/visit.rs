//! One viewer's stay: the shell around `hulk_scenarios::Viewer` that waits, sends and reads.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt;
use hulk_net::{Connection, HttpError};
use hulk_record::Outcome;
use hulk_scenarios::{Arrival, Ended, Going, Headers, Method, Next, Planned, Rendered, Viewer};
use hyper::Response;
use hyper::body::Body;
use hyper::header::HeaderMap;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::origin::BODY_KEPT_MAX;
use crate::run::{Phase, Shared};

/// EMFILE, ENFILE, EADDRNOTAVAIL: what this machine ran out of, not what the target did.
const EXHAUSTED: [i32; 3] = [24, 23, 99];

pub(crate) struct Visit<'a> {
    shared: &'a Arc<Shared>,
    slot: usize,
    viewer: Viewer,
    /// The connections that there are, each with the place of the destination that it leads to.
    connections: Vec<(usize, Connection)>,
    rendered: Rendered,
    headers: HeaderMap,
    body: Vec<u8>,
    bytes: u64,
}

/// What came of an exchange: a status, or how it failed.
enum Exchange {
    Status(u16),
    /// There is no connection.
    Unconnected(HttpError),
    /// The connection was there, and no complete answer came.
    Broken(HttpError),
    /// The journey made something of it that is no request.
    Unwritable,
    /// This machine had no descriptor or port left.
    Exhausted,
}

/// An answer's headers for those who look into them.
struct Received<'a>(&'a HeaderMap);

impl Headers for Received<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.to_str().ok()
    }

    fn each(&self, name: &str, visit: &mut dyn FnMut(&str)) {
        self.0.get_all(name).iter().filter_map(|value| value.to_str().ok()).for_each(visit);
    }
}

impl<'a> Visit<'a> {
    pub(crate) fn new(shared: &'a Arc<Shared>, slot: usize, arrival: &Arrival) -> Self {
        let now = shared.now();
        let books = &mut shared.recording.books();
        Self {
            shared,
            slot,
            viewer: Viewer::come(&shared.rehearsal, arrival, now, books),
            connections: Vec::new(),
            rendered: Rendered::default(),
            headers: HeaderMap::new(),
            body: Vec::new(),
            bytes: 0,
        }
    }

    /// The stay, until the viewer is gone or the run's phase ends it.
    pub(crate) async fn run(mut self, phase: &mut watch::Receiver<Phase>) {
        tokio::select! {
            () = self.go_on() => return,
            // An error means that nobody is left to say so: over, too.
            _ = phase.wait_for(|phase| *phase != Phase::Running) => {}
        }
        let now = self.shared.now();
        self.viewer.stop(now, &mut self.shared.recording.books());
    }

    async fn go_on(&mut self) {
        loop {
            let until = self.shared.instant(self.viewer.until());
            if let Next::Send(planned) = self.viewer.next() {
                let due = self.viewer.due(&planned);
                if self.shared.now() < due {
                    sleep_until(self.shared.instant(due)).await;
                }
                if !self.send(planned).await {
                    return;
                }
                // One that ended at the leg's end is followed by the next leg.
                if Instant::now() < until {
                    continue;
                }
            }
            sleep_until(self.shared.instant(self.viewer.until())).await;
            let now = self.shared.now();
            let going = self.viewer.turn(now, &mut self.shared.recording.books());
            match going {
                Going::On => {}
                Going::Disconnected => self.connections.clear(),
                Going::Over => return,
            }
        }
    }

    /// Sends a request to its end, or until it is to be given up. Whether there is a viewer left.
    async fn send(&mut self, planned: Planned) -> bool {
        let sent = self.shared.now();
        let unix_ms = self.shared.unix_ms(sent);
        let (method, deadline) = self.viewer.send(planned, sent, unix_ms, &mut self.rendered);
        self.shared.pool.awaiting(self.slot, sent);
        let deadline_at = self.shared.instant(deadline);
        let given_up = deadline >= self.viewer.until();
        let place = self.shared.place(self.viewer.edge(), planned.service);
        let exchange = self.exchange(place, method, planned.wants_body);
        let exchange = timeout_at(deadline_at, exchange).await;
        self.shared.pool.answered(self.slot);
        let done = self.shared.now();
        let ended = match exchange {
            Ok(Exchange::Exhausted) => {
                self.viewer.give_back(done, &mut self.shared.recording.books());
                return false;
            }
            Ok(Exchange::Status(status)) => {
                Ended::Answer { status, headers: &Received(&self.headers), body: &self.body }
            }
            Ok(Exchange::Unconnected(error)) => {
                self.failed(place, "no connection", &error);
                Ended::Failed(Outcome::ConnectError)
            }
            Ok(Exchange::Broken(error)) => {
                self.failed(place, "no answer", &error);
                Ended::Failed(Outcome::Broken)
            }
            Ok(Exchange::Unwritable) => {
                self.close(place);
                Ended::Failed(Outcome::CheckFailed)
            }
            Err(_) => {
                self.close(place);
                if given_up {
                    // The turn records what is in flight as abandoned.
                    return true;
                }
                Ended::Failed(Outcome::Timeout)
            }
        };
        self.viewer.ended(ended, self.bytes, done, &mut self.shared.recording.books());
        true
    }

    /// An exchange failed: its connection is closed, and the user is told why.
    fn failed(&mut self, place: usize, what: &str, error: &HttpError) {
        self.close(place);
        let why = error.why();
        self.viewer.trouble(&format!("{what}: {why}"), &mut self.shared.recording.books());
    }

    /// Closes the connection to a place, if there is one.
    fn close(&mut self, place: usize) {
        self.connections.retain(|(to, _)| *to != place);
    }

    /// An open connection to a place, by its index; none where there is none.
    fn open_to(&self, place: usize) -> Option<usize> {
        let usable = |(to, known): &(usize, Connection)| *to == place && known.is_open();
        self.connections.iter().position(usable)
    }

    async fn exchange(&mut self, place: usize, method: Method, wants_body: bool) -> Exchange {
        self.bytes = 0;
        let destination = self.shared.destination(place);
        let open = match self.open_to(place) {
            Some(open) => open,
            None => {
                self.close(place);
                if self.connections.len() >= self.shared.connections_max {
                    // An old connection is closed before there is another.
                    self.connections.clear();
                }
                match destination.connect().await {
                    Ok(connection) => self.connections.push((place, connection)),
                    Err(HttpError::Connect { source, .. }) if is_exhausted(&source) => {
                        return Exchange::Exhausted;
                    }
                    Err(error) => return Exchange::Unconnected(error),
                }
                self.connections.len() - 1
            }
        };
        let (viewer, send) = self.viewer.send_id();
        let id = format!("{:08x}-{viewer}-{send}", self.shared.run_id);
        let Ok(request) = destination.request(method, &self.rendered, &id) else {
            return Exchange::Unwritable;
        };
        self.viewer.wrote();
        match self.connections[open].1.send(request).await {
            Ok(answer) => self.read(answer, wants_body).await,
            Err(error) => Exchange::Broken(error),
        }
    }

    /// Counts the body; keeps it where a step looks into it.
    async fn read<B>(&mut self, answer: Response<B>, keep: bool) -> Exchange
    where
        B: Body<Data = Bytes, Error = hyper::Error> + Unpin,
    {
        let (head, mut body) = answer.into_parts();
        self.headers = head.headers;
        self.body.clear();
        while let Some(frame) = body.frame().await {
            let frame = match frame {
                Ok(frame) => frame,
                Err(error) => return Exchange::Broken(HttpError::Broken(error)),
            };
            let Some(data) = frame.data_ref() else { continue };
            self.bytes += data.len() as u64;
            if keep && self.body.len() + data.len() <= BODY_KEPT_MAX {
                self.body.extend_from_slice(data);
            }
        }
        Exchange::Status(head.status.as_u16())
    }
}

fn is_exhausted(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| EXHAUSTED.contains(&code))
}
