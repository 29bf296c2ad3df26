//! The reference avatar backend: `hulk_avatar::Backend` behind sockets, in the wire format of the `rapido_ws`
//! adapter.
//!
//! REST and WebSockets share a port. Faults are lent at the same port, below `/faults`.

mod callers;
mod control;
mod histogram;
mod metrics;
mod outbox;
mod picture;
mod rest;
mod rollout;
mod stage;
mod stream;
mod talk;
#[cfg(test)]
mod tests;
mod uplink;

use std::net::SocketAddr;
use std::sync::Arc;

use hulk_avatar::BackendSpec;
use serde::{Deserialize, Serialize};

use crate::ServeError;
use stage::Stage;

/// What an avatar backend is to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AvatarPlan {
    /// Its description.
    pub backend: BackendSpec,
    /// The rehearsal's seed.
    pub seed: u64,
}

/// Serves on an address (port 0 is any that is free) as long as the runtime that it is called on lives;
/// where it listens.
///
/// # Errors
/// When nobody can listen there.
pub fn serve_avatar(plan: AvatarPlan, wanted: SocketAddr) -> Result<SocketAddr, ServeError> {
    let listener = crate::server::listen(wanted)?;
    let address = listener.local_addr()?;
    let stage = Arc::new(Stage::new(plan, address));
    tokio::spawn(Arc::clone(&stage).keep_time());
    tokio::spawn(control::keep_leases(Arc::clone(&stage)));
    tokio::spawn(callers::accept(listener, stage));
    Ok(address)
}
