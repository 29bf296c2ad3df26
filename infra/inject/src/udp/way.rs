//! One direction of a session.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use hulk_scenarios::chaos::{Item, Pipe, Protocol, Set};
use hulk_scenarios::record::Offset;

use super::Port;
use crate::link::Flow;

/// Sends a datagram on; false where there was no room for it.
type Send<'a> = &'a dyn Fn(&[u8]) -> bool;

pub(super) struct Way {
    /// None where datagrams go through as they are.
    pipe: Option<Box<Pipe>>,
    /// What the pipe held when it was last counted.
    held_bytes: usize,
    seed: u64,
    port: Arc<Port>,
    flow: Arc<Flow>,
}

impl Way {
    pub(super) fn new(port: Arc<Port>, flow: Arc<Flow>, seed: u64) -> Self {
        Self { pipe: None, held_bytes: 0, seed, port, flow }
    }

    /// Takes other toxics. What they let go is due then.
    pub(super) fn obey(&mut self, toxics: &[Set], now: Offset) {
        match &mut self.pipe {
            Some(pipe) => pipe.change(toxics, now),
            None if toxics.is_empty() => {}
            None => self.pipe = Some(Box::new(Pipe::new(Protocol::Udp, self.seed, toxics, now))),
        }
    }

    pub(super) fn next_wake(&self) -> Option<Offset> {
        self.pipe.as_ref()?.next_wake()
    }

    /// A datagram has come; what was due before is through.
    pub(super) fn take(&mut self, datagram: &[u8], now: Offset, send: Send<'_>) {
        self.flow.received.fetch_add(datagram.len() as u64, Ordering::Relaxed);
        let Some(pipe) = &mut self.pipe else {
            self.send(datagram, send);
            return;
        };
        if pipe.wants() && self.port.has_room() {
            pipe.push(now, Item::Data(Bytes::copy_from_slice(datagram)));
            self.let_through(now, send);
        } else {
            self.port.overflow();
        }
    }

    /// Sends on what is due.
    pub(super) fn let_through(&mut self, now: Offset, send: Send<'_>) {
        let Some(pipe) = &mut self.pipe else { return };
        pipe.advance(now);
        while let Some(Item::Data(datagram)) = self.pipe.as_mut().and_then(|pipe| pipe.pop()) {
            self.send(&datagram, send);
        }
        // A pipe that passes on what comes as it is is not needed.
        if self.pipe.as_ref().is_some_and(|pipe| pipe.is_idle()) {
            self.pipe = None;
        }
        self.count_held();
    }

    fn send(&self, datagram: &[u8], send: Send<'_>) {
        if send(datagram) {
            self.flow.sent.fetch_add(datagram.len() as u64, Ordering::Relaxed);
        } else {
            self.port.overflow();
        }
    }

    fn count_held(&mut self) {
        let held_bytes = self.pipe.as_ref().map_or(0, |pipe| pipe.held_bytes());
        if held_bytes == self.held_bytes {
            return;
        }
        self.port.held_bytes.fetch_add(held_bytes, Ordering::Relaxed);
        self.port.held_bytes.fetch_sub(self.held_bytes, Ordering::Relaxed);
        self.held_bytes = held_bytes;
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.port.held_bytes.fetch_sub(self.held_bytes, Ordering::Relaxed);
    }
}
