//! `random`: a whole number.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::{ValueContext, push};

/// A whole number, another one for each request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Random {
    /// The smallest.
    pub from: u64,
    /// The largest.
    pub to: u64,
}

impl Random {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let from = section.integer_or("from", 0..=u64::MAX, 0);
        let to = section.integer("to", 0..=u64::MAX);
        let (from, to) = (from?, to?);
        if from > to {
            let hint = Some(format!("at least `to = {from}`"));
            section.problem_at("to", format!("`to` is {to}: less than `from`, {from}"), hint);
            return None;
        }
        Some(Self { from, to })
    }

    pub(super) fn compute(&self, ctx: &ValueContext<'_>, out: &mut String) {
        let hash = ctx.hash("random", Some(ctx.send));
        let count = u128::from(self.to - self.from) + 1;
        let above = ((u128::from(hash) * count) >> 64) as u64;
        push(self.from + above, out);
    }
}
