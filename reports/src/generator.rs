//! The generator itself over the run: whether a reader can trust what it measured.

use std::collections::BTreeMap;

use hulk_record::{Frame, Measure, Offset};
use serde::Serialize;

use crate::summary::Quantiles;
use crate::view::View;

/// Least, mean and most over a worker's intervals.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    /// By time.
    pub(crate) mean: f64,
    pub(crate) max: f64,
    /// When it was most.
    pub(crate) max_match_min: f64,
}

/// One worker from t = 0 on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct WorkerSeen {
    pub(crate) worker: u32,
    pub(crate) incarnation: u64,
    pub(crate) cores: u32,
    pub(crate) open_files_max: u64,
    /// Share of the cores given to it.
    pub(crate) cpu_share: Spread,
    /// Share of the machine's time that its host took.
    pub(crate) steal_share: Spread,
    /// Share of the time in which some task of the machine waited for a CPU.
    pub(crate) stall_share: Spread,
    pub(crate) sleeper_late_ms: Spread,
    pub(crate) open_files: Spread,
    pub(crate) resident_mib: Spread,
}

/// All workers, and how late they sent.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct GeneratorSeen {
    pub(crate) workers: Vec<WorkerSeen>,
    /// Sent − due, in µs of wall time; null where nothing was sent.
    pub(crate) lag: Option<Quantiles>,
}

/// The generator from t = 0 on.
pub(crate) fn generator(view: &View<'_>) -> GeneratorSeen {
    let mut workers: BTreeMap<(u32, u64), Vec<&Frame>> = BTreeMap::new();
    for frame in view.judged().filter(|frame| frame.machine.cores > 0) {
        workers.entry((frame.worker, frame.incarnation)).or_default().push(frame);
    }
    let lag = view.samples(|_| true, |key| key.measure == Measure::Lag);
    GeneratorSeen {
        workers: workers.into_iter().filter_map(|(key, of)| worker(view, key, &of)).collect(),
        lag: (lag.count() > 0).then(|| Quantiles::of(&lag)),
    }
}

fn worker(view: &View<'_>, (worker, incarnation): (u32, u64), of: &[&Frame]) -> Option<WorkerSeen> {
    let wall_us = |frame: &Frame| frame.to.since(frame.from).max(1) as f64;
    let cores = |frame: &Frame| f64::from(frame.machine.cores);
    let machine = |frame: &Frame| f64::from(view.manifest().environment.cores).max(cores(frame));
    let spread = |value: &dyn Fn(&Frame) -> f64| spread(view, of, value);
    Some(WorkerSeen {
        worker,
        incarnation,
        cores: of.iter().map(|frame| frame.machine.cores).max()?,
        open_files_max: of.iter().map(|frame| frame.machine.open_files_max).max()?,
        cpu_share: spread(&|f| f.machine.cpu_us as f64 / (cores(f) * wall_us(f)))?,
        steal_share: spread(&|f| f.machine.steal_us as f64 / (machine(f) * wall_us(f)))?,
        stall_share: spread(&|f| f.machine.stall_us as f64 / wall_us(f))?,
        sleeper_late_ms: spread(&|f| f.machine.sleeper_late_us as f64 / 1e3)?,
        open_files: spread(&|f| f.machine.open_files as f64)?,
        resident_mib: spread(&|f| f.machine.resident_kib as f64 / 1024.0)?,
    })
}

/// Intervals shorter than half the usual one say little by themselves and count in the mean only,
/// unless there are no others.
fn spread(view: &View<'_>, of: &[&Frame], value: &dyn Fn(&Frame) -> f64) -> Option<Spread> {
    let length = |frame: &Frame| frame.to.since(frame.from).max(1);
    let long = |frame: &&&Frame| 2 * length(frame) >= view.interval_us();
    let any_long = of.iter().any(|frame| long(&frame));
    let (mut sum, mut time) = (0.0, 0.0);
    for frame in of {
        sum += value(frame) * length(frame) as f64;
        time += length(frame) as f64;
    }
    let mut found: Option<(f64, f64, Offset)> = None;
    for frame in of.iter().filter(|frame| !any_long || long(frame)) {
        let own = value(frame);
        let (min, max, at) = found.unwrap_or((own, own, frame.from));
        found = Some((min.min(own), max.max(own), if own > max { frame.from } else { at }));
    }
    let (min, max, at) = found?;
    let max_match_min = view.manifest().match_minute(at);
    Some(Spread { min, mean: sum / time, max, max_match_min })
}
