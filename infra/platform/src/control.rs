//! The control and metrics port.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full, Limited};
use hulk_scaling::chaos::FaultKind;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::counts::counts;
use crate::desk::Desk;
use crate::door::Door;
use crate::events::Events;
use crate::metrics::{Form, metrics};
use crate::{Alone, guard, page};

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const KNOWN: &str = "known here: GET /metrics, GET /counts, POST /start, POST /faults, \
                     PUT /faults/{id}, DELETE /faults/{id}";
/// What there is besides where the platform stands alone.
const KNOWN_ALONE: &str = ", GET /, GET /events, PUT /policies/{service}, PUT /switches/{name}";
/// A reader who does not read holds no more than this, and what the system keeps for a socket.
const BUFFER_MAX: usize = 64 << 10;
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
pub(crate) struct Lend<K> {
    pub(crate) id: u32,
    pub(crate) fault: K,
    pub(crate) lease_ms: u64,
}

/// `PUT /faults/{id}`: renews a lease; what has lapsed stays so.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Renew {
    pub(crate) lease_ms: u64,
}

/// `PUT /switches/{name}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Press {
    state: SwitchState,
}

/// What somebody makes of a panic switch.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum SwitchState {
    On,
    Off,
    /// The audience decides.
    Automatic,
}

/// What is said about a fault: whether it was there, or is now.
#[derive(Serialize, Deserialize)]
pub(crate) struct Applied {
    pub(crate) applied: bool,
}

/// A status, the kind of the body, and the body.
type Said = (StatusCode, &'static str, String);
type Answer = Response<Either<Full<Bytes>, Events>>;

pub(crate) async fn accept(listener: TcpListener, desk: Arc<Desk>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        tokio::spawn(serve(stream, Arc::clone(&desk)));
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, desk: Arc<Desk>) {
    let slow = Arc::new(Notify::new());
    let service = service_fn(|request| answer(&desk, request, &slow));
    let mut builder = http1::Builder::new();
    let connection =
        builder.max_buf_size(BUFFER_MAX).serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        _left = connection => {}
        () = slow.notified() => {}
    }
}

