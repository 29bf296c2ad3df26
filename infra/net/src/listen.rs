//! Ports that many connect to at once.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

/// Connections that may wait to be accepted: a moment brings many at once.
const BACKLOG: u32 = 4096;

/// A port that is taken and refuses connections, until it [listens](begin).
///
/// # Errors
/// When the port cannot be had.
pub fn reserve(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Its earlier connections may still be there.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Opens a port that was reserved.
///
/// # Errors
/// What the operating system says.
pub fn begin(reserved: TcpSocket) -> io::Result<TcpListener> {
    reserved.listen(BACKLOG)
}

/// Opens a port.
///
/// # Errors
/// When the port cannot be had.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    begin(reserve(address)?)
}
