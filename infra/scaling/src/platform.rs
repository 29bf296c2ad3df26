//! The reference platform: what it answers to whom and when, as a pure state machine.
//!
//! ```text
//!            edge north ─┐  misses, once for all    ┌─▶ service A ── calls ──▶ service B ──▶ …
//! viewers ─▶ edge south ─┼────▶ mid tier ───────────┤   (ledger, policy, provisioning each)
//!            …           └─ everything else ────────┴─▶ service C
//! ```
//!
//! Two things add up on a request's way. Waits in queues are match time: they move the nominal time
//! at which the next service is asked. Latencies are wall time: they are summed, and only the reply
//! carries them. A time-out looks at both.

mod calls;
mod event;
mod faults;
mod panic;
mod routes;
mod service;
mod tiers;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use hulk_chaos::FaultKind;
use hulk_record::{MatchTime, Message, seed_of};

pub use event::{Body, Event, PlatformEvent, Reply, ScaleEvent, ServiceStatus, SwitchEvent};
pub use panic::{PanicFlags, PanicSwitch};

use crate::bandwidth::Bandwidth;
use crate::spec::{EDGE, MID_TIER};
use crate::{MediaSpec, PlatformSpec, Policy, WhenStatic, Zones};
use calls::{Job, Owner};
use panic::Panic;
use routes::Routes;
use service::Service;
use tiers::{Edge, MidTier};

/// The platform in motion.
#[derive(Debug, Clone)]
pub struct Platform {
    edges: Vec<Edge>,
    mid_tier: Option<MidTier>,
    media: MediaSpec,
    /// Place of the service that answers what no cache has.
    origin: Option<usize>,
    services: Vec<Service>,
    zones: Zones,
    /// What all edges together send.
    bandwidth: Option<Bandwidth>,
    routes: Routes,
    panic: Option<Panic>,
    /// Requests that a service works on, by number.
    jobs: HashMap<u64, Job>,
    next_job: u64,
    /// When who waits for a call gives up: the call's number.
    time_outs: BTreeSet<(MatchTime, u64)>,
    faults: Vec<FaultKind>,
    /// What the commentary will say, in the order of its times.
    commentary: VecDeque<Message>,
    speed: f64,
    scale: f64,
    events: Vec<PlatformEvent>,
    edge_name: Arc<str>,
}

/// What is due without an event; at equal times in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Departure(usize),
    Change(usize),
    TimeOut(u64),
    Message,
}

impl Platform {
    /// A platform at `start` (in the lead-in), provisioned for `viewers_at_0` (full scale): its
    /// policies look from match time 0 on. `policies` are in the order of the spec's services.
    /// `speed` and `scale` are the rehearsal's v and k; delays that vary are drawn from `seed`.
    pub fn new(
        spec: PlatformSpec,
        policies: Vec<Policy>,
        (speed, scale): (f64, f64),
        start: MatchTime,
        viewers_at_0: f64,
        seed: u64,
    ) -> Self {
        let place = |name: &str| spec.services.iter().position(|known| known.name == name);
        let panic = spec.panic.as_ref().map(|panic| Panic::new(panic, place));
        let routes = Routes::new(&spec.routes, place, speed);
        let mut zones = Zones::new(&spec.zones);
        let delays = seed_of(seed, "provisioning");
        let services = spec
            .services
            .iter()
            .zip(policies)
            .map(|(known, policy)| {
                let calls = calls::compile(&known.calls, place, speed);
                let bought = (seed_of(delays, &known.name), &mut zones);
                Service::new(known, calls, policy, scale, (start, viewers_at_0), bought)
            })
            .collect();
        Self {
            edges: spec.edges.iter().map(|edge| Edge::new(edge, scale)).collect(),
            mid_tier: spec.mid_tier.as_ref().map(MidTier::new),
            origin: place(&spec.media.origin),
            services,
            zones,
            bandwidth: spec.bandwidth_gbps.map(|gbps| Bandwidth::new(gbps * scale)),
            routes,
            panic,
            jobs: HashMap::new(),
            next_job: 0,
            time_outs: BTreeSet::new(),
            faults: Vec::new(),
            commentary: VecDeque::new(),
            speed,
            scale,
            events: Vec::new(),
            edge_name: EDGE.into(),
            media: spec.media,
        }
    }

    /// The same, where the policies hear these messages of the commentary, each at its time.
    #[must_use]
    pub fn hearing(mut self, commentary: Vec<Message>) -> Self {
        self.commentary = commentary.into();
        self
    }

