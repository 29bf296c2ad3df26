//! What was to be done, by whom and where: everything about a run that is known at its start.

use serde::{Deserialize, Serialize};

use crate::{CallersInfo, Clock, MatchTime, Message, Objective, Offset};

/// The head of a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the record's format.
    pub version: u32,
    /// The rehearsal's name.
    pub name: String,
    /// Its file, as the user gave it.
    pub file: String,
    /// Its seed.
    pub seed: u64,
    /// When the run started (t = 0), in s since 1970 UTC.
    pub started_unix_s: u64,
    /// The match clock.
    pub clock: Clock,
    /// Viewers of the run per viewer of the model: k.
    pub scale: f64,
    /// The match minute at which the window starts.
    pub from_match_min: f64,
    /// Start of the lead-in, in which the viewers present at the start are brought in.
    pub lead_in_from: Offset,
    /// End of the run.
    pub until: Offset,
    /// Length of an interval in µs of wall time.
    pub interval_us: u64,
    /// Viewers wanted at the end of each interval from t = 0 on.
    pub wanted: Vec<u32>,
    /// Arrivals by the schedule, the lead-in's included.
    pub arrivals_planned: u64,
    /// The journeys and their steps.
    pub journeys: Vec<JourneyInfo>,
    /// The services that the steps ask.
    pub services: Vec<ServiceInfo>,
    /// The moments of the window.
    pub moments: Vec<MomentInfo>,
    /// The faults of the window.
    #[serde(default)]
    pub faults: Vec<FaultInfo>,
    /// What must hold.
    pub objectives: Vec<Objective>,
    /// What the run must have delivered.
    pub limits: ValidityLimits,
    /// Whether somebody observed the capacity.
    pub observed: bool,
    /// Regions in which workers stand.
    pub regions: Vec<String>,
    /// Where it ran.
    pub environment: Environment,
    /// The stream that the viewers watch; none where no journey has one.
    #[serde(default)]
    pub stream: Option<StreamInfo>,
    /// Marks the run's requests: what their `x-hulk-request` begins with. None where nothing was
    /// sent over a wire, and in records before version 3.
    #[serde(default)]
    pub run_id: Option<String>,
    /// Tells scripts apart: a hash of what the viewers do, as 16 hex digits.
    #[serde(default)]
    pub script: Option<String>,
    /// Whether the frames tell of each request by itself.
    #[serde(default)]
    pub raw: bool,
    /// The executor that made the load; none where an audience was replayed.
    #[serde(default)]
    pub load: Option<LoadInfo>,
    /// The messages of the commentary feed that tell of a moment; none where nobody hears it.
    #[serde(default)]
    pub commentary: Vec<Message>,
    /// The callers of an avatar backend; none where there are none.
    #[serde(default)]
    pub callers: Option<CallersInfo>,
}

impl Manifest {
    /// The version that this HULK writes.
    pub const VERSION: u32 = 5;

    /// The match minute (of the model's clock) at a wall time.
    pub fn match_minute(&self, at: Offset) -> f64 {
        self.from_match_min + self.clock.match_time(at).as_s() / 60.0
    }

    /// The length of an interval in match seconds.
    pub fn interval_match_s(&self) -> f64 {
        let interval_us = i64::try_from(self.interval_us).unwrap_or(i64::MAX).max(1);
        self.clock.match_time(Offset(interval_us)).as_s()
    }

    /// A service's decision window in whole intervals, at least one.
    pub fn window_intervals(&self, service: &ServiceInfo) -> i64 {
        (service.decision_window_s / self.interval_match_s()).round().max(1.0) as i64
    }

    /// Whole instances that so many first attempts within so many match seconds need; none where
    /// the service's rated capacity is not known.
    pub fn instances_needed(
        &self,
        service: &ServiceInfo,
        requests: u64,
        match_s: f64,
    ) -> Option<f64> {
        let an_instance = match_s * service.rated_rps? * self.scale;
        let whole = whole_instances(requests as f64 / an_instance);
        Some(if whole.is_finite() { whole } else { 0.0 })
    }

