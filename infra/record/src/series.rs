//! What a sample is about.

use serde::{Deserialize, Serialize};

/// How a request or a journey ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Answered as expected.
    Ok,
    /// Turned away: 429 or 503.
    Rejected,
    /// Any other status that was not expected.
    HttpError,
    /// The status was right, the content was not: an extraction or check failed.
    CheckFailed,
    /// No answer within the time-out.
    Timeout,
    /// No connection could be made.
    ConnectError,
    /// The connection broke before the answer was complete.
    Broken,
    /// The viewer left before the answer: the time is a lower bound.
    Abandoned,
}

impl Outcome {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::Ok,
        Self::Rejected,
        Self::HttpError,
        Self::CheckFailed,
        Self::Timeout,
        Self::ConnectError,
        Self::Broken,
        Self::Abandoned,
    ];

    /// The name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Rejected => "rejected",
            Self::HttpError => "http_error",
            Self::CheckFailed => "check_failed",
            Self::Timeout => "timeout",
            Self::ConnectError => "connect_error",
            Self::Broken => "broken",
            Self::Abandoned => "abandoned",
        }
    }

    /// Whether the target failed the viewer: not the viewer who left.
    pub fn is_failure(self) -> bool {
        !matches!(self, Self::Ok | Self::Abandoned)
    }
}

/// What was measured, always in µs of wall time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// From the intended send time to the end of the answer.
    Response,
    /// From the actual send time to the end of the answer.
    Service,
    /// From the moment at which a send was due and possible to the send: the generator's own lag.
    Lag,
    /// A whole visit's start: from the arrival to the last of the `after` steps.
    Journey,
    /// From the start of a player to the end of its first segment; `abandoned` where the viewer
    /// left or the player gave up before: a lower bound.
    FirstFrame,
    /// To look up a name, for a connection that a request needed.
    Dns,
    /// To connect, for a request that needed it.
    Connect,
    /// To encrypt a connection, for a request that needed it.
    Tls,
    /// From the writing of a request to the first byte of its answer.
    FirstByte,
    /// From the first byte of an answer to its last.
    Body,
}

impl Measure {
    /// All of them, in order.
    pub const ALL: [Self; 10] = [
        Self::Response,
        Self::Service,
        Self::Lag,
        Self::Journey,
        Self::FirstFrame,
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::FirstByte,
        Self::Body,
    ];

    /// The name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Response => "response",
            Self::Service => "service",
            Self::Lag => "lag",
            Self::Journey => "journey",
            Self::FirstFrame => "first_frame",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::FirstByte => "first_byte",
            Self::Body => "body",
        }
    }
}

/// The key of a series of samples.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SeriesKey {
    /// What was measured.
    pub measure: Measure,
    /// The journey's name.
    pub journey: String,
    /// The step's name; empty where the measure is of the whole journey.
    pub step: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Where the worker stood.
    pub region: String,
}
