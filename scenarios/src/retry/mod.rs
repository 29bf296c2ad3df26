//! What a player does when a request fails: one policy a file. All waits are match time.

mod backoff;
mod exo_player;
mod hls_js;
mod pace;
mod polite;
mod shaka;

use backoff::Backoff;
pub(crate) use pace::{Pace, SlowDown};
pub(crate) use polite::{Attempt, RetryState};

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

/// A policy, by its name in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Retry {
    /// Waits that double.
    Backoff(Backoff),
    /// The defaults of hls.js.
    HlsJs,
    /// The defaults of ExoPlayer.
    ExoPlayer,
    /// The defaults of Shaka Player.
    Shaka,
    /// Never tries again.
    None,
    /// A client that spares who is in trouble.
    Polite,
}

/// How a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No connection, a broken one, or an answer that is not the expected one.
    Error,
    /// No answer in time.
    TimeOut,
    /// 429 or 503: too many.
    Rejected,
}

impl Retry {
    /// Reads a table with one key, the policy's name.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let names = ["backoff", "hls_js", "exo_player", "shaka", "none", "polite"];
        match section.variant(&names)? {
            (0, inner) => Backoff::read(&inner).map(Self::Backoff),
            (1, _) => Some(Self::HlsJs),
            (2, _) => Some(Self::ExoPlayer),
            (3, _) => Some(Self::Shaka),
            (4, _) => Some(Self::None),
            (_, _) => Some(Self::Polite),
        }
    }

    /// How long to wait before the next attempt, in match seconds; nothing to give up. `attempt`
    /// is how many have failed in a row, from 1; `draw` is in [0, 1), a new one each time;
    /// `retry_after_s` is what the answer asked for, in match seconds, and only `polite` listens.
    pub fn wait_s(
        &self,
        failure: Failure,
        attempt: u32,
        state: &mut RetryState,
        draw: f64,
        retry_after_s: Option<f64>,
    ) -> Option<f64> {
        let attempt = attempt.max(1);
        match self {
            Self::Backoff(backoff) => backoff.wait_s(attempt),
            Self::HlsJs => hls_js::wait_s(failure, attempt),
            Self::ExoPlayer => exo_player::wait_s(attempt),
            Self::Shaka => shaka::wait_s(attempt, draw),
            Self::None => None,
            Self::Polite => state.wait_s(attempt, draw, retry_after_s),
        }
    }
}

/// `first_s`, then twice as long each time, up to `max_s`.
fn doubled_s(first_s: f64, max_s: f64, attempt: u32) -> f64 {
    (first_s * 2_f64.powi(attempt.saturating_sub(1).min(30) as i32)).min(max_s)
}

#[cfg(test)]
mod tests;
