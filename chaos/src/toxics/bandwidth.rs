//! `bandwidth`: no more bytes a second than that.

use hulk_record::Offset;
use serde::Serialize;

use super::{Carry, Kind, Logic, Start};
use crate::attributes::Reader;
use crate::pipe::{Item, Line};
use crate::toxic::Protocol;

/// So long a piece of a stream takes, in µs: what comes through is spread evenly.
const PIECE_US: i64 = 5_000;
/// So many bytes a piece has at least: at a low rate a chunk would be thousands of them.
const PIECE_BYTES_MIN: i64 = 128;
/// So much of the time to come is held, in µs: more is pressed back to the source.
const ROOM_US: i64 = 100_000;
/// The headers of IPv4 and TCP, and those of IPv4 and UDP, in bytes.
const TCP_HEADERS: usize = 40;
const UDP_HEADERS: usize = 28;

/// No more bytes a second than that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bandwidth {
    /// In KB/s, 1,000 bytes each; 0 is no limit.
    rate: i64,
    /// The size of a packet with its headers, in bytes: with it the headers take their time as well, as
    /// on a wire. 0 counts only what is carried.
    #[serde(skip_serializing_if = "is_0")]
    packet_bytes: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
fn is_0(number: &i64) -> bool {
    *number == 0
}

impl Kind for Bandwidth {
    fn read(reader: &Reader<'_>) -> Self {
        let rate = reader.whole("rate", 0..=1_000_000_000);
        let packet_bytes = reader.whole("packet_bytes", 0..=65_535);
        if (1..=100).contains(&packet_bytes) {
            reader.problem("packet_bytes", format!("is {packet_bytes}: from 101 to 65535, or 0"));
        }
        Self { rate, packet_bytes }
    }

    fn logic(&self, start: Start) -> Option<Box<dyn Logic>> {
        let headers = match (self.packet_bytes, start.protocol) {
            (0, _) => 0,
            (_, Protocol::Udp) => UDP_HEADERS,
            _ => TCP_HEADERS,
        };
        let whole = start.protocol == Protocol::Udp;
        let (free, rest) = (start.now, -start.carry.through);
        Some(Box::new(Limiting { bandwidth: self.clone(), headers, whole, free, rest }))
    }
}

struct Limiting {
    bandwidth: Bandwidth,
    /// The bytes of a packet that carry nothing.
    headers: usize,
    /// Items are datagrams, which are not cut.
    whole: bool,
    /// When the wire is free again.
    free: Offset,
    /// What of the bytes so far was not a whole µs, in thousandths of bytes: rates hold at any size.
    /// Below 0 while bytes come again that were through before a change.
    rest: i64,
}

impl Limiting {
    /// How long so many bytes take on the wire, in µs.
    fn takes_us(&mut self, bytes: usize) -> i64 {
        // KB/s are bytes/ms.
        let (thousandths, rate) = (bytes as i64 * 1_000 + self.rest, self.bandwidth.rate.max(1));
        let takes_us = thousandths.max(0) / rate;
        self.rest = thousandths - takes_us * rate;
        takes_us
    }

    /// How many bytes a piece carries.
    fn piece(&self) -> usize {
        if self.whole {
            usize::MAX
        } else if self.headers > 0 {
            self.bandwidth.packet_bytes as usize - self.headers
        } else {
            (self.bandwidth.rate * PIECE_US / 1_000).max(PIECE_BYTES_MIN) as usize
        }
    }
}

impl Logic for Limiting {
    fn admit(&mut self, at: Offset, item: Item, line: &mut Line) {
        let Item::Data(mut bytes) = item else {
            // The end comes behind the last byte.
            return line.leave(at, self.free.max(at), item);
        };
        if self.bandwidth.rate == 0 {
            self.free = self.free.max(at);
            return line.leave(at, self.free, Item::Data(bytes));
        }
        loop {
            let piece = bytes.split_to(self.piece().min(bytes.len()));
            let takes_us = self.takes_us(piece.len() + self.headers);
            self.free = self.free.max(at).plus(takes_us);
            line.leave(at, self.free, Item::Data(piece));
            // An empty datagram is one, too.
            if bytes.is_empty() {
                return;
            }
        }
    }

    fn carry(&self, now: Offset, line: &Line) -> Carry {
        let Some((ready, bytes)) = line.first() else { return Carry::default() };
        let whole = (bytes + self.headers) as i64 * 1_000;
        let left = ready.since(now).saturating_mul(self.bandwidth.rate);
        Carry { through: whole - left.clamp(0, whole), ..Carry::default() }
    }

    fn room_bytes(&self) -> usize {
        let room = self.bandwidth.rate.saturating_mul(ROOM_US) / 1_000;
        if self.bandwidth.rate == 0 { usize::MAX } else { room.max(1) as usize }
    }
}
