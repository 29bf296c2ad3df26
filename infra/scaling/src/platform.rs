//! The reference platform: what it answers to whom and when, as a pure state machine.
//!
//! ```text
//! viewers ─▶ edge (cache) ─▶ load balancer ─┬▶ fleet of service A (ledger, policy, provisioning)
//!                └─ misses, once for all ───┴▶ fleet of service B
//! ```

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use hulk_record::MatchTime;

use crate::cache::{EdgeCache, Lookup};
use crate::media::MediaPath;
use crate::{
    Answer, Departure, Observation, PlatformSpec, Policy, Scaler, ServiceSpec, WorkLedger,
};

/// The platform's own requests to the origin carry this bit.
const FILL: u64 = 1 << 63;

/// What happens to the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A viewer connected.
    Connected,
    /// A viewer's connection ended.
    Disconnected,
    /// A viewer asks.
    Request {
        /// Names the request in the reply; below 2⁶³.
        id: u64,
        /// What is asked for, without the query.
        path: &'a str,
    },
    /// Time has passed.
    Wake,
}

/// An answer's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    Empty,
    /// So many bytes of no meaning.
    Bytes(u32),
    /// A text.
    Text(Arc<str>),
}

/// What the platform does: it answers a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The request.
    pub id: u64,
    /// When it leaves the platform's queues, in nominal match time.
    pub at: MatchTime,
    /// HTTP status.
    pub status: u16,
    /// What is sent.
    pub body: Body,
    /// Latency that is no queue, in ms of wall time, to be added.
    pub latency_ms: f64,
}

/// A change of a service's capacity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScaleEvent {
    /// When.
    pub at: MatchTime,
    /// The service.
    pub service: String,
    /// Instances that serve from then on.
    pub ready: u32,
    /// Instances on their way.
    pub pending: u32,
    /// Instances wanted.
    pub desired: u32,
}

/// What a service tells of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceStatus {
    /// Its name; `edge` for the edge.
    pub name: String,
    /// Instances that serve; 1 for the edge, which does not scale.
    pub ready: u32,
    /// Instances on their way.
    pub pending: u32,
    /// Instances wanted.
    pub desired: u32,
    /// Requests received since the start.
    pub requests: u64,
    /// Answers by status since the start.
    pub answers: BTreeMap<u16, u64>,
    /// Requests that wait.
    pub backlog: usize,
    /// Predicted wait in match seconds.
    pub wait_s: f64,
}

#[derive(Debug, Clone)]
struct Service {
    spec: ServiceSpec,
    policy: Policy,
    scaler: Scaler,
    ledger: WorkLedger,
    requests: u64,
    answers: BTreeMap<u16, u64>,
}

/// The platform in motion.
#[derive(Debug, Clone)]
pub struct Platform {
    spec: PlatformSpec,
    services: Vec<Service>,
    cache: EdgeCache,
    /// Requests to the origin under way, by their number, with the path that they fill.
    fills: HashMap<u64, String>,
    next_fill: u64,
    /// Answers that are prepared when a request is booked and sent when it leaves.
    booked: HashMap<u64, (u16, Body)>,
    edge_requests: u64,
    edge_answers: BTreeMap<u16, u64>,
    speed: f64,
    scale: f64,
    connections: u64,
    events: Vec<ScaleEvent>,
    departures: Vec<Departure>,
}

impl Platform {
    /// A platform at `start` (in the lead-in), provisioned for `viewers_at_0` (full scale): its
    /// policies look from match time 0 on. `policies` are in the order of the spec's services.
    /// `speed` and `scale` are the rehearsal's v and k.
    pub fn new(
        spec: PlatformSpec,
        policies: Vec<Policy>,
        (speed, scale): (f64, f64),
        start: MatchTime,
        viewers_at_0: f64,
    ) -> Self {
        let services = spec
            .services
            .iter()
            .cloned()
            .zip(policies)
            .map(|(spec, policy)| {
                let ready = policy.desired(Observation { viewers: viewers_at_0 });
                Service {
                    scaler: Scaler::new(spec.provisioning.clone(), ready, MatchTime(0)),
                    ledger: WorkLedger::new(start, f64::from(ready) * spec.rated_rps * scale),
                    requests: 0,
                    answers: BTreeMap::new(),
                    spec,
                    policy,
                }
            })
            .collect();
        Self {
            spec,
            services,
            cache: EdgeCache::default(),
            fills: HashMap::new(),
            next_fill: FILL,
            booked: HashMap::new(),
            edge_requests: 0,
            edge_answers: BTreeMap::new(),
            speed,
            scale,
            connections: 0,
            events: Vec::new(),
            departures: Vec::new(),
        }
    }

