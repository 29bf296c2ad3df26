//! `loss`: datagrams are lost.

use hulk_record::Offset;
use serde::Serialize;

use super::{Kind, Logic, Start};
use crate::attributes::Reader;
use crate::pipe::{Item, Line};

/// Datagrams are lost, each by itself or several in a row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Loss {
    /// Which share of them, from 0 to 1.
    share: f64,
    /// How many in a row on average (Gilbert's model); up to 1, and without it, each is lost by itself.
    /// With no more than one that comes through between two rows it is `share / (1 - share)` at least.
    burst: f64,
}

impl Kind for Loss {
    fn read(reader: &Reader<'_>) -> Self {
        let share = reader.number("share", 0.0..=1.0, 0.0);
        Self { share, burst: reader.number("burst", 0.0..=10_000.0, 0.0) }
    }

    fn logic(&self, _start: Start) -> Option<Box<dyn Logic>> {
        Some(Box::new(Losing { loss: self.clone(), bad: false }))
    }
}

struct Losing {
    loss: Loss,
    /// Whether the last one was lost.
    bad: bool,
}

impl Logic for Losing {
    fn admit(&mut self, at: Offset, item: Item, line: &mut Line) {
        let Loss { share, burst } = self.loss;
        let odds = share / (1.0 - share);
        let chance = match (burst > 1.0 && share < 1.0, self.bad) {
            (false, _) => share,
            (true, true) => 1.0 - 1.0 / burst.max(odds),
            (true, false) => odds / burst.max(odds),
        };
        self.bad = line.draw() < chance;
        if self.bad {
            line.effect().datagrams_lost(1);
        } else {
            line.leave(at, at, item);
        }
    }
}
