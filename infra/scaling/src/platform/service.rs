//! A service in motion: its fleet, its ledger and its counters.

use std::collections::BTreeMap;
use std::sync::Arc;

use hulk_record::{MatchTime, Message};

use super::calls::Call;
use super::event::{PlatformEvent, ScaleEvent, ServiceStatus};
use crate::balancers::Balancers;
use crate::limit::RateLimit;
use crate::{
    Advice, Memory, NoAdvice, Observation, Policy, Scaler, ServiceSpec, WorkLedger, Zones,
};

#[derive(Debug, Clone)]
pub(super) struct Service {
    pub(super) name: Arc<str>,
    pub(super) calls: Arc<[Call]>,
    pub(super) scaler: Scaler,
    pub(super) ledger: WorkLedger,
    pub(super) answers: BTreeMap<u16, u64>,
    pub(super) internal_failed: u64,
    /// What faults add to each answer, in wall ms.
    pub(super) added_ms: f64,
    base_latency_ms: f64,
    patience_s: f64,
    limit: Option<RateLimit>,
    balancers: Balancers,
    pub(super) policy: Policy,
    memory: Memory,
    /// Rated requests per match second of an instance at the scale of this run.
    rated: f64,
    scale: f64,
    requests: u64,
    /// Of those, how many an edge answered.
    spared: u64,
    internal: u64,
    /// Requests since the policy looked, and when it did.
    seen: u64,
    looked: MatchTime,
    /// What came of the questions to the chat endpoint.
    advice: BTreeMap<&'static str, u64>,
}

/// A request that a service does not take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) retry_after_s: Option<f64>,
}

impl Service {
    pub(super) fn new(
        spec: &ServiceSpec,
        calls: Arc<[Call]>,
        policy: Policy,
        scale: f64,
        (start, viewers_at_0): (MatchTime, f64),
        bought: (u64, &mut Zones),
    ) -> Self {
        let first_s = if policy.sees_requests() { spec.provisioning.evaluate_s } else { 0.0 };
        let first_look = MatchTime::from_s(first_s);
        let rated = spec.rated_rps * scale;
        let (delays, wanted) = (spec.provisioning.clone(), policy.initial(viewers_at_0));
        let scaler = Scaler::new(delays, policy.cooldown_s(), wanted, first_look, bought);
        let peaks = spec.load_balancers.iter().map(|balancer| balancer.peak_rps * scale);
        Self {
            name: spec.name.as_str().into(),
            calls,
            ledger: WorkLedger::new(start, f64::from(scaler.ready()) * rated),
            scaler,
            answers: BTreeMap::new(),
            internal_failed: 0,
            added_ms: 0.0,
            base_latency_ms: spec.base_latency_ms,
            patience_s: spec.patience_s,
            balancers: Balancers::new(start, peaks),
            limit: spec.rate_limit_rps.map(|rps| RateLimit::new(start, rps * scale)),
            policy,
            memory: Memory::default(),
            rated,
            scale,
            requests: 0,
            spared: 0,
            internal: 0,
            seen: 0,
            looked: MatchTime(0),
            advice: BTreeMap::new(),
        }
    }

    /// What it adds to an answer besides waiting, in wall ms.
    pub(super) fn latency_ms(&self) -> f64 {
        self.base_latency_ms + self.added_ms
    }

    /// Counts a request, whatever becomes of it.
    pub(super) fn ask(&mut self, now: MatchTime, viewer: bool) {
        *(if viewer { &mut self.requests } else { &mut self.internal }) += 1;
        // The lead-in is not the match.
        self.seen += u64::from(now >= MatchTime(0));
    }

    /// Counts a viewer's request that an edge answers in its stead.
    pub(super) fn spare(&mut self) {
        self.requests += 1;
        self.spared += 1;
    }

    /// Books a job, or turns it away.
    pub(super) fn book(&mut self, now: MatchTime, job: u64, cost: f64) -> Result<(), Refusal> {
        if !self.balancers.pass(now) {
            return Err(Refusal { status: 503, retry_after_s: None });
        }
        if let Some(limit) = &mut self.limit {
            limit.take(now).map_err(|s| Refusal { status: 429, retry_after_s: Some(s) })?;
        }
        self.ledger.bring_to(now);
        let booked = self.ledger.book(now, job, cost, self.patience_s);
        booked.map_err(|_| Refusal { status: 503, retry_after_s: None })
    }

