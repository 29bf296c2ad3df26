//! What a run was worth, and what it found.

use hulk_record::{ArrivalCounts, Clock};
use hulk_scaling::elasticity::{Elasticity, Lag};
use serde::Serialize;

use crate::callers::CallersVerdict;
use crate::scale_out::{Enough, ScaleOut};
use crate::scorecard::Total;

/// The verdict's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictKind {
    /// The run is valid and every objective was met.
    Pass,
    /// The run is valid and an objective was breached.
    Fail,
    /// The run is valid, nothing was breached, and something could not be judged.
    Inconclusive,
    /// The run did not deliver what it claims, so it says nothing of the target.
    Invalid,
    /// The run was stopped.
    Interrupted {
        /// The signal's number: 2 or 15.
        signal: i32,
    },
}

impl VerdictKind {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Invalid => "INVALID",
            Self::Interrupted { .. } => "INTERRUPTED",
        }
    }

    /// The exit code of a process that ends with this verdict: 0 pass, 3 an objective was
    /// breached, 5 inconclusive, 6 invalid, 128 + the signal when interrupted.
    pub fn exit_code(self) -> i32 {
        match self {
            Self::Interrupted { signal } => 128 + signal,
            Self::Invalid => 6,
            Self::Fail => 3,
            Self::Inconclusive => 5,
            Self::Pass => 0,
        }
    }
}

/// What a record says, judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// The verdict.
    pub kind: VerdictKind,
    /// What the part of the run that there is says by itself, when the run was interrupted or its
    /// record is cut. Never a pass: the rest is unknown, so that reads as inconclusive.
    pub partial: Option<VerdictKind>,
    /// The rehearsal's name.
    pub name: String,
    /// The executor that made the load, in words; none where an audience was replayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<String>,
    /// First minute of the judged window, on the match's clock.
    pub from_match_min: f64,
    /// Last minute of the planned window, on the match's clock.
    pub until_match_min: f64,
    /// The minute at which the record ends; `until_match_min` when the run was complete.
    pub ended_match_min: f64,
    /// Why: a sentence each, what weighs most first.
    pub reasons: Vec<String>,
    /// What else a reader should know: a sentence each.
    pub notes: Vec<String>,
    /// Whether the run delivered what it claims.
    pub validity: Vec<Check>,
    /// What had to hold.
    pub objectives: Vec<ObjectiveResult>,
    /// How well each service's supply kept up.
    pub scaling: Vec<ServiceScaling>,
    /// All services whose capacity is known, as one.
    pub scaling_total: Total,
    /// The ledger of arrivals, the lead-in's included.
    pub arrivals: ArrivalCounts,
    /// Arrivals by the schedule, the lead-in's included.
    pub arrivals_planned: u64,
    /// Requests due from t = 0 on.
    pub requests: RequestTotals,
    /// The callers of an avatar backend; none where there were none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callers: Option<CallersVerdict>,
    /// The match clock.
    pub clock: Clock,
    /// Viewers of the run per viewer of the model: k.
    pub scale: f64,
}

/// Requests due from t = 0 on, over all services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct RequestTotals {
    /// First attempts.
    pub first: u64,
    /// Retries.
    pub retries: u64,
    /// First attempts that were answered as expected.
    pub served: u64,
    /// First attempts that the viewer gave up on.
    pub abandoned: u64,
    /// First attempts that were neither served nor given up.
    pub not_served: u64,
}

/// One condition of a valid run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// What was measured; none where there was nothing to measure.
    pub measured: Option<f64>,
    /// The most that is allowed.
    pub limit: f64,
    /// The unit of both.
    pub unit: &'static str,
    /// Whether the run is valid by it.
    pub holds: bool,
    /// What was found, as a sentence.
    pub reason: String,
}

/// Whether an objective was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectiveStatus {
    /// It was met.
    Met,
    /// It was breached.
    Breached,
    /// The record does not say.
    Unknown,
}

