//! What parent and child say to each other.

use std::net::SocketAddr;

use hulk_record::{Clock, Feed, Offset};
use hulk_scaling::{PlatformSpec, Policy};
use serde::{Deserialize, Serialize};

/// What the platform is to be: one line of JSON to its standard input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Its description.
    pub platform: PlatformSpec,
    /// A policy for each service.
    pub policies: Vec<Policy>,
    /// The match clock.
    pub clock: Clock,
    /// Viewers here per viewer of the model.
    pub scale: f64,
    /// Start of the lead-in.
    pub lead_in_from: Offset,
    /// Viewers at match time 0, at full scale: it is provisioned for them.
    pub viewers_at_0: f64,
    /// The match's commentary; empty where no policy hears it.
    pub commentary: Feed,
    /// The rehearsal's seed.
    pub seed: u64,
}

/// Where it listens: one line of JSON from its standard output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// The edges, in the order of the description's.
    pub edges: Vec<SocketAddr>,
    /// The control and metrics port.
    pub control: SocketAddr,
}
