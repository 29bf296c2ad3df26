//! `timestamp`: the wall time.

use std::fmt::Write;

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::{date::date_of, push, written_to_text};

/// How a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimestampUnit {
    /// Whole seconds since 1970.
    S,
    /// Milliseconds since 1970.
    Ms,
    /// `2019-07-10T14:30:00.000Z`
    Rfc3339,
}

/// The wall time when a request is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timestamp {
    /// How it is written.
    pub unit: TimestampUnit,
}

impl Timestamp {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let units = [
            ("s", TimestampUnit::S),
            ("ms", TimestampUnit::Ms),
            ("rfc3339", TimestampUnit::Rfc3339),
        ];
        section.word("unit", &units).map(|unit| Self { unit })
    }

    pub(super) fn compute(&self, unix_ms: i64, out: &mut String) {
        match self.unit {
            TimestampUnit::S => push(unix_ms.div_euclid(1000), out),
            TimestampUnit::Ms => push(unix_ms, out),
            TimestampUnit::Rfc3339 => rfc3339(unix_ms, out),
        }
    }
}

fn rfc3339(unix_ms: i64, out: &mut String) {
    let (year, month, day) = date_of(unix_ms.div_euclid(86_400_000));
    let of_day = unix_ms.rem_euclid(86_400_000);
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (second, ms) = (of_day / 1000 % 60, of_day % 1000);
    let written =
        write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z");
    written_to_text(written);
}