impl ObjectiveStatus {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Breached => "breached",
            Self::Unknown => "unknown",
        }
    }
}

/// An objective and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ObjectiveResult {
    /// Its name.
    pub name: String,
    /// The service that it is about; empty for all.
    pub service: String,
    /// What was measured, in words: `p99 of response time`.
    pub what: String,
    /// The value; none where there is nothing to measure.
    pub measured: Option<f64>,
    /// The limit.
    pub limit: f64,
    /// Whether the limit is the least that is allowed, and not the most.
    pub at_least: bool,
    /// The unit of both.
    pub unit: &'static str,
    /// How many samples, requests or arrivals the value comes from.
    pub samples: u64,
    /// Whether it was met.
    pub status: ObjectiveStatus,
    /// The match minute at which it first went wrong.
    pub first_match_min: Option<f64>,
    /// The moment of the match before that minute.
    pub moment: Option<String>,
    /// The match minute at which it was worst.
    pub worst_match_min: Option<f64>,
    /// Viewers who were not served, each once; none where it is not about being served, or where
    /// the record does not tell.
    pub viewers_not_served: Option<u64>,
    /// What was found, as a sentence.
    pub reason: String,
}

/// A time in which a service had fewer instances than it needed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Shortage {
    /// The match minute at which supply first fell below demand.
    pub first_match_min: f64,
    /// The match minute at which the most instances were missing.
    pub worst_match_min: f64,
    /// Instances needed then.
    pub worst_demand: f64,
    /// Instances ready then.
    pub worst_supply: f64,
    /// How long supply was below demand, in match minutes.
    pub lasted_match_min: f64,
    /// First attempts due in those intervals that were neither served nor given up.
    pub not_served: u64,
    /// Viewers who were first not served in those intervals; none where the record does not tell.
    pub viewers_not_served: Option<u64>,
}

/// How well a service's supply kept up with its demand.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServiceScaling {
    /// The service.
    pub service: String,
    /// Why it was not judged; none when it was.
    pub not_judged: Option<String>,
    /// The length of a decision window in match seconds, rounded to whole intervals.
    pub window_match_s: f64,
    /// First attempts due in its busiest decision window.
    pub window_requests_max: u64,
    /// First attempts that were neither served nor given up.
    pub not_served: u64,
    /// Viewers who were not served, each once; none where the record does not tell.
    pub viewers_not_served: Option<u64>,
    /// The match minute at which the first of them was due.
    pub not_served_first_match_min: Option<f64>,
    /// The moment of the match before that minute.
    pub moment: Option<String>,
    /// The figures, in instances and match time.
    pub elasticity: Option<Elasticity>,
    /// Most instances needed.
    pub demand_peak: f64,
    /// Most instances ready.
    pub supply_peak: f64,
    /// When and how far supply was below demand; none when it never was.
    pub shortage: Option<Shortage>,
    /// The longest time that supply took to follow a rise of demand, in match seconds.
    pub lag_longest_match_s: Option<f64>,
    /// Rises of demand that supply had not followed when the window ended.
    pub rises_not_followed: usize,
    /// Rises of demand with their lag, in the order of time: those that took longest.
    pub lags: Vec<Lag>,
    /// Rises with a shorter lag, left out of `lags`.
    pub lags_left_out: usize,
    /// Match minutes of intervals in which a promise of an objective of it was broken.
    pub violation_match_min: f64,
    /// ∫ supply dt in instance-hours of match time at full scale; none where it is not known.
    pub cost_instance_h: Option<f64>,
    /// Rises of demand that supply did not cover, in the order of time: those that missed most.
    pub scale_outs: Vec<ScaleOut>,
    /// Scale-outs that missed less, left out of `scale_outs`.
    pub scale_outs_left_out: usize,
    /// What would have covered all of them; none where nothing was ever missing.
    pub enough: Option<Enough>,
}
