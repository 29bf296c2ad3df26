//! The callers of an avatar backend in a run: what was planned and asked of them, how each interval was
//! for them, and what the backend said meanwhile.

use serde::{Deserialize, Serialize};

use crate::{Offset, SparseHistogram};

/// A frame tells of at most so many sessions, and counts the others.
pub const SESSIONS_MAX: usize = 10_000;

/// The callers that were planned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallersInfo {
    /// Whom they call: the name of an embedded backend, or a URL.
    pub backend: String,
    /// The adapter by which they speak to it.
    pub adapter: String,
    /// When each session was to begin, in the order of time.
    pub planned: Vec<Offset>,
    /// So many streams the backend may carry at a time; none where nobody says.
    pub streams_max: Option<u32>,
    /// What is asked of their sessions.
    pub objectives: CallObjectives,
    /// The callers themselves may be so late with what is due, p99, in ms.
    pub lag_p99_max_ms: f64,
}

/// What the callers of a worker met in an interval.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CallersSample {
    /// Sessions that were open at its end.
    pub open: u64,
    /// Frames that came in it.
    pub frames: u64,
    /// From the intended time of a piece of speech to the frame that carried it back, for those that
    /// came back in it.
    pub latency: SparseHistogram,
    /// How late the callers were with what was due in it.
    pub lag: SparseHistogram,
}

/// What a backend said of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalleeSample {
    /// When it was asked.
    pub at: Offset,
    /// Streams that it carried.
    pub streams: u32,
    /// Streams that it could carry.
    pub streams_max: u32,
}

/// What each session has to keep to. A session is good when it keeps to all of it.
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
    /// The source material's, and what ITU-R BT.1359 finds acceptable.
    fn default() -> Self {
        Self {
            setup_ms_max: 5_000,
            latency_ms_max: 300,
            underruns_max: 3,
            fps_min: 24.0,
            av_ahead_ms_max: 90.0,
            av_behind_ms_max: 185.0,
        }
    }
}

/// What is asked of all sessions together; what is none is shown and not judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallObjectives {
    /// What a session has to keep to.
    pub session: SessionObjectives,
    /// So many sessions at a time.
    pub concurrent_min: Option<u32>,
    /// The share of attempted sessions that meet everything.
    pub goodput_min: f64,
    /// The share of attempted session time that was served.
    pub availability_min: f64,
    /// Failed sessions, as a share of those attempted.
    pub error_rate_max: f64,
    /// What everything costs a month.
    pub monthly_cost: Option<f64>,
    /// What each session at a time may cost a month.
    pub cost_max: f64,
    /// After the last fault the sessions are well again within so many seconds; none where that is
    /// not asked.
    pub recovery_s_max: Option<f64>,
}

impl Default for CallObjectives {
    fn default() -> Self {
        Self {
            session: SessionObjectives::default(),
            concurrent_min: None,
            goodput_min: 0.95,
            availability_min: 0.999,
            error_rate_max: 0.01,
            monthly_cost: None,
            cost_max: 26.0,
            recovery_s_max: None,
        }
    }
}
