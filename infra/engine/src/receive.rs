//! Receivers of a broadcast feed: many WebSockets that listen, and what was delivered to them and
//! when.

mod tally;

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hulk_net::{Epoch, Permit, dial};
use hulk_record::{hash_of, seed_of, unit_of};
use hulk_scenarios::MessageFields;
use hulk_scenarios::scaling::pubsub::draw_share;
use hyper::http::uri::PathAndQuery;
use rustix::time::{ClockId, clock_gettime};
use tokio::net::TcpStream;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::lock::lock;
use tally::Tally;
pub use tally::{Heard, Stormed};

/// A connection or an upgrade that takes longer has failed.
const STEP_LIMIT: Duration = Duration::from_secs(5);
/// How long a receiver that leaves may take to say so.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);
/// A connection that lasted so long was one, even if nothing came.
const LASTED: Duration = Duration::from_secs(5);
/// The longest wait before another attempt, and the first, in s.
const WAIT_S_MAX: f64 = 30.0;
const WAIT_S_FIRST: f64 = 1.0;
/// What a connection reads at once, in bytes: thousands of them have a buffer of this size each.
const READ_BYTES: usize = 4096;
/// A longer message ends its connection.
const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// What is told of an answer that is no WebSocket, in characters.
const REASON_MAX: usize = 200;
/// How often HULK's own timer is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// So long before the end what comes is no longer expected of everybody, in µs; at most half of the
/// run.
const SETTLE_US: i64 = 1_000_000;

type Socket = WebSocketStream<TcpStream>;

/// What is listened to, by how many, and for how long.
#[derive(Debug, Clone)]
pub struct Feed {
    /// Where.
    pub permit: Permit,
    /// Path and query of the WebSocket.
    pub path: String,
    /// Rooms that the receivers are spread over in turn, as `room=N` in the query; 0 for none.
    pub rooms: u32,
    /// Where a message tells its time and number.
    pub fields: MessageFields,
    /// How many receivers.
    pub receivers: u32,
    /// They come one by one over so long, in µs.
    pub over_us: i64,
    /// From the epoch to the end, in µs.
    pub for_us: i64,
    /// Receivers that are cut off, where some are.
    pub storm: Option<Storm>,
    /// What chance is drawn from.
    pub seed: u64,
    /// The start of the run's clock.
    pub epoch: Epoch,
    /// What the calendar showed then, in µs since 1970: no step of the calendar's clock in the run
    /// is seen.
    pub unix_us: i64,
}

/// HULK cuts a share of its own receivers off, who come back at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Storm {
    /// When, in µs from the epoch.
    pub at_us: i64,
    /// Which share of all receivers, 0 to 1.
    pub share: f64,
}

/// Why nobody listened.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// What stands behind the port is no path.
    #[error("`{0}` is not the path of a URL")]
    Path(String),
    /// An error of HULK itself.
    #[error("a receiver broke down: {0}")]
    Receiver(#[from] JoinError),
}

/// How a connection ended.
enum End {
    /// The run is over.
    Over,
    /// The storm has come.
    Storm,
    /// It was closed or broke, and whether it was good for anything before.
    Lost { trouble: String, was_good: bool },
}

/// Listens to the end; what was met.
///
/// # Errors
/// When the path is none, or a receiver broke down by HULK's own fault.
pub async fn receive(feed: Feed) -> Result<Heard, FeedError> {
    receive_within(feed, STEP_LIMIT).await
}

async fn receive_within(feed: Feed, step_limit: Duration) -> Result<Heard, FeedError> {
    if feed.path.parse::<PathAndQuery>().is_err() {
        return Err(FeedError::Path(feed.path));
    }
    let storm = feed.storm;
    let drawn = storm.map_or_else(Vec::new, |storm| {
        draw_share(0..u64::from(feed.receivers), storm.share, seed_of(feed.seed, "storm"))
    });
    let mut storm_at = vec![None; feed.receivers as usize];
    for receiver in drawn {
        if let Some(at) = storm_at.get_mut(receiver as usize) {
            *at = storm.map(|storm| feed.epoch.at_us(storm.at_us));
        }
    }
    let tally = Tally::new(feed.receivers, feed.rooms, storm.map(|storm| storm.at_us));
    let settle_at = feed.epoch.at_us(feed.for_us - SETTLE_US.min(feed.for_us / 2));
    let receivers = Arc::new(Receivers { feed, step_limit, tally: Mutex::new(tally) });
    let (wall, cpu) = (Instant::now(), cpu_time());
    let mut tasks = JoinSet::new();
    for (receiver, storm_at) in (0..).zip(storm_at) {
        tasks.spawn(Arc::clone(&receivers).stay(receiver, storm_at));
    }
    tasks.spawn(Arc::clone(&receivers).watch_timer());
    sleep_until(settle_at).await;
    receivers.tally().settle();
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    let used = cpu_time().saturating_sub(cpu).as_secs_f64();
    let heard = receivers.tally().take(used / wall.elapsed().as_secs_f64());
    Ok(heard)
}

struct Receivers {
    feed: Feed,
    step_limit: Duration,
    tally: Mutex<Tally>,
}

