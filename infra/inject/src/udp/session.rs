//! One client's datagrams, there and back.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hulk_scenarios::record::Offset;
use rustix::io::Errno;
use rustix::net::{SendFlags, send, sendto};
use tokio::net::UdpSocket;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use super::way::Way;
use super::{Port, receive};
use crate::link::Order;
use crate::proxy::AGAIN;

pub(super) struct Session {
    client: SocketAddr,
    /// The server sends to it what is for this client alone.
    server: UdpSocket,
    port: Arc<Port>,
    state: Mutex<State>,
    /// A pipe lets something through sooner than was known.
    sooner: Notify,
}

struct State {
    /// What is done to it, as far as it knows.
    order: Arc<Order>,
    up: Way,
    down: Way,
    /// When the last datagram came, from either side.
    heard: Offset,
    ended: bool,
}

impl Session {
    pub(super) fn new(client: SocketAddr, server: UdpSocket, port: Arc<Port>, seed: u64) -> Self {
        let shared = &port.house.shared;
        let mut state = State {
            order: Arc::default(),
            up: Way::new(Arc::clone(&port), Arc::clone(&shared.upstream), seed),
            down: Way::new(Arc::clone(&port), Arc::clone(&shared.downstream), seed),
            heard: Offset(shared.epoch.now_us()),
            ended: false,
        };
        state.obey(&port.orders.borrow(), state.heard);
        port.house.doors.accepted.fetch_add(1, Ordering::Relaxed);
        port.house.doors.open.fetch_add(1, Ordering::Relaxed);
        Self { client, server, port, state: Mutex::new(state), sooner: Notify::new() }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.state().ended
    }

    /// Takes a datagram of the client's; false where the session has ended.
    pub(super) fn take_from_client(&self, datagram: &[u8]) -> bool {
        let mut state = self.state();
        if state.ended {
            return false;
        }
        let wake = state.next_wake();
        let now = self.begin_look(&mut state);
        state.heard = now;
        state.up.take(datagram, now, &|datagram| self.send_to_server(datagram));
        if state.next_wake().is_some_and(|next| wake.is_none_or(|wake| next < wake)) {
            self.sooner.notify_one();
        }
        true
    }

    fn take_from_server(&self, datagram: &[u8]) {
        let mut state = self.state();
        let now = self.begin_look(&mut state);
        state.heard = now;
        state.down.take(datagram, now, &|datagram| self.send_to_client(datagram));
    }

    /// Carries what the server sends, and lets through what is due, until nothing has come for long.
    pub(super) async fn run(self: Arc<Self>) -> SocketAddr {
        let mut orders = self.port.orders.clone();
        let epoch = self.port.house.shared.epoch;
        let mut silent = Instant::now() + self.port.silence;
        let alarm = sleep_until(silent);
        tokio::pin!(alarm);
        loop {
            let wake = self.look();
            if silent <= Instant::now() {
                let Some(until) = self.silent_until() else { return self.client };
                silent = until;
            }
            let due = wake.map_or(silent, |wake| epoch.at_us(wake.0).min(silent));
            if alarm.deadline() != due {
                alarm.as_mut().reset(due);
            }
            tokio::select! {
                received = receive(&self.server, |datagram| self.take_from_server(datagram)) => {
                    // A server that was not there may be there again.
                    if received.is_err_and(|error| error.kind() != io::ErrorKind::ConnectionRefused) {
                        sleep(AGAIN).await;
                    }
                }
                () = self.sooner.notified() => {}
                changed = orders.changed() => {
                    if changed.is_err() {
                        return self.client;
                    }
                }
                () = alarm.as_mut() => {}
            }
        }
    }

    /// Lets through what is due; when there will be more.
    fn look(&self) -> Option<Offset> {
        let mut state = self.state();
        self.begin_look(&mut state);
        state.next_wake()
    }

    /// Until when its silence is short; none where it has ended by it.
    fn silent_until(&self) -> Option<Instant> {
        let mut state = self.state();
        let epoch = self.port.house.shared.epoch;
        let until = epoch.at_us(state.heard.0) + self.port.silence;
        if until > Instant::now() {
            return Some(until);
        }
        if state.next_wake().is_some() {
            // What is on its way arrives.
            return Some(Instant::now() + self.port.silence);
        }
        state.ended = true;
        None
    }

    /// Sees to the orders and to what is due, before anything else comes.
    fn begin_look(&self, state: &mut State) -> Offset {
        let now = Offset(self.port.house.shared.epoch.now_us());
        let order = self.port.orders.borrow();
        if !Arc::ptr_eq(&order, &state.order) {
            state.obey(&order, now);
        }
        drop(order);
        state.up.let_through(now, &|datagram| self.send_to_server(datagram));
        state.down.let_through(now, &|datagram| self.send_to_client(datagram));
        now
    }

    fn send_to_server(&self, datagram: &[u8]) -> bool {
        let try_send = || send(&self.server, datagram, SendFlags::NOSIGNAL);
        let sent = try_send().or_else(|error| match error {
            // That is what became of one before: this one has not been sent yet.
            Errno::CONNREFUSED | Errno::INTR => try_send(),
            error => Err(error),
        });
        sent.is_ok()
    }

    fn send_to_client(&self, datagram: &[u8]) -> bool {
        let socket = self.port.socket();
        let Some(socket) = socket.as_ref() else { return false };
        let try_send = || sendto(socket, datagram, SendFlags::NOSIGNAL, &self.client);
        let sent = try_send().or_else(|error| match error {
            Errno::INTR => try_send(),
            error => Err(error),
        });
        sent.is_ok()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.port.house.doors.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl State {
    fn obey(&mut self, order: &Arc<Order>, now: Offset) {
        self.up.obey(&order.upstream, now);
        self.down.obey(&order.downstream, now);
        self.order = Arc::clone(order);
    }

    fn next_wake(&self) -> Option<Offset> {
        [&self.up, &self.down].into_iter().filter_map(Way::next_wake).min()
    }
}
