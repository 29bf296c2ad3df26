//! A proxy with its toxics, and what can be seen of them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use hulk_scenarios::chaos::{EffectCounts, Leases, Ramp, Set, Stream, Toxic};
use hulk_scenarios::record::Offset;

use super::ToxicAsked;
use crate::link::{Flow, Order};
use crate::proxy::{Doors, Running};
use crate::spec::ProxySpec;

/// So many toxics that are gone are remembered, for what they did.
const ENDED_MAX: usize = 100;

/// What somebody wants to know of a toxic.
#[derive(Debug, Clone, PartialEq)]
pub struct ToxicShown {
    /// What it is now.
    pub toxic: Toxic,
    /// Until when it is lent, in ms from now; none where it has ended.
    pub left_ms: Option<i64>,
    /// What it has done.
    pub effect: EffectCounts,
    /// How it ended, in a word: `removed`, `lapsed`, `reset`.
    pub ended: Option<&'static str>,
}

/// What somebody wants to know of a proxy.
#[derive(Debug, Clone, PartialEq)]
pub struct ProxyShown {
    /// What was asked for; `listen` is where it really listens.
    pub spec: ProxySpec,
    /// Its toxics, those of the stream upstream first, each in the order of their coming.
    pub toxics: Vec<ToxicShown>,
    /// The last that are gone.
    pub ended: Vec<ToxicShown>,
    /// Connections that are carried now.
    pub open: u64,
    /// Connections that were accepted.
    pub accepted: u64,
    /// Connections whose server could not be reached.
    pub unreached: u64,
    /// Datagrams that came while there was no room for them.
    pub overflowed: u64,
    /// Bytes from clients, received and sent on.
    pub upstream: (u64, u64),
    /// Bytes from the server, received and sent on.
    pub downstream: (u64, u64),
}

/// What is lent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lent {
    /// A toxic, by its number.
    Toxic(u64),
    /// A proxy that does not listen, by its name.
    Down(String),
}

pub(super) struct Known {
    pub(super) set: Set,
    pub(super) ramp: Option<Ramp>,
    /// As it was asked for.
    pub(super) asked: ToxicAsked,
}

pub(super) struct Proxy {
    pub(super) spec: ProxySpec,
    pub(super) toxics: Vec<Known>,
    pub(super) ended: VecDeque<ToxicShown>,
    pub(super) running: Option<Running>,
    pub(super) doors: Arc<Doors>,
    pub(super) upstream: Arc<Flow>,
    pub(super) downstream: Arc<Flow>,
}

impl Known {
    pub(super) fn lent(&self) -> Lent {
        Lent::Toxic(self.set.id)
    }

    pub(super) fn shown(&self, leases: &Leases<Lent>, now: Offset) -> ToxicShown {
        let until = leases.until(&Lent::Toxic(self.set.id));
        ToxicShown {
            toxic: self.set.toxic.clone(),
            left_ms: until.map(|until| until.since(now).max(0) / 1_000),
            effect: self.set.effect.counts(),
            ended: None,
        }
    }
}

impl Proxy {
    pub(super) fn new(spec: ProxySpec) -> Self {
        Self {
            spec,
            toxics: Vec::new(),
            ended: VecDeque::new(),
            running: None,
            doors: Arc::default(),
            upstream: Arc::default(),
            downstream: Arc::default(),
        }
    }

    pub(super) fn shown(&self, leases: &Leases<Lent>, now: Offset) -> ProxyShown {
        let of = |stream| {
            let own = self.toxics.iter().filter(move |known| known.set.toxic.stream == stream);
            own.map(|known| known.shown(leases, now))
        };
        let flow = |flow: &Flow| (flow.received.load(Relaxed), flow.sent.load(Relaxed));
        ProxyShown {
            spec: self.spec.clone(),
            toxics: of(Stream::Upstream).chain(of(Stream::Downstream)).collect(),
            ended: self.ended.iter().cloned().collect(),
            open: self.doors.open.load(Relaxed),
            accepted: self.doors.accepted.load(Relaxed),
            unreached: self.doors.unreached.load(Relaxed),
            overflowed: self.doors.overflowed.load(Relaxed),
            upstream: flow(&self.upstream),
            downstream: flow(&self.downstream),
        }
    }

    pub(super) fn order(&self) -> Arc<Order> {
        let of = |stream| {
            let own = self.toxics.iter().filter(move |known| known.set.toxic.stream == stream);
            own.map(|known| known.set.clone()).collect()
        };
        Arc::new(Order { upstream: of(Stream::Upstream), downstream: of(Stream::Downstream) })
    }

    /// Tells every link what is done to it now.
    pub(super) fn tell(&self) {
        if let Some(running) = &self.running {
            running.order(self.order());
        }
    }

    /// Removes the toxics that `which` takes; their numbers, and what they did.
    pub(super) fn remove(
        &mut self,
        which: impl Fn(&Known) -> bool,
        ended: &'static str,
    ) -> Vec<(u64, ToxicShown)> {
        let (gone, stay): (Vec<Known>, Vec<Known>) =
            std::mem::take(&mut self.toxics).into_iter().partition(which);
        self.toxics = stay;
        if gone.is_empty() {
            return Vec::new();
        }
        self.tell();
        let shown = gone.into_iter().map(|known| {
            let (toxic, effect) = (known.set.toxic, known.set.effect.counts());
            (known.set.id, ToxicShown { toxic, left_ms: None, effect, ended: Some(ended) })
        });
        let shown: Vec<_> = shown.collect();
        self.ended.extend(shown.iter().map(|(_, shown)| shown.clone()));
        while self.ended.len() > ENDED_MAX {
            self.ended.pop_front();
        }
        shown
    }

    /// Makes stronger what is on a ramp; whether something still is.
    pub(super) fn climb(&mut self, now: Offset) -> bool {
        let (mut changed, mut climbing) = (false, false);
        for known in &mut self.toxics {
            let Some(ramp) = &known.ramp else { continue };
            let (kind, done) = ramp.at(now);
            changed |= kind != known.set.toxic.kind;
            known.set.toxic.kind = kind;
            if done {
                known.ramp = None;
            } else {
                climbing = true;
            }
        }
        if changed {
            self.tell();
        }
        climbing
    }
}
