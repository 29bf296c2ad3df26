//! Which region a caller is led to, by distance and load.

use std::collections::BTreeMap;

use hulk_settings::{At, FreeValue, Section};
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

impl Region {
    /// Reads one `[[region]]`.
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let name = section.text("name");
        // The name stands in a URL.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.as_ref().is_some_and(|name| name.is_empty() || !name.chars().all(is_plain)) {
            let message = "a name is of letters, digits, `-`, `_` and `.`";
            let hint = Some("for example `name = \"ap-south\"`".to_owned());
            section.problem_at("name", message, hint);
        }
        let capacity = section.integer_or("capacity", 1..=1_000_000, 1_000);
        let priority = section.integer_or("priority", 0..=255, 0);
        let distance_ms = section.section("distance_ms").map(read_distances);
        Some(Self {
            name: name?,
            capacity: capacity? as u32,
            priority: priority? as u8,
            distance_ms: distance_ms?,
        })
    }
}

/// How far it is in ms, by names of places.
fn read_distances(mut section: Section<'_>) -> BTreeMap<String, f64> {
    let mut distances = BTreeMap::new();
    for (place, value) in section.free_values() {
        match value {
            FreeValue::Number(ms) if (0.0..=10_000.0).contains(&ms) => {
                distances.insert(place, ms);
            }
            _ => {
                let message = format!("the distance of `{place}` is from 0 to 10000 ms");
                section.problem_at(&place, message, Some(format!("for example `{place} = 20`")));
            }
        }
    }
    distances
}

