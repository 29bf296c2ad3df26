//! The HTTP API: Toxiproxy's own, ours below `/v1`, and the metrics.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hulk_net::Scope;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue, ORIGIN, USER_AGENT};
use hyper::http::uri::Authority;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::desk::Desk;

mod asked;
mod metrics;
mod own;
mod shown;
mod toxiproxy;

pub use asked::read_proxies;

/// A body of the API is at most so long: a recorded histogram is the longest that there is.
const BODY_BYTES_MAX: usize = 1 << 20;
/// So long a client may take for the head of a request.
const HEAD_LIMIT: Duration = Duration::from_secs(30);
/// How long a port out of descriptors is left alone.
const AGAIN: Duration = Duration::from_millis(10);

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// A status, the kind of the body, and the body.
pub(crate) struct Said(StatusCode, &'static str, String);

impl Said {
    fn json(status: StatusCode, value: &impl Serialize) -> Self {
        match serde_json::to_string(value) {
            Ok(text) => Self(status, JSON, text),
            Err(error) => Self(StatusCode::INTERNAL_SERVER_ERROR, TEXT, error.to_string()),
        }
    }
}

#[cfg(test)]
impl Said {
    pub(crate) fn status(&self) -> StatusCode {
        self.0
    }

    pub(crate) fn body(&self) -> &str {
        &self.2
    }
}

/// Answers whoever asks at `listener`, for ever.
pub async fn serve(listener: TcpListener, desk: Arc<Desk>) {
    let asked = Arc::new(AtomicU64::new(0));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(AGAIN).await;
            continue;
        };
        tokio::spawn(converse(stream, Arc::clone(&desk), Arc::clone(&asked)));
    }
}

async fn converse(stream: TcpStream, desk: Arc<Desk>, asked: Arc<AtomicU64>) {
    let service = service_fn(|request| answer(&desk, &asked, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), service);
    // Whoever breaks off has nothing more to ask.
    let _left = connection.await;
}

async fn answer(
    desk: &Desk,
    asked: &AtomicU64,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let Said(status, kind, body) = match admit(request.headers()) {
        Ok(()) => say(desk, request).await,
        Err(refused) => refused,
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if !kind.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    let number = asked.fetch_add(1, Ordering::Relaxed);
    if let Ok(id) = HeaderValue::from_str(&format!("{:08x}-{number:08x}", std::process::id())) {
        headers.insert("x-toxiproxy-request-id", id);
    }
    Ok(response)
}

/// Any page that is open in a browser of this machine can send to its loopback: none may.
fn admit(headers: &HeaderMap) -> Result<(), Said> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let forbidden = |text: &str| Err(Said(StatusCode::FORBIDDEN, TEXT, format!("{text}\n")));
    if text(USER_AGENT).is_some_and(|agent| agent.starts_with("Mozilla/")) {
        return forbidden("User agent not allowed");
    }
    if headers.contains_key(ORIGIN) {
        return forbidden("pages may not ask this port");
    }
    let host = text(HOST).and_then(|host| host.parse::<Authority>().ok());
    let own = host.is_some_and(|host| {
        Scope::default().permit_host(host.host(), host.port_u16().unwrap_or(80)).is_ok()
    });
    if own { Ok(()) } else { forbidden("ask 127.0.0.1, [::1] or localhost") }
}

async fn say(desk: &Desk, request: Request<Incoming>) -> Said {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return Said(StatusCode::BAD_REQUEST, TEXT, format!("{error}\n")),
    };
    respond(desk, &head.method, head.uri.path(), &body)
}

/// The answer to a request that may be asked.
pub(crate) fn respond(desk: &Desk, method: &Method, path: &str, body: &[u8]) -> Said {
    // A name may hold what a path does not: `%2F`, for example.
    let parts: Option<Vec<String>> = path.split('/').skip(1).map(unescaped).collect();
    let Some(parts) = parts else { return not_found() };
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["metrics"] if *method == Method::GET => {
            let kind = "text/plain; version=0.0.4; charset=utf-8";
            Said(StatusCode::OK, kind, metrics::metrics(&desk.proxies()))
        }
        ["v1", rest @ ..] => own::respond(desk, method, rest, body),
        all => toxiproxy::respond(desk, method, all, body),
    }
}

fn not_found() -> Said {
    Said(StatusCode::NOT_FOUND, TEXT, "404 page not found\n".to_owned())
}

fn wrong_method() -> Said {
    Said(StatusCode::METHOD_NOT_ALLOWED, "", String::new())
}

/// A part of a path without its escapes; none where they are none.
fn unescaped(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push((high * 16 + low) as u8);
    }
    String::from_utf8(bytes).ok()
}