async fn answer(
    desk: &Desk,
    request: Request<Incoming>,
    slow: &Arc<Notify>,
) -> Result<Answer, Infallible> {
    if let Err(refused) = guard::admit(request.method(), request.headers()) {
        return Ok(said(Err((refused.status(), TEXT, refused.text().to_owned()))));
    }
    let asked_for = |path| request.method() == Method::GET && request.uri().path() == path;
    let Some(alone) = &desk.alone else { return Ok(said(say(desk, request).await)) };
    if asked_for("/") {
        let mut response = said(Ok((StatusCode::OK, page::HTML, page::page())));
        page::protect(response.headers_mut());
        return Ok(response);
    }
    if !asked_for("/events") {
        return Ok(said(say(desk, request).await));
    }
    let Some(events) = desk.listen(alone, Arc::clone(slow)) else {
        let text = "too many listen to the events: close a page that shows them\n";
        return Ok(said(Err((StatusCode::SERVICE_UNAVAILABLE, TEXT, text.to_owned()))));
    };
    let mut response = Response::new(Either::Right(events));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn said(said: Result<Said, Said>) -> Answer {
    let (status, kind, body) = match said {
        Ok(said) | Err(said) => said,
    };
    let mut response = Response::new(Either::Left(Full::new(Bytes::from(body))));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

async fn say(desk: &Desk, request: Request<Incoming>) -> Result<Said, Said> {
    let (head, body) = request.into_parts();
    let (door, path) = (&*desk.door, head.uri.path());
    if let Some(id) = path.strip_prefix("/faults/") {
        let id = id.parse().map_err(|_| wrong("a fault's number is expected after /faults/"))?;
        return match head.method {
            Method::PUT => renew(door, id, read(body, "{\"lease_ms\": 3000}").await?),
            Method::DELETE => {
                let applied = door.heal(id);
                door.settled().await;
                desk.tell_all();
                json(&Applied { applied })
            }
            _ => Err(known(desk, StatusCode::METHOD_NOT_ALLOWED)),
        };
    }
    if let Some(alone) = &desk.alone {
        if let Some(service) = path.strip_prefix("/policies/") {
            expect_put(desk, &head.method)?;
            let wanted = read(body, "{\"like\": \"match-day\"}").await?;
            return follow(desk, alone, service, &wanted);
        }
        if let Some(name) = path.strip_prefix("/switches/") {
            expect_put(desk, &head.method)?;
            let Press { state } = read(body, "{\"state\": \"on\"}").await?;
            return press(desk, name, &state);
        }
    }
    match (head.method, path) {
        (Method::GET, "/metrics") => {
            let form = Form::wanted(&head.headers);
            Ok((StatusCode::OK, form.kind(), metrics(desk, form)))
        }
        (Method::GET, "/counts") => {
            door.quiet(QUIET_LIMIT).await;
            Ok((StatusCode::OK, JSON, counts(door).map_err(broken)?))
        }
        (Method::POST, "/start") => start(door, &read(body, "{\"in_ms\": 500}").await?),
        (Method::POST, "/faults") => {
            let expected = "{\"id\": 1, \"fault\": {\"latency\": {\"service\": \"home\", \
                            \"add_ms\": 400}}, \"lease_ms\": 3000}";
            lend(desk, &read(body, expected).await?).await
        }
        (_, "/metrics" | "/counts" | "/start" | "/faults") => {
            Err(known(desk, StatusCode::METHOD_NOT_ALLOWED))
        }
        (_, "/" | "/events") if desk.alone.is_some() => {
            Err(known(desk, StatusCode::METHOD_NOT_ALLOWED))
        }
        _ => Err(known(desk, StatusCode::NOT_FOUND)),
    }
}

/// What there is to ask for.
fn known(desk: &Desk, status: StatusCode) -> Said {
    let more = if desk.alone.is_some() { KNOWN_ALONE } else { "" };
    (status, TEXT, format!("{KNOWN}{more}\n"))
}

fn expect_put(desk: &Desk, method: &Method) -> Result<(), Said> {
    if *method == Method::PUT { Ok(()) } else { Err(known(desk, StatusCode::METHOD_NOT_ALLOWED)) }
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

pub(crate) fn lease(lease_ms: u64) -> Result<Duration, Said> {
    if LEASES_MS.contains(&lease_ms) {
        return Ok(Duration::from_millis(lease_ms));
    }
    let (least, most) = (LEASES_MS.start(), LEASES_MS.end());
    Err(wrong(&format!("`lease_ms` must be from {least} to {most}")))
}

fn follow(
    desk: &Desk,
    alone: &Alone,
    service: &str,
    wanted: &Map<String, Value>,
) -> Result<Said, Said> {
    desk.follow(alone, service, wanted).map_err(|reason| wrong(&reason))?;
    json(&Applied { applied: true })
}

fn press(desk: &Desk, name: &str, state: &SwitchState) -> Result<Said, Said> {
    let on = match state {
        SwitchState::On => Some(true),
        SwitchState::Off => Some(false),
        SwitchState::Automatic => None,
    };
    let pressed = desk.force(name, on);
    pressed.map_err(|(status, text)| (status, TEXT, text + "\n"))?;
    json(&Applied { applied: true })
}

async fn lend(desk: &Desk, lend: &Lend<FaultKind>) -> Result<Said, Said> {
    let door = &*desk.door;
    door.plan().platform.check_fault(&lend.fault).map_err(|reason| wrong(&reason))?;
    door.lend(lend.id, &lend.fault, lease(lend.lease_ms)?).map_err(conflict)?;
    door.settled().await;
    desk.tell_all();
    json(&Applied { applied: true })
}

fn renew(door: &Door, id: u32, renew: Renew) -> Result<Said, Said> {
    door.renew(id, lease(renew.lease_ms)?).map_err(conflict)?;
    json(&Applied { applied: true })
}

#[cfg(test)]
mod tests;
