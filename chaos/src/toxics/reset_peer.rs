//! `reset_peer`: the connection is reset.

use hulk_record::Offset;
use serde::Serialize;

use super::{Kind, Logic, MS_MAX, Start};
use crate::attributes::Reader;
use crate::pipe::{Item, Line, NEVER};

/// So many bytes are held until then.
const ROOM_BYTES: usize = 64 << 10;

/// The connection is reset, on both sides; until then nothing comes through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResetPeer {
    /// After how long, in ms, from when the toxic acts on the connection as it is.
    timeout: i64,
}

impl Kind for ResetPeer {
    fn read(reader: &Reader<'_>) -> Self {
        Self { timeout: reader.whole("timeout", 0..=MS_MAX) }
    }

    fn logic(&self, start: Start) -> Option<Box<dyn Logic>> {
        Some(Box::new(Resetting { at: start.now.plus(self.timeout * 1_000) }))
    }
}

struct Resetting {
    at: Offset,
}

impl Logic for Resetting {
    fn admit(&mut self, at: Offset, item: Item, line: &mut Line) {
        // Held rather than lost: where the toxic is removed before, the stream goes on whole.
        line.leave(at, NEVER, item);
    }

    fn ending(&self) -> Option<(Offset, Item)> {
        Some((self.at, Item::Reset))
    }

    fn room_bytes(&self) -> usize {
        ROOM_BYTES
    }
}
