//! `timeout`: nothing comes through, then the connection is closed.

use hulk_record::Offset;
use serde::Serialize;

use super::{Kind, Logic, MS_MAX, Start};
use crate::attributes::Reader;
use crate::pipe::{Item, Line, NEVER};

/// Nothing comes through, then the connection is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Timeout {
    /// After how long, in ms, from when the toxic acts on the connection as it is; 0 is never.
    timeout: i64,
}

impl Kind for Timeout {
    fn read(reader: &Reader<'_>) -> Self {
        Self { timeout: reader.whole("timeout", 0..=MS_MAX) }
    }

    fn logic(&self, start: Start) -> Option<Box<dyn Logic>> {
        let ms = self.timeout;
        let ends = if ms == 0 { NEVER } else { start.now.plus(ms * 1_000) };
        Some(Box::new(Swallowing { ends }))
    }
}

struct Swallowing {
    ends: Offset,
}

impl Logic for Swallowing {
    fn admit(&mut self, _at: Offset, item: Item, line: &mut Line) {
        if let Item::Data(bytes) = item {
            line.effect().bytes_dropped(bytes.len() as u64);
        }
    }

    fn ending(&self) -> Option<(Offset, Item)> {
        Some((self.ends, Item::Close))
    }

    fn at_removal(&self) -> Option<Item> {
        Some(Item::Close)
    }
}
