//! What a worker tells of one interval, and its form on the wire.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Offset, SeriesKey, SparseHistogram};

/// One interval of one worker. Frames are additive: every number is of this interval alone,
/// except where said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// The worker's number.
    pub worker: u32,
    /// Tells a restarted worker from its former self.
    pub incarnation: u64,
    /// Counts this worker's frames, from 0, without gaps.
    pub sequence: u64,
    /// Start of the interval.
    pub from: Offset,
    /// End of the interval.
    pub to: Offset,
    /// Every arrival due before this instant is in this frame or an earlier one.
    pub watermark: Offset,
    /// The samples, by series.
    pub series: Vec<(SeriesKey, SparseHistogram)>,
    /// The ledger of arrivals.
    pub arrivals: ArrivalCounts,
    /// Requests by service and by the interval in which they were *due*.
    pub sends: Vec<SendCount>,
    /// Bytes received in answers' bodies.
    pub bytes_received: u64,
    /// The viewers.
    pub audience: AudienceSample,
    /// The worker's own machine.
    pub machine: MachineSample,
}

/// The ledger of arrivals: `intended = on_time + late + dropped + lost`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ArrivalCounts {
    /// Due by the schedule.
    pub intended: u64,
    /// First request sent within 10 ms of its due time.
    pub on_time: u64,
    /// First request sent later, by the generator's own doing.
    pub late: u64,
    /// Never sent: every user of the pool was busy and most waited for overdue answers.
    pub dropped_target: u64,
    /// Never sent: the pool of users was too small.
    pub dropped_pool: u64,
    /// Never sent: out of file descriptors or local ports.
    pub dropped_descriptors: u64,
    /// Never sent: the lease was not renewed, or the run was stopped.
    pub lost: u64,
}

impl ArrivalCounts {
    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        self.intended += other.intended;
        self.on_time += other.on_time;
        self.late += other.late;
        self.dropped_target += other.dropped_target;
        self.dropped_pool += other.dropped_pool;
        self.dropped_descriptors += other.dropped_descriptors;
        self.lost += other.lost;
    }

    /// On time and late.
    pub fn sent(&self) -> u64 {
        self.on_time + self.late
    }

    /// Dropped, whoever's fault.
    pub fn dropped(&self) -> u64 {
        self.dropped_target + self.dropped_pool + self.dropped_descriptors
    }

    /// Late and dropped by the generator.
    pub fn by_generator(&self) -> u64 {
        self.late + self.dropped_pool + self.dropped_descriptors
    }

    /// Whether the ledger closes.
    pub fn is_balanced(&self) -> bool {
        self.intended == self.sent() + self.dropped() + self.lost
    }
}

/// Requests of one service that were due in one interval, sent or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendCount {
    /// The service's name.
    pub service: String,
    /// Which interval of the run (from its start; negative in the lead-in) they were due in.
    pub due_interval: i32,
    /// First attempts.
    pub first: u64,
    /// Retries.
    pub retries: u64,
    /// First attempts that were answered as expected.
    pub served: u64,
    /// First attempts that the viewer gave up on.
    pub abandoned: u64,
}

/// The viewers of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AudienceSample {
    /// Present at the end of the interval.
    pub present: u64,
    /// ∫ present dt over the interval, in viewer-µs.
    pub presence_us: u64,
    /// Visits that ended in the interval.
    pub visits_ended: u64,
    /// How long those visits had lasted in all, in µs.
    pub visits_us: u64,
}

/// A worker's machine and process in an interval.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct MachineSample {
    /// CPU time of the worker's process, in µs.
    pub cpu_us: u64,
    /// Cores given to it.
    pub cores: u32,
    /// CPU time stolen from the machine by its host, in µs over all cores.
    pub steal_us: u64,
    /// Time in which some task of the machine waited for a CPU, in µs (pressure stall).
    pub stall_us: u64,
    /// The worst lateness of a bare sleeper in the process, in µs.
    pub sleeper_late_us: u64,
    /// File descriptors open at the end of the interval.
    pub open_files: u64,
    /// How many there may be.
    pub open_files_max: u64,
    /// Resident memory at the end of the interval, in KiB.
    pub resident_kib: u64,
}

/// A message that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the message is damaged or of another version: {0}")]
pub struct CodecError(#[from] postcard::Error);

/// The wire form of anything that travels between controller and workers.
///
/// # Errors
/// When the value has no wire form; none of this workspace's types is such.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
    Ok(postcard::to_stdvec(value)?)
}

/// Reads the wire form.
///
/// # Errors
/// When the bytes are cut short or are of something else.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    Ok(postcard::from_bytes(bytes)?)
}
