//! Which region a caller is led to, by distance and load.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// How many sessions it takes.
    pub capacity: u32,
    /// Of two that are equally good, the one of the lower number is taken.
    pub priority: u8,
    /// How far it is, by where the caller is; from elsewhere it is not reached.
    pub distance_ms: BTreeMap<String, f64>,
}

/// Regions and how many sessions each has.
#[derive(Debug, Clone, PartialEq)]
pub struct Regions {
    regions: Vec<(Region, u32)>,
}

impl Regions {
    /// Regions without sessions.
    pub fn new(regions: Vec<Region>) -> Self {
        Self { regions: regions.into_iter().map(|region| (region, 0)).collect() }
    }

    /// The region for a caller from `location`, by its number from 0: of those below their
    /// capacity the one with the lowest `distance · (1 + share of the capacity in use)`. None where
    /// the caller is refused.
    pub fn select(&self, location: &str) -> Option<usize> {
        let scored = self.regions.iter().enumerate().filter_map(|(number, (region, sessions))| {
            let distance_ms = *region.distance_ms.get(location)?;
            let load = f64::from(*sessions) / f64::from(region.capacity);
            let score = distance_ms * (1.0 + load);
            (*sessions < region.capacity).then_some((score, region.priority, number))
        });
        let best = scored.min_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        best.map(|(_, _, number)| number)
    }

    /// A session starts in the region that is selected for it; none if it is refused.
    pub fn enter(&mut self, location: &str) -> Option<usize> {
        let number = self.select(location)?;
        let (_, sessions) = self.regions.get_mut(number)?;
        *sessions += 1;
        Some(number)
    }

    /// A session of a region ends.
    pub fn leave(&mut self, number: usize) {
        if let Some((_, sessions)) = self.regions.get_mut(number) {
            *sessions = sessions.saturating_sub(1);
        }
    }

    /// The sessions of each region.
    pub fn sessions(&self) -> Vec<u32> {
        self.regions.iter().map(|(_, sessions)| *sessions).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Three regions of 1,000 sessions, so far from the one place `here`.
    fn regions(distances_ms: [f64; 3]) -> Regions {
        let region = |(n, ms): (usize, f64)| Region {
            name: format!("r{n}"),
            capacity: 1_000,
            priority: n as u8 + 1,
            distance_ms: BTreeMap::from([("here".to_owned(), ms)]),
        };
        Regions::new(distances_ms.into_iter().enumerate().map(region).collect())
    }

    fn fill(regions: &mut Regions, sessions: usize) -> Vec<u32> {
        (0..sessions).for_each(|_| assert!(regions.enter("here").is_some()));
        regions.sessions()
    }

    #[test]
    fn the_nearest_is_filled_before_one_that_is_twice_as_far() {
        // At most 10 · (1 + 0.999) = 19.99 is still below 20.
        let mut regions = regions([50.0, 10.0, 20.0]);
        assert_eq!(fill(&mut regions, 1_000), [0, 1_000, 0]);
        assert_eq!(regions.select("here"), Some(2));
        assert_eq!(fill(&mut regions, 2_000), [1_000; 3]);
        assert_eq!((regions.select("here"), regions.enter("here")), (None, None));
        regions.leave(0);
        assert_eq!(regions.enter("here"), Some(0));
    }

    #[test]
    fn load_makes_a_region_farther() {
        // 10 · (1 + n ÷ 1,000) is above 15 from 501 sessions on: then both take turns.
        let mut regions = regions([10.0, 15.0, 100.0]);
        assert_eq!(fill(&mut regions, 501), [501, 0, 0]);
        assert_eq!(fill(&mut regions, 1), [501, 1, 0]);
    }

    #[test]
    fn equally_good_ones_are_taken_by_priority() {
        let mut three = regions([10.0; 3]);
        assert_eq!([(); 4].map(|()| three.enter("here")), [Some(0), Some(1), Some(2), Some(0)]);
        three.regions[2].0.priority = 0;
        assert_eq!([(); 3].map(|()| three.enter("here")), [Some(2), Some(1), Some(2)]);
    }

    #[test]
    fn from_an_unknown_place_no_region_is_reached() {
        let mut regions = regions([10.0; 3]);
        assert_eq!(regions.enter("mars"), None);
        regions.leave(9);
        regions.leave(0);
        assert_eq!(regions.sessions(), [0; 3]);
    }

    proptest! {
        #[test]
        fn no_region_is_ever_above_its_capacity(
            distances in prop::array::uniform3(0.0..500.0_f64),
            callers in 2_900_usize..3_100,
        ) {
            let mut regions = regions(distances);
            let entered = (0..callers).filter(|_| regions.enter("here").is_some()).count();
            prop_assert_eq!(entered, callers.min(3_000));
            prop_assert!(regions.sessions().iter().all(|sessions| *sessions <= 1_000));
        }
    }
}
