//! The one connection of a trial: sends, reads and measures.

use std::io::ErrorKind;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hulk_net::{Connection, HttpError};
use hulk_scenarios::{Broke, Came, Method, Permit, Rendered, Timing};
use hyper::Request;
use hyper::header::HOST;
use tokio::time::{Instant, timeout_at};

/// Of an answer so much is kept, as in a rehearsal; more is counted and thrown away.
const BODY_KEPT_MAX: usize = 1 << 20;

/// A viewer's way to the target.
#[derive(Debug)]
pub struct TrialLine {
    permits: Vec<Permit>,
    /// What the `host` header says, by edge.
    hosts: Vec<String>,
    /// With the edge that it leads to.
    connection: Option<(usize, Connection)>,
}

/// What has been measured when a time limit cuts an exchange off.
#[derive(Default)]
struct Measured {
    connect_us: Option<u64>,
    first_byte_us: Option<u64>,
}

impl TrialLine {
    /// To these edges.
    pub fn new(permits: Vec<Permit>, hosts: Vec<String>) -> Self {
        Self { permits, hosts, connection: None }
    }

    /// Sends a request to an edge, and reads the answer or finds out why there is none.
    pub async fn exchange(
        &mut self,
        edge: usize,
        (method, rendered, id): (Method, &Rendered, &str),
        timeout_ms: f64,
    ) -> (Came, Timing) {
        let started = Instant::now();
        let deadline = started + Duration::from_micros((timeout_ms * 1e3) as u64);
        let mut measured = Measured::default();
        let exchange = self.try_exchange(edge, (method, rendered, id), &mut measured);
        let came = match timeout_at(deadline, exchange).await {
            Ok(Ok(came)) => came,
            Ok(Err(broke)) => Came::Failed(broke),
            Err(_) => Came::Failed(Broke::TimedOut(measured.first_byte_us.is_some())),
        };
        if matches!(came, Came::Failed(_)) {
            self.connection = None;
        }
        let Measured { connect_us, first_byte_us } = measured;
        (came, Timing { connect_us, first_byte_us, total_us: micros_since(started) })
    }

    async fn try_exchange(
        &mut self,
        edge: usize,
        (method, rendered, id): (Method, &Rendered, &str),
        measured: &mut Measured,
    ) -> Result<Came, Broke> {
        let usable = |(to, connection): &(usize, Connection)| *to == edge && connection.is_open();
        if !self.connection.as_ref().is_some_and(usable) {
            self.connection = None;
            let from = Instant::now();
            let connection = self.open(edge).await?;
            measured.connect_us = Some(micros_since(from));
            self.connection = Some((edge, connection));
        }
        let host = self.hosts.get(edge).map_or("", String::as_str);
        let request = request(method, rendered, host, id).map_err(Broke::Unwritable)?;
        let Some((_, connection)) = &mut self.connection else {
            return Err(Broke::NoConnection("it is gone".to_owned()));
        };
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

    /// The only place where a trial opens a connection.
    async fn open(&self, edge: usize) -> Result<Connection, Broke> {
        let Some(permit) = self.permits.get(edge) else {
            return Err(Broke::NoConnection("there is no such edge".to_owned()));
        };
        Connection::open(*permit).await.map_err(|error| match error {
            HttpError::Connect { to, source } if source.kind() == ErrorKind::ConnectionRefused => {
                Broke::Refused(to.to_string())
            }
            error => Broke::NoConnection(in_full(&error)),
        })
    }
}

/// The same request as a visit's.
fn request(
    method: Method,
    rendered: &Rendered,
    host: &str,
    id: &str,
) -> Result<Request<Full<Bytes>>, String> {
    let method = match method {
        Method::Get => hyper::Method::GET,
        Method::Post => hyper::Method::POST,
        Method::Put => hyper::Method::PUT,
        Method::Delete => hyper::Method::DELETE,
    };
    let mut request = Request::builder()
        .method(method)
        .uri(rendered.path.as_str())
        .header(HOST, host)
        .header("x-hulk-request", id);
    for (name, value) in &rendered.headers {
        request = request.header(name.as_str(), value.as_str());
    }
    let body = Bytes::copy_from_slice(rendered.body.as_bytes());
    request.body(Full::new(body)).map_err(|error| error.to_string())
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
