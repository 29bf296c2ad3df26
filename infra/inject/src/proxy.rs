//! A proxy that listens: it accepts clients, dials the server for each, and carries bytes between them.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use hulk_net::{Plain, Scope, dial, listen};
use hulk_scenarios::chaos::{Protocol, ToxicKind};
use hulk_scenarios::record::{hash_of, seed_of};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::link::{End, Order, Shared, carry};
use crate::spec::ProxySpec;

/// How long a port out of descriptors is left alone.
pub(crate) const AGAIN: Duration = Duration::from_millis(10);

/// What happens at a proxy's door, counted.
#[derive(Debug, Default)]
pub(crate) struct Doors {
    /// Connections that are carried now.
    pub(crate) open: AtomicU64,
    /// Connections that were accepted.
    pub(crate) accepted: AtomicU64,
    /// Connections whose server could not be reached.
    pub(crate) unreached: AtomicU64,
    /// Datagrams that came while there was no room for them.
    pub(crate) overflowed: AtomicU64,
}

/// All that the links of a proxy need to know.
pub(crate) struct House {
    pub(crate) spec: ProxySpec,
    pub(crate) scope: Scope,
    pub(crate) seed: u64,
    pub(crate) shared: Shared,
    pub(crate) doors: Arc<Doors>,
}

/// A proxy that listens; its links end with this value.
pub(crate) struct Running {
    address: SocketAddr,
    orders: watch::Sender<Arc<Order>>,
    door: Arc<dyn Door>,
    task: JoinHandle<()>,
}

/// The port of a proxy. It is closed as soon as the proxy is gone, and not when its task is next looked
/// at: the same port may be opened again right behind.
pub(crate) trait Door: Send + Sync {
    /// Closes it.
    fn close(&self);
}

/// The port of a proxy that accepts; none once it is closed.
type Listening = Mutex<Option<TcpListener>>;

impl Door for Listening {
    fn close(&self) {
        drop(lock(self).take());
    }
}

impl Running {
    /// Opens the port.
    pub(crate) fn start(house: House, at: SocketAddr, order: Arc<Order>) -> io::Result<Self> {
        let (orders, heard) = watch::channel(order);
        if house.spec.protocol == Protocol::Udp {
            let (address, door, task) = crate::udp::start(house, at, heard)?;
            return Ok(Self { address, orders, door, task });
        }
        let listener = listen(at)?;
        let address = listener.local_addr()?;
        let door = Arc::new(Listening::new(Some(listener)));
        let task = tokio::spawn(accept(Arc::clone(&door), Arc::new(house), heard));
        Ok(Self { address, orders, door, task })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what is done to its links, those that live too. It waits for none of them.
    pub(crate) fn order(&self, order: Arc<Order>) {
        self.orders.send_replace(order);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The links end as they see that nobody orders any more.
        self.door.close();
        self.task.abort();
    }
}

fn lock(door: &Listening) -> MutexGuard<'_, Option<TcpListener>> {
    door.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The next client; none once the port is closed.
async fn next_client(door: &Listening) -> Option<io::Result<TcpStream>> {
    poll_fn(|cx| match lock(door).as_ref() {
        Some(listener) => listener.poll_accept(cx).map(|came| Some(came.map(|(client, _)| client))),
        None => Poll::Ready(None),
    })
    .await
}

async fn accept(door: Arc<Listening>, house: Arc<House>, orders: watch::Receiver<Arc<Order>>) {
    let mut number = 0;
    while let Some(came) = next_client(&door).await {
        let Ok(client) = came else {
            // Out of descriptors: the connections that end make room.
            sleep(AGAIN).await;
            continue;
        };
        house.doors.accepted.fetch_add(1, Ordering::Relaxed);
        if is_full(&house, &orders.borrow()) {
            let _best_effort = client.set_zero_linger();
            continue;
        }
        number += 1;
        let seed = hash_of(seed_of(house.seed, "links"), number);
        house.doors.open.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(serve(client, seed, Arc::clone(&house), orders.clone()));
    }
}

/// Whether a toxic lets nobody in any more; it is told that it has.
fn is_full(house: &House, order: &Order) -> bool {
    let open = house.doors.open.load(Ordering::Relaxed);
    let full = order.upstream.iter().chain(&order.downstream).find(|set| match &set.toxic.kind {
        ToxicKind::ConnectionLimit(limit) => open >= limit.connections(),
        _ => false,
    });
    if let Some(set) = full {
        set.effect.connections_refused(1);
    }
    full.is_some()
}

/// A connection is open as long as this.
struct Open(Arc<House>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.doors.open.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn serve(
    client: TcpStream,
    seed: u64,
    house: Arc<House>,
    mut orders: watch::Receiver<Arc<Order>>,
) {
    let open = Open(house);
    let house = &open.0;
    // Without it the last bytes of an answer wait for acknowledgements.
    let _best_effort = client.set_nodelay(true);
    let server = tokio::select! {
        server = reach(house) => server,
        // The proxy is gone before its server was reached.
        () = gone(orders.clone()) => return,
    };
    let Some(server) = server else { return };
    let mut client = Plain::from(client);
    let mut server = Plain::from(server);
    let end = if house.spec.protocol == Protocol::Http {
        crate::http::carry(&mut client, server, house, seed, &mut orders).await
    } else {
        let end = carry(&mut client, &mut server, &house.shared, seed, &mut orders).await;
        if end == End::Reset {
            server.reset_at_close();
        }
        end
    };
    if end == End::Reset {
        client.reset_at_close();
    }
}

/// The server, dialled anew for each client; none where it cannot be reached.
async fn reach(house: &House) -> Option<TcpStream> {
    let dialled = match house.spec.upstream_permit(&house.scope) {
        Ok(permit) => dial(permit).await.ok(),
        Err(_) => None,
    };
    if dialled.is_none() {
        house.doors.unreached.fetch_add(1, Ordering::Relaxed);
    }
    dialled
}

/// Waits until nobody orders any more.
pub(crate) async fn gone(mut orders: watch::Receiver<Arc<Order>>) {
    while orders.changed().await.is_ok() {}
}
