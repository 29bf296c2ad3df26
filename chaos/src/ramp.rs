//! A toxic that becomes what it is step by step.

use hulk_record::Offset;
use serde_json::Value;

use crate::attributes::{AttributeError, Attributes, merged};
use crate::toxic::ToxicError;
use crate::toxics::{MS_MAX, ToxicKind};

/// The way from some attributes to others, in a straight line.
#[derive(Debug, Clone, PartialEq)]
pub struct Ramp {
    from: ToxicKind,
    to: ToxicKind,
    began: Offset,
    over_us: i64,
}

impl Ramp {
    /// From `from` to `to` within `over_ms`; what `from` does not name is as in `to` from the start.
    ///
    /// # Errors
    /// When one of the two ends cannot be, or when there is no way between them: from text to text.
    pub fn new(
        kind: &str,
        from: Attributes,
        to: Attributes,
        over_ms: i64,
        began: Offset,
    ) -> Result<Self, ToxicError> {
        for (name, text) in from.iter().filter(|(_, value)| value.is_string()) {
            let same_name = |(known, _): &(&String, &Value)| known.eq_ignore_ascii_case(name);
            let end = to.iter().find(same_name).map(|(_, end)| end);
            if let Some(end) = end.filter(|end| end.is_string() && *end != text) {
                let problem =
                    format!("is {text} first and {end} in the end: only numbers can rise");
                return Err(AttributeError { name: name.clone(), problem }.into());
            }
        }
        let from = ToxicKind::read(kind, &merged(to.clone(), &from))?;
        let to = ToxicKind::read(kind, &to)?;
        Ok(Self { from, to, began, over_us: over_ms.clamp(0, MS_MAX) * 1_000 })
    }

    /// What the toxic is at `now`, and whether it is at its end. Whole numbers stay whole.
    pub fn at(&self, now: Offset) -> (ToxicKind, bool) {
        let gone_us = now.since(self.began).max(0);
        if gone_us >= self.over_us {
            return (self.to.clone(), true);
        }
        // What is unset at one of the ends is so up to the end: there may be nothing between.
        let (mut attributes, to) = (self.from.attributes(), self.to.attributes());
        for (name, end) in &to {
            if let Some(value) = attributes.get_mut(name) {
                *value = between(value, end, gone_us, self.over_us);
            }
        }
        // Between two that can be lies one that can be: ranges have no holes.
        (ToxicKind::read(self.to.name(), &attributes).unwrap_or_else(|_| self.to.clone()), false)
    }
}

/// What lies `gone` of `over` on the way.
fn between(from: &Value, to: &Value, gone: i64, over: i64) -> Value {
    if let (Some(a), Some(b)) = (from.as_i64(), to.as_i64()) {
        let (way, gone, over) = (i128::from(b) - i128::from(a), i128::from(gone), i128::from(over));
        let rounded = (2 * way * gone + over).div_euclid(2 * over);
        return Value::from((i128::from(a) + rounded) as i64);
    }
    match (from.as_f64(), to.as_f64()) {
        (Some(a), Some(b)) => Value::from(a + (b - a) * (gone as f64 / over as f64)),
        _ => from.clone(),
    }
}
