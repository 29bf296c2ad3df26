//! The generator itself over the run: whether a reader can trust what it measured.

use std::collections::BTreeMap;

use hulk_record::{Frame, Measure, Offset, ProcessSample, Samples};
use serde::Serialize;

use crate::stretches::stretches;
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
    /// How long its threads were ready and had no CPU, in all threads, as a share of the time. This
    /// and the following are null where no frame told of it.
    pub(crate) run_delay_share: Option<Spread>,
    /// Its own share of memory: proportional set size.
    pub(crate) pss_mib: Option<Spread>,
    pub(crate) anonymous_mib: Option<Spread>,
    /// What the kernel holds for TCP sockets of the whole machine.
    pub(crate) machine_sockets_mib: Option<Spread>,
}

/// All workers, and how late they sent.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct GeneratorSeen {
    pub(crate) workers: Vec<WorkerSeen>,
    /// Sent − due, in µs of wall time; null where nothing was sent.
    pub(crate) lag: Option<Quantiles>,
    pub(crate) over_time: Vec<Stretch>,
}

/// One or more whole intervals of all workers.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Stretch {
    /// In match seconds since the window's start.
    pub(crate) from_match_s: f64,
    pub(crate) to_match_s: f64,
    /// Sent − due; null where nothing was sent.
    pub(crate) lag: Option<Lag>,
    /// Shares as in [`WorkerSeen`], over all workers that told of themselves.
    pub(crate) cpu_share: Option<f64>,
    pub(crate) steal_share: Option<f64>,
    pub(crate) run_delay_share: Option<f64>,
}

/// Sent − due of a stretch, in µs of wall time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Lag {
    pub(crate) count: u64,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    pub(crate) p99_9_us: u64,
    /// Exact.
    pub(crate) max_us: u64,
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
        over_time: over_time(view),
    }
}

fn wall_us(frame: &Frame) -> f64 {
    frame.to.since(frame.from).max(1) as f64
}

/// Cores of the worker, and of its machine.
fn cores(view: &View<'_>, frame: &Frame) -> (f64, f64) {
    let own = f64::from(frame.machine.cores);
    (own, f64::from(view.manifest().environment.cores).max(own))
}

fn over_time(view: &View<'_>) -> Vec<Stretch> {
    let mut samples = Samples::new();
    stretches(view, |(from_match_s, to_match_s), frames| {
        samples.clear();
        let series = frames.iter().flat_map(|frame| &frame.series);
        let lags = series.filter(|(key, _)| key.measure == Measure::Lag);
        lags.for_each(|(_, of_series)| samples.merge(of_series));
        let at = |ppm| samples.quantile_at_most_max_us(ppm);
        let told = || frames.iter().filter(|frame| frame.machine.cores > 0);
        let share = |part: &dyn Fn(&Frame) -> Option<(f64, f64)>| {
            let (mut parts, mut whole) = (0.0, 0.0);
            for (part, of) in told().filter_map(|frame| part(frame)) {
                parts += part;
                whole += of;
            }
            (whole > 0.0).then(|| parts / whole)
        };
        Stretch {
            from_match_s,
            to_match_s,
            lag: (samples.count() > 0).then(|| Lag {
                count: samples.count(),
                p50_us: at(500_000),
                p99_us: at(990_000),
                p99_9_us: at(999_000),
                max_us: samples.max_us(),
            }),
            cpu_share: share(&|f| Some((f.machine.cpu_us as f64, cores(view, f).0 * wall_us(f)))),
            steal_share: share(&|f| {
                Some((f.machine.steal_us as f64, cores(view, f).1 * wall_us(f)))
            }),
            run_delay_share: share(&|f| Some((f.process.run_delay_us? as f64, wall_us(f)))),
        }
    })
}

fn worker(view: &View<'_>, (worker, incarnation): (u32, u64), of: &[&Frame]) -> Option<WorkerSeen> {
    let spread = |value: &dyn Fn(&Frame) -> f64| spread(view, of, value);
    let told = |value: &dyn Fn(&ProcessSample) -> Option<u64>, unit: &dyn Fn(&Frame) -> f64| {
        let told: Vec<&Frame> =
            of.iter().copied().filter(|frame| value(&frame.process).is_some()).collect();
        let value = |frame: &Frame| value(&frame.process).unwrap_or(0) as f64 / unit(frame);
        self::spread(view, &told, &value)
    };
    let mib = |_: &Frame| 1024.0;
    Some(WorkerSeen {
        worker,
        incarnation,
        cores: of.iter().map(|frame| frame.machine.cores).max()?,
        open_files_max: of.iter().map(|frame| frame.machine.open_files_max).max()?,
        cpu_share: spread(&|f| f.machine.cpu_us as f64 / (cores(view, f).0 * wall_us(f)))?,
        steal_share: spread(&|f| f.machine.steal_us as f64 / (cores(view, f).1 * wall_us(f)))?,
        stall_share: spread(&|f| f.machine.stall_us as f64 / wall_us(f))?,
        sleeper_late_ms: spread(&|f| f.machine.sleeper_late_us as f64 / 1e3)?,
        open_files: spread(&|f| f.machine.open_files as f64)?,
        resident_mib: spread(&|f| f.machine.resident_kib as f64 / 1024.0)?,
        run_delay_share: told(&|of| of.run_delay_us, &wall_us),
        pss_mib: told(&|of| of.pss_kib, &mib),
        anonymous_mib: told(&|of| of.anonymous_kib, &mib),
        machine_sockets_mib: told(&|of| of.machine_sockets_kib, &mib),
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
