//! The front door: the state machine between its sockets.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hulk_net::Epoch;
use hulk_record::{MatchTime, Offset};
use hulk_scaling::chaos::FaultKind;
use hulk_scaling::{Advice, EDGE, Event, NoAdvice, PanicFlags, Platform, Reply};
use hyper::header::HeaderValue;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::Plan;
use crate::faults::{Faults, NotLent};
use crate::last::{LastRequests, Mark, Place};

/// Connections that have ended of which the last request is kept: beyond, they are counted.
const ENDED_MAX: usize = 1_000_000;
/// How long an edge may take to close or to open.
const SETTLE_LIMIT: Duration = Duration::from_secs(1);
/// How often somebody who waits for the start, or for the last answer, looks.
const QUIET_LOOK: Duration = Duration::from_millis(5);

/// The platform, its clock, and who waits for an answer.
pub(crate) struct Door {
    plan: Plan,
    state: Mutex<State>,
    edges: Vec<EdgeState>,
    /// Who is counted for a path that is waited for.
    routes: HashMap<String, Arc<str>>,
    edge_name: Arc<str>,
    /// Match time 0, once it is known.
    epoch: OnceLock<Epoch>,
    /// The clock of the leases.
    born: Epoch,
    /// For how long the process had no CPU when it needed it, in µs of wall time.
    stalled_us: AtomicU64,
    /// Something may be due earlier than the time keeper thinks.
    sooner: Notify,
    /// The header of the panic switches that were last on.
    panic: Mutex<(PanicFlags, HeaderValue)>,
    zeros: Bytes,
}

/// What an edge's listener and connections must know.
pub(crate) struct EdgeState {
    /// Whether it is lost.
    pub(crate) lost: watch::Sender<bool>,
    /// Whether it listens.
    pub(crate) listens: watch::Sender<bool>,
}

struct State {
    platform: Platform,
    waiting: HashMap<u64, Waiting>,
    last: LastRequests,
    faults: Faults<FaultKind>,
    replies: Vec<Reply>,
    next_id: u64,
    /// When the time keeper wakes.
    wake: Option<MatchTime>,
}

struct Waiting {
    answer: oneshot::Sender<Reply>,
    edge: usize,
    place: Place,
}

/// What came of a request.
pub(crate) enum Asked {
    Answered(Reply),
    Waiting(oneshot::Receiver<Reply>),
    /// The edge is lost, and so is the request.
    Lost,
}

impl Door {
    pub(crate) fn new(plan: Plan) -> Self {
        let platform = Platform::new(
            plan.platform.clone(),
            plan.policies.clone(),
            (plan.clock.speed, plan.scale),
            plan.clock.match_time(plan.lead_in_from),
            plan.viewers_at_0,
            plan.seed,
        )
        .hearing(plan.commentary.messages.clone());
        let state = State {
            platform,
            waiting: HashMap::new(),
            last: LastRequests::new(ENDED_MAX),
            faults: Faults::default(),
            replies: Vec::new(),
            next_id: 0,
            wake: None,
        };
        let edge =
            |_| EdgeState { lost: watch::Sender::new(false), listens: watch::Sender::new(true) };
        let routes = plan.platform.routes.iter();
        Self {
            edges: plan.platform.edges.iter().map(edge).collect(),
            routes: routes.map(|r| (r.path.clone(), r.service.as_str().into())).collect(),
            edge_name: EDGE.into(),
            plan,
            state: Mutex::new(state),
            epoch: OnceLock::new(),
            born: Epoch(Instant::now()),
            stalled_us: AtomicU64::new(0),
            sooner: Notify::new(),
            panic: Mutex::new((PanicFlags::default(), HeaderValue::from_static(""))),
            // One stretch of nothing serves as every body: it is sent without being copied.
            zeros: Bytes::from(vec![0; 8 << 20]),
        }
    }

    /// So many bytes of nothing.
    pub(crate) fn zeros(&self, size: usize) -> Bytes {
        if size <= self.zeros.len() { self.zeros.slice(..size) } else { vec![0; size].into() }
    }

