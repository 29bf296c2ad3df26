//! What is asked over plain HTTP: the worker's REST, the API's, and the control of faults.

use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hulk_avatar::BackendStatus;
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::stage::{Stage, StreamTold};
use super::{control, metrics, rollout};
use crate::guard;
use crate::metrics::Form;

/// A status, the kind of the body, and the body.
pub(crate) type Said = (StatusCode, &'static str, String);

pub(crate) const JSON: &str = "application/json";
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";
const BODY_MAX: usize = 64 << 10;
const KNOWN: &str = "known here: GET /health, GET /models, POST /load_model, GET /status, GET /streams, \
                     GET /streams/{id}, POST /api/v1/livekit/token, GET /api/v1/rooms/status, GET /metrics, \
                     GET /regions, GET /rollout, POST /rollout, POST /faults, PUT /faults/{id}, \
                     DELETE /faults/{id}, and WebSockets at /ws/audio_to_video\n";
/// The avatars that there are.
const MODELS: [&str; 2] = ["anchor", "fan"];
/// How long loading a model takes.
const LOAD_TIME: Duration = Duration::from_millis(100);

/// `POST /load_model`.
#[derive(Deserialize)]
struct Load {
    model_name: String,
    #[serde(default, rename = "config_type")]
    _config_type: Option<String>,
}

/// `POST /api/v1/livekit/token`: of the keys that a caller may send, those that are used.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenFor {
    lesson_id: String,
    #[serde(default)]
    session_id: Option<String>,
    #[serde(default)]
    location: Option<String>,
}

pub(crate) async fn answer(stage: &Stage, request: Request<Incoming>) -> Said {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    let is_fault = path == "/faults" || path.starts_with("/faults/");
    if is_fault || path == "/rollout" {
        if let Err(refused) = guard::admit(&head.method, &head.headers) {
            return (refused.status(), TEXT, refused.text().to_owned());
        }
        let said = if is_fault {
            control::answer(stage, &head.method, path, body).await
        } else {
            rollout::answer(stage, &head.method, body).await
        };
        return said.unwrap_or_else(|said| said);
    }
    if let Some(id) = path.strip_prefix("/streams/")
        && head.method == Method::GET
    {
        return stream(stage, id);
    }
    match (&head.method, path) {
        (&Method::GET, "/health") => json_said(json!({ "status": "ok" })),
        (&Method::GET, "/models") => json_said(json!({ "models": MODELS })),
        (&Method::POST, "/load_model") => load_model(stage, body).await,
        (&Method::GET, "/status") => json_said(status(&stage.status().0)),
        (&Method::GET, "/streams") => {
            let streams: Vec<Value> = stage.streams().iter().map(told).collect();
            json_said(json!({ "streams": streams }))
        }
        (&Method::POST, "/api/v1/livekit/token") => token(stage, body).await,
        (&Method::GET, "/api/v1/rooms/status") => json_said(rooms(stage)),
        (&Method::GET, "/regions") => json_said(regions(stage)),
        (&Method::GET, "/metrics") => {
            let form = Form::wanted(&head.headers);
            (StatusCode::OK, form.kind(), metrics::metrics(stage, form))
        }
        _ => (StatusCode::NOT_FOUND, TEXT, KNOWN.to_owned()),
    }
}

/// The value of a query's parameter, as it stands there.
pub(crate) fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

pub(crate) async fn read<T: DeserializeOwned>(body: Incoming, expected: &str) -> Result<T, Said> {
    let wrong = |text: String| (StatusCode::BAD_REQUEST, TEXT, text);
    let body = Limited::new(body, BODY_MAX).collect().await;
    let body =
        body.map_err(|_| wrong("the body is cut short, or longer than 64 KiB\n".to_owned()))?;
    serde_json::from_slice(&body.to_bytes())
        .map_err(|error| wrong(format!("{error}; for example {expected}\n")))
}

pub(crate) fn json_said(value: Value) -> Said {
    (StatusCode::OK, JSON, value.to_string())
}

pub(crate) fn error(status: StatusCode, text: &str) -> Said {
    (status, JSON, json!({ "error": text }).to_string())
}

fn status(backend: &BackendStatus) -> Value {
    let healthy = || backend.gpus.iter().filter(|gpu| gpu.healthy);
    let current: usize = healthy().map(|gpu| gpu.streams).sum();
    let maximum: usize = healthy().map(|gpu| gpu.streams_max).sum();
    let available = maximum.saturating_sub(current);
    json!({
        "available": available > 0,
        "status": if available > 0 { "ready" } else { "busy" },
        "capacity": { "current": current, "maximum": maximum, "available": available },
    })
}

fn told(stream: &StreamTold) -> Value {
    json!({ "id": stream.id, "session": stream.session, "since_s": stream.since_s })
}

fn stream(stage: &Stage, id: &str) -> Said {
    let found = stage.streams().into_iter().find(|stream| stream.id.to_string() == id);
    match found {
        Some(stream) => json_said(told(&stream)),
        None => error(StatusCode::NOT_FOUND, "there is no such stream"),
    }
}

async fn load_model(stage: &Stage, body: Incoming) -> Said {
    let expected = "{\"model_name\": \"anchor\", \"config_type\": \"default\"}";
    let load: Load = match read(body, expected).await {
        Ok(load) => load,
        Err(said) => return said,
    };
    if !MODELS.contains(&load.model_name.as_str()) {
        return error(StatusCode::NOT_FOUND, "there is no such model");
    }
    let Ok(_loading) = stage.loading.try_lock() else {
        return error(StatusCode::CONFLICT, "another model is being loaded");
    };
    tokio::time::sleep(LOAD_TIME).await;
    json_said(json!({ "model_name": load.model_name, "loaded": true }))
}

/// The call itself starts an avatar where the room has none: the session keeps the room's name.
async fn token(stage: &Stage, body: Incoming) -> Said {
    let expected = "{\"lessonId\": \"1\", \"sessionId\": \"1\"}";
    let wanted: TokenFor = match read(body, expected).await {
        Ok(wanted) => wanted,
        Err(said) => return said,
    };
    let room = format!("lesson_{}", wanted.lesson_id);
    let session = wanted.session_id.unwrap_or_else(|| wanted.lesson_id.clone());
    let region = match stage.token(&session, wanted.location.as_deref()) {
        Ok(region) => region,
        Err(full) => return error(StatusCode::SERVICE_UNAVAILABLE, &full.to_string()),
    };
    let token = format!("reference.{session}");
    let address = stage.address();
    let Some(region) = region else {
        let url = format!("ws://{address}");
        return json_said(json!({ "room": room, "serverUrl": url, "token": token }));
    };
    let url = format!("ws://{address}/ws/audio_to_video?region={region}");
    json_said(json!({ "room": room, "serverUrl": url, "token": token, "region": region }))
}

fn regions(stage: &Stage) -> Value {
    let mut regions = Vec::new();
    for (name, capacity, sessions) in stage.regions() {
        regions.push(json!({ "name": name, "capacity": capacity, "sessions": sessions }));
    }
    json!({ "regions": regions })
}

fn rooms(stage: &Stage) -> Value {
    let streams = stage.streams();
    let rooms: Vec<Value> = streams
        .iter()
        .map(|stream| json!({ "room": stream.session, "participants": 2, "avatar": true }))
        .collect();
    json!({ "rooms": rooms })
}
