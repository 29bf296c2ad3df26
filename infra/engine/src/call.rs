//! A caller of an avatar backend on real sockets: admission, upgrade, and then the session's state machine
//! between its times and its messages.

use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hulk_net::{Connection, Epoch, HttpError, Permit, dial};
use hulk_record::{Cause, Offset, Samples, Session, SessionEnd, Setup};
use hulk_scenarios::avatar::{
    Adapter, AdmissionRequest, Brought, Call, CallPlan, Down, Names, Opened, Phase, Told, Up,
};
use hyper::Request;
use hyper::body::Bytes;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::lock::lock;

/// An admission step, a connection or an upgrade that takes longer has failed.
const STEP_LIMIT: Duration = Duration::from_secs(10);
/// A backend that takes nothing for so long has failed.
const SEND_LIMIT: Duration = Duration::from_secs(5);
/// After so many messages without a break it is looked whether something is due.
const IN_A_ROW_MAX: u32 = 64;
/// How long a closing handshake may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);
/// A longer answer to an admission step is not read to its end.
const ANSWER_MAX: usize = 1 << 20;
/// What is told of an answer that is no WebSocket, in bytes.
const REASON_MAX: usize = 4096;
/// The close code of a connection that ended without one, and of a message that was too big or none.
const NO_CODE: u16 = 1005;
const ABNORMAL_PROTOCOL: u16 = 1002;

type Socket = WebSocketStream<TcpStream>;

/// Whom callers call, and how.
#[derive(Debug)]
pub struct Callee {
    permit: Permit,
    /// The host that requests name.
    host: String,
    adapter: Arc<Adapter>,
    /// The clock of the record.
    epoch: Epoch,
    step_limit: Duration,
    tally: Mutex<Tally>,
    over: watch::Sender<bool>,
}

/// What all callers of a backend met, since it was last taken.
#[derive(Debug)]
pub struct Tally {
    /// How late they were with what was due.
    pub lags: Samples,
    /// From the intended time of each piece of speech to the frame that carried it back.
    pub latency: Samples,
    /// Frames that came.
    pub frames: u64,
    /// Sessions that are open.
    pub open: u64,
}

impl Tally {
    fn new(open: u64) -> Self {
        Self { lags: Samples::new(), latency: Samples::new(), frames: 0, open }
    }
}

/// What came of a call.
#[derive(Debug)]
pub struct Called {
    /// Its record.
    pub session: Session,
    /// Why it failed, in words, where there is more to say than its end.
    pub trouble: Option<String>,
}

/// Why a session did not open.
struct Failed {
    cause: Cause,
    trouble: String,
}

impl Failed {
    fn new(cause: Cause, trouble: impl ToString) -> Self {
        Self { cause, trouble: trouble.to_string() }
    }
}

impl Callee {
    /// A backend at an address, on the clock of a record.
    pub fn new(permit: Permit, adapter: Arc<Adapter>, epoch: Epoch) -> Self {
        Self {
            permit,
            host: permit.address().to_string(),
            adapter,
            epoch,
            step_limit: STEP_LIMIT,
            tally: Mutex::new(Tally::new(0)),
            over: watch::Sender::new(false),
        }
    }

    /// What the callers met since this was last asked.
    pub fn take_tally(&self) -> Tally {
        let mut tally = self.tally();
        let open = tally.open;
        std::mem::replace(&mut *tally, Tally::new(open))
    }

    /// No call goes on, and none begins: each is cut off where it is.
    pub fn hang_up(&self) {
        self.over.send_replace(true);
    }

    /// One session, from its intended time to its end; `session` leads it to where it was before.
    pub async fn call(
        &self,
        caller: u32,
        session: &str,
        intended_at: Offset,
        plan: CallPlan,
    ) -> Called {
        let mut over = self.over.subscribe();
        // It does not end before its sender, which is here.
        let mut over = pin!(async move { drop(over.wait_for(|over| *over).await) });
        let mut setup = Setup::default();
        let cut_off = |plan: CallPlan, setup| {
            let refused = plan.refused(caller, intended_at, setup, Cause::Client);
            let session = Session { end: SessionEnd::Abandoned, ..refused };
            Called { session, trouble: None }
        };
        tokio::select! {
            biased;
            () = &mut over => return cut_off(plan, setup),
            () = sleep_until(self.epoch.at_us(intended_at.0)) => {}
        }
        let begun_late_us = self.now().since(intended_at).max(0).unsigned_abs();
        self.tally().lags.record(begun_late_us);
        let names = self.adapter.names(caller, session);
        let opened = tokio::select! {
            biased;
            () = &mut over => None,
            opened = self.open(names, &mut setup) => Some(opened),
        };
        match opened {
            None => cut_off(plan, setup),
            Some(Err(Failed { cause, trouble })) => {
                let refused = plan.refused(caller, intended_at, setup, cause);
                let session = Session { lag_us_max: begun_late_us, ..refused };
                Called { session, trouble: Some(trouble) }
            }
            Some(Ok(socket)) => {
                let opened = Opened { caller, intended_at, at: self.now(), setup };
                let mut call = Call::new(&self.adapter, plan, opened);
                self.tally().open += 1;
                self.talk(&mut call, socket, over).await;
                self.tally().open -= 1;
                let trouble = call.trouble().map(str::to_owned);
                let mut session = call.finish(self.now());
                session.lag_us_max = session.lag_us_max.max(begun_late_us);
                Called { session, trouble }
            }
        }
    }

