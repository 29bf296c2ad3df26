//! After the moment, a share of those who are present do something.

use hulk_record::{MatchTime, hash_of, seed_of};
use hulk_settings::{Delay, Section};
use serde::{Deserialize, Serialize};

use super::delay;

/// A share of those present does something without leaving: an emoji, a vote.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Act {
    /// The share of those present at the moment, 0 to 1.
    pub share: f64,
    /// They act so long after the moment, each at a time of their own.
    pub delay: Delay,
}

impl Act {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let share = section.number("share", 0.0..=1.0);
        let delay = delay(section, "delay");
        Some(Self { share: share?, delay: delay? })
    }

    /// Who of `present` means to act, and when; `seed` is of the audience and the moment.
    pub(crate) fn plans(
        &self,
        at: MatchTime,
        present: impl Iterator<Item = u32>,
        seed: u64,
    ) -> Vec<(MatchTime, u32)> {
        let (rank_seed, delay_seed) = (seed_of(seed, "rank"), seed_of(seed, "delay"));
        let mut ranked: Vec<(u64, u32)> =
            present.map(|viewer| (hash_of(rank_seed, u64::from(viewer)), viewer)).collect();
        ranked.sort_unstable();
        let count = (ranked.len() as f64 * self.share).round() as u32;
        let plan = |(rank, (_, viewer)): (u32, &(u64, u32))| {
            let hash = hash_of(delay_seed, u64::from(*viewer));
            let delay_s = self.delay.stratum_s(rank, count, hash);
            (at.plus(MatchTime::from_s(delay_s).0), *viewer)
        };
        (0..count).zip(&ranked).map(plan).collect()
    }
}