    /// Takes an event at `now`, which never runs backwards; the replies that are due by then are
    /// added to `replies`, in the order of their nominal times.
    ///
    /// Who asks a lost edge ([`Self::is_lost`]) is counted nowhere and gets no reply, and neither
    /// does who was waiting at the edge when it was lost: their connections are reset.
    pub fn step(&mut self, now: MatchTime, event: Event<'_>, replies: &mut Vec<Reply>) {
        self.advance(now, replies);
        match event {
            Event::Connected { edge } => self.connect(now, edge, 1),
            Event::Disconnected { edge } => self.connect(now, edge, -1),
            Event::Request { id, edge, path } => self.request(now, id, edge, path, replies),
            Event::Inject(kind) => self.inject(now, kind),
            Event::Heal(kind) => self.heal(now, kind),
            Event::Advised { service, advice } => {
                if let Some(service) = self.services.get_mut(service) {
                    service.advised(now, advice);
                }
            }
            Event::Follow { service, policy } => self.follow(now, service, policy),
            Event::Force { switch, on } => self.force(now, switch, on),
            Event::Wake => {}
        }
    }

    /// When something happens next without an event.
    pub fn next_wake(&self) -> Option<MatchTime> {
        self.next_due().map(|(at, _)| at)
    }

    /// What the platform's parts tell of themselves: the edges, the mid tier, the services.
    pub fn status(&self) -> Vec<ServiceStatus> {
        let edges = self.edges.iter().map(|edge| ServiceStatus {
            name: EDGE.into(),
            edge: edge.name.clone(),
            requests: edge.requests,
            answers: edge.answers.clone(),
            latency_added_ms: edge.added_ms,
            ready: u32::from(!edge.lost),
            turned_away: edge.turned_away,
            ..ServiceStatus::tier()
        });
        let mid_tier = self.mid_tier.iter().map(|tier| ServiceStatus {
            name: MID_TIER.into(),
            internal: tier.internal,
            internal_failed: tier.internal_failed,
            latency_added_ms: tier.added_ms,
            ..ServiceStatus::tier()
        });
        edges.chain(mid_tier).chain(self.services.iter().map(Service::status)).collect()
    }

    /// Viewers connected, over all edges.
    pub fn connections(&self) -> u64 {
        self.edges.iter().map(|edge| edge.connections).sum()
    }

    /// Whether an edge (by its place in the spec) is lost, or there is none.
    pub fn is_lost(&self, edge: usize) -> bool {
        self.edges.get(edge).is_none_or(|edge| edge.lost)
    }

    /// The panic switches that are on.
    pub fn panic(&self) -> PanicFlags {
        self.panic.as_ref().map_or(PanicFlags::default(), |panic| panic.flags)
    }

    /// What a panic switch is by hand; none where the audience decides.
    pub fn forced(&self, switch: PanicSwitch) -> Option<bool> {
        self.panic.as_ref().and_then(|panic| panic.forced(switch))
    }

    /// Each service's name and policy, in the spec's order.
    pub fn policies(&self) -> impl Iterator<Item = (&str, &Policy)> {
        self.services.iter().map(|service| (&*service.name, &service.policy))
    }

    /// Changes of capacity and of switches since the last call.
    pub fn take_events(&mut self) -> Vec<PlatformEvent> {
        std::mem::take(&mut self.events)
    }

    fn next_due(&self) -> Option<(MatchTime, Due)> {
        let mut first: Option<(MatchTime, Due)> = None;
        let mut consider = |at, due| {
            if first.is_none_or(|known| (at, due) < known) {
                first = Some((at, due));
            }
        };
        for (index, service) in self.services.iter().enumerate() {
            consider(service.scaler.next_change(), Due::Change(index));
            if let Some(at) = service.ledger.next_departure() {
                consider(at, Due::Departure(index));
            }
        }
        if let Some((at, job)) = self.time_outs.first() {
            consider(*at, Due::TimeOut(*job));
        }
        if let Some(message) = self.commentary.front() {
            consider(message.at, Due::Message);
        }
        first
    }

