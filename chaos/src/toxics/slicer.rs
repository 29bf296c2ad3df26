//! `slicer`: the stream comes in small pieces.

use hulk_record::Offset;
use serde::Serialize;

use super::{Carry, Kind, Logic, Start};
use crate::attributes::Reader;
use crate::pipe::{Item, Line};

/// So many bytes are held: each piece has an entry of its own.
const ROOM_BYTES: usize = 64 << 10;

/// The stream comes in small pieces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Slicer {
    /// The size of a piece, in bytes.
    average_size: i64,
    /// How far around it, in bytes to each side.
    size_variation: i64,
    /// How long it is silent after each piece, in µs.
    delay: i64,
}

impl Kind for Slicer {
    fn read(reader: &Reader<'_>) -> Self {
        let average_size = reader.whole("average_size", 1..=1 << 30);
        let size_variation = reader.whole("size_variation", 0..=1 << 30);
        if average_size > 0 && size_variation >= average_size {
            let problem = format!("is {size_variation}: it must be below `average_size`");
            reader.problem("size_variation", problem);
        }
        Self { average_size, size_variation, delay: reader.whole("delay", 0..=60_000_000) }
    }

    fn logic(&self, start: Start) -> Option<Box<dyn Logic>> {
        let silent = start.carry.since.map(|since| since.plus(self.delay));
        let free = silent.map_or(start.now, |until| until.max(start.now));
        Some(Box::new(Slicing { slicer: self.clone(), free }))
    }
}

struct Slicing {
    slicer: Slicer,
    /// When the next piece may leave.
    free: Offset,
}

impl Logic for Slicing {
    fn admit(&mut self, at: Offset, item: Item, line: &mut Line) {
        let Item::Data(mut bytes) = item else { return line.leave(at, self.free.max(at), item) };
        let Slicer { average_size, size_variation, delay } = self.slicer;
        loop {
            let spread = (2 * size_variation + 1) as f64 * line.draw();
            let size = (average_size - size_variation + spread as i64).max(1) as usize;
            let piece = bytes.split_to(size.min(bytes.len()));
            let leaves = self.free.max(at);
            self.free = leaves.plus(delay);
            line.leave(at, leaves, Item::Data(piece));
            if bytes.is_empty() {
                return;
            }
            line.effect().pieces_cut(1);
        }
    }

    fn carry(&self, _now: Offset, line: &Line) -> Carry {
        let next = line.first().map_or(self.free, |(ready, _)| ready);
        // When the last one left.
        Carry { since: Some(next.plus(-self.slicer.delay)), ..Carry::default() }
    }

    fn room_bytes(&self) -> usize {
        ROOM_BYTES
    }
}