impl Receivers {
    /// One receiver, from its time to the end of the run.
    async fn stay(self: Arc<Self>, receiver: u32, storm_at: Option<Instant>) {
        let share = f64::from(receiver) / f64::from(self.feed.receivers);
        let first_us = self.feed.over_us as f64 * share;
        sleep_until(self.feed.epoch.at_us(first_us as i64)).await;
        let (over, path) = (self.over(), self.path(receiver));
        let (mut attempts, mut failed) = (0, 0);
        loop {
            let from = Instant::now();
            let Ok(opened) = timeout_at(over, self.open(&path)).await else { return };
            let mut was_good = false;
            let trouble = match opened {
                Err(trouble) => trouble,
                Ok(socket) => {
                    self.tally().opened(receiver, self.now_us(), us_of(from.elapsed()));
                    match self.listen(receiver, socket, storm_at).await {
                        End::Over => return,
                        End::Storm => {
                            self.tally().stormed(receiver, self.now_us());
                            failed = 0;
                            continue;
                        }
                        End::Lost { trouble, was_good: was } => {
                            self.tally().lost(receiver, self.now_us());
                            was_good = was;
                            trouble
                        }
                    }
                }
            };
            self.tally().trouble(&trouble);
            failed = if was_good { 1 } else { failed + 1 };
            attempts += 1;
            let wait = wait_of(self.feed.seed, receiver, attempts, failed);
            sleep_until((Instant::now() + wait).min(over)).await;
        }
    }

    /// Connects and upgrades; why not, in words.
    async fn open(&self, path: &str) -> Result<Socket, String> {
        let stream = timeout(self.step_limit, dial(self.feed.permit)).await;
        let stream = stream.map_err(|_| "connection: no answer in time".to_owned())?;
        let stream = stream.map_err(|error| format!("connection: {error}"))?;
        let url = format!("ws://{}{path}", self.feed.permit.address());
        let request = url.into_client_request().map_err(|error| format!("request: {error}"))?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let upgrade = client_async_with_config(request, stream, Some(config));
        let upgraded = timeout(self.step_limit, upgrade).await;
        let upgraded = upgraded.map_err(|_| "upgrade: no answer in time".to_owned())?;
        upgraded.map(|(socket, _)| socket).map_err(|error| match error {
            Error::Http(answer) => {
                let body = answer.body().as_deref().unwrap_or_default();
                let body: String = String::from_utf8_lossy(body).chars().take(REASON_MAX).collect();
                format!("upgrade: {} {}", answer.status().as_u16(), body.trim()).trim().to_owned()
            }
            error => format!("upgrade: {error}"),
        })
    }

    /// Takes what comes until one of the two is gone.
    async fn listen(&self, receiver: u32, mut socket: Socket, storm_at: Option<Instant>) -> End {
        let (from, over) = (Instant::now(), self.over());
        let storm_at = storm_at.filter(|at| (from..over).contains(at));
        let mut wake = pin!(sleep_until(storm_at.unwrap_or(over)));
        let mut was_good = false;
        let trouble = loop {
            tokio::select! {
                // A feed that never pauses must not outlast the run.
                biased;
                () = &mut wake => {
                    if storm_at.is_some() {
                        return End::Storm;
                    }
                    // Who is gone, or takes nothing, needs no farewell.
                    let _best_effort = timeout(CLOSE_LIMIT, socket.close(None)).await;
                    return End::Over;
                }
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) => self.take(receiver, text.as_bytes()),
                    Some(Ok(Message::Binary(bytes))) => self.take(receiver, &bytes),
                    Some(Ok(Message::Close(frame))) => {
                        // The handshake's other half.
                        let _best_effort = timeout(CLOSE_LIMIT, socket.flush()).await;
                        break match frame {
                            None => "closed without a code".to_owned(),
                            Some(frame) => {
                                let (code, reason) = (u16::from(frame.code), &*frame.reason);
                                format!("closed: {code} {reason}").trim().to_owned()
                            }
                        };
                    }
                    // Pings are answered by the library.
                    Some(Ok(_)) => continue,
                    // The library takes an end in the middle for a wrong use of the protocol.
                    Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)))
                    | None => break "cut off".to_owned(),
                    Some(Err(error)) => {
                        if !matches!(error, Error::Io(_)) {
                            self.tally().malformed();
                        }
                        break format!("broken: {error}");
                    }
                },
            }
            was_good = true;
        };
        End::Lost { trouble, was_good: was_good || from.elapsed() >= LASTED }
    }

    fn take(&self, receiver: u32, message: &[u8]) {
        let unix_us = self.feed.unix_us + self.now_us();
        let read = self.feed.fields.read(message);
        self.tally().message(receiver, unix_us, read);
    }

    /// Sees how late HULK's own timer is, to the end of the run.
    async fn watch_timer(self: Arc<Self>) {
        let mut due = Instant::now() + LOOK;
        while due < self.over() {
            sleep_until(due).await;
            let now = Instant::now();
            self.tally().late(us_of(now - due));
            due = now + LOOK;
        }
    }

    fn path(&self, receiver: u32) -> String {
        let path = &self.feed.path;
        let and = if path.contains('?') { '&' } else { '?' };
        match receiver.checked_rem(self.feed.rooms) {
            None => path.clone(),
            Some(room) => format!("{path}{and}room={room}"),
        }
    }

    fn over(&self) -> Instant {
        self.feed.epoch.at_us(self.feed.for_us)
    }

    fn now_us(&self) -> i64 {
        self.feed.epoch.now_us()
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        lock(&self.tally)
    }
}

/// How long to wait after so many failures in a row: anything up to a time that doubles, so that
/// those who failed together do not come back together.
fn wait_of(seed: u64, receiver: u32, attempt: u64, failed: u32) -> Duration {
    let doubled = WAIT_S_FIRST * 2_f64.powi(failed.saturating_sub(1).min(30) as i32);
    let own = hash_of(seed_of(seed, "reconnect"), u64::from(receiver));
    Duration::from_secs_f64(doubled.min(WAIT_S_MAX) * unit_of(hash_of(own, attempt)))
}

fn us_of(span: Duration) -> u64 {
    span.as_micros() as u64
}

/// The CPU time that this process has used.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[cfg(test)]
mod tests;
