//! `connection_limit`: no more connections at a time than that.

use serde::Serialize;

use super::{Kind, Logic, Start};
use crate::attributes::Reader;

/// No more connections at a time than that: one more is reset as soon as it is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConnectionLimit {
    /// How many the proxy carries at a time.
    connections: i64,
}

impl ConnectionLimit {
    /// How many the proxy carries at a time.
    pub fn connections(&self) -> u64 {
        self.connections.unsigned_abs()
    }
}

impl Kind for ConnectionLimit {
    fn read(reader: &Reader<'_>) -> Self {
        Self { connections: reader.whole("connections", 0..=1_000_000) }
    }

    fn logic(&self, _start: Start) -> Option<Box<dyn Logic>> {
        None
    }
}
