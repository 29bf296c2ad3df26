//! What a rehearsal leaves behind: times, frames, samples, events and the record folder.
//!
//! A worker's samples of an interval travel as one [`Frame`]; frames merge exactly, in any order
//! and any number of times ([`Merged`]). With the capacity samples and events of the controller
//! they make a [`Record`], from which alone verdicts and reports are made.

mod callers;
mod commentary;
mod event;
mod folder;
mod frame;
mod frame_older;
mod frame_v1;
mod histogram;
mod manifest;
mod merge;
mod objective;
mod presence;
mod qoe;
mod raw;
mod recorder;
mod seed;
mod series;
mod session;
mod target;
mod time;

pub use callers::{
    CallObjectives, CalleeSample, CallersInfo, CallersSample, SESSIONS_MAX, SessionObjectives,
};
pub use commentary::{BallEvent, Feed, Message, Team};
pub use event::{CapacitySample, RunEnd, RunEvent, WorkerEnd, WorkerLost};
pub use folder::{FolderError, Record, RecordWriter};
pub use frame::{
    AnswerCount, ArrivalCounts, AudienceSample, CodecError, Frame, FrameHead, MachineSample,
    ProcessSample, ResponseCount, SendCount, TroubleCount, UNANSWERED_MAX, Unanswered, decode,
    encode,
};
pub use histogram::{HIGHEST_US, Samples, SparseHistogram};
pub use manifest::{
    Environment, FaultInfo, JourneyInfo, LoadInfo, Manifest, MomentInfo, ServiceInfo, StepInfo,
    StreamInfo, ValidityLimits, whole_instances,
};
pub use merge::{MergeError, Merged, SendTotals};
pub use objective::{Bound, Objective};
pub use presence::Presence;
pub use qoe::QoeCounts;
pub use raw::{RAW_MAX, RawSample};
pub use recorder::{Drained, Recorder, RecorderPlan, RequestSample};
pub use seed::{SHARD_SLOTS, hash_of, seed_of, shard_slot, unit_of};
pub use series::{Measure, Outcome, SeriesKey};
pub use session::{Cause, Felt, Interval, Session, SessionEnd, Setup, Slope, SyncClass, TURNS_MAX};
pub use target::{LastRequest, TargetCounts, TargetService};
pub use time::{Clock, MatchTime, Offset};
