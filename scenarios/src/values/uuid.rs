//! `uuid`: a random-looking identifier.

use std::fmt::Write;

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::{ValueContext, written_to_text};

/// For whom a new one is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Per {
    /// Each request.
    Request,
    /// Each viewer.
    Viewer,
}

/// A UUID in the form of version 4, lower case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uuid {
    /// For whom a new one is made.
    pub per: Per,
}

impl Uuid {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let per = section.word("per", &[("request", Per::Request), ("viewer", Per::Viewer)])?;
        Some(Self { per })
    }

    pub(super) fn compute(&self, ctx: &ValueContext<'_>, out: &mut String) {
        let send = match self.per {
            Per::Request => Some(ctx.send),
            Per::Viewer => None,
        };
        let (high, low) = (ctx.hash("uuid-high", send), ctx.hash("uuid-low", send));
        // Version 4, variant 1.
        let high = high & !0xf000 | 0x4000;
        let low = low & !(0b11 << 62) | 0b10 << 62;
        let written = write!(
            out,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        );
        written_to_text(written);
    }
}
