//! `reorder`: datagrams are overtaken by others.

use hulk_record::Offset;
use serde::Serialize;

use super::{Kind, Logic, MS_MAX, Start};
use crate::attributes::Reader;
use crate::pipe::{Item, Line};

/// Some datagrams come later, and those behind them before.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reorder {
    /// Which share of them, from 0 to 1.
    share: f64,
    /// How much later, in ms.
    delay: i64,
}

impl Kind for Reorder {
    fn read(reader: &Reader<'_>) -> Self {
        let share = reader.number("share", 0.0..=1.0, 0.0);
        Self { share, delay: reader.whole("delay", 1..=MS_MAX) }
    }

    fn logic(&self, _start: Start) -> Option<Box<dyn Logic>> {
        Some(Box::new(Holding { reorder: self.clone() }))
    }
}

struct Holding {
    reorder: Reorder,
}

impl Logic for Holding {
    fn admit(&mut self, at: Offset, item: Item, line: &mut Line) {
        let held = line.draw() < self.reorder.share;
        let later_us = if held { self.reorder.delay * 1_000 } else { 0 };
        line.leave(at, at.plus(later_us), item);
    }

    fn keeps_held(&self) -> bool {
        // They would be drawn for twice.
        true
    }
}
