//! What a run costs the machine that it runs on. The figures of one request, viewer and interval
//! are measured ones (docs/check.md says where): an estimate, never a promise.

use hulk_traffic_models::Schedule;

use super::CallersEstimate;
use crate::Rehearsal;

/// CPU time of a request, in seconds: of both sides with the embedded platform.
const CPU_S_BOTH: f64 = 85e-6;
/// And of the generator alone.
const CPU_S_GENERATOR: f64 = 50e-6;
/// A share of a core above which sends come late: the limit of a valid run.
const CPU_SHARE_MAX: f64 = 0.75;
/// Files that are open beside the viewers' connections.
const FILES_OPEN: u64 = 64;
/// Memory of the program, of a viewer with a connection, and of a visit in the schedule, in bytes.
const PROGRAM_BYTES: f64 = 40e6;
const VIEWER_BYTES: f64 = 25e3;
const VISIT_BYTES: f64 = 250.0;
/// The run's folder: of one step in one interval of the record, and of what is there once.
const STEP_INTERVAL_BYTES: f64 = 2000.0;
const FOLDER_BYTES: f64 = 200e3;

/// What a run is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// Files that a process may open.
    pub descriptors: u64,
    /// Worker processes.
    pub workers: u32,
    /// Cores of the machine.
    pub cores: u32,
}

/// Workers that a rehearsal may be spread over.
pub const WORKERS_MAX: u32 = 64;

/// What a run costs the machine.
#[derive(Debug, Clone, PartialEq)]
pub struct MachineEstimate {
    /// File descriptors: one for each connection of a viewer, and a few more.
    pub descriptors: u64,
    /// Memory of the schedule and the users, in bytes.
    pub memory_bytes: f64,
    /// Size of the run's folder, in bytes.
    pub record_bytes: f64,
    /// CPU time per wall second at the peak, in cores; none where nothing but the target bounds
    /// the requests.
    pub cores_peak: Option<f64>,
    /// So many requests per wall second does one core carry.
    pub requests_per_s_of_a_core: f64,
}

impl MachineEstimate {
    pub(super) fn of(
        rehearsal: &Rehearsal,
        schedule: &Schedule,
        viewers_peak: u32,
        requests_per_s_peak: Option<f64>,
    ) -> Self {
        let cpu_s = match rehearsal.platform() {
            Some(_) => CPU_S_BOTH,
            None => CPU_S_GENERATOR,
        };
        let connections = rehearsal.target.connections_per_viewer();
        let wall_us = (rehearsal.until().0 + rehearsal.lead_in_us).max(0) as f64;
        let intervals = wall_us / rehearsal.interval_us() as f64;
        let steps: usize = rehearsal.script.parts.iter().map(|part| part.steps.len()).sum();
        Self {
            descriptors: u64::from(viewers_peak) * u64::from(connections) + FILES_OPEN,
            memory_bytes: PROGRAM_BYTES
                + VIEWER_BYTES * f64::from(viewers_peak)
                + VISIT_BYTES * schedule.visits.len() as f64,
            record_bytes: FOLDER_BYTES + STEP_INTERVAL_BYTES * intervals * steps as f64,
            cores_peak: requests_per_s_peak.map(|peak| peak * cpu_s),
            requests_per_s_of_a_core: CPU_SHARE_MAX / cpu_s,
        }
    }

    /// What callers cost on top of it.
    pub(super) fn add(&mut self, callers: &CallersEstimate) {
        self.descriptors += callers.descriptors();
        self.memory_bytes += callers.memory_bytes();
        self.record_bytes += callers.record_bytes();
        self.cores_peak = self.cores_peak.map(|cores| cores + callers.cores());
    }

    pub(super) fn warnings(&self, rehearsal: &Rehearsal, given: &Given) -> Vec<String> {
        let cores = given.workers.min(given.cores).max(1);
        let limit = CPU_SHARE_MAX * f64::from(cores);
        let Some(cores_peak) = self.cores_peak.filter(|peak| *peak > limit) else {
            return Vec::new();
        };
        let (on, which) = match cores {
            1 => ("one".to_owned(), "which"),
            cores => (cores.to_string(), "each of which"),
        };
        let needed = (cores_peak / CPU_SHARE_MAX).ceil() as u32;
        let more = match given.cores.min(WORKERS_MAX) >= needed {
            true => format!("use `--workers {needed}`, or "),
            false => String::new(),
        };
        let less = less(rehearsal);
        vec![format!(
            "the peak takes about {cores_peak:.1} cores (an estimate), and the load runs on {on}, {which} \
             carries about {:.0} requests/s: what it cannot send makes the run INVALID; {more}{less}, or \
             `clock.speed`",
            self.requests_per_s_of_a_core
        )]
    }

    /// File descriptors of the fullest of so many workers. Viewers fall to workers by hash, so one
    /// has a few more than its share: as many as chance makes in one of a thousand runs.
    pub fn descriptors_of_a_worker(&self, workers: u32) -> u64 {
        let (all, workers) =
            (self.descriptors.saturating_sub(FILES_OPEN), u64::from(workers.max(1)));
        if workers == 1 {
            return self.descriptors;
        }
        let share = all as f64 / workers as f64;
        // More than 99.9 % of workers have fewer, even where they are 64.
        (share + 4.0 * share.sqrt()).ceil().min(all as f64) as u64 + FILES_OPEN
    }

    /// So many workers have descriptors enough; none where even the most have not.
    pub fn workers_for(&self, descriptors: u64) -> Option<u32> {
        (1..=WORKERS_MAX).find(|workers| self.descriptors_of_a_worker(*workers) <= descriptors)
    }
}

/// How a user makes it smaller.
pub(super) fn less(rehearsal: &Rehearsal) -> &'static str {
    match rehearsal.audience.executor {
        None => "lower `audience.scale`",
        Some(_) => "ask for less in `[load]`",
    }
}
