//! Each request by itself, for those who want to follow one.

use serde::{Deserialize, Serialize};

use crate::{Offset, Outcome};

/// A frame tells of at most so many requests one by one, and counts the others.
pub const RAW_MAX: usize = 200_000;

/// A request that came to its end, as it is told one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawSample {
    /// The viewer's number.
    pub viewer: u32,
    /// The how manieth request of the viewer's.
    pub send: u32,
    /// Whether it was written: only then it carried its identity anywhere.
    pub written: bool,
    /// The journey's place in the manifest.
    pub journey: u16,
    /// The step's place in the journey.
    pub step: u16,
    /// Intended send time.
    pub due: Offset,
    /// Actual send time.
    pub sent: Offset,
    /// End of the answer, or of the waiting for it.
    pub done: Offset,
    /// How it ended.
    pub outcome: Outcome,
    /// The status of a complete answer.
    pub status: Option<u16>,
    /// Bytes of the answer's body.
    pub bytes: u64,
    /// Whether it repeats a failed one.
    pub retry: bool,
}
