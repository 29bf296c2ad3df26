//! One session of a caller with an avatar backend: what was attempted, how it ended, what was felt of it.

use serde::{Deserialize, Serialize};

use crate::{Offset, Samples, SparseHistogram};

/// How many turns and how many barge-ins of a session keep their times.
pub const TURNS_MAX: usize = 64;

/// From where to where a figure may well be, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// A least-squares slope of a time in ms over time in s.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Slope {
    /// The slope in ms per s.
    pub ms_per_s: f64,
    /// Its standard error in ms per s. It takes samples for independent; those of a queue are
    /// not, so that the interval is rather too narrow.
    pub error_ms_per_s: f64,
    /// Its 95 % interval in ms per s.
    pub interval_ms_per_s: Interval,
    /// Of how many samples.
    pub samples: u64,
}

impl Slope {
    /// Whether the whole interval lies above a slope that would be put up with, in ms per s.
    pub fn is_growing(&self, above_ms_per_s: f64) -> bool {
        self.interval_ms_per_s.low > above_ms_per_s
    }
}

/// What viewers make of an offset between sound and picture, after ITU-R BT.1359.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncClass {
    /// From −125 to +45 ms.
    Undetectable,
    /// From −185 to +90 ms.
    Detectable,
    /// Beyond.
    Unacceptable,
}

/// Whose fault it is that a session was refused or lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The backend is full.
    Capacity,
    /// The backend does not know the caller.
    Auth,
    /// The backend has not loaded what was asked for yet.
    NotReady,
    /// The backend failed.
    Server,
    /// The way there failed.
    Network,
    /// The caller itself failed.
    Client,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Capacity, Self::Auth, Self::NotReady, Self::Server, Self::Network, Self::Client];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Capacity => "capacity",
            Self::Auth => "auth",
            Self::NotReady => "not_ready",
            Self::Server => "server",
            Self::Network => "network",
            Self::Client => "client",
        }
    }
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionEnd {
    /// It lasted as long as it was meant to, and was closed.
    Completed,
    /// The caller went away without closing, as it was meant to.
    Vanished,
    /// It was turned away before it opened.
    Refused(Cause),
    /// It was open and broke off.
    Lost(Cause),
    /// The run ended before the session did: it is in no denominator.
    Abandoned,
}

/// The parts of a session's setup in µs; what was not reached or is not part of it is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Setup {
    /// The admission's HTTP steps together.
    pub http_us: Option<u64>,
    /// The socket's TCP connect.
    pub tcp_us: Option<u64>,
    /// Its TLS handshake.
    pub tls_us: Option<u64>,
    /// Its upgrade.
    pub upgrade_us: Option<u64>,
}

/// The measures of one session from its first frame on. What could not be measured is none.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Felt {
    /// Frames that came.
    pub frames: u64,
    /// From the first frame to the end, in µs.
    pub watched_us: u64,
    /// The part of it that lies in gaps beyond 80 ms each, in µs.
    pub stalled_us: u64,
    /// That part as a share, 0 to 1.
    pub stall_ratio: Option<f64>,
    /// Frames a second.
    pub fps: Option<f64>,
    /// The fewest frames in a whole second.
    pub fps_min_second: Option<u32>,
    /// Frames that should have come at the nominal rate and did not.
    pub drops: u64,
    /// The variance of the gaps between frames, in ms².
    pub gap_variance_ms2: Option<f64>,
    /// Freezes by the W3C's rule.
    pub freezes: u32,
    /// How long they were together, in µs.
    pub freeze_us: u64,
    /// Gaps of more than 5 s.
    pub pauses: u32,
    /// Ticks of the player that had nothing to play.
    pub underrun_ticks: u64,
    /// Maximal runs of such ticks.
    pub underrun_events: u64,
    /// The silence of such ticks, in µs.
    pub underrun_us: u64,
    /// How often the player's buffer fell below its low-water mark.
    pub low_water_events: u64,
    /// Audio that the player dropped because its buffer was full, in µs.
    pub audio_dropped_us: u64,
    /// The mean offset between sound and picture in ms; above 0 the sound comes first.
    pub av_offset_ms: Option<f64>,
    /// How that offset grows, in ms a minute.
    pub av_drift_ms_per_min: Option<f64>,
    /// The class of that offset.
    pub av_class: Option<SyncClass>,
    /// The jitter of RFC 3550, in µs.
    pub jitter_us: f64,
    /// From a chunk's intended time to the frame that carries it back.
    pub latency: SparseHistogram,
    /// How that latency grows: above 0 where a backlog builds up.
    pub backlog_slope: Option<Slope>,
}

impl Felt {
    /// The time in which frames came at their pace: from the first frame to the end without the
    /// stalled part, in µs. Waiting for the first frame is not being served.
    pub fn served_us(&self) -> u64 {
        self.watched_us.saturating_sub(self.stalled_us)
    }

    /// The latency at a quantile in parts per million, in µs; none where none was measured.
    pub fn latency_us(&self, ppm: u32) -> Option<u64> {
        let mut samples = Samples::new();
        samples.merge(&self.latency);
        (samples.count() > 0).then(|| samples.quantile_at_most_max_us(ppm))
    }
}

/// The record of one attempted session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Whose.
    pub caller: u32,
    /// When it was to begin.
    pub intended_at: Offset,
    /// How long it was meant to last from the open socket on, in µs.
    pub wanted_us: u64,
    /// How it ended.
    pub end: SessionEnd,
    /// The parts of its setup.
    pub setup: Setup,
    /// From its intended time to the open socket, in µs; none if it never opened.
    pub setup_us: Option<u64>,
    /// From the open socket to the first frame, in µs.
    pub first_frame_us: Option<u64>,
    /// From the intended time of a turn's first voiced chunk to the first voice that came back, in
    /// µs, for each turn that was answered: the first [`TURNS_MAX`].
    pub turn_us: Vec<u64>,
    /// How often the caller barged in.
    pub barge_ins: u32,
    /// From a barge-in until the answer to what was said before it fell silent, in µs, for each
    /// that had an effect: the first [`TURNS_MAX`].
    pub barge_in_us: Vec<u64>,
    /// The time in which frames came at their pace, in µs ([`Felt::served_us`]).
    pub served_us: u64,
    /// The worst delay of the caller itself, in µs: how late it sent what was due.
    pub lag_us_max: u64,
    /// What came down.
    pub felt: Felt,
    /// 0 for the call that was planned; above it, how often its caller has called again after it broke
    /// off.
    pub attempt: u32,
}

impl Session {
    /// Whether it counts as attempted. One that the run itself cut off does not: nobody knows how
    /// it would have ended.
    pub fn is_attempted(&self) -> bool {
        self.end != SessionEnd::Abandoned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn served_is_what_was_watched_and_not_stalled() {
        let felt = Felt { watched_us: 5_000_000, stalled_us: 920_000, ..Felt::default() };
        assert_eq!(felt.served_us(), 4_080_000);
    }

    #[test]
    fn latency_has_quantiles_once_it_was_measured() {
        assert_eq!(Felt::default().latency_us(950_000), None);
        let mut samples = Samples::new();
        (1..=100).for_each(|n| samples.record(n * 10));
        let felt = Felt { latency: samples.sparse(), ..Felt::default() };
        assert_eq!([950_000, 1_000_000].map(|ppm| felt.latency_us(ppm)), [Some(950), Some(1_000)]);
    }
}
