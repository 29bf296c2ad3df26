//! What a worker tells of one interval, and its form on the wire.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{
    CallersSample, Offset, Outcome, QoeCounts, RawSample, SeriesKey, Session, SparseHistogram,
};

/// A frame tells of at most so many requests without an answer, and counts the others.
pub const UNANSWERED_MAX: usize = 50_000;

/// One interval of one worker. Frames are additive: every number is of this interval alone,
/// except where said.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
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
    /// Requests by step and by the interval in which they were *due*.
    pub sends: Vec<SendCount>,
    /// Complete answers, those to retries too, by service and status.
    pub answers: Vec<AnswerCount>,
    /// Requests that were written and got no complete answer; at most [`UNANSWERED_MAX`].
    pub unanswered: Vec<Unanswered>,
    /// How many more there were.
    pub unanswered_untold: u64,
    /// What the viewers did at the moments.
    pub responses: Vec<ResponseCount>,
    /// What went wrong in the journeys themselves.
    pub troubles: Vec<TroubleCount>,
    /// Bytes received in answers' bodies.
    pub bytes_received: u64,
    /// The viewers.
    pub audience: AudienceSample,
    /// The worker's own machine.
    pub machine: MachineSample,
    /// What the viewers of the stream felt.
    pub qoe: QoeCounts,
    /// Each request by itself, where that is wanted; at most [`RAW_MAX`](crate::RAW_MAX).
    pub raw: Vec<RawSample>,
    /// How many more there were.
    pub raw_untold: u64,
    /// What else the worker knows of its process and machine.
    pub process: ProcessSample,
    /// What the callers of an avatar backend met.
    pub callers: CallersSample,
    /// The sessions with it that ended; at most [`SESSIONS_MAX`](crate::SESSIONS_MAX).
    pub sessions: Vec<Session>,
    /// How many more there were.
    pub sessions_untold: u64,
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

/// Requests of one step that were due in one interval, sent or not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SendCount {
    /// The service's name.
    pub service: String,
    /// The journey's name; empty in records of version 1.
    pub journey: String,
    /// The step's name; empty in records of version 1.
    pub step: String,
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
    /// Viewers whose first failure at that service in their visit one of these was.
    pub viewers_not_served: u64,
}

/// Complete answers of one service with one status.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AnswerCount {
    /// The service's name.
    pub service: String,
    /// The HTTP status.
    pub status: u16,
    /// How many.
    pub count: u64,
}

/// A request that was written and got no complete answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unanswered {
    /// The viewer's number.
    pub viewer: u32,
    /// The how manieth request of the viewer's.
    pub send: u32,
    /// The service's name.
    pub service: String,
    /// How it ended: abandoned, timed out or broken.
    pub outcome: Outcome,
}

/// What the viewers did at one moment.
/// `woken = left_at_once + loaded + abandoned`, but for those who still load when the run ends.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ResponseCount {
    /// The moment's name.
    pub moment: String,
    /// When the first of them did something.
    pub first_at: Option<Offset>,
    /// Viewers who began the steps that the journey has for this moment.
    pub acted: u64,
    /// Viewers who came by a push.
    pub came: u64,
    /// Viewers who pressed Back.
    pub woken: u64,
    /// Of them: left the app and never asked for the home page.
    pub left_at_once: u64,
    /// Of them: loaded the home page and all its trays.
    pub loaded: u64,
    /// Of them: left while the home page was loading.
    pub abandoned: u64,
    /// Of those who loaded it: left the app afterwards.
    pub left: u64,
    /// Of those who loaded it: went back to the video.
    pub returned: u64,
}

impl ResponseCount {
    /// Adds another's counts of the same moment.
    pub fn add(&mut self, other: &Self) {
        self.first_at = match (self.first_at, other.first_at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.acted += other.acted;
        self.came += other.came;
        self.woken += other.woken;
        self.left_at_once += other.left_at_once;
        self.loaded += other.loaded;
        self.abandoned += other.abandoned;
        self.left += other.left;
        self.returned += other.returned;
    }
}

/// Something that went wrong in a step itself and not at its service: `pointer /token found
/// nothing`, `feeder users ran dry`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TroubleCount {
    /// The journey's name.
    pub journey: String,
    /// The step's name.
    pub step: String,
    /// What, in words.
    pub what: String,
    /// How often.
    pub count: u64,
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
    /// Viewers who are in the app and not in the video at the end of the interval.
    pub at_home: u64,
    /// Of those present at the end of the interval: viewers who closed the app before their stay
    /// was over by the schedule.
    pub gave_up: u64,
}

/// Which interval of which worker a frame is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FrameHead {
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

/// What the worker's process waited for and held, where the kernel tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProcessSample {
    /// How long its threads were ready and had no CPU, in µs over all threads: the run queue's delay.
    pub run_delay_us: Option<u64>,
    /// Its share of the memory that it has mapped (proportional set size), in KiB; not read in each
    /// interval.
    pub pss_kib: Option<u64>,
    /// Of its resident memory: what no file stands behind, in KiB; read with `pss_kib`.
    pub anonymous_kib: Option<u64>,
    /// What the kernel holds for TCP sockets of the whole machine at the end of the interval, in KiB.
    pub machine_sockets_kib: Option<u64>,
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
