//! What happens to the platform, and what it does.

use std::collections::BTreeMap;
use std::sync::Arc;

use hulk_chaos::FaultKind;
use hulk_record::MatchTime;

use crate::{Advice, Lack, NoAdvice, PanicFlags, PanicSwitch, Policy};

/// What happens to the platform. An edge is named by its place in the spec.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event<'a> {
    /// A viewer connected.
    Connected {
        /// Where.
        edge: usize,
    },
    /// A viewer's connection ended.
    Disconnected {
        /// Where.
        edge: usize,
    },
    /// A viewer asks; only where the edge is not lost.
    Request {
        /// Names the request in the reply.
        id: u64,
        /// Where.
        edge: usize,
        /// What is asked for; it may have a query.
        path: &'a str,
    },
    /// A fault begins; what the platform does not have cannot be broken.
    Inject(&'a FaultKind),
    /// A fault ends, of those that were injected.
    Heal(&'a FaultKind),
    /// An answer, or none, of the chat endpoint that a service's policy asks.
    Advised {
        /// The service, by its place in the spec.
        service: usize,
        /// What it says.
        advice: Result<Advice, NoAdvice>,
    },
    /// A service is scaled by another policy from now on; its supply carries on from where it is.
    Follow {
        /// By its name.
        service: &'a str,
        /// By what.
        policy: &'a Policy,
    },
    /// Somebody turns a panic switch on or off by hand, or leaves it to the audience again.
    Force {
        /// Which.
        switch: PanicSwitch,
        /// What it is, whatever the audience; none where the audience decides.
        on: Option<bool>,
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

impl Body {
    /// Its length in bytes.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Bytes(count) => *count as usize,
            Self::Text(text) => text.len(),
        }
    }
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
    /// Who is counted for it, as in [`ServiceStatus::name`].
    pub service: Arc<str>,
    /// After how many match seconds the request may be made again, where the answer is 429.
    pub retry_after_s: Option<f64>,
    /// A cookie to be set: `name=value`.
    pub set_cookie: Option<Arc<str>>,
    /// The panic switches that are on.
    pub panic: PanicFlags,
}

/// What changed by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlatformEvent {
    /// A service's capacity.
    Scaled(ScaleEvent),
    /// A panic switch.
    Switched(SwitchEvent),
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

/// A change of a panic switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SwitchEvent {
    /// When.
    pub at: MatchTime,
    /// The switch's name.
    pub name: &'static str,
    /// Whether it went on.
    pub on: bool,
}

/// What a service, an edge or the mid tier tells of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceStatus {
    /// Its name; `edge` for each edge.
    pub name: String,
    /// The edge's own name; empty for others.
    pub edge: String,
    /// Instances that serve; 1 for what does not scale, 0 for a lost edge.
    pub ready: u32,
    /// Instances on their way.
    pub pending: u32,
    /// Instances wanted.
    pub desired: u32,
    /// Requests received from viewers since the start.
    pub requests: u64,
    /// Answers to viewers by status since the start, counted when they leave.
    pub answers: BTreeMap<u16, u64>,
    /// Requests that it had to work on since the start, whoever asked: an edge that answers in its
    /// stead spares it one.
    pub asked: u64,
    /// Requests received from services and tiers since the start.
    pub internal: u64,
    /// Of those, how many were turned away or failed.
    pub internal_failed: u64,
    /// Requests that wait.
    pub backlog: usize,
    /// Predicted wait in match seconds.
    pub wait_s: f64,
    /// What faults add to each answer, in ms of wall time.
    pub latency_added_ms: f64,
    /// What came of the questions to its policy's chat endpoint since the start: how many were
    /// answered (`answered`), and how many were not, by [`NoAdvice::name`].
    pub advice: BTreeMap<&'static str, u64>,
    /// So many instances are wanted and cannot be had, and why.
    pub lacking: Option<(u32, Lack)>,
    /// Requests that no instance turned away: the service's load balancers did, or the ceiling of
    /// bandwidth at an edge.
    pub turned_away: u64,
}

impl ServiceStatus {
    /// Of what does not scale.
    pub(super) fn tier() -> Self {
        Self {
            name: String::new(),
            edge: String::new(),
            ready: 1,
            pending: 0,
            desired: 1,
            requests: 0,
            answers: BTreeMap::new(),
            asked: 0,
            internal: 0,
            internal_failed: 0,
            backlog: 0,
            wait_s: 0.0,
            latency_added_ms: 0.0,
            advice: BTreeMap::new(),
            lacking: None,
            turned_away: 0,
        }
    }
}
