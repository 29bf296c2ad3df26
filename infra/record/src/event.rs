//! Capacity samples and events, on the controller's clock.

use serde::{Deserialize, Serialize};

use crate::Offset;

/// What an observer saw of one service.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CapacitySample {
    /// When it was asked for.
    pub at: Offset,
    /// The service.
    pub service: String,
    /// Instances that serve.
    pub ready: f64,
    /// Instances ordered and not yet serving; here and below, none where nobody tells.
    #[serde(default)]
    pub pending: Option<f64>,
    /// Instances that the scaler wants.
    #[serde(default)]
    pub desired: Option<f64>,
    /// Requests that the service has received since its start.
    #[serde(default)]
    pub requests_total: Option<f64>,
    /// Requests that it turned away since its start.
    #[serde(default)]
    pub rejected_total: Option<f64>,
    /// Predicted queue wait in match seconds.
    #[serde(default)]
    pub wait_match_s: Option<f64>,
    /// For how long the embedded platform's process has had no CPU when it needed it, since its
    /// start, in ms of wall time.
    #[serde(default)]
    pub stalled_ms_total: Option<f64>,
}

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunEvent {
    /// When it happened.
    pub at: Offset,
    /// When it was to happen; none where nobody planned it.
    #[serde(default)]
    pub intended: Option<Offset>,
    /// What kind: `moment`, `fault`, `scale`, `switch`, `lease`, `worker`, `observer`, `platform`,
    /// `commentary` or `chat`.
    pub kind: String,
    /// What, in words.
    pub text: String,
}

/// The last frame that a worker says it sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerEnd {
    /// The worker's number.
    pub worker: u32,
    /// Its incarnation.
    pub incarnation: u64,
    /// How many frames it sent.
    pub frames: u64,
}

/// A worker that was gone before the run's end: its last frames never came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerLost {
    /// The worker's number.
    pub worker: u32,
    /// Its incarnation.
    pub incarnation: u64,
    /// When that was noticed.
    pub at: Offset,
    /// Its last frame ends here: what was due from then on is lost.
    pub since: Offset,
    /// Why, in words.
    pub reason: String,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEnd {
    /// It ran to its end.
    Completed {
        /// What each worker says it sent.
        workers: Vec<WorkerEnd>,
        /// Workers that did not come to the end.
        #[serde(default)]
        lost: Vec<WorkerLost>,
    },
    /// A person or a supervisor stopped it.
    Interrupted {
        /// The signal's number: 2 or 15.
        signal: i32,
        /// What each worker says it sent.
        workers: Vec<WorkerEnd>,
        /// Workers that did not come to the end.
        #[serde(default)]
        lost: Vec<WorkerLost>,
    },
    /// The record stops without an end: its writer was killed.
    Cut,
}

impl RunEnd {
    /// Workers that were gone before the end.
    pub fn lost(&self) -> &[WorkerLost] {
        match self {
            Self::Completed { lost, .. } | Self::Interrupted { lost, .. } => lost,
            Self::Cut => &[],
        }
    }
}
