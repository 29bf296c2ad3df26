//! Connections of callers: REST is answered, and a WebSocket becomes a session.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hulk_avatar::Refused;
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::rest::{self, Said};
use super::stage::{Asked, NotIn, Stage};
use super::talk::{refuse, talk};
use super::uplink::Uplink;

/// How long something that failed is left alone.
const AGAIN: Duration = Duration::from_millis(10);
/// A caller's message is speech: more than a minute of it in one message is none.
const MESSAGE_BYTES_MAX: usize = 1 << 21;
const SESSIONS: &str = "/ws/audio_to_video";
/// Sample rates that are understood, in Hz.
const RATES_HZ: std::ops::RangeInclusive<u32> = 8_000..=48_000;

type Answer = Response<Full<Bytes>>;

pub(crate) async fn accept(listener: TcpListener, stage: Arc<Stage>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors: the connections that end make room.
            sleep(AGAIN).await;
            continue;
        };
        // Without it frames wait for acknowledgements.
        let _best_effort = stream.set_nodelay(true);
        tokio::spawn(serve(stream, Arc::clone(&stage)));
    }
}

async fn serve(stream: TcpStream, stage: Arc<Stage>) {
    let service = service_fn(|request| answer(Arc::clone(&stage), request));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // A caller who breaks off is a caller who left.
    let _left = connection.with_upgrades().await;
}

async fn answer(stage: Arc<Stage>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    if request.uri().path() == SESSIONS {
        return Ok(session(stage, request));
    }
    Ok(write(rest::answer(&stage, request).await))
}

fn write((status, kind, body): Said) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Lets a caller in, who then speaks a WebSocket.
fn session(stage: Arc<Stage>, mut request: Request<Incoming>) -> Answer {
    let Some(accept) = accept_key(request.headers()) else {
        let text = "a WebSocket is expected: ask with `upgrade: websocket` and a key\n";
        return write((StatusCode::UPGRADE_REQUIRED, rest::TEXT, text.to_owned()));
    };
    let query = request.uri().query().unwrap_or_default().to_owned();
    let rate = rest::parameter(&query, "sample_rate").map_or(Ok(16_000), |rate| rate.parse());
    let Some(rate_hz) = rate.ok().filter(|rate| RATES_HZ.contains(rate)) else {
        let text = "`sample_rate` must be from 8000 to 48000\n".to_owned();
        return write((StatusCode::BAD_REQUEST, rest::TEXT, text));
    };
    let joined = stage.join(&Asked {
        session: rest::parameter(&query, "session").unwrap_or_default(),
        user: rest::parameter(&query, "user").unwrap_or_default(),
        region: rest::parameter(&query, "region"),
    });
    let joined = match joined {
        Ok(admitted) => Ok(admitted),
        Err(NotIn::Backend(Refused { before_accept: false, reason })) => Err(reason),
        Err(NotIn::Backend(Refused { reason, .. })) => return forbidden(reason.text()),
        Err(NotIn::Region(error)) => return forbidden(&error.to_string()),
    };
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else {
            // The connection is gone before it was one.
            if let Ok(admitted) = &joined {
                stage.leave(admitted.stream, false);
            }
            return;
        };
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let io = TokioIo::new(upgraded);
        let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        match joined {
            Ok(admitted) => talk(&stage, admitted, socket, Uplink::new(rate_hz)).await,
            Err(reason) => refuse(socket, reason.text()).await,
        }
    });
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}

fn forbidden(why: &str) -> Answer {
    write((StatusCode::FORBIDDEN, rest::TEXT, format!("{why}\n")))
}

/// What a request for a WebSocket is answered with; none where it is no such request.
fn accept_key(headers: &HeaderMap) -> Option<HeaderValue> {
    let is = |name: HeaderName, wanted: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(',').any(|part| part.trim().eq_ignore_ascii_case(wanted))
    };
    if !is(UPGRADE, "websocket") || !is(CONNECTION, "upgrade") || !is(SEC_WEBSOCKET_VERSION, "13") {
        return None;
    }
    let key = headers.get(SEC_WEBSOCKET_KEY)?;
    HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok()
}
