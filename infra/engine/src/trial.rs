//! The way of a trial to its target: sends, reads and measures.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::time::Duration;

use hulk_net::{Permit, why_io};
use hulk_scenarios::{Broke, Came, Method, Phase, Rendered, Target, Timeouts, Timing};
use tokio::time::{Instant, timeout, timeout_at};

use crate::client::decode::decode;
use crate::client::{self, Client, Outgoing, RequestId};
use crate::connections::Connection;
use crate::origin::{Destination, Hop, destinations};
use crate::run::EngineError;

/// A viewer's way to the target.
#[derive(Debug)]
pub struct TrialLine {
    /// Each with its connection, where it is open.
    destinations: Vec<(Destination, Option<Connection>)>,
    run: u32,
}

/// What has been measured when a time limit cuts an exchange off.
#[derive(Default)]
struct Measured {
    connect_us: Option<u64>,
    first_byte_us: Option<u64>,
}

impl TrialLine {
    /// To the target's origins from the local addresses, with the right to each contact of the
    /// origins; its requests are marked by `run`.
    ///
    /// # Errors
    /// When a certificate or a header of the target cannot be used.
    pub fn new(
        target: &Target,
        local: &[IpAddr],
        permits: &[Permit],
        run: u32,
    ) -> Result<Self, EngineError> {
        let destinations = destinations(target, local, permits)?;
        let destinations = destinations.into_iter().map(|to| (to, None)).collect();
        Ok(Self { destinations, run })
    }

    /// Sends a request, which is a viewer's how manieth, to an origin, and reads the answer or
    /// finds out why there is none.
    pub async fn exchange(
        &mut self,
        origin: usize,
        request: (Method, &Rendered, (u32, u32)),
        timeout_ms: f64,
    ) -> (Came, Timing) {
        let started = Instant::now();
        let deadline = started + Duration::from_micros((timeout_ms * 1e3) as u64);
        let mut measured = Measured::default();
        let exchange = self.try_exchange(origin, request, &mut measured);
        let came = match timeout_at(deadline, exchange).await {
            Ok(Ok(came)) => came,
            Ok(Err(broke)) => Came::Failed(broke),
            Err(_) => Came::Failed(Broke::TimedOut(measured.first_byte_us.is_some())),
        };
        if let (Came::Failed(_), Some((_, connection))) = (&came, self.destinations.get_mut(origin))
        {
            *connection = None;
        }
        let Measured { connect_us, first_byte_us } = measured;
        (came, Timing { connect_us, first_byte_us, total_us: micros_since(started) })
    }

    async fn try_exchange(
        &mut self,
        origin: usize,
        (method, rendered, (viewer, send)): (Method, &Rendered, (u32, u32)),
        measured: &mut Measured,
    ) -> Result<Came, Broke> {
        let Some((to, connection)) = self.destinations.get_mut(origin) else {
            return Err(Broke::NoConnection("there is no such origin".to_owned()));
        };
        let mut open = connection.take();
        if let Some(known) = &mut open
            && !poll_fn(|cx| known.is_open(cx).into()).await
        {
            open = None;
        }
        let open = match open {
            Some(open) => open,
            None => {
                let from = Instant::now();
                let hop = hop(to, viewer).await?;
                let unconnected = |error: &io::Error| unconnected(hop.to, error);
                let stream = within(Phase::Connect, to.timeouts(), to.connect(hop)).await?;
                let stream = stream.map_err(|error| unconnected(&error))?;
                let open = within(Phase::Tls, to.timeouts(), to.speak(stream)).await?;
                let open = open.map_err(|error| unconnected(&error))?;
                measured.connect_us = Some(micros_since(from));
                open
            }
        };
        let connection = connection.insert(open);
        let id = RequestId { run: self.run, viewer, send };
        let request = Outgoing { to, method, rendered, id, keep_body: true };
        let sent = Instant::now();
        poll_fn(|cx| connection.begin(cx, &request).into()).await.map_err(broken)?;
        let first_byte = poll_fn(|cx| connection.poll_first_byte(cx));
        within(Phase::FirstByte, to.timeouts(), first_byte).await?.map_err(broken)?;
        measured.first_byte_us = Some(micros_since(sent));
        let rest = poll_fn(|cx| connection.poll_rest(cx));
        let mut answer = within(Phase::Body, to.timeouts(), rest).await?.map_err(broken)?;
        // What cannot be decompressed is shown as it came.
        let _as_it_came = decode(&mut answer);
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned).ok();
        let fields = answer.fields();
        let headers = fields
            .filter_map(|(name, value)| Some((text(name)?.to_ascii_lowercase(), text(value)?)));
        Ok(Came::Answer(answer.status, headers.collect(), answer.body.clone(), answer.bytes))
    }
}

/// Waits for a phase for as long as it may last.
async fn within<T>(
    phase: Phase,
    timeouts: &Timeouts,
    future: impl Future<Output = T>,
) -> Result<T, Broke> {
    let Some(limit) = timeouts.of(phase) else { return Ok(future.await) };
    let limit = Duration::from_micros(limit.into());
    timeout(limit, future).await.map_err(|_| Broke::Overlong(phase))
}

/// Where a viewer's connection goes; the name is looked up where it must be.
async fn hop(to: &Destination, viewer: u32) -> Result<Hop, Broke> {
    let unknown = |error: io::Error| Broke::NoConnection(why_io(&error).to_owned());
    loop {
        if let Some(hop) = to.hop(viewer, 0) {
            return hop.map_err(unknown);
        }
        within(Phase::Dns, to.timeouts(), to.look_up()).await?.map_err(unknown)?;
    }
}

fn unconnected(permit: Permit, error: &io::Error) -> Broke {
    let to = permit.address();
    match error.kind() {
        ErrorKind::ConnectionRefused => Broke::Refused(to.to_string()),
        _ => Broke::NoConnection(in_full(&format!("no connection to {to}"), error)),
    }
}

fn broken(broke: client::Broke) -> Broke {
    match broke {
        client::Broke::Unwritable(what) => Broke::Unwritable(what.to_owned()),
        client::Broke::Io(error) | client::Broke::Reset(error) => {
            Broke::Broken(in_full("the connection broke", &error))
        }
        other => Broke::Broken(other.to_string()),
    }
}

/// An error with what caused it.
fn in_full(what: &str, error: &dyn std::error::Error) -> String {
    let mut text = what.to_owned();
    let mut cause = Some(error);
    while let Some(error) = cause {
        let told = error.to_string();
        if !text.contains(&told) {
            text += ": ";
            text += &told;
        }
        cause = error.source();
    }
    text
}

fn micros_since(from: Instant) -> u64 {
    from.elapsed().as_micros() as u64
}
