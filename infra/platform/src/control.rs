//! The control and metrics port.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hulk_scaling::chaos::FaultKind;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::counts::counts;
use crate::door::Door;
use crate::metrics::metrics;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const KNOWN: &str = "known here: GET /metrics, GET /counts, POST /start, POST /faults, \
                     PUT /faults/{id}, DELETE /faults/{id}\n";
const BODY_MAX: usize = 4096;
/// How long the counts wait for what has not been answered yet.
const QUIET_LIMIT: Duration = Duration::from_secs(2);
/// Leases in ms of wall time.
const LEASES_MS: std::ops::RangeInclusive<u64> = 100..=60_000;

/// `POST /start`: match time 0 is in so many ms of wall time.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Start {
    pub(crate) in_ms: f64,
}

/// `POST /faults`: injects a fault, or renews its lease.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lend {
    pub(crate) id: u32,
    pub(crate) fault: FaultKind,
    pub(crate) lease_ms: u64,
}

/// `PUT /faults/{id}`: renews a lease; what has lapsed stays so.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Renew {
    pub(crate) lease_ms: u64,
}

/// What is said about a fault: whether it was there, or is now.
#[derive(Serialize, Deserialize)]
pub(crate) struct Applied {
    pub(crate) applied: bool,
}

/// A status, the kind of the body, and the body.
type Said = (StatusCode, &'static str, String);

pub(crate) async fn accept(listener: TcpListener, door: Arc<Door>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let door = Arc::clone(&door);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(&door, request));
            let _left = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    door: &Door,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, kind, body) = match say(door, request).await {
        Ok(said) | Err(said) => said,
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

async fn say(door: &Door, request: Request<Incoming>) -> Result<Said, Said> {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    if let Some(id) = path.strip_prefix("/faults/") {
        let id = id.parse().map_err(|_| wrong("a fault's number is expected after /faults/"))?;
        return match head.method {
            Method::PUT => renew(door, id, read(body, "{\"lease_ms\": 3000}").await?),
            Method::DELETE => {
                let applied = door.heal(id);
                door.settled().await;
                json(&Applied { applied })
            }
            _ => Err((StatusCode::METHOD_NOT_ALLOWED, TEXT, KNOWN.to_owned())),
        };
    }
    match (head.method, path) {
        (Method::GET, "/metrics") => Ok((StatusCode::OK, OPEN_METRICS, metrics(door))),
        (Method::GET, "/counts") => {
            door.quiet(QUIET_LIMIT).await;
            Ok((StatusCode::OK, JSON, counts(door).map_err(broken)?))
        }
        (Method::POST, "/start") => start(door, &read(body, "{\"in_ms\": 500}").await?),
        (Method::POST, "/faults") => {
            let expected = "{\"id\": 1, \"fault\": {\"latency\": {\"service\": \"home\", \
                            \"add_ms\": 400}}, \"lease_ms\": 3000}";
            lend(door, &read(body, expected).await?).await
        }
        (_, "/metrics" | "/counts" | "/start" | "/faults") => {
            Err((StatusCode::METHOD_NOT_ALLOWED, TEXT, KNOWN.to_owned()))
        }
        _ => Err((StatusCode::NOT_FOUND, TEXT, KNOWN.to_owned())),
    }
}

async fn read<T: DeserializeOwned>(body: Incoming, expected: &str) -> Result<T, Said> {
    let body = Limited::new(body, BODY_MAX).collect().await;
    let body = body.map_err(|_| wrong("the body is cut short, or longer than 4096 bytes"))?;
    serde_json::from_slice(&body.to_bytes())
        .map_err(|error| wrong(&format!("{error}; for example {expected}")))
}

fn wrong(text: &str) -> Said {
    (StatusCode::BAD_REQUEST, TEXT, format!("{text}\n"))
}

fn conflict(text: impl ToString) -> Said {
    (StatusCode::CONFLICT, TEXT, text.to_string() + "\n")
}

fn broken(error: serde_json::Error) -> Said {
    (StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{error}\n"))
}

fn json(value: &impl Serialize) -> Result<Said, Said> {
    Ok((StatusCode::OK, JSON, serde_json::to_string(value).map_err(broken)?))
}

fn start(door: &Door, start: &Start) -> Result<Said, Said> {
    if !(0.0..=3_600_000.0).contains(&start.in_ms) {
        return Err(wrong("`in_ms` must be from 0 to 3600000"));
    }
    if !door.start(Instant::now() + Duration::from_secs_f64(start.in_ms / 1e3)) {
        return Err(conflict("the match has been started already"));
    }
    Ok((StatusCode::OK, TEXT, "started\n".into()))
}

fn lease(lease_ms: u64) -> Result<Duration, Said> {
    if LEASES_MS.contains(&lease_ms) {
        return Ok(Duration::from_millis(lease_ms));
    }
    let (least, most) = (LEASES_MS.start(), LEASES_MS.end());
    Err(wrong(&format!("`lease_ms` must be from {least} to {most}")))
}

async fn lend(door: &Door, lend: &Lend) -> Result<Said, Said> {
    door.plan().platform.check_fault(&lend.fault).map_err(|reason| wrong(&reason))?;
    door.lend(lend.id, &lend.fault, lease(lend.lease_ms)?).map_err(conflict)?;
    door.settled().await;
    json(&Applied { applied: true })
}

fn renew(door: &Door, id: u32, renew: Renew) -> Result<Said, Said> {
    door.renew(id, lease(renew.lease_ms)?).map_err(conflict)?;
    json(&Applied { applied: true })
}
