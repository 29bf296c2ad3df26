//! `noop`: nothing.

use serde::Serialize;

use super::{Kind, Logic, Start};
use crate::attributes::Reader;

/// Nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Noop {}

impl Kind for Noop {
    fn read(_reader: &Reader<'_>) -> Self {
        Self {}
    }

    fn logic(&self, _start: Start) -> Option<Box<dyn Logic>> {
        None
    }
}
