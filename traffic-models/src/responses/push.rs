//! After the moment, people come who were told.

use hulk_record::{MatchTime, hash_of};
use hulk_settings::{Delay, Section};
use serde::{Deserialize, Serialize};

use super::{PEOPLE_MAX, delay};

/// People who come on top of the curve: a notification, a headline, a hashtag.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Push {
    /// People who are told, at full scale.
    pub reach: f64,
    /// The share of them who come, 0 to 1.
    pub convert: f64,
    /// They come so long after the moment.
    pub delay: Delay,
}

impl Push {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let reach = section.number("reach", 0.0..=PEOPLE_MAX);
        let convert = section.number("convert", 0.0..=1.0);
        let delay = delay(section, "delay");
        Some(Self { reach: reach?, convert: convert?, delay: delay? })
    }

    /// How many come, at `scale` people for each.
    pub fn people(&self, scale: f64) -> u32 {
        (self.reach * self.convert * scale).round() as u32
    }

    /// When each of them comes, after a moment at `at`; `seed` is of the audience and the moment.
    pub(crate) fn arrivals(
        &self,
        at: MatchTime,
        scale: f64,
        seed: u64,
    ) -> impl Iterator<Item = MatchTime> {
        let (delay, count) = (self.delay, self.people(scale));
        (0..count).map(move |rank| {
            let delay_s = delay.stratum_s(rank, count, hash_of(seed, u64::from(rank)));
            at.plus(MatchTime::from_s(delay_s).0)
        })
    }
}
