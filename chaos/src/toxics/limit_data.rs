//! `limit_data`: after so many bytes the connection is closed.

use hulk_record::Offset;
use serde::Serialize;

use super::{Carry, Kind, Logic, Start};
use crate::attributes::Reader;
use crate::pipe::{Item, Line};

/// After so many bytes the connection is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LimitData {
    /// How many, on each link.
    bytes: i64,
}

impl Kind for LimitData {
    fn read(reader: &Reader<'_>) -> Self {
        Self { bytes: reader.whole("bytes", 0..=i64::MAX) }
    }

    fn logic(&self, start: Start) -> Option<Box<dyn Logic>> {
        let limit = self.bytes.unsigned_abs();
        let Carry { passed_bytes: passed, since: closed, .. } = start.carry;
        Some(Box::new(Counting { limit, passed, closed }))
    }
}

struct Counting {
    limit: u64,
    passed: u64,
    /// When it closed the link, if it has; a higher limit comes too late.
    closed: Option<Offset>,
}

impl Logic for Counting {
    fn admit(&mut self, at: Offset, item: Item, line: &mut Line) {
        let Item::Data(mut bytes) = item else { return line.leave(at, at, item) };
        let open = self.closed.is_none();
        let left = if open { self.limit.saturating_sub(self.passed) } else { 0 };
        let beyond = bytes.split_off(left.min(bytes.len() as u64) as usize);
        self.passed += bytes.len() as u64;
        line.effect().bytes_dropped(beyond.len() as u64);
        if !bytes.is_empty() {
            line.leave(at, at, Item::Data(bytes));
        }
        if open && self.passed >= self.limit {
            self.closed = Some(at);
            line.effect().connections_closed(1);
            line.leave(at, at, Item::Close);
        }
    }

    fn carry(&self, _now: Offset, _line: &Line) -> Carry {
        Carry { passed_bytes: self.passed, since: self.closed, ..Carry::default() }
    }
}
