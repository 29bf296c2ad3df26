//! The way of a trial to its target: sends, reads and measures.

use std::io::ErrorKind;
use std::time::Duration;

use http_body_util::BodyExt;
use hulk_net::{Connection, HttpError};
use hulk_scenarios::{Broke, Came, Method, Permit, Rendered, Target, Timing};
use tokio::time::{Instant, timeout_at};

use crate::origin::{BODY_KEPT_MAX, Destination, destinations};
use crate::run::EngineError;

/// A viewer's way to the target.
#[derive(Debug)]
pub struct TrialLine {
    /// Each with its connection, where it is open.
    destinations: Vec<(Destination, Option<Connection>)>,
}

/// What has been measured when a time limit cuts an exchange off.
#[derive(Default)]
struct Measured {
    connect_us: Option<u64>,
    first_byte_us: Option<u64>,
}

impl TrialLine {
    /// To the target's origins, with the right to each.
    ///
    /// # Errors
    /// When a certificate or a header of the target cannot be used.
    pub fn new(target: &Target, permits: &[Permit]) -> Result<Self, EngineError> {
        let destinations = destinations(target, permits)?;
        Ok(Self { destinations: destinations.into_iter().map(|to| (to, None)).collect() })
    }

    /// Sends a request to an origin, and reads the answer or finds out why there is none.
    pub async fn exchange(
        &mut self,
        origin: usize,
        request: (Method, &Rendered, &str),
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
        (method, rendered, id): (Method, &Rendered, &str),
        measured: &mut Measured,
    ) -> Result<Came, Broke> {
        let Some((destination, connection)) = self.destinations.get_mut(origin) else {
            return Err(Broke::NoConnection("there is no such origin".to_owned()));
        };
        let open = match connection.take().filter(Connection::is_open) {
            Some(open) => open,
            None => {
                let from = Instant::now();
                let open = destination.connect().await.map_err(unconnected)?;
                measured.connect_us = Some(micros_since(from));
                open
            }
        };
        let connection = connection.insert(open);
        let request = destination.request(method, rendered, id);
        let request = request.map_err(|error| Broke::Unwritable(error.to_string()))?;
        let sent = Instant::now();
        let broken = |error: &dyn std::error::Error| Broke::Broken(in_full(error));
        let answer = connection.send(request).await.map_err(|error| broken(&error))?;
        measured.first_byte_us = Some(micros_since(sent));
        let (head, mut body) = answer.into_parts();
        let (mut kept, mut bytes) = (Vec::new(), 0);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| broken(&error))?;
            let Some(data) = frame.data_ref() else { continue };
            bytes += data.len() as u64;
            if kept.len() + data.len() <= BODY_KEPT_MAX {
                kept.extend_from_slice(data);
            }
        }
        let headers = head.headers.iter();
        let headers = headers
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
        Ok(Came::Answer(head.status.as_u16(), headers.collect(), kept, bytes))
    }
}

fn unconnected(error: HttpError) -> Broke {
    match error {
        HttpError::Connect { to, source } if source.kind() == ErrorKind::ConnectionRefused => {
            Broke::Refused(to.to_string())
        }
        error => Broke::NoConnection(in_full(&error)),
    }
}

/// An error with what caused it.
fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text += ": ";
            text += &inner_text;
        }
        source = inner.source();
    }
    text
}

fn micros_since(from: Instant) -> u64 {
    from.elapsed().as_micros() as u64
}