    fn now(&self) -> Offset {
        Offset(self.epoch.now_us())
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        lock(&self.tally)
    }

    fn count(&self, brought: &Brought) {
        let mut tally = self.tally();
        tally.frames += u64::from(brought.is_frame);
        brought.latency_us.iter().for_each(|us| tally.latency.record(*us));
    }

    /// Admission, connection and upgrade, with how long each took.
    async fn open(&self, mut names: Names, setup: &mut Setup) -> Result<Socket, Failed> {
        let from = Instant::now();
        for step in self.adapter.steps() {
            let (status, body) = self.ask(step.request(&names)).await?;
            self.adapter.answered(step, status, &body, &mut names).map_err(|cause| {
                let text = String::from_utf8_lossy(&body).chars().take(200).collect::<String>();
                Failed::new(cause, format!("admission: {status} {text}"))
            })?;
        }
        if !self.adapter.steps().is_empty() {
            setup.http_us = Some(since(from));
        }
        let from = Instant::now();
        let network = |error: io::Error| Failed::new(Cause::Network, error);
        let stream = self.in_time(Cause::Network, dial(self.permit)).await?.map_err(network)?;
        setup.tcp_us = Some(since(from));
        let from = Instant::now();
        let url = format!("ws://{}{}", self.host, self.adapter.socket_path(&names));
        let request = url.into_client_request();
        let request = request.map_err(|error| Failed::new(Cause::Client, error))?;
        let limit = self.adapter.message_bytes_max();
        let config =
            WebSocketConfig::default().max_message_size(Some(limit)).max_frame_size(Some(limit));
        let upgraded = client_async_with_config(request, stream, Some(config));
        let upgraded = self.in_time(Cause::Server, upgraded).await?;
        let (socket, _) = upgraded.map_err(|error| self.not_upgraded(error))?;
        setup.upgrade_us = Some(since(from));
        Ok(socket)
    }

