//! The reference pub/sub service: topics that broadcast to whoever listens, of known truth.
//!
//! WebSockets, REST and metrics share a port. Each message carries the time at which it was
//! published, and may be held for a known time before it is handed to any connection.

mod hub;
mod metrics;
mod outbox;
mod receivers;
mod rest;

use std::net::SocketAddr;
use std::sync::Arc;

use hulk_net::Epoch;
use hulk_scaling::pubsub::PubSubSpec;

use crate::ServeError;
use hub::Hub;

/// What a pub/sub service is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct PubSubPlan {
    /// Its description.
    pub spec: PubSubSpec,
    /// What chance is drawn from.
    pub seed: u64,
    /// The start of its clock.
    pub epoch: Epoch,
    /// What the calendar showed then, in µs since 1970: messages are stamped with the calendar's
    /// time.
    pub unix_us: i64,
}

/// Serves on an address (port 0 is any that is free) as long as the runtime that it is called on
/// lives; where it listens.
///
/// # Errors
/// When nobody can listen there.
pub fn serve_pubsub(plan: PubSubPlan, wanted: SocketAddr) -> Result<SocketAddr, ServeError> {
    let listener = crate::server::listen(wanted)?;
    let address = listener.local_addr()?;
    let hub = Arc::new(Hub::new(plan));
    tokio::spawn(Arc::clone(&hub).keep_time());
    tokio::spawn(receivers::accept(listener, hub));
    Ok(address)
}

#[cfg(test)]
mod tests;