    /// The policy hears the commentary; what concerns it makes it look at once.
    pub(super) fn hear(&mut self, message: &Message) {
        let rule = self.policy.commentary();
        if rule.is_some_and(|rule| rule.hear(message, &mut self.memory)) {
            self.scaler.look_at(message.at);
        }
    }

    /// The policy's chat endpoint has answered, or has not.
    pub(super) fn advised(&mut self, now: MatchTime, advice: Result<Advice, NoAdvice>) {
        let Some(rule) = self.policy.commentary() else { return };
        let taken = rule.advised(now, advice, self.scaler.desired(), &mut self.memory);
        let name = taken.err().map_or("answered", NoAdvice::name);
        *self.advice.entry(name).or_default() += 1;
        self.scaler.look_at(now);
    }

    /// What is due at `at`: capacity that arrives, a look of the policy.
    pub(super) fn scale(
        &mut self,
        at: MatchTime,
        viewers: f64,
        zones: &mut Zones,
        events: &mut Vec<PlatformEvent>,
    ) {
        let before = state(&self.scaler);
        let mut changed = self.scaler.arrive(at);
        if self.scaler.is_due(at) {
            let seen = self.observe(at, viewers);
            let desired = self.policy.desired(&seen, &mut self.memory);
            changed |= self.scaler.want(at, desired, zones);
        }
        self.changed(at, before, changed, events);
    }

    /// A zone is gone with all that stood there.
    pub(super) fn lose(
        &mut self,
        at: MatchTime,
        zone: usize,
        zones: &mut Zones,
        events: &mut Vec<PlatformEvent>,
    ) {
        let before = state(&self.scaler);
        let changed = self.scaler.lose(zone, zones);
        self.changed(at, before, changed, events);
    }

    /// Serves with what is ready now, and tells what is not as it was.
    fn changed(
        &mut self,
        at: MatchTime,
        before: (u32, u32, u32),
        changed: bool,
        events: &mut Vec<PlatformEvent>,
    ) {
        if changed {
            self.ledger.bring_to(at);
            self.ledger.set_rate(f64::from(self.scaler.ready()) * self.rated);
        }
        let (ready, pending, desired) = state(&self.scaler);
        if before != (ready, pending, desired) {
            let service = self.name.to_string();
            let event = ScaleEvent { at, service, ready, pending, desired };
            events.push(PlatformEvent::Scaled(event));
        }
    }

    /// Is scaled by another policy from now on. It looks when the one before would have, at all
    /// requests since then; what that one had in mind is forgotten.
    pub(super) fn follow(&mut self, now: MatchTime, policy: Policy) {
        self.scaler.take_over(now, policy.cooldown_s());
        self.policy = policy;
        self.memory = Memory::default();
    }

    pub(super) fn status(&self) -> ServiceStatus {
        ServiceStatus {
            name: self.name.to_string(),
            edge: String::new(),
            ready: self.scaler.ready(),
            pending: self.scaler.pending(),
            desired: self.scaler.desired(),
            requests: self.requests,
            answers: self.answers.clone(),
            asked: self.requests - self.spared + self.internal,
            internal: self.internal,
            internal_failed: self.internal_failed,
            backlog: self.ledger.backlog(),
            wait_s: self.ledger.predicted_wait_s(),
            latency_added_ms: self.added_ms,
            advice: self.advice.clone(),
            lacking: self.scaler.lacking(),
            turned_away: self.balancers.refused,
        }
    }

    /// What the policy sees; its period starts anew.
    fn observe(&mut self, at: MatchTime, viewers: f64) -> Observation {
        let elapsed_s = at.since(self.looked) as f64 / 1e6;
        let seen = std::mem::take(&mut self.seen) as f64;
        self.looked = self.looked.max(at);
        Observation {
            at,
            viewers,
            rps: if elapsed_s > 0.0 { seen / elapsed_s / self.scale } else { 0.0 },
            running: self.scaler.running(),
            ready: self.scaler.ready(),
        }
    }
}

/// Ready, pending and wanted instances.
fn state(scaler: &Scaler) -> (u32, u32, u32) {
    (scaler.ready(), scaler.pending(), scaler.desired())
}