    /// An admission step's answer.
    async fn ask(&self, wanted: AdmissionRequest) -> Result<(u16, Bytes), Failed> {
        let mut request = Request::builder()
            .method(wanted.method.as_str())
            .uri(&wanted.path)
            .header("host", &self.host);
        for (name, value) in &wanted.headers {
            request = request.header(name, value);
        }
        let body = Full::new(Bytes::from(wanted.body.unwrap_or_default()));
        let request = request.body(body).map_err(|error| Failed::new(Cause::Client, error))?;
        let asked = async {
            let failed = |error: HttpError| match &error {
                HttpError::Broken(what) if what.is_parse() => Failed::new(Cause::Server, error),
                _ => Failed::new(Cause::Network, error),
            };
            let mut connection = Connection::open(self.permit).await.map_err(failed)?;
            let answer = connection.send(request).await.map_err(failed)?;
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), ANSWER_MAX).collect().await;
            let body = body.map_err(|error| {
                // What is too long is no answer to such a question; what breaks off is the way's.
                let too_long = error.is::<LengthLimitError>();
                Failed::new(if too_long { Cause::Server } else { Cause::Network }, error)
            })?;
            Ok((status, body.to_bytes()))
        };
        self.in_time(Cause::Server, asked).await?
    }

    /// Waits for a step of the setup; whose fault it is where it takes too long.
    async fn in_time<T>(&self, cause: Cause, step: impl Future<Output = T>) -> Result<T, Failed> {
        let late = |_| Failed::new(cause, format!("no answer within {:?}", self.step_limit));
        timeout(self.step_limit, step).await.map_err(late)
    }

    /// Why there is no WebSocket.
    fn not_upgraded(&self, error: Error) -> Failed {
        match error {
            Error::Http(answer) => {
                let status = answer.status().as_u16();
                let body = answer.body().as_deref().unwrap_or_default();
                let body = body.get(..REASON_MAX).unwrap_or(body);
                let text = String::from_utf8_lossy(body);
                let told = Told::answer(Phase::Upgrade, status, &text);
                let trouble = format!("upgrade: {status} {}", text.trim());
                Failed::new(self.adapter.classify(&told), trouble.trim())
            }
            Error::Io(error) => Failed::new(Cause::Network, error),
            Error::Protocol(error @ ProtocolError::HandshakeIncomplete) => {
                Failed::new(Cause::Network, error)
            }
            error => Failed::new(Cause::Server, error),
        }
    }

    /// The session, until it ends, the run is over, or the backend does not take its end.
    async fn talk(
        &self,
        call: &mut Call,
        socket: Socket,
        mut over: Pin<&mut impl Future<Output = ()>>,
    ) {
        let (mut sink, mut source) = socket.split();
        let (mut ups, mut in_a_row) = (Vec::new(), 0);
        loop {
            let Some(due) = call.next_due() else { return };
            // What has come is handed over before what is due: a late wake is no silence. But a backend that
            // never stops must not keep the caller from its time.
            let first = in_a_row < IN_A_ROW_MAX || self.now() < due;
            tokio::select! {
                biased;
                () = &mut over => return,
                message = source.next(), if first => {
                    in_a_row += 1;
                    let ended = received(call, self.now(), message);
                    self.count(call.brought());
                    if ended.is_err() {
                        return;
                    }
                }
                () = sleep_until(self.epoch.at_us(due.0)) => {
                    in_a_row = 0;
                    call.due(self.now(), &mut ups, &mut self.tally().lags);
                    for up in ups.drain(..) {
                        let Some(message) = message(up) else { return };
                        let closes = message.is_close();
                        let limit = if closes { CLOSE_LIMIT } else { SEND_LIMIT };
                        match timeout(limit, sink.send(message)).await {
                            Ok(Ok(())) if !closes => {}
                            // The handshake's other half: whatever comes now is not looked at.
                            Ok(Ok(())) => {
                                let rest = async { while let Some(Ok(_)) = source.next().await {} };
                                let _in_time = timeout(CLOSE_LIMIT, rest).await;
                                return;
                            }
                            // Why it is gone, what was still on its way may say.
                            Ok(Err(_)) => break,
                            Err(_) => {
                                let reason = "it takes nothing any more";
                                let down = Down::Close { code: 1011, reason };
                                let _ended = call.received(self.now(), down);
                                return;
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Hands a message to the session; an error where the session has ended by it.
fn received(
    call: &mut Call,
    now: Offset,
    message: Option<Result<Message, Error>>,
) -> Result<(), ()> {
    let ended = match message {
        Some(Ok(Message::Binary(bytes))) => call.received(now, Down::Binary(&bytes)),
        Some(Ok(Message::Text(text))) => call.received(now, Down::Text(&text)),
        Some(Ok(Message::Close(frame))) => {
            let (code, reason) =
                frame.as_ref().map_or((NO_CODE, ""), |frame| (frame.code.into(), &*frame.reason));
            call.received(now, Down::Close { code, reason })
        }
        // Pings are answered by the library.
        Some(Ok(_)) => Ok(()),
        // The library takes an end in the middle for a wrong use of the protocol.
        Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake))) | None => {
            call.received(now, Down::Gone)
        }
        // A message that is too big, or none at all: what came is not what was agreed on.
        Some(Err(error @ (Error::Capacity(_) | Error::Protocol(_) | Error::Utf8(_)))) => {
            let reason = error.to_string();
            call.received(now, Down::Close { code: ABNORMAL_PROTOCOL, reason: &reason })
        }
        Some(Err(_)) => call.received(now, Down::Gone),
    };
    ended.map_err(|_end| ())
}

/// The message of what is to be sent; none where the connection is just dropped.
fn message(up: Up) -> Option<Message> {
    match up {
        Up::Binary(bytes) => Some(Message::Binary(bytes.into())),
        Up::Text(text) => Some(Message::Text(text.into())),
        Up::Close(code) => {
            let frame = CloseFrame { code: CloseCode::from(code), reason: "".into() };
            Some(Message::Close(Some(frame)))
        }
        Up::Vanish => None,
    }
}

fn since(from: Instant) -> u64 {
    from.elapsed().as_micros() as u64
}

#[cfg(test)]
mod tests;