    /// Takes an event at `now`, which never runs backwards; the replies that are due by then are
    /// added to `replies`, in the order of their times for each service.
    pub fn step(&mut self, now: MatchTime, event: Event<'_>, replies: &mut Vec<Reply>) {
        self.advance(now, replies);
        match event {
            Event::Connected => self.connections += 1,
            Event::Disconnected => self.connections = self.connections.saturating_sub(1),
            Event::Request { id, path } => self.request(now, id, path, replies),
            Event::Wake => {}
        }
    }

    /// When something happens next without an event.
    pub fn next_wake(&self) -> Option<MatchTime> {
        let change = |service: &Service| {
            let change = service.scaler.next_change();
            service.ledger.next_departure().map_or(change, |at| at.min(change))
        };
        self.services.iter().map(change).min()
    }

    /// What the services tell of themselves: the edge first.
    pub fn status(&self) -> Vec<ServiceStatus> {
        let edge = ServiceStatus {
            name: "edge".into(),
            ready: 1,
            pending: 0,
            desired: 1,
            requests: self.edge_requests,
            answers: self.edge_answers.clone(),
            backlog: 0,
            wait_s: 0.0,
        };
        let own = self.services.iter().map(|service| ServiceStatus {
            name: service.spec.name.clone(),
            ready: service.scaler.ready(),
            pending: service.scaler.pending(),
            desired: service.scaler.desired(),
            requests: service.requests,
            answers: service.answers.clone(),
            backlog: service.ledger.backlog(),
            wait_s: service.ledger.predicted_wait_s(),
        });
        std::iter::once(edge).chain(own).collect()
    }

    /// Viewers connected.
    pub fn connections(&self) -> u64 {
        self.connections
    }

    /// Changes of capacity since the last call.
    pub fn take_events(&mut self) -> Vec<ScaleEvent> {
        std::mem::take(&mut self.events)
    }

    fn advance(&mut self, now: MatchTime, replies: &mut Vec<Reply>) {
        let viewers = self.connections as f64 / self.scale;
        for index in 0..self.services.len() {
            let mut gone = std::mem::take(&mut self.departures);
            let service = &mut self.services[index];
            while service.scaler.next_change() <= now {
                let at = service.scaler.next_change();
                service.ledger.advance(at, &mut gone);
                service.scale(at, viewers, self.scale, &mut self.events);
            }
            service.ledger.advance(now, &mut gone);
            for departure in gone.drain(..) {
                self.depart(index, departure, replies);
            }
            self.departures = gone;
        }
    }

    fn depart(&mut self, service: usize, departure: Departure, replies: &mut Vec<Reply>) {
        let Departure { at, id } = departure;
        let Some((status, body)) = self.booked.remove(&id) else { return };
        let service = &mut self.services[service];
        *service.answers.entry(status).or_default() += 1;
        let latency_ms = self.spec.edge_latency_ms + service.spec.base_latency_ms;
        if id & FILL == 0 {
            replies.push(Reply { id, at, status, body, latency_ms });
            return;
        }
        let Some(path) = self.fills.remove(&id) else { return };
        let ttl_s = match self.spec.media.parse(&path) {
            Some(MediaPath::Segment { .. }) => self.spec.media.segment_ttl_s,
            _ => self.spec.media.playlist_ttl_s,
        };
        let until = at.plus((ttl_s * 1e6) as i64);
        for id in self.cache.fill(&path, until, body.clone()) {
            *self.edge_answers.entry(status).or_default() += 1;
            replies.push(Reply { id, at, status, body: body.clone(), latency_ms });
        }
    }

