//! `slow_start`: a connection is slow first, as over a long way.

use hulk_record::Offset;
use serde::Serialize;

use super::{Carry, Kind, Logic, Start};
use crate::attributes::Reader;
use crate::pipe::{Item, Line};

/// So many bytes are held.
const ROOM_BYTES: usize = 256 << 10;
/// Pieces of a stream carry at most so many bytes: the payload of a packet on a wire.
const PIECE_BYTES: usize = 1460;
/// After a silence so long a sender of TCP begins anew, in µs, or after two round trips.
const IDLE_US: i64 = 200_000;

/// A connection is slow first, as over a long way: in each round trip it carries twice as much as in
/// the one before, up to its rate. The first begins with the first byte, and with the first after a
/// silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlowStart {
    /// A round trip, in ms.
    round_trip: i64,
    /// What the first round trip carries, in bytes.
    initial_bytes: i64,
    /// What it comes to, in KB/s, 1,000 bytes each.
    rate: i64,
}

impl Kind for SlowStart {
    fn read(reader: &Reader<'_>) -> Self {
        Self {
            round_trip: reader.whole("round_trip", 1..=60_000),
            initial_bytes: reader.whole("initial_bytes", 1..=1 << 30),
            rate: reader.whole("rate", 1..=1_000_000_000),
        }
    }

    fn logic(&self, start: Start) -> Option<Box<dyn Logic>> {
        let Start { now, carry, .. } = start;
        let round_us = self.round_trip * 1_000;
        // Thousandths of bytes here are bytes times round trips.
        let rest = -carry.through * self.round_trip;
        let of = self.clone();
        Some(Box::new(Growing { of, round_us, began: carry.since, free: now, last: now, rest }))
    }
}

struct Growing {
    of: SlowStart,
    round_us: i64,
    /// When the first round trip began; none before.
    began: Option<Offset>,
    /// When what was admitted has left.
    free: Offset,
    /// When something was last admitted.
    last: Offset,
    /// What of the bytes so far was not a whole µs, in bytes times µs of a round trip; below 0 while
    /// bytes come again that were through before a change.
    rest: i64,
}

impl Growing {
    /// What the round trip at `at` carries, in bytes, and how long it goes on, in µs.
    fn round(&self, began: Offset, at: Offset) -> (i64, i64) {
        let since_us = at.since(began);
        let rounds = since_us / self.round_us;
        let carried = self.of.initial_bytes.saturating_mul(1 << rounds.clamp(0, 40));
        let most = self.of.rate * self.of.round_trip;
        (carried.min(most), (rounds + 1) * self.round_us - since_us)
    }

    fn is_silent(&self, at: Offset) -> bool {
        at.since(self.free.max(self.last)) > IDLE_US.max(2 * self.round_us)
    }
}

impl Logic for Growing {
    fn admit(&mut self, at: Offset, item: Item, line: &mut Line) {
        let Item::Data(mut bytes) = item else { return line.leave(at, self.free.max(at), item) };
        let began = self.began.filter(|_| !self.is_silent(at)).unwrap_or(at);
        (self.began, self.last) = (Some(began), at);
        while !bytes.is_empty() {
            let from = self.free.max(at);
            let (carried, left_us) = self.round(began, from);
            // What does not fit into this round trip has the next one's speed.
            let [carried_us, round_us] = [carried, self.round_us].map(|part| part as u128);
            let fits = (carried_us * left_us as u128).div_ceil(round_us);
            let most = fits.min(PIECE_BYTES as u128) as usize;
            let piece = bytes.split_to(most.min(bytes.len()));
            let asked = piece.len() as i64 * self.round_us + self.rest;
            let takes_us = asked.max(0) / carried;
            self.rest = asked - takes_us * carried;
            self.free = from.plus(takes_us);
            line.leave(at, self.free, Item::Data(piece));
        }
    }

    fn carry(&self, now: Offset, line: &Line) -> Carry {
        let since = self.began.filter(|_| !self.is_silent(now));
        let (Some(began), Some((ready, bytes))) = (since, line.first()) else {
            return Carry { since, ..Carry::default() };
        };
        let (carried, _) = self.round(began, now);
        let whole = bytes as i64 * 1_000;
        let left = ready.since(now) as f64 * carried as f64 / self.of.round_trip as f64;
        Carry { since, through: whole - (left as i64).clamp(0, whole), ..Carry::default() }
    }

    fn room_bytes(&self) -> usize {
        ROOM_BYTES
    }
}
