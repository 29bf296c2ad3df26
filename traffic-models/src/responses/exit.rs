//! After the moment, those who leave press Back.

use hulk_record::{MatchTime, hash_of, seed_of, unit_of};
use hulk_settings::{Delay, Section};
use serde::{Deserialize, Serialize};

use super::delay;

/// The shortest time between leaving and coming back, in match µs: whoever leaves within a second
/// is away at its end.
const AWAY_MIN_US: i64 = 1_000_000;

/// Whom the curve takes away after the moment presses Back; who leaves by themselves does too.
///
/// How many leave is the curve's business; this says only how they do it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Exit {
    /// For so many match seconds after the moment.
    pub within_s: f64,
    /// The share of them whom Back leads to the home page, 0 to 1.
    pub to_home: f64,
    /// The share of them who watch again, 0 to 1.
    pub returns: f64,
    /// After so long, but at least 1 match second.
    pub return_delay: Delay,
}

impl Exit {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let within_s = section.number("within_s", 0.0..=86_400.0);
        let to_home = section.number("to_home", 0.0..=1.0);
        let returns = section.number("returns", 0.0..=1.0);
        let return_delay = delay(section, "return_delay");
        Some(Self {
            within_s: within_s?,
            to_home: to_home?,
            returns: returns?,
            return_delay: return_delay?,
        })
    }

    /// Whether Back leads a viewer home; `seed` is of the audience and the moment.
    pub(crate) fn goes_home(&self, seed: u64, viewer: u32) -> bool {
        unit_of(hash_of(seed_of(seed, "to-home"), u64::from(viewer))) < self.to_home
    }

    /// When a viewer who left at `leave` watches again, where that happens at all.
    pub(crate) fn watches_again(
        &self,
        seed: u64,
        viewer: u32,
        leave: MatchTime,
    ) -> Option<MatchTime> {
        let viewer = u64::from(viewer);
        if unit_of(hash_of(seed_of(seed, "returns"), viewer)) >= self.returns {
            return None;
        }
        let away_s = self.return_delay.draw_s(hash_of(seed_of(seed, "return-delay"), viewer));
        Some(leave.plus(MatchTime::from_s(away_s).0.max(AWAY_MIN_US)))
    }
}
