//! The front door: the state machine between its sockets.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hulk_net::Epoch;
use hulk_record::{MatchTime, Offset};
use hulk_scaling::{Body, Event, Platform, Reply, ServiceStatus};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::Plan;

/// Latencies below the timer's precision are not waited for.
const LATENCY_MIN_MS: f64 = 0.5;

type Answer = Response<Full<Bytes>>;

/// The platform, its clock, and who waits for an answer.
pub(crate) struct Door {
    plan: Plan,
    state: Mutex<State>,
    /// Match time 0, once it is known.
    epoch: OnceLock<Epoch>,
    /// Something may be due earlier than the time keeper thinks.
    sooner: Notify,
    zeros: Bytes,
}

struct State {
    platform: Platform,
    waiting: HashMap<u64, oneshot::Sender<Reply>>,
    replies: Vec<Reply>,
    next_id: u64,
    /// When the time keeper wakes.
    wake: Option<MatchTime>,
}

/// What came of a request.
enum Asked {
    Answered(Reply),
    Waiting(oneshot::Receiver<Reply>),
}

/// A viewer's connection.
pub(crate) struct Viewer {
    door: Arc<Door>,
}

impl Door {
    pub(crate) fn new(plan: Plan) -> Self {
        let platform = Platform::new(
            plan.platform.clone(),
            plan.policies.clone(),
            (plan.clock.speed, plan.scale),
            plan.clock.match_time(plan.lead_in_from),
            plan.viewers_at_0,
        );
        let state = State {
            platform,
            waiting: HashMap::new(),
            replies: Vec::new(),
            next_id: 0,
            wake: None,
        };
        // One stretch of nothing serves as every body: it is sent without being copied.
        let zeros = Bytes::from(vec![0; 8 << 20]);
        let (epoch, sooner) = (OnceLock::new(), Notify::new());
        Self { plan, state: Mutex::new(state), epoch, sooner, zeros }
    }

    /// Match time 0 is at `epoch`; whether it was not known before.
    pub(crate) fn start(&self, epoch: Instant) -> bool {
        let first = self.epoch.set(Epoch(epoch)).is_ok();
        self.sooner.notify_one();
        first
    }

    pub(crate) fn status(&self) -> (Vec<ServiceStatus>, u64) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.platform.status(), state.platform.connections())
    }

    pub(crate) fn connected(self: &Arc<Self>) -> Viewer {
        self.step(Event::Connected);
        Viewer { door: Arc::clone(self) }
    }

    /// Wakes the state machine whenever something is due without a request.
    pub(crate) async fn keep_time(self: Arc<Self>) {
        loop {
            self.step(Event::Wake);
            let due = {
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                state.wake = state.platform.next_wake();
                state.wake
            };
            match due.and_then(|due| self.instant(due)) {
                Some(due) => tokio::select! {
                    () = sleep_until(due) => {}
                    () = self.sooner.notified() => {}
                },
                None => self.sooner.notified().await,
            }
        }
    }

    fn now(&self) -> MatchTime {
        let start = self.plan.lead_in_from;
        let wall = self.epoch.get().map_or(start, |epoch| Offset(epoch.now_us()));
        self.plan.clock.match_time(wall.max(start))
    }

    fn instant(&self, at: MatchTime) -> Option<Instant> {
        let wall = self.plan.clock.wall(at);
        self.epoch.get().map(|epoch| epoch.at_us(wall.0))
    }

    fn step(&self, event: Event<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.take(&mut state, event, None);
    }

    /// Asks the state machine; what is not answered at once is waited for.
    fn ask(&self, path: &str) -> Asked {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.next_id += 1;
        let id = state.next_id;
        if let Some(reply) = self.take(&mut state, Event::Request { id, path }, Some(id)) {
            return Asked::Answered(reply);
        }
        let (sender, receiver) = oneshot::channel();
        state.waiting.insert(id, sender);
        Asked::Waiting(receiver)
    }

    /// Hands an event to the state machine and its replies to those who wait for them; the reply
    /// to `asked` is returned.
    fn take(&self, state: &mut State, event: Event<'_>, asked: Option<u64>) -> Option<Reply> {
        let mut own = None;
        state.platform.step(self.now(), event, &mut state.replies);
        for reply in state.replies.drain(..) {
            if Some(reply.id) == asked {
                own = Some(reply);
            } else if let Some(waiting) = state.waiting.remove(&reply.id) {
                // Who left does not listen any more.
                let _listened = waiting.send(reply);
            }
        }
        // Only what is due sooner than the time keeper sleeps needs to wake it.
        let next = state.platform.next_wake();
        if next.is_some_and(|next| state.wake.is_none_or(|wake| next < wake)) {
            state.wake = next;
            self.sooner.notify_one();
        }
        own
    }

    fn body(&self, body: Body) -> Bytes {
        match body {
            Body::Empty => Bytes::new(),
            Body::Bytes(size) if size as usize <= self.zeros.len() => {
                self.zeros.slice(..size as usize)
            }
            Body::Bytes(size) => Bytes::from(vec![0; size as usize]),
            Body::Text(text) => Bytes::copy_from_slice(text.as_bytes()),
        }
    }
}

impl Viewer {
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Result<Answer, Infallible> {
        let reply = match self.door.ask(request.uri().path()) {
            Asked::Answered(reply) => reply,
            Asked::Waiting(receiver) => match receiver.await {
                Ok(reply) => reply,
                Err(_) => return Ok(plain(StatusCode::INTERNAL_SERVER_ERROR, Bytes::new())),
            },
        };
        if reply.latency_ms >= LATENCY_MIN_MS {
            let left = self.door.instant(reply.at).unwrap_or_else(Instant::now);
            sleep_until(left + Duration::from_secs_f64(reply.latency_ms / 1e3)).await;
        }
        let status = StatusCode::from_u16(reply.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Ok(plain(status, self.door.body(reply.body)))
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.door.step(Event::Disconnected);
    }
}

fn plain(status: StatusCode, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer
}
