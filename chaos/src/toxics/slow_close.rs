//! `slow_close`: the end of a stream comes later.

use hulk_record::Offset;
use serde::Serialize;

use super::{Kind, Logic, MS_MAX, Start};
use crate::attributes::Reader;
use crate::pipe::{Item, Line};

/// The end of a stream comes later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlowClose {
    /// How much later, in ms.
    delay: i64,
}

impl Kind for SlowClose {
    fn read(reader: &Reader<'_>) -> Self {
        Self { delay: reader.whole("delay", 0..=MS_MAX) }
    }

    fn logic(&self, _start: Start) -> Option<Box<dyn Logic>> {
        Some(Box::new(Closing { delay_us: self.delay * 1_000 }))
    }
}

struct Closing {
    delay_us: i64,
}

impl Logic for Closing {
    fn admit(&mut self, at: Offset, item: Item, line: &mut Line) {
        match item {
            Item::Data(_) => line.leave(at, at, item),
            _ => line.leave(at, at.plus(self.delay_us), item),
        }
    }
}
