//! How long each phase of a request may last.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

/// What a phase may be given, in ms of wall time.
const RANGE_MS: std::ops::RangeInclusive<f64> = 1.0..=600_000.0;

/// A phase of a request that may have a limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Until the name has an address.
    Dns,
    /// Until the connection is there.
    Connect,
    /// Until it is encrypted.
    Tls,
    /// From the request to the first byte of the answer.
    FirstByte,
    /// From there to the last.
    Body,
}

/// How long each phase of a request may last, in µs of wall time; without a limit, as long as the
/// journey's `timeout_ms` leaves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Timeouts([Option<u32>; 5]);

impl Phase {
    const ALL: [Self; 5] = [Self::Dns, Self::Connect, Self::Tls, Self::FirstByte, Self::Body];

    /// The key of its limit.
    pub fn key(self) -> &'static str {
        match self {
            Self::Dns => "dns_ms",
            Self::Connect => "connect_ms",
            Self::Tls => "tls_ms",
            Self::FirstByte => "first_byte_ms",
            Self::Body => "body_ms",
        }
    }

    /// What is told when it lasts longer.
    pub fn overlong(self) -> &'static str {
        match self {
            Self::Dns => "no address within dns_ms",
            Self::Connect => "no connection within connect_ms",
            Self::Tls => "not encrypted within tls_ms",
            Self::FirstByte => "no answer within first_byte_ms",
            Self::Body => "the answer began and did not end within body_ms",
        }
    }
}

impl Timeouts {
    /// The limit of a phase.
    pub fn of(&self, phase: Phase) -> Option<u32> {
        self.0[phase as usize]
    }

    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let limits = Phase::ALL.map(|phase| match section.has(phase.key()) {
            true => section.number(phase.key(), RANGE_MS).map(|ms| Some((ms * 1e3) as u32)),
            false => Some(None),
        });
        let limits: Option<Vec<Option<u32>>> = limits.into_iter().collect();
        Some(Self(limits?.try_into().ok()?))
    }
}