/// Each region has its own name.
pub(super) fn check_regions(section: &Section<'_>, regions: &[Region]) {
    for (index, region) in regions.iter().enumerate() {
        if regions.iter().take(index).any(|known| known.name == region.name) {
            let path = [At::Key("region"), At::Item(index), At::Key("name")];
            let message = format!("there are two regions `{}`", region.name);
            section.problem_in(&path, message, Some("each has its own name".to_owned()));
        }
    }
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
    /// capacity the one with the lowest `distance · (1 + share of the capacity in use)`; from
    /// nowhere in particular all are equally far. None where the caller is refused.
    pub fn select(&self, location: Option<&str>) -> Option<usize> {
        let scored = self.regions.iter().enumerate().filter_map(|(number, (region, sessions))| {
            let distance_ms = match location {
                Some(location) => *region.distance_ms.get(location)?,
                None => 1.0,
            };
            let load = f64::from(*sessions) / f64::from(region.capacity);
            let score = distance_ms * (1.0 + load);
            (*sessions < region.capacity).then_some((score, region.priority, number))
        });
        let best = scored.min_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        best.map(|(_, _, number)| number)
    }

    /// A session starts in the region that is selected for it; none if it is refused.
    pub fn enter(&mut self, location: Option<&str>) -> Option<usize> {
        let number = self.select(location)?;
        let (_, sessions) = self.regions.get_mut(number)?;
        *sessions += 1;
        Some(number)
    }

    /// A session starts in the region of this name; none if there is no such one, or it is full.
    pub fn enter_named(&mut self, name: &str) -> Option<usize> {
        let is_meant = |(region, _): &(Region, u32)| region.name == name;
        let number = self.regions.iter().position(is_meant)?;
        let (region, sessions) = self.regions.get_mut(number)?;
        let has_room = *sessions < region.capacity;
        *sessions += u32::from(has_room);
        has_room.then_some(number)
    }

    /// The region of a number.
    pub fn get(&self, number: usize) -> Option<&Region> {
        self.regions.get(number).map(|(region, _)| region)
    }

    /// Each region with its sessions.
    pub fn iter(&self) -> impl Iterator<Item = &(Region, u32)> {
        self.regions.iter()
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
    use hulk_settings::{Source, read};
    use proptest::prelude::*;

    use super::*;
    use crate::backend::BackendSpec;

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
        (0..sessions).for_each(|_| assert!(regions.enter(Some("here")).is_some()));
        regions.sessions()
    }

    #[test]
    fn the_nearest_is_filled_before_one_that_is_twice_as_far() {
        // At most 10 · (1 + 0.999) = 19.99 is still below 20.
        let mut regions = regions([50.0, 10.0, 20.0]);
        assert_eq!(fill(&mut regions, 1_000), [0, 1_000, 0]);
        assert_eq!(regions.select(Some("here")), Some(2));
        assert_eq!(fill(&mut regions, 2_000), [1_000; 3]);
        assert_eq!((regions.select(Some("here")), regions.enter(Some("here"))), (None, None));
        regions.leave(0);
        assert_eq!(regions.enter(Some("here")), Some(0));
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
        let entered = [(); 4].map(|()| three.enter(Some("here")));
        assert_eq!(entered, [Some(0), Some(1), Some(2), Some(0)]);
        three.regions[2].0.priority = 0;
        assert_eq!([(); 3].map(|()| three.enter(Some("here"))), [Some(2), Some(1), Some(2)]);
    }

    #[test]
    fn from_an_unknown_place_no_region_is_reached() {
        let mut regions = regions([10.0; 3]);
        assert_eq!(regions.enter(Some("mars")), None);
        regions.leave(9);
        regions.leave(0);
        assert_eq!(regions.sessions(), [0; 3]);
    }

    #[test]
    fn from_nowhere_in_particular_the_least_loaded_is_taken() {
        let mut regions = regions([50.0, 10.0, 20.0]);
        assert_eq!([(); 4].map(|()| regions.enter(None)), [Some(0), Some(1), Some(2), Some(0)]);
    }

    #[test]
    fn who_names_a_region_is_in_it_or_nowhere() {
        let mut regions = regions([1.0; 3]);
        regions.regions[1].0.capacity = 1;
        let entered = ["r1", "r1", "r9"].map(|name| regions.enter_named(name));
        assert_eq!(entered, [Some(1), None, None]);
        assert_eq!(regions.sessions(), [0, 1, 0]);
        assert_eq!(regions.get(1).unwrap().name, "r1");
    }

    #[test]
    fn regions_are_read_and_told_apart() {
        let gpu = "[[gpu]]\nkind = \"T4\"\nzone = \"a\"\nstreams_max = 5\nbatch_1_ms = 16\n\
                   batch_8_ms = 62\nmemory_mib = 16_000\n";
        let parse =
            |text: &str| read(&Source::new("b.toml", format!("{gpu}{text}")), BackendSpec::read);
        let whole = "[[region]]\nname = \"ap-south\"\ncapacity = 20\npriority = 3\n\
                     distance_ms = { bombay = 5, london = 110.5 }\n\
                     [[region]]\nname = \"eu\"\ndistance_ms = { london = 4 }\n";
        let region = |name: &str, capacity, priority, distances: &[(&str, f64)]| Region {
            name: name.to_owned(),
            capacity,
            priority,
            distance_ms: distances.iter().map(|(place, ms)| ((*place).to_owned(), *ms)).collect(),
        };
        let wanted = [
            region("ap-south", 20, 3, &[("bombay", 5.0), ("london", 110.5)]),
            region("eu", 1_000, 0, &[("london", 4.0)]),
        ];
        assert_eq!(parse(whole).unwrap().regions, wanted);
        let wrong = whole.replace("\"eu\"", "\"e u\"").replace("london = 4 ", "london = \"4\" ");
        let problems = parse(&wrong).unwrap_err();
        let told: Vec<&str> = problems.list.iter().map(|p| p.message.as_str()).collect();
        assert_eq!(
            told,
            [
                "a name is of letters, digits, `-`, `_` and `.`",
                "the distance of `london` is from 0 to 10000 ms"
            ]
        );
        let twice = parse(&whole.replace("\"eu\"", "\"ap-south\"")).unwrap_err();
        assert_eq!(twice.list[0].message, "there are two regions `ap-south`");
    }

    proptest! {
        #[test]
        fn no_region_is_ever_above_its_capacity(
            distances in prop::array::uniform3(0.0..500.0_f64),
            callers in 2_900_usize..3_100,
        ) {
            let mut regions = regions(distances);
            let entered = (0..callers).filter(|_| regions.enter(Some("here")).is_some()).count();
            prop_assert_eq!(entered, callers.min(3_000));
            prop_assert!(regions.sessions().iter().all(|sessions| *sessions <= 1_000));
        }
    }
}