    /// Lets everything happen that is due by `now`, in the order of its nominal time.
    fn advance(&mut self, now: MatchTime, replies: &mut Vec<Reply>) {
        while let Some((at, due)) = self.next_due().filter(|(at, _)| *at <= now) {
            match due {
                Due::Departure(index) => {
                    if let Some(gone) = self.services[index].ledger.pop(at) {
                        self.depart(index, gone, replies);
                    }
                }
                Due::Change(index) => {
                    let viewers = self.connections() as f64 / self.scale;
                    self.services[index].scale(at, viewers, &mut self.zones, &mut self.events);
                }
                Due::TimeOut(job) => {
                    self.time_outs.remove(&(at, job));
                    self.time_out(at, job, replies);
                }
                Due::Message => {
                    if let Some(message) = self.commentary.pop_front() {
                        self.services.iter_mut().for_each(|service| service.hear(&message));
                    }
                }
            }
        }
    }

    fn connect(&mut self, now: MatchTime, edge: usize, change: i64) {
        if let Some(edge) = self.edges.get_mut(edge) {
            edge.connections = edge.connections.saturating_add_signed(change);
        }
        let viewers = self.connections() as f64 / self.scale;
        if let Some(panic) = &mut self.panic {
            panic.look(now, viewers, &mut self.events);
        }
    }

    fn follow(&mut self, now: MatchTime, service: &str, policy: &Policy) {
        if let Some(known) = self.services.iter_mut().find(|known| *known.name == *service) {
            known.follow(now, policy.clone());
        }
    }

    fn force(&mut self, now: MatchTime, switch: PanicSwitch, on: Option<bool>) {
        let viewers = self.connections() as f64 / self.scale;
        if let Some(panic) = &mut self.panic {
            panic.force(switch, on);
            panic.look(now, viewers, &mut self.events);
        }
    }

    fn request(
        &mut self,
        now: MatchTime,
        id: u64,
        edge: usize,
        target: &str,
        replies: &mut Vec<Reply>,
    ) {
        if self.is_lost(edge) {
            return;
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if let Some(media) = self.media.parse(path) {
            self.edges[edge].requests += 1;
            self.watch(now, (id, edge), path, media, replies);
            return;
        }
        let Some(route) = self.routes.find(path) else {
            self.edges[edge].requests += 1;
            self.answer_at_edge(edge, self.reply(now, id, 404, Body::Empty), replies);
            return;
        };
        let (body, cookie) = self.routes.answer(route, id, query);
        let asked = self.routes.known(route);
        if asked.when_static != WhenStatic::Asked && self.panic().has(PanicSwitch::StaticHome) {
            let body = match asked.when_static {
                WhenStatic::Empty => self.routes.empty(),
                WhenStatic::Kept | WhenStatic::Asked => body,
            };
            // It never reaches the service, but it is one of its requests and answers.
            let service = asked.service;
            self.services[service].spare();
            self.answer(edge, service, self.reply(now, id, 200, body), replies);
            return;
        }
        let (service, cost, calls) = (asked.service, asked.cost, asked.calls);
        let era = self.edges[edge].era;
        let owner = Owner::Viewer { id, edge, era };
        self.services[service].ask(now, true);
        let job = Job { owner, service, body, cookie, latency_ms: 0.0, calls, next_call: 0 };
        if let Err(refused) = self.admit(now, job, cost) {
            let mut reply = self.reply(now, id, refused.status, Body::Empty);
            reply.retry_after_s = refused.retry_after_s;
            reply.latency_ms = self.services[service].added_ms;
            self.answer(edge, service, reply, replies);
        }
    }

    /// A reply of the edge, before the edge has added what it adds.
    fn reply(&self, at: MatchTime, id: u64, status: u16, body: Body) -> Reply {
        Reply {
            id,
            at,
            status,
            body,
            latency_ms: 0.0,
            service: Arc::clone(&self.edge_name),
            retry_after_s: None,
            set_cookie: None,
            panic: PanicFlags::default(),
        }
    }

    /// A reply that the edge is counted for.
    fn answer_at_edge(&mut self, edge: usize, reply: Reply, replies: &mut Vec<Reply>) {
        *self.edges[edge].answers.entry(reply.status).or_default() += 1;
        self.send(edge, reply, replies);
    }

    /// A reply that a service is counted for.
    fn answer(&mut self, edge: usize, service: usize, mut reply: Reply, replies: &mut Vec<Reply>) {
        let service = &mut self.services[service];
        *service.answers.entry(reply.status).or_default() += 1;
        reply.service = Arc::clone(&service.name);
        self.send(edge, reply, replies);
    }

    fn send(&mut self, edge: usize, mut reply: Reply, replies: &mut Vec<Reply>) {
        reply.latency_ms += self.edges[edge].latency_ms();
        reply.panic = self.panic();
        replies.push(reply);
    }
}