    /// The names of the panic switches that are on; made when they change.
    pub(crate) fn panic_header(&self, flags: PanicFlags) -> HeaderValue {
        let mut known = self.panic.lock().unwrap_or_else(PoisonError::into_inner);
        if known.0 != flags {
            let names = flags.names().collect::<Vec<_>>().join(",");
            let value = HeaderValue::from_str(&names);
            *known = (flags, value.unwrap_or(HeaderValue::from_static("")));
        }
        known.1.clone()
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(crate) fn edge(&self, edge: usize) -> Option<&EdgeState> {
        self.edges.get(edge)
    }

    /// The process had no CPU for so long when it needed it.
    pub(crate) fn stalled(&self, late: Duration) {
        self.stalled_us.fetch_add(late.as_micros() as u64, Ordering::Relaxed);
    }

    /// The sum of that.
    pub(crate) fn stalled_for(&self) -> Duration {
        Duration::from_micros(self.stalled_us.load(Ordering::Relaxed))
    }

    /// Match time 0 is at `epoch`; whether it was not known before.
    pub(crate) fn start(&self, epoch: Instant) -> bool {
        let first = self.epoch.set(Epoch(epoch)).is_ok();
        self.sooner.notify_one();
        first
    }

    /// Waits until it is known when match time 0 is.
    pub(crate) async fn begun(&self) {
        while self.epoch.get().is_none() {
            sleep(QUIET_LOOK).await;
        }
    }

    /// A service's chat endpoint has answered, or has not.
    pub(crate) fn advised(&self, service: usize, advice: Result<Advice, NoAdvice>) {
        let mut state = self.state();
        self.take(&mut state, Event::Advised { service, advice }, None);
    }

    /// Looks at the state machine as it is now.
    pub(crate) fn look<T>(
        &self,
        look: impl FnOnce(&Platform, &LastRequests, &Faults<FaultKind>) -> T,
    ) -> T {
        let mut state = self.state();
        self.take(&mut state, Event::Wake, None);
        // Changes are seen in what it tells of itself.
        drop(state.platform.take_events());
        look(&state.platform, &state.last, &state.faults)
    }

    /// Tells the state machine what somebody wants of it.
    pub(crate) fn tell(&self, event: Event<'_>) {
        self.take(&mut self.state(), event, None);
    }

    /// A viewer connects; the connection's seat.
    pub(crate) fn connected(&self, edge: usize) -> usize {
        let mut state = self.state();
        self.take(&mut state, Event::Connected { edge }, None);
        state.last.sit()
    }

    pub(crate) fn disconnected(&self, edge: usize, seat: usize) {
        let mut state = self.state();
        if let Some((request, place)) = state.last.leave(seat)
            && let Some(waiting) = state.waiting.get_mut(&request)
        {
            waiting.place = place;
        }
        self.take(&mut state, Event::Disconnected { edge }, None);
    }

    /// Asks the state machine; what is not answered at once is waited for. `path` has its query.
    pub(crate) fn ask(&self, edge: usize, seat: usize, mark: Option<Mark>, path: &str) -> Asked {
        let mut state = self.state();
        if state.platform.is_lost(edge) {
            return Asked::Lost;
        }
        state.next_id += 1;
        let id = state.next_id;
        let asked = self.take(&mut state, Event::Request { id, edge, path }, Some(id));
        if let Some(reply) = asked {
            let service = Arc::clone(&reply.service);
            state.last.asked(seat, mark, id, service, Some(reply.status));
            return Asked::Answered(reply);
        }
        let place = state.last.asked(seat, mark, id, self.service(path), None);
        let (answer, receiver) = oneshot::channel();
        state.waiting.insert(id, Waiting { answer, edge, place });
        Asked::Waiting(receiver)
    }

    /// Waits until the state machine has answered everything, at most so long.
    pub(crate) async fn quiet(&self, limit: Duration) {
        let answered = async {
            while !self.state().waiting.is_empty() {
                sleep(QUIET_LOOK).await;
            }
        };
        // What is not answered by then has no status.
        let _quiet = timeout(limit, answered).await;
    }

    /// Lends a fault for so long: injects it, if it is not there.
    pub(crate) fn lend(&self, id: u32, kind: &FaultKind, lease: Duration) -> Result<(), NotLent> {
        let mut state = self.state();
        if state.faults.lend(id, kind, self.lease(lease))? {
            self.take(&mut state, Event::Inject(kind), None);
            self.edges_changed(&mut state);
        }
        Ok(())
    }

    /// Lends a fault for longer.
    pub(crate) fn renew(&self, id: u32, lease: Duration) -> Result<(), NotLent> {
        let (now, until) = self.lease(lease);
        self.state().faults.renew(id, now, until)
    }

    /// Heals a fault; whether it was there.
    pub(crate) fn heal(&self, id: u32) -> bool {
        let mut state = self.state();
        let healed = state.faults.end(id);
        self.heal_all(&mut state, healed.as_slice());
        healed.is_some()
    }

    /// Heals what was not renewed.
    pub(crate) fn heal_lapsed(&self) {
        let mut state = self.state();
        let lapsed = state.faults.lapsed(Offset(self.born.now_us()));
        self.heal_all(&mut state, &lapsed);
    }

    /// Waits until every edge listens, or does not, as it should.
    pub(crate) async fn settled(&self) {
        for edge in &self.edges {
            let lost = *edge.lost.borrow();
            let mut listens = edge.listens.subscribe();
            // An edge that cannot take its port back tries on.
            let _settled =
                timeout(SETTLE_LIMIT, listens.wait_for(|listens| *listens != lost)).await;
        }
    }

    /// Wakes the state machine whenever something is due without a request.
    pub(crate) async fn keep_time(self: Arc<Self>) {
        loop {
            let due = {
                let mut state = self.state();
                self.take(&mut state, Event::Wake, None);
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

    /// When a match time is, once that is known.
    pub(crate) fn instant(&self, at: MatchTime) -> Option<Instant> {
        let wall = self.plan.clock.wall(at);
        self.epoch.get().map(|epoch| epoch.at_us(wall.0))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What match time it is.
    pub(crate) fn now(&self) -> MatchTime {
        let start = self.plan.lead_in_from;
        let wall = self.epoch.get().map_or(start, |epoch| Offset(epoch.now_us()));
        self.plan.clock.match_time(wall.max(start))
    }

    fn lease(&self, lease: Duration) -> (Offset, Offset) {
        let now = Offset(self.born.now_us());
        (now, now.plus(lease.as_micros() as i64))
    }

    fn heal_all(&self, state: &mut State, kinds: &[FaultKind]) {
        for kind in kinds {
            self.take(state, Event::Heal(kind), None);
        }
        if !kinds.is_empty() {
            self.edges_changed(state);
        }
    }

    /// Tells the edges whether they are lost. Who waits at a lost one gets no answer.
    fn edges_changed(&self, state: &mut State) {
        for (index, edge) in self.edges.iter().enumerate() {
            let lost = state.platform.is_lost(index);
            let changed =
                edge.lost.send_if_modified(|known| std::mem::replace(known, lost) != lost);
            if changed && lost {
                state.waiting.retain(|_, waiting| waiting.edge != index);
            }
        }
    }

    /// Who is counted for a path that is not answered at once: the service of the longest route
    /// that it starts with, in whole parts; the edge for the stream.
    fn service(&self, path: &str) -> Arc<str> {
        let mut rest = path.split('?').next().unwrap_or(path);
        loop {
            if let Some(service) = self.routes.get(rest) {
                return Arc::clone(service);
            }
            match rest.rfind('/') {
                Some(at) => rest = &rest[..at],
                None => return Arc::clone(&self.edge_name),
            }
        }
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
                state.last.answered(waiting.place, &reply.service, reply.status);
                // Who left does not listen any more.
                let _listened = waiting.answer.send(reply);
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
}
