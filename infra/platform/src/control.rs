//! The control and metrics port.

use std::convert::Infallible;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::door::Door;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const BODY_MAX: usize = 4096;

/// `POST /start`: match time 0 is in so many ms of wall time.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {
    in_ms: f64,
}

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
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let (status, kind, body) = match (method, path.as_str()) {
        (Method::GET, "/metrics") => (StatusCode::OK, OPEN_METRICS, metrics(door)),
        (Method::POST, "/start") => {
            let (status, text) = start(door, request).await;
            (status, "text/plain", text)
        }
        (_, "/metrics" | "/start") => (StatusCode::METHOD_NOT_ALLOWED, "text/plain", String::new()),
        _ => {
            let known = "known here: GET /metrics, POST /start\n".to_owned();
            (StatusCode::NOT_FOUND, "text/plain", known)
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    Ok(response)
}

async fn start(door: &Door, request: Request<Incoming>) -> (StatusCode, String) {
    let Ok(body) = Limited::new(request.into_body(), BODY_MAX).collect().await else {
        return (StatusCode::BAD_REQUEST, "the body could not be read\n".into());
    };
    let start: Start = match serde_json::from_slice(&body.to_bytes()) {
        Ok(start) => start,
        Err(error) => {
            return (StatusCode::BAD_REQUEST, format!("expected {{\"in_ms\": …}}: {error}\n"));
        }
    };
    if !(0.0..=3_600_000.0).contains(&start.in_ms) {
        return (StatusCode::BAD_REQUEST, "`in_ms` must be from 0 to 3600000\n".into());
    }
    let epoch = Instant::now() + Duration::from_secs_f64(start.in_ms / 1e3);
    if door.start(epoch) {
        (StatusCode::OK, "started\n".into())
    } else {
        (StatusCode::CONFLICT, "the match has been started already\n".into())
    }
}

/// The state as OpenMetrics text.
fn metrics(door: &Door) -> String {
    let (services, connections) = door.status();
    let mut out = String::with_capacity(4096);
    let mut gauge = |name: &str, help: &str, of: &dyn Fn(&hulk_scaling::ServiceStatus) -> f64| {
        let _infallible = writeln!(out, "# TYPE {name} gauge\n# HELP {name} {help}");
        for service in &services {
            let value = of(service);
            let _infallible = writeln!(out, "{name}{{service=\"{}\"}} {value}", service.name);
        }
    };
    gauge("hulk_platform_instances_ready", "Instances that serve.", &|s| f64::from(s.ready));
    gauge("hulk_platform_instances_pending", "Instances ordered, not serving yet.", &|s| {
        f64::from(s.pending)
    });
    gauge("hulk_platform_instances_desired", "Instances that the policy wants.", &|s| {
        f64::from(s.desired)
    });
    gauge("hulk_platform_backlog_requests", "Requests that wait.", &|s| s.backlog as f64);
    // A wait without end is told as the largest that a reader of text takes for a number.
    gauge("hulk_platform_wait_match_seconds", "Predicted wait, in match time.", &|s| {
        s.wait_s.min(1e12)
    });
    let name = "hulk_platform_requests";
    let _infallible = writeln!(out, "# TYPE {name} counter\n# HELP {name} Requests received.");
    for service in &services {
        let _infallible =
            writeln!(out, "{name}_total{{service=\"{}\"}} {}", service.name, service.requests);
    }
    let name = "hulk_platform_responses";
    let _infallible = writeln!(out, "# TYPE {name} counter\n# HELP {name} Answers by status.");
    for service in &services {
        for (status, count) in &service.answers {
            let _infallible = writeln!(
                out,
                "{name}_total{{service=\"{}\",status=\"{status}\"}} {count}",
                service.name
            );
        }
    }
    let name = "hulk_platform_connections";
    let _infallible = writeln!(
        out,
        "# TYPE {name} gauge\n# HELP {name} Viewers connected.\n{name} {connections}\n# EOF"
    );
    out
}
