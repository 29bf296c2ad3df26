//! `counter`: counts a viewer's uses of it.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::push;

/// `from`, `from + step`, … for each viewer; one further each time that it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// The first number.
    pub from: u64,
    /// From one to the next.
    pub step: u64,
}

impl Counter {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let from = section.integer_or("from", 0..=u64::MAX, 0);
        let step = section.integer_or("step", 1..=1_000_000_000, 1);
        Some(Self { from: from?, step: step? })
    }

    pub(super) fn compute(&self, uses: &mut u64, out: &mut String) {
        let number = self.from.wrapping_add(self.step.wrapping_mul(*uses));
        *uses = uses.wrapping_add(1);
        push(number, out);
    }
}