    /// The service that a step asks.
    pub fn service_of(&self, journey: &str, step: &str) -> Option<&str> {
        let journey = self.journeys.iter().find(|known| known.name == journey)?;
        let step = journey.steps.iter().find(|known| known.name == step)?;
        Some(&step.service)
    }
}

/// The fewest whole instances that are as many as `exact` ones.
pub fn whole_instances(exact: f64) -> f64 {
    // 3 × 0.1 is a little more than 0.3: such dust needs no instance of its own.
    (exact - 1e-9).ceil().max(0.0)
}

/// A journey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JourneyInfo {
    /// Its name.
    pub name: String,
    /// Its steps in order.
    pub steps: Vec<StepInfo>,
}

/// A step of a journey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepInfo {
    /// Its name.
    pub name: String,
    /// The service that it asks.
    pub service: String,
}

/// The stream of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamInfo {
    /// The journey that watches it.
    pub journey: String,
    /// The service that it comes from.
    pub service: String,
    /// An interruption of playback counts as a stall from here on, in µs of match time.
    pub stall_min_us: u64,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceInfo {
    /// Its name.
    pub name: String,
    /// Rated capacity of an instance in requests per match second at full scale; none where the
    /// service does not scale (the edge) or its rating is unknown.
    pub rated_rps: Option<f64>,
    /// Over how long its demand is counted, in match seconds.
    pub decision_window_s: f64,
}

/// An executor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadInfo {
    /// Its name: `constant_users`, …
    pub executor: String,
    /// What it does, in words.
    pub text: String,
    /// Whether the run is over as soon as everybody is done, which may be before its planned end.
    pub ends_early: bool,
}

impl LoadInfo {
    /// `constant_users: 50 users for 10 s`.
    pub fn in_words(&self) -> String {
        format!("{}: {}", self.executor, self.text)
    }
}

/// A moment of the match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MomentInfo {
    /// Its name.
    pub name: String,
    /// When.
    pub at: MatchTime,
    /// What the viewers do then: `exit`, `push` or `act`; none where they do nothing together.
    #[serde(default)]
    pub response: Option<String>,
}

/// A fault that was planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultInfo {
    /// Its name.
    pub name: String,
    /// What kind: `latency`, `edge_lost`, …
    pub kind: String,
    /// What it does, in words.
    pub text: String,
    /// When it starts.
    pub from: MatchTime,
    /// When it is over.
    pub until: MatchTime,
    /// The service that it hits; none where it hits no single one.
    pub service: Option<String>,
}

impl ValidityLimits {
    /// A share of the generator's CPU that none reaches: a closed loop takes what there is.
    pub const CPU_NOT_JUDGED: f64 = 1e6;
}

/// What a run must have delivered to be valid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValidityLimits {
    /// Largest p99 of sent − due over the run, in ms.
    pub lag_p99_max_ms: f64,
    /// Largest share of arrivals that were late or dropped by the generator.
    pub generator_share_max: f64,
    /// Largest share of the given cores that the generator may use in an interval;
    /// [`Self::CPU_NOT_JUDGED`] where users send as fast as they are answered.
    pub cpu_share_max: f64,
    /// Largest share of intervals in which the presence was off by more than 1 % and 2 viewers.
    pub presence_off_share_max: f64,
    /// Largest share of machine time stolen over the run.
    pub steal_share_max: f64,
    /// Longest time for which a bare sleeper may have overslept, in ms.
    pub sleeper_late_max_ms: f64,
    /// Largest relative error of Little's law.
    pub little_max: f64,
    /// Largest share of the run for which the embedded platform had no CPU when it needed it.
    #[serde(default = "platform_stall_share_max")]
    pub platform_stall_share_max: f64,
}

/// Where a run took place.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Environment {
    /// Version of HULK.
    pub hulk: String,
    /// What was tested: `embedded`, or the target's address.
    pub target: String,
    /// Kernel and its version.
    pub kernel: String,
    /// Processor.
    pub cpu: String,
    /// Cores.
    pub cores: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
}

/// What records from before this limit are judged by; they do not tell of it anyway.
fn platform_stall_share_max() -> f64 {
    0.005
}
