//! What a session has to keep to.

use serde::{Deserialize, Serialize};

use super::sync::ACCEPTABLE_MS;

/// The objectives of one session. A session is good when it meets all of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SessionObjectives {
    /// The setup, from its intended time to the open socket, takes less, in ms.
    pub setup_ms_max: u32,
    /// The 95th percentile of the session's latency from audio to frame is less, in ms.
    pub latency_ms_max: u32,
    /// There are fewer underrun ticks, each 40 ms of silence; how many runs they make up does not
    /// matter.
    pub underruns_max: u32,
    /// The frames a second over the whole session are at least these.
    pub fps_min: f64,
    /// The sound is ahead of the picture by at most this, in ms.
    pub av_ahead_ms_max: f64,
    /// The sound is behind the picture by at most this, in ms.
    pub av_behind_ms_max: f64,
}

impl Default for SessionObjectives {
    fn default() -> Self {
        let (ahead_ms, behind_ms) = ACCEPTABLE_MS;
        Self {
            setup_ms_max: 5_000,
            latency_ms_max: 300,
            underruns_max: 3,
            fps_min: 24.0,
            av_ahead_ms_max: ahead_ms,
            av_behind_ms_max: -behind_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_documented_figures() {
        let known = SessionObjectives {
            setup_ms_max: 5_000,
            latency_ms_max: 300,
            underruns_max: 3,
            fps_min: 24.0,
            av_ahead_ms_max: 90.0,
            av_behind_ms_max: 185.0,
        };
        assert_eq!(SessionObjectives::default(), known);
    }
}
