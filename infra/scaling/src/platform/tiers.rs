//! The edges and the tier behind them: who asks whom for what is not in a cache.

use std::collections::BTreeMap;
use std::sync::Arc;

use hulk_record::MatchTime;

use super::calls::{Job, Owner};
use super::event::{Body, Reply};
use super::{PanicSwitch, Platform};
use crate::bandwidth::Bandwidth;
use crate::cache::{Lookup, TierCache};
use crate::media::{MediaFile, MediaPath};
use crate::{EdgeSpec, TierSpec};

#[derive(Debug, Clone)]
pub(super) struct Edge {
    pub(super) name: String,
    pub(super) connections: u64,
    pub(super) requests: u64,
    pub(super) answers: BTreeMap<u16, u64>,
    pub(super) lost: bool,
    /// Goes up whenever the edge is lost: what was asked before is answered nowhere.
    pub(super) era: u32,
    /// What faults add to each answer, in wall ms.
    pub(super) added_ms: f64,
    pub(super) cache: TierCache<u64>,
    /// Requests for the stream that its ceiling of bandwidth, or that of all edges, turned away.
    pub(super) turned_away: u64,
    bandwidth: Option<Bandwidth>,
    base_latency_ms: f64,
}

#[derive(Debug, Clone)]
pub(super) struct MidTier {
    pub(super) internal: u64,
    pub(super) internal_failed: u64,
    /// What faults add to each answer, in wall ms.
    pub(super) added_ms: f64,
    /// Edges wait here, each in its era.
    cache: TierCache<(usize, u32)>,
    base_latency_ms: f64,
}

impl Edge {
    pub(super) fn new(spec: &EdgeSpec, scale: f64) -> Self {
        Self {
            name: spec.name.clone(),
            connections: 0,
            requests: 0,
            answers: BTreeMap::new(),
            lost: false,
            era: 0,
            added_ms: 0.0,
            cache: TierCache::new(spec.tier.cache_entries),
            turned_away: 0,
            bandwidth: spec.bandwidth_gbps.map(|gbps| Bandwidth::new(gbps * scale)),
            base_latency_ms: spec.tier.base_latency_ms,
        }
    }

    /// What it adds to an answer, in wall ms.
    pub(super) fn latency_ms(&self) -> f64 {
        self.base_latency_ms + self.added_ms
    }
}

impl MidTier {
    pub(super) fn new(spec: &TierSpec) -> Self {
        Self {
            internal: 0,
            internal_failed: 0,
            added_ms: 0.0,
            cache: TierCache::new(spec.cache_entries),
            base_latency_ms: spec.base_latency_ms,
        }
    }

    fn latency_ms(&self) -> f64 {
        self.base_latency_ms + self.added_ms
    }
}

impl Platform {
    /// A viewer asks an edge for a file of the stream.
    pub(super) fn watch(
        &mut self,
        now: MatchTime,
        (id, edge): (u64, usize),
        path: &str,
        media: MediaPath,
        replies: &mut Vec<Reply>,
    ) {
        if let MediaFile::Segment { number, .. } = media.file
            && !self.media.has_segment(now, number)
        {
            self.answer_at_edge(edge, self.reply(now, id, 404, Body::Empty), replies);
            return;
        }
        let era = self.edges[edge].era;
        match self.edges[edge].cache.look(now, path, id) {
            Lookup::Hit(_, body) => {
                self.send_media(edge, self.reply(now, id, 200, body), replies);
            }
            Lookup::Wait => {}
            Lookup::Miss(path) => self.ask_mid_tier(now, &path, media, (edge, era), replies),
        }
    }

    fn ask_mid_tier(
        &mut self,
        now: MatchTime,
        path: &Arc<str>,
        media: MediaPath,
        edge: (usize, u32),
        replies: &mut Vec<Reply>,
    ) {
        let Some(tier) = &mut self.mid_tier else {
            self.ask_origin(now, path, media, Some(edge), replies);
            return;
        };
        tier.internal += 1;
        match tier.cache.look(now, path, edge) {
            Lookup::Hit(until, body) => {
                let latency_ms = tier.latency_ms();
                self.fill_edge((now, latency_ms), path, (until, body), edge, replies);
            }
            Lookup::Wait => {}
            Lookup::Miss(_) => self.ask_origin(now, path, media, None, replies),
        }
    }

