//! What the platform itself counted: the other side of the ledger of requests.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The platform's own count at the end of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TargetCounts {
    /// By service and edge.
    pub services: Vec<TargetService>,
    /// What it knows of the requests that the generator says were unanswered.
    pub last: Vec<LastRequest>,
}

/// What came to one service by way of one edge.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TargetService {
    /// The service.
    pub service: String,
    /// The edge; empty where there is only one way.
    pub edge: String,
    /// Requests that came from outside since the platform's start.
    pub requests: u64,
    /// Requests that came from other services of the platform; not among `requests`.
    pub internal: u64,
    /// Answers to `requests`, by status.
    pub answers: BTreeMap<u16, u64>,
}

/// The last request of a connection that has ended, among those that the generator says were
/// unanswered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LastRequest {
    /// The viewer's number.
    pub viewer: u32,
    /// The how manieth request of the viewer's.
    pub send: u32,
    /// The service that received it.
    pub service: String,
    /// What it answered; none where it had not answered yet.
    pub status: Option<u16>,
}
