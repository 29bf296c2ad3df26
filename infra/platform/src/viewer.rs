//! A viewer's connection: requests in, answers out.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hulk_scaling::{Body, Reply};
use hyper::body::{Body as _, Incoming};
use hyper::header::{HeaderName, HeaderValue, RETRY_AFTER, SET_COOKIE};
use hyper::{Request, Response, StatusCode};
use tokio::time::{Instant, sleep_until};

use crate::door::{Asked, Door};
use crate::last::Mark;

/// Latencies below the timer's precision are not waited for.
const LATENCY_MIN_MS: f64 = 0.5;
/// A longer body is not read to its end.
const REQUEST_BODY_MAX: usize = 1 << 20;

const REQUEST_MARK: &str = "x-hulk-request";
const PANIC: HeaderName = HeaderName::from_static("x-panic");

type Answer = Response<Full<Bytes>>;

/// A viewer's connection.
pub(crate) struct Viewer {
    door: Arc<Door>,
    edge: usize,
    seat: usize,
}

impl Viewer {
    pub(crate) fn new(door: Arc<Door>, edge: usize) -> Self {
        let seat = door.connected(edge);
        Self { door, edge, seat }
    }

    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Result<Answer, Infallible> {
        let (head, body) = request.into_parts();
        if !body.is_end_stream() {
            // A request has come when its body has.
            let _nobody_reads_it = Limited::new(body, REQUEST_BODY_MAX).collect().await;
        }
        let mark = head.headers.get(REQUEST_MARK).and_then(|value| value.to_str().ok());
        let mark = mark.and_then(Mark::parse);
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let reply = match self.door.ask(self.edge, self.seat, mark, path) {
            Asked::Answered(reply) => Some(reply),
            Asked::Waiting(receiver) => receiver.await.ok(),
            Asked::Lost => None,
        };
        let Some(reply) = reply else {
            // The edge is lost, and the connection is about to be.
            return std::future::pending().await;
        };
        if reply.latency_ms >= LATENCY_MIN_MS {
            let left = self.door.instant(reply.at).unwrap_or_else(Instant::now);
            sleep_until(left + Duration::from_secs_f64(reply.latency_ms / 1e3)).await;
        }
        Ok(self.write(reply))
    }

    fn write(&self, reply: Reply) -> Answer {
        let body = match reply.body {
            Body::Empty => Bytes::new(),
            Body::Bytes(size) => self.door.zeros(size as usize),
            Body::Text(text) => Bytes::copy_from_slice(text.as_bytes()),
        };
        let mut answer = Response::new(Full::new(body));
        let status = StatusCode::from_u16(reply.status);
        *answer.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = answer.headers_mut();
        if let Some(after_s) = reply.retry_after_s {
            let seconds = (after_s / self.door.plan().clock.speed).ceil().max(1.0) as u64;
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(cookie) = reply.set_cookie.and_then(|text| HeaderValue::from_str(&text).ok()) {
            headers.insert(SET_COOKIE, cookie);
        }
        if !reply.panic.is_empty() {
            headers.insert(PANIC, self.door.panic_header(reply.panic));
        }
        answer
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.door.disconnected(self.edge, self.seat);
    }
}
