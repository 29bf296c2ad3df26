//! Sudden crowds that nobody planned.

use hulk_record::{hash_of, seed_of, unit_of};
use hulk_settings::{Delay, Section};
use serde::{Deserialize, Serialize};

use crate::{Audience, Moment, Push, Response};

/// Random pushes over the window: how often, how many people, how fast they come.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spikes {
    /// How many to expect in an hour of the match; the next never knows of the last.
    pub per_hour: f64,
    /// The mean size of a spike, as a share of the curve's viewers at its time. Sizes are
    /// exponential: most are smaller, some are several times larger.
    pub share: f64,
    /// The people of a spike come so long after it.
    pub delay: Delay,
}

impl Spikes {
    /// Reads a table of spikes.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let per_hour = section.number("per_hour", 0.0..=60.0);
        let share = section.number("share", 0.0..=10.0);
        let delay = section.section("delay").and_then(|inner| Delay::read(&inner));
        Some(Self { per_hour: per_hour?, share: share?, delay: delay? })
    }
}

impl Audience {
    /// Adds spikes over the whole window as moments `spike-1`, `spike-2`, …, each with a push that
    /// everyone follows. The same seed and window give the same spikes.
    pub fn add_spikes(&mut self, spikes: &Spikes) {
        let seed = seed_of(self.seed, "traffic/spikes");
        let first = (1..).find(|number| self.moment(&name(*number)).is_none()).unwrap_or(1);
        let mut minute = self.from_min;
        for number in first.. {
            let draw = |stream: &str| unit_of(hash_of(seed_of(seed, stream), number));
            // Exponential gaps make a Poisson process.
            minute += Delay::Exponential { mean_s: 60.0 / spikes.per_hour }.quantile_s(draw("gap"));
            // A visit keeps the index of its moment in 16 bits.
            let room = self.moments.len() < usize::from(u16::MAX);
            if !(room && minute < self.to_min) {
                break;
            }
            let size = Delay::Exponential { mean_s: spikes.share }.quantile_s(draw("size"));
            let push = Push {
                reach: self.curve.viewers_at(minute) * size,
                convert: 1.0,
                delay: spikes.delay,
            };
            self.add_moment(Moment::assumed(name(number), minute, Some(Response::Push(push))));
        }
    }
}

fn name(number: u64) -> String {
    format!("spike-{number}")
}
