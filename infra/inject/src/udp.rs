//! Datagrams: whoever sends from an address of its own has a session, with a socket towards the server.
//!
//! ```text
//!  client ══► the proxy's socket ──► up:   pipe of toxics ──► the session's socket ══► server
//!         ◄══ the proxy's socket ◄── down: pipe of toxics ◄── the session's socket ◄══
//! ```
//!
//! A datagram is never cut, merged or handed to somebody else, and who cannot keep up loses some: they
//! are counted.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::task::Poll;
use std::time::Duration;

use hulk_net::dial_udp;
use hulk_scenarios::record::{hash_of, seed_of};
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};
use rustix::net::{RecvFlags, recv};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet, yield_now};
use tokio::time::sleep;

use crate::link::Order;
use crate::proxy::{AGAIN, Door, House};
use crate::scratch;

mod session;
mod way;

use session::Session;

/// So many sessions there are at a time at most.
const SESSIONS_MAX: usize = 4_096;
/// After so long a silence a session ends.
const SILENCE: Duration = Duration::from_secs(60);
/// So much the pipes of all sessions hold at most.
const HELD_BYTES_MAX: usize = 512 << 20;
/// What a socket may keep until it is read: a moment brings many at once.
const SOCKET_BYTES: usize = 4 << 20;
/// No datagram is longer.
const DATAGRAM_BYTES_MAX: usize = 64 << 10;
/// After so many datagrams in a row others have their turn.
const TURNS: usize = 64;

/// What all sessions of a proxy share.
struct Port {
    /// Clients send to it, and get their answers from it; none once the proxy is gone.
    socket: RwLock<Option<UdpSocket>>,
    house: House,
    orders: watch::Receiver<Arc<Order>>,
    /// What their pipes hold.
    held_bytes: AtomicUsize,
    /// After so long a silence a session ends.
    silence: Duration,
}

impl Port {
    /// The socket; nobody keeps it for longer than one call takes.
    fn socket(&self) -> RwLockReadGuard<'_, Option<UdpSocket>> {
        self.socket.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something has come.
    async fn ready(&self) -> io::Result<()> {
        poll_fn(|cx| match self.socket().as_ref() {
            Some(socket) => socket.poll_recv_ready(cx),
            // Its task has ended with it, and only does not know yet.
            None => Poll::Pending,
        })
        .await
    }

    /// The next datagram; none where none has come.
    fn next(&self, into: &mut [u8]) -> io::Result<Option<(usize, SocketAddr)>> {
        let socket = self.socket();
        let Some(socket) = socket.as_ref() else { return Ok(None) };
        match socket.try_recv_from(into) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            came => came.map(Some),
        }
    }

    /// A datagram is lost because there is no room for it.
    fn overflow(&self) {
        self.house.doors.overflowed.fetch_add(1, Ordering::Relaxed);
    }

    fn has_room(&self) -> bool {
        self.held_bytes.load(Ordering::Relaxed) < HELD_BYTES_MAX
    }
}

impl Door for Port {
    fn close(&self) {
        drop(self.socket.write().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// A proxy that listens: where, its port, and the task that everything ends with.
type Listening = (SocketAddr, Arc<dyn Door>, JoinHandle<()>);

/// Opens the port.
pub(crate) fn start(
    house: House,
    at: SocketAddr,
    orders: watch::Receiver<Arc<Order>>,
) -> io::Result<Listening> {
    start_with(house, at, orders, SILENCE)
}

fn start_with(
    house: House,
    at: SocketAddr,
    orders: watch::Receiver<Arc<Order>>,
    silence: Duration,
) -> io::Result<Listening> {
    let socket = std::net::UdpSocket::bind(at)?;
    socket.set_nonblocking(true)?;
    let socket = UdpSocket::from_std(socket)?;
    widen(&socket);
    let address = socket.local_addr()?;
    let held_bytes = AtomicUsize::new(0);
    let socket = RwLock::new(Some(socket));
    let port = Arc::new(Port { socket, house, orders, held_bytes, silence });
    let sessions = Sessions { port: Arc::clone(&port), known: HashMap::new(), ever: 0 };
    Ok((address, port, tokio::spawn(listen(sessions))))
}

/// Asks for as much room as the system gives.
fn widen(socket: &UdpSocket) {
    let _best_effort = set_socket_recv_buffer_size(socket, SOCKET_BYTES);
    let _best_effort = set_socket_send_buffer_size(socket, SOCKET_BYTES);
}

struct Sessions {
    port: Arc<Port>,
    known: HashMap<SocketAddr, Arc<Session>>,
    /// How many there have been.
    ever: u64,
}

async fn listen(mut sessions: Sessions) {
    let port = Arc::clone(&sessions.port);
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            ready = port.ready() => {
                match ready.and_then(|()| sessions.take_what_came(&mut tasks)) {
                    Ok(Came::All) => {}
                    Ok(Came::More) => yield_now().await,
                    Err(_) => sleep(AGAIN).await,
                }
            }
            Some(ended) = tasks.join_next(), if !tasks.is_empty() => {
                if let Ok(client) = ended {
                    sessions.forget(client);
                }
            }
        }
    }
}

/// What a look at the socket has found.
enum Came {
    All,
    /// There may be more.
    More,
}

impl Sessions {
    fn take_what_came(&mut self, tasks: &mut JoinSet<SocketAddr>) -> io::Result<Came> {
        let port = Arc::clone(&self.port);
        scratch::with(DATAGRAM_BYTES_MAX, |scratch| {
            for _ in 0..TURNS {
                let Some((bytes, client)) = port.next(scratch)? else { return Ok(Came::All) };
                self.take(client, &scratch[..bytes], tasks);
            }
            Ok(Came::More)
        })
    }

    fn take(&mut self, client: SocketAddr, datagram: &[u8], tasks: &mut JoinSet<SocketAddr>) {
        let known = self.known.get(&client);
        if known.is_some_and(|session| session.take_from_client(datagram)) {
            return;
        }
        // The first of its address, or the first after a long silence.
        let Some(session) = self.begin(client) else { return };
        session.take_from_client(datagram);
        tasks.spawn(Arc::clone(&session).run());
        self.known.insert(client, session);
    }

    /// A new session; none where it cannot be, and its datagram is lost.
    fn begin(&mut self, client: SocketAddr) -> Option<Arc<Session>> {
        let Port { house, .. } = &*self.port;
        if self.known.len() >= SESSIONS_MAX && !self.known.contains_key(&client) {
            self.port.overflow();
            return None;
        }
        let permit = house.spec.upstream_permit(&house.scope).ok();
        let Some(server) = permit.and_then(|permit| dial_udp(permit).ok()) else {
            house.doors.unreached.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        widen(&server);
        self.ever += 1;
        let seed = hash_of(seed_of(house.seed, "links"), self.ever);
        Some(Arc::new(Session::new(client, server, Arc::clone(&self.port), seed)))
    }

    /// A session has ended; there may be another one of the same address.
    fn forget(&mut self, client: SocketAddr) {
        if self.known.get(&client).is_some_and(|session| session.has_ended()) {
            self.known.remove(&client);
        }
    }
}

/// Waits for one datagram, and does `then` with it.
async fn receive(socket: &UdpSocket, then: impl Fn(&[u8])) -> io::Result<()> {
    let read = || {
        scratch::with(DATAGRAM_BYTES_MAX, |scratch| {
            let (bytes, _) = recv(socket, &mut scratch[..], RecvFlags::empty())?;
            then(&scratch[..bytes]);
            Ok(())
        })
    };
    socket.async_io(Interest::READABLE, read).await
}

#[cfg(test)]
mod tests;
