//! From a plan to open ports.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::desk::Desk;
use crate::door::Door;
use crate::faults::keep_leases;
use crate::{Alone, Plan, Ports, chat, control, edge};

/// A platform that cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Sockets failed.
    #[error("the platform's sockets failed: {0}")]
    Io(#[from] io::Error),
    /// No port to listen on.
    #[error(
        "no port of this machine's loopback is free for the embedded platform: {0}; end what holds \
         them, or widen net.ipv4.ip_local_port_range"
    )]
    Port(#[source] io::Error),
    /// A port that was asked for cannot be listened on.
    #[error(
        "nobody can listen on {address}: {source}; ask for another port, or for none in particular"
    )]
    Taken {
        /// Which.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Serves on free ports of the loopback, as long as the runtime that it is called on lives.
///
/// # Errors
/// When there is no port.
pub fn serve(plan: Plan) -> Result<Ports, ServeError> {
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let edges = vec![free; plan.platform.edges.len()];
    open(plan, None, &Ports { edges, control: free })
}

/// The same for a platform that stands alone: it listens where it is asked to (port 0 is any that is
/// free), and its match has begun.
///
/// # Errors
/// When one of the addresses cannot be listened on.
pub fn stand_alone(plan: Plan, alone: Alone, wanted: &Ports) -> Result<Ports, ServeError> {
    open(plan, Some(alone), wanted)
}

fn open(plan: Plan, alone: Option<Alone>, wanted: &Ports) -> Result<Ports, ServeError> {
    let edges = wanted.edges.iter().map(|edge| listen(*edge)).collect::<Result<Vec<_>, _>>()?;
    let control = listen(wanted.control)?;
    let ports = Ports {
        edges: edges.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?,
        control: control.local_addr()?,
    };
    let door = Arc::new(Door::new(plan));
    if alone.is_some() {
        door.start(Instant::now());
    }
    tokio::spawn(Arc::clone(&door).keep_time());
    tokio::spawn(keep_leases(Arc::clone(&door)));
    chat::begin(&door);
    for (edge, listener) in edges.into_iter().enumerate() {
        tokio::spawn(edge::keep(edge, listener, Arc::clone(&door)));
    }
    let desk = Arc::new(Desk::new(door, ports.clone(), alone));
    tokio::spawn(Arc::clone(&desk).keep_looking());
    tokio::spawn(control::accept(control, desk));
    Ok(ports)
}

pub(crate) fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    hulk_net::listen(address).map_err(|source| match address.port() {
        0 => ServeError::Port(source),
        _ => ServeError::Taken { address, source },
    })
}
