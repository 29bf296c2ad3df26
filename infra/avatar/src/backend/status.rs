//! What a backend says of itself: the truth that measurements are held against.

use serde::{Deserialize, Serialize};

use super::rollout::RollBack;

/// Memory of a GPU that no stream uses.
const MEMORY_BASE_MIB: usize = 2_000;
/// Memory of each stream.
const MEMORY_STREAM_MIB: usize = 1_400;

/// A whole backend at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BackendStatus {
    /// Each GPU, in the order of their numbers.
    pub gpus: Vec<GpuStatus>,
    /// What is counted over all of them.
    pub totals: BackendTotals,
    /// What its scaler has ordered; none without one.
    pub scaling: Option<ScalingStatus>,
    /// How far the new version is; none without one.
    pub rollout: Option<RolloutStatus>,
}

/// A scaler at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScalingStatus {
    /// GPUs that are ordered and do not serve yet.
    pub gpus_ordered: usize,
    /// Pods of the API.
    pub api_pods: u32,
}

/// A rollout at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutStatus {
    /// The share of users whose new sessions go to the new version, in percent.
    pub percent: u32,
    /// Streams on GPUs of the old version.
    pub old_streams: usize,
    /// Streams on GPUs of the new version.
    pub new_streams: usize,
    /// When and why it was taken back, if it was.
    pub back: Option<RollBack>,
    /// Streams that were then moved to GPUs of the old version.
    pub moved: u64,
}

/// A GPU at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GpuStatus {
    /// Its number, as faults name it.
    pub gpu: usize,
    /// What its kind is called.
    pub kind: String,
    /// Where it stands.
    pub zone: String,
    /// How far its zone is from the callers, one way.
    pub distance_us: i64,
    /// Its streams.
    pub streams: usize,
    /// The limit of its streams.
    pub streams_max: usize,
    /// For which share of the last second it worked.
    pub utilisation: f64,
    /// Memory in use.
    pub memory_used_mib: u32,
    /// All of its memory.
    pub memory_mib: u32,
    /// Its clock.
    pub sm_clock_mhz: u32,
    /// Frames that fell due and are in no batch yet.
    pub waiting_frames: usize,
    /// Frames that were given up because too many waited.
    pub dropped_frames: u64,
    /// Frames of batches that failed without a word.
    pub failed_frames: u64,
    /// The code of its last error; it stays when all is well again.
    pub xid: Option<u32>,
    /// Whether it may have streams.
    pub healthy: bool,
    /// The mean of its streams: 1 at their full rate, 0.5 at half; 0 where it is not healthy.
    pub quality: f64,
}

/// What is counted over a whole backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BackendTotals {
    /// Streams at present.
    pub streams: usize,
    /// Streams that were ever admitted.
    pub admitted: u64,
    /// Joins that were refused.
    pub refused: u64,
    /// The most streams above the limit that a GPU ever had.
    pub over_admitted_peak: usize,
    /// Joins of a known session that went to another GPU than before.
    pub failovers: u64,
    /// Streams that faults ended.
    pub lost_streams: u64,
    /// Pieces of audio that were given up because too many waited.
    pub dropped_pieces: u64,
    /// Frames and losses that nobody fetched in time.
    pub unfetched: u64,
    /// Streams of which no sign of life came for a while.
    pub zombies: usize,
}

/// Memory in use by so many streams; all of it where there is not enough.
pub(crate) fn memory_used_mib(streams: usize, memory_mib: u32) -> u32 {
    let wanted = MEMORY_BASE_MIB + MEMORY_STREAM_MIB.saturating_mul(streams);
    u32::try_from(wanted).unwrap_or(u32::MAX).min(memory_mib)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_grows_by_the_stream_until_it_is_full() {
        // 2,000 + 12 · 1,400 = 18,800; 2,000 + 16 · 1,400 = 24,400 is more than there is.
        assert_eq!([0, 12, 16].map(|n| memory_used_mib(n, 24_000)), [2_000, 18_800, 24_000]);
    }
}
