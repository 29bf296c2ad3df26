//! `duplicate`: datagrams come twice.

use hulk_record::Offset;
use serde::Serialize;

use super::{Kind, Logic, Start};
use crate::attributes::Reader;
use crate::pipe::{Item, Line};

/// Datagrams come twice, one right behind the other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Duplicate {
    /// Which share of them, from 0 to 1.
    share: f64,
}

impl Kind for Duplicate {
    fn read(reader: &Reader<'_>) -> Self {
        Self { share: reader.number("share", 0.0..=1.0, 0.0) }
    }

    fn logic(&self, _start: Start) -> Option<Box<dyn Logic>> {
        Some(Box::new(Doubling { share: self.share }))
    }
}

struct Doubling {
    share: f64,
}

impl Logic for Doubling {
    fn admit(&mut self, at: Offset, item: Item, line: &mut Line) {
        if line.draw() < self.share {
            line.effect().datagrams_duplicated(1);
            line.leave(at, at, item.clone());
        }
        line.leave(at, at, item);
    }
}
