//! What is asked over plain HTTP: publishing, cutting off, health and metrics.

use http_body_util::{BodyExt, Limited};
use hulk_scaling::pubsub::HOLD_MS_MAX;
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::hub::{Hub, Refused};
use super::metrics::metrics;
use crate::guard;
use crate::metrics::Form;

/// A status, the kind of the body, and the body.
pub(super) type Said = (StatusCode, &'static str, String);

pub(super) const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const BODY_MAX: usize = 4096;
const COUNT_MAX: u32 = 10_000;
const WITHIN_MS_MAX: u64 = 60_000;
const KNOWN: &str = "known here: GET /health, GET /metrics, POST /publish, POST /drop, and \
                     WebSockets at /feed?topic=NAME\n";

/// `POST /publish`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Publish {
    topic: String,
    #[serde(default = "one")]
    count: u32,
    #[serde(default)]
    within_ms: u64,
    hold_ms: Option<u64>,
}

fn one() -> u32 {
    1
}

/// `POST /drop`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Share {
    share: f64,
}

pub(super) async fn answer(hub: &Hub, request: Request<Incoming>) -> Said {
    let (head, body) = request.into_parts();
    let changed = match (&head.method, head.uri.path()) {
        (&Method::GET, "/health") => return said(json!({ "status": "ok" })),
        (&Method::GET, "/metrics") => {
            let form = Form::wanted(&head.headers);
            return (StatusCode::OK, form.kind(), metrics(hub, form));
        }
        (&Method::POST, path @ ("/publish" | "/drop")) => {
            if let Err(refused) = guard::admit(&head.method, &head.headers) {
                return (refused.status(), TEXT, refused.text().to_owned());
            }
            if path == "/publish" { publish(hub, body).await } else { cut(hub, body).await }
        }
        _ => return (StatusCode::NOT_FOUND, TEXT, KNOWN.to_owned()),
    };
    changed.unwrap_or_else(|said| said)
}

/// What somebody who is not let in, or may not publish, is told.
pub(super) fn refusal(refused: &Refused) -> Said {
    let status = match refused {
        Refused::Topic(_) => StatusCode::NOT_FOUND,
        Refused::Room { .. } | Refused::NoRooms(_) => StatusCode::BAD_REQUEST,
        Refused::Full(_) | Refused::Due => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, TEXT, format!("{refused}\n"))
}

async fn publish(hub: &Hub, body: Incoming) -> Result<Said, Said> {
    let expected = "{\"topic\": \"emoji\", \"count\": 50, \"within_ms\": 2000}";
    let wanted: Publish = read(body, expected).await?;
    if wanted.count > COUNT_MAX {
        return Err(wrong(&format!("`count` must be from 0 to {COUNT_MAX}")));
    }
    if wanted.within_ms > WITHIN_MS_MAX {
        return Err(wrong(&format!("`within_ms` must be from 0 to {WITHIN_MS_MAX}")));
    }
    if wanted.hold_ms.is_some_and(|hold_ms| hold_ms > HOLD_MS_MAX) {
        return Err(wrong(&format!("`hold_ms` must be from 0 to {HOLD_MS_MAX}")));
    }
    let burst = (wanted.count, wanted.within_ms as i64 * 1_000);
    hub.publish(&wanted.topic, burst, wanted.hold_ms).map_err(|refused| refusal(&refused))?;
    Ok(said(json!({ "published": wanted.count })))
}

async fn cut(hub: &Hub, body: Incoming) -> Result<Said, Said> {
    let Share { share } = read(body, "{\"share\": 0.5}").await?;
    if !(0.0..=1.0).contains(&share) {
        return Err(wrong("`share` must be from 0 to 1"));
    }
    Ok(said(json!({ "dropped": hub.cut(share) })))
}

async fn read<T: DeserializeOwned>(body: Incoming, expected: &str) -> Result<T, Said> {
    let body = Limited::new(body, BODY_MAX).collect().await;
    let body = body.map_err(|_| wrong("the body is cut short, or longer than 4096 bytes"))?;
    serde_json::from_slice(&body.to_bytes())
        .map_err(|error| wrong(&format!("{error}; for example {expected}")))
}

fn said(value: serde_json::Value) -> Said {
    (StatusCode::OK, JSON, value.to_string())
}

fn wrong(text: &str) -> Said {
    (StatusCode::BAD_REQUEST, TEXT, format!("{text}\n"))
}