    fn request(&mut self, now: MatchTime, id: u64, path: &str, replies: &mut Vec<Reply>) {
        if let Some(media) = self.spec.media.parse(path) {
            self.edge_requests += 1;
            self.media(now, id, path, media, replies);
            return;
        }
        let Some(route) = self.spec.route(path) else {
            self.edge_requests += 1;
            self.answer_at_edge(now, id, 404, Body::Empty, replies);
            return;
        };
        let body = match &route.answer {
            Answer::Bytes(size) => Body::Bytes((f64::from(*size) / self.speed).ceil() as u32),
            Answer::Json(text) => Body::Text(text.replace("${request}", &id.to_string()).into()),
        };
        let found = self.services.iter().position(|known| known.spec.name == route.service);
        let Some(service) = found else { return };
        if !self.book(now, service, id, body) {
            let latency_ms = self.spec.edge_latency_ms;
            replies.push(Reply { id, at: now, status: 503, body: Body::Empty, latency_ms });
        }
    }

    fn media(
        &mut self,
        now: MatchTime,
        id: u64,
        path: &str,
        media: MediaPath,
        replies: &mut Vec<Reply>,
    ) {
        if let MediaPath::Segment { number, .. } = media
            && !self.spec.media.has_segment(now, number)
        {
            self.answer_at_edge(now, id, 404, Body::Empty, replies);
            return;
        }
        match self.cache.look(now, path, id) {
            Lookup::Hit(body) => self.answer_at_edge(now, id, 200, body, replies),
            Lookup::Wait => {}
            Lookup::Miss => self.fill(now, path, media, replies),
        }
    }

    /// Asks the origin for a path, once for all who wait for it.
    fn fill(&mut self, now: MatchTime, path: &str, media: MediaPath, replies: &mut Vec<Reply>) {
        let body = match media {
            MediaPath::Master => Body::Text(self.spec.media.master_text()),
            MediaPath::Playlist { rendition } => {
                Body::Text(self.spec.media.playlist_text(rendition, now))
            }
            MediaPath::Segment { rendition, .. } => {
                Body::Bytes(self.spec.media.segment_bytes(rendition, self.speed))
            }
        };
        let fill = self.next_fill;
        self.next_fill += 1;
        let origin = &self.spec.media.origin;
        let service = self.services.iter().position(|known| known.spec.name == *origin);
        if service.is_some_and(|service| self.book(now, service, fill, body)) {
            self.fills.insert(fill, path.to_owned());
            return;
        }
        for id in self.cache.fail(path) {
            self.answer_at_edge(now, id, 503, Body::Empty, replies);
        }
    }

    /// Whether the service takes the request; if not, its 503 is counted.
    fn book(&mut self, now: MatchTime, service: usize, id: u64, body: Body) -> bool {
        let service = &mut self.services[service];
        service.requests += 1;
        if service.ledger.book(now, id, service.spec.patience_s).is_ok() {
            self.booked.insert(id, (200, body));
            return true;
        }
        *service.answers.entry(503).or_default() += 1;
        false
    }

    fn answer_at_edge(
        &mut self,
        at: MatchTime,
        id: u64,
        status: u16,
        body: Body,
        replies: &mut Vec<Reply>,
    ) {
        *self.edge_answers.entry(status).or_default() += 1;
        replies.push(Reply { id, at, status, body, latency_ms: self.spec.edge_latency_ms });
    }
}

impl Service {
    /// What is due at `at`: capacity that arrives, a look of the policy.
    fn scale(&mut self, at: MatchTime, viewers: f64, scale: f64, events: &mut Vec<ScaleEvent>) {
        let before = (self.scaler.ready(), self.scaler.pending(), self.scaler.desired());
        let mut changed = self.scaler.arrive(at);
        if self.scaler.is_due(at) {
            let desired = self.policy.desired(Observation { viewers });
            changed |= self.scaler.want(at, desired);
        }
        if changed {
            self.ledger.set_rate(f64::from(self.scaler.ready()) * self.spec.rated_rps * scale);
        }
        let after = (self.scaler.ready(), self.scaler.pending(), self.scaler.desired());
        if before != after {
            events.push(ScaleEvent {
                at,
                service: self.spec.name.clone(),
                ready: after.0,
                pending: after.1,
                desired: after.2,
            });
        }
    }
}
