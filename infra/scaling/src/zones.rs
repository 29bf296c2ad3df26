//! The zones that instances stand in, and the room that each has.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

/// A zone as it stands in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneSpec {
    /// Its name.
    pub name: String,
    /// So many instances of all services together fit in; none where there is always room.
    pub capacity_instances: Option<u32>,
}

impl ZoneSpec {
    pub(crate) fn read(name: String, section: &Section<'_>) -> Option<Self> {
        let key = "capacity_instances";
        let capacity_instances = match section.has(key) {
            true => Some(section.integer(key, 0..=10_000_000)? as u32),
            false => None,
        };
        Some(Self { name, capacity_instances })
    }
}

/// The zones of a platform, which all its services share. There is always one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zones(Vec<Zone>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Zone {
    name: String,
    capacity: u32,
    used: u32,
    /// A fault: while it lasts nothing can be had there.
    closed: bool,
}

impl Zones {
    /// The zones of a file; one without end where it names none.
    pub fn new(specs: &[ZoneSpec]) -> Self {
        let zone = |name: &str, capacity: Option<u32>| Zone {
            name: name.to_owned(),
            capacity: capacity.unwrap_or(u32::MAX),
            used: 0,
            closed: false,
        };
        match specs {
            [] => Self(vec![zone("", None)]),
            specs => Self(specs.iter().map(|z| zone(&z.name, z.capacity_instances)).collect()),
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The place of a zone.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|zone| zone.name == name)
    }

    /// Whether an instance can be had there.
    pub(crate) fn has_room(&self, place: usize) -> bool {
        self.0.get(place).is_some_and(|zone| !zone.closed && zone.used < zone.capacity)
    }

    /// From now on nothing can be had there, or something again.
    pub(crate) fn close(&mut self, place: usize, closed: bool) {
        if let Some(zone) = self.0.get_mut(place) {
            zone.closed = closed;
        }
    }

    /// An instance stands there now.
    pub(crate) fn take(&mut self, place: usize) {
        if let Some(zone) = self.0.get_mut(place) {
            zone.used += 1;
        }
    }

    /// So many stand there no longer.
    pub(crate) fn give_back(&mut self, place: usize, count: u32) {
        if let Some(zone) = self.0.get_mut(place) {
            zone.used = zone.used.saturating_sub(count);
        }
    }

    /// Instances that stand there.
    #[cfg(test)]
    pub(crate) fn used(&self, place: usize) -> u32 {
        self.0.get(place).map_or(0, |zone| zone.used)
    }
}
