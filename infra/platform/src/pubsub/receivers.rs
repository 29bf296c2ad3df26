//! Connections: REST is answered, and a WebSocket becomes a receiver.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::hub::Hub;
use super::outbox::{End, Next, Outbox};
use super::rest::{self, Said, TEXT, refusal};

/// How long something that failed is left alone.
const AGAIN: Duration = Duration::from_millis(10);
/// How long a receiver that was too slow may take to be told so.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// What a connection reads at once, in bytes: thousands of them have a buffer of this size each.
const READ_BYTES: usize = 4096;
/// Receivers have nothing to say.
const MESSAGE_BYTES_MAX: usize = 64 << 10;
const FEED: &str = "/feed";

type Answer = Response<Full<Bytes>>;
type Socket = WebSocketStream<TokioIo<Upgraded>>;

pub(super) async fn accept(listener: TcpListener, hub: Arc<Hub>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors: the connections that end make room.
            sleep(AGAIN).await;
            continue;
        };
        // Without it messages wait for acknowledgements.
        let _best_effort = stream.set_nodelay(true);
        tokio::spawn(serve(stream, Arc::clone(&hub)));
    }
}

async fn serve(stream: TcpStream, hub: Arc<Hub>) {
    let service = service_fn(|request| answer(Arc::clone(&hub), request));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // Who breaks off has left.
    let _left = connection.with_upgrades().await;
}

async fn answer(hub: Arc<Hub>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    if request.uri().path() == FEED {
        return Ok(feed(hub, request).unwrap_or_else(write));
    }
    Ok(write(rest::answer(&hub, request).await))
}

fn write((status, kind, body): Said) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Lets a receiver in.
fn feed(hub: Arc<Hub>, mut request: Request<Incoming>) -> Result<Answer, Said> {
    let accepted = create_response_with_body(&request, Full::default);
    let accepted = accepted.map_err(|error| {
        let text = format!("a WebSocket is expected: {error}\n");
        (StatusCode::UPGRADE_REQUIRED, TEXT, text)
    })?;
    let query = request.uri().query().unwrap_or_default();
    let topic = parameter(query, "topic").unwrap_or_default();
    let room = parameter(query, "room").map(str::parse::<u32>).transpose().map_err(|_| {
        (StatusCode::BAD_REQUEST, TEXT, "`room` must be a whole number\n".to_owned())
    })?;
    let seat = hub.join(topic, room).map_err(|refused| refusal(&refused))?;
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        // Without it the connection is gone before it was one.
        if let Ok(upgraded) = upgrade.await {
            let config = WebSocketConfig::default()
                .read_buffer_size(READ_BYTES)
                .write_buffer_size(0)
                .max_message_size(Some(MESSAGE_BYTES_MAX))
                .max_frame_size(Some(MESSAGE_BYTES_MAX));
            let io = TokioIo::new(upgraded);
            let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
            keep(&hub, &seat.outbox, socket).await;
        }
        hub.leave(seat.receiver);
    });
    Ok(accepted)
}

/// The value of a query's parameter, as it stands there.
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Sends what comes until one of the two is gone.
async fn keep(hub: &Hub, outbox: &Outbox, mut socket: Socket) {
    let end = loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Close(_))) => return drain(socket).await,
                // Pings are answered by the library.
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            next = outbox.next() => match next {
                Next::End(end) => break end,
                Next::Text(text) => tokio::select! {
                    sent = socket.send(Message::Text(text)) => match sent {
                        Ok(()) => hub.delivered(),
                        Err(_) => return,
                    },
                    // What is half sent is sent to its end before the close.
                    end = outbox.ended() => break end,
                },
            },
        }
    };
    if end == End::Cut {
        return;
    }
    let frame = CloseFrame { code: CloseCode::Again, reason: Utf8Bytes::from_static("too slow") };
    let closed = timeout(CLOSE_LIMIT, socket.close(Some(frame))).await;
    // Who is gone, or takes nothing, needs no reason.
    if matches!(closed, Ok(Ok(()))) {
        drain(socket).await;
    }
}

/// Reads to the end of a closing handshake: the library answers what is to be answered.
async fn drain(mut socket: Socket) {
    let _in_time =
        timeout(CLOSE_LIMIT, async { while let Some(Ok(_)) = socket.next().await {} }).await;
}