    /// Asks the origin, once for all who wait for it at the mid tier (or at that edge).
    fn ask_origin(
        &mut self,
        now: MatchTime,
        path: &Arc<str>,
        media: MediaPath,
        edge: Option<(usize, u32)>,
        replies: &mut Vec<Reply>,
    ) {
        let Some(service) = self.origin else { return };
        let capped = self.panic().has(PanicSwitch::StaticHome);
        let cap = self.panic.as_ref().and_then(|panic| panic.cap_kbps).filter(|_| capped);
        let ttl_us = self.media.ttl_us(media.file);
        let job = Job {
            owner: Owner::Fill { path: Arc::clone(path), ttl_us, edge },
            service,
            body: self.media.body(now, media, self.speed, cap),
            cookie: None,
            latency_ms: 0.0,
            calls: false,
            next_call: 0,
        };
        self.services[service].ask(now, false);
        if self.admit(now, job, self.media.cost).is_err() {
            let origin = &mut self.services[service];
            origin.internal_failed += 1;
            let latency_ms = origin.added_ms;
            self.not_filled((now, latency_ms), path, edge, replies);
        }
    }

    /// The origin has answered: it goes to the tier that asked, and to all who wait there.
    pub(super) fn filled(
        &mut self,
        (at, latency_ms): (MatchTime, f64),
        path: &Arc<str>,
        fresh: (MatchTime, Body),
        edge: Option<(usize, u32)>,
        replies: &mut Vec<Reply>,
    ) {
        let (edges, latency_ms) = match (edge, &mut self.mid_tier) {
            (None, Some(tier)) => {
                let edges = tier.cache.fill(path, fresh.0, fresh.1.clone());
                (edges, latency_ms + tier.latency_ms())
            }
            (edge, _) => (edge.into_iter().collect(), latency_ms),
        };
        for edge in edges {
            self.fill_edge((at, latency_ms), path, fresh.clone(), edge, replies);
        }
    }

    /// The origin turned it away: so do the tiers.
    fn not_filled(
        &mut self,
        (at, mut latency_ms): (MatchTime, f64),
        path: &Arc<str>,
        edge: Option<(usize, u32)>,
        replies: &mut Vec<Reply>,
    ) {
        let edges = match (edge, &mut self.mid_tier) {
            (None, Some(tier)) => {
                latency_ms += tier.added_ms;
                let edges = tier.cache.fail(path);
                tier.internal_failed += edges.len() as u64;
                edges
            }
            (edge, _) => edge.into_iter().collect(),
        };
        for (edge, era) in edges {
            if self.edges[edge].era == era {
                for id in self.edges[edge].cache.fail(path) {
                    let reply = Reply { latency_ms, ..self.reply(at, id, 503, Body::Empty) };
                    self.answer_at_edge(edge, reply, replies);
                }
            }
        }
    }

    fn fill_edge(
        &mut self,
        (at, latency_ms): (MatchTime, f64),
        path: &Arc<str>,
        (until, body): (MatchTime, Body),
        (edge, era): (usize, u32),
        replies: &mut Vec<Reply>,
    ) {
        // An edge that was lost meanwhile waits for nothing.
        if self.edges[edge].era != era {
            return;
        }
        for id in self.edges[edge].cache.fill(path, until, body.clone()) {
            let reply = Reply { latency_ms, ..self.reply(at, id, 200, body.clone()) };
            self.send_media(edge, reply, replies);
        }
    }

    /// Sends a file of the stream, once there is bandwidth for it. Where that would take longer than
    /// the file plays it is of no use, and turned away at once.
    fn send_media(&mut self, edge: usize, mut reply: Reply, replies: &mut Vec<Reply>) {
        let mut links: Vec<&mut Bandwidth> =
            self.edges[edge].bandwidth.iter_mut().chain(&mut self.bandwidth).collect();
        let wait_s = links.iter().map(|link| link.wait_s(reply.at)).fold(0.0, f64::max);
        if wait_s > self.media.segment_s {
            (reply.status, reply.body) = (503, Body::Empty);
            self.edges[edge].turned_away += 1;
        } else {
            // Bodies shrink by the speed, and are sent in match time.
            let bytes = reply.body.len() as f64 * self.speed;
            links.iter_mut().for_each(|link| link.send(reply.at, bytes));
            reply.latency_ms += wait_s * 1e3 / self.speed;
        }
        self.answer_at_edge(edge, reply, replies);
    }
}
