//! A session: speech comes in, frames go out.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::outbox::Next;
use super::stage::{Admitted, Stage};
use super::uplink::Uplink;

/// The marker messages of a caller's speech.
const START: &[u8] = b"start_of_stream";
const END: &[u8] = b"end_of_stream";
/// A caller who takes nothing for so long is gone.
const SEND_LIMIT: Duration = Duration::from_secs(5);
/// How long a caller may take to answer a closing handshake.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Serves a caller until one of the two is gone.
pub(crate) async fn talk(stage: &Stage, admitted: Admitted, socket: Socket, mut uplink: Uplink) {
    let Admitted { stream, outbox } = admitted;
    let (mut sink, mut source) = socket.split();
    let said_so = loop {
        tokio::select! {
            message = source.next() => match message {
                Some(Ok(Message::Binary(bytes))) if bytes == START => {
                    let _half_a_piece = uplink.end();
                    stage.begin_speech(stream);
                }
                Some(Ok(Message::Binary(bytes))) if bytes == END => {
                    stage.end_speech(stream, uplink.end());
                }
                Some(Ok(Message::Binary(bytes))) => {
                    uplink.push(&bytes, |piece| stage.speak(stream, piece));
                }
                Some(Ok(Message::Close(_))) => break true,
                // Pings are answered by the library; texts mean nothing here.
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break false,
            },
            next = outbox.next() => match next {
                Next::Frame(frame) => {
                    let sent = timeout(SEND_LIMIT, sink.send(Message::Binary(frame))).await;
                    if !matches!(sent, Ok(Ok(()))) {
                        break false;
                    }
                    stage.alive(stream);
                }
                Next::Lost(reason) => {
                    let close = Message::Close(Some(CloseFrame {
                        code: CloseCode::Error,
                        reason: reason.into(),
                    }));
                    let _gone_either_way = timeout(CLOSE_LIMIT, sink.send(close)).await;
                    break true;
                }
            },
        }
    };
    stage.leave(stream, said_so);
    if said_so {
        let end = async {
            // The handshake's second half, where the caller still listens. What it still says is read: a
            // connection that is closed with unread bytes is reset, and the caller never sees why.
            let _best_effort = sink.close().await;
            while let Some(Ok(_)) = source.next().await {}
        };
        let _in_time = timeout(CLOSE_LIMIT, end).await;
    }
}

/// Closes a connection that was accepted and may not stay.
pub(crate) async fn refuse(mut socket: Socket, reason: &'static str) {
    let frame = CloseFrame { code: CloseCode::Error, reason: reason.into() };
    let closed = async {
        // Who is gone needs no answer.
        let _best_effort = socket.close(Some(frame)).await;
        while let Some(Ok(_)) = socket.next().await {}
    };
    let _in_time = timeout(CLOSE_LIMIT, closed).await;
}
