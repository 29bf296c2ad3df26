//! Was the generator's machine quick enough to be believed?

use std::collections::BTreeMap;

use hulk_record::{Frame, Measure, Offset, Samples, ValidityLimits};

use super::share;
use crate::verdict::Check;
use crate::view::View;
use crate::words::{count, micros, minute, number, number_and_limit, percent};

/// A generator is starved when it stays above its share for this long.
const BUSY_US: i64 = 1_000_000;

/// From this share of stolen time on, lateness is the host's doing. It makes a run no less valid
/// by itself: only what comes of it does.
const STEAL_EXPLAINS: f64 = 0.05;

/// Whether the host took time from the machine: then lateness is not the generator's own.
pub(super) fn lost_time(view: &View<'_>) -> bool {
    steal(view).measured.is_some_and(|share| share > STEAL_EXPLAINS) || !sleeper(view).holds
}

/// An interval of which the host took more than this share is the host's: what was late in it
/// says nothing of the generator.
const STEAL_OF_INTERVAL_MAX: f64 = 0.05;
/// At least this share of the intervals must be the machine's own, or all of them count.
const OWN_SHARE_MIN: f64 = 1.0 / 3.0;

/// Whether the host took an interval's time. It is nobody's when that is so for most of the run:
/// what would be left is no measure of the whole.
pub(super) fn taken_by_host<'a>(view: &'a View<'_>) -> impl Fn(&Frame) -> bool + 'a {
    let taken = |frame: &Frame| {
        let cores = view.manifest().environment.cores.max(frame.machine.cores);
        let all = f64::from(cores) * frame.to.since(frame.from) as f64;
        share(frame.machine.steal_us as f64, all) > STEAL_OF_INTERVAL_MAX
    };
    let (own, all) =
        view.judged().fold((0, 0), |(own, all), frame| (own + u64::from(!taken(frame)), all + 1));
    let enough = own as f64 >= all as f64 * OWN_SHARE_MIN;
    move |frame| enough && taken(frame)
}

/// What took the time, in brackets, where it was not the host for the larger part: then it is other
/// work of this machine, or the generator's own.
fn waiting<'a>(frames: impl Iterator<Item = &'a Frame>) -> String {
    let mut waited_us = 0;
    // Workers of one machine tell of the same stolen time.
    let mut stolen: BTreeMap<Offset, u64> = BTreeMap::new();
    for frame in frames {
        waited_us += frame.process.run_delay_us.unwrap_or(0);
        let told = stolen.entry(frame.from).or_default();
        *told = frame.machine.steal_us.max(*told);
    }
    let stolen_us: u64 = stolen.values().sum();
    if waited_us <= stolen_us {
        return String::new();
    }
    let [waited, stolen] = [waited_us, stolen_us].map(|us| micros(us as f64));
    format!(
        " (the generator's threads were ready and waited {waited} in all for a free CPU, the host \
         took {stolen})"
    )
}

/// How late requests left, in ms of wall time, in the intervals that the host left alone.
pub(super) fn lag(view: &View<'_>, lost_time: bool) -> Check {
    const NAME: &str = "lag of sends, p99";
    let limit = view.manifest().limits.lag_p99_max_ms;
    let within = |samples: &Samples| samples.quantile_us(990_000) as f64 / 1e3 <= limit;
    let excuse = taken_by_host(view);
    let mut samples = view.samples(|_| true, |key| key.measure == Measure::Lag);
    // Only a lag that is too large needs an excuse.
    let excused = !within(&samples);
    let taken = |frame: &Frame| excused && excuse(frame);
    if excused {
        samples = view.samples(|frame| !taken(frame), |key| key.measure == Measure::Lag);
    }
    if samples.count() == 0 {
        return Check::not_made(NAME, limit, "ms", "No request was sent.");
    }
    let p99_us = samples.quantile_at_most_max_us(990_000);
    let measured = p99_us as f64 / 1e3;
    let (shown, shown_limit) = number_and_limit(measured, limit);
    let mut reason = format!(
        "The p99 of sent − due was {shown} ms (limit {shown_limit} ms) over {} requests",
        count(samples.count()),
    );
    let left_out = view.judged().filter(|frame| taken(frame)).count() as u64;
    if left_out > 0 {
        let all = view.judged().count() as u64;
        reason += &format!(
            "; {} of {} intervals are left out, in which the machine lost time",
            count(left_out),
            count(all)
        );
    }
    if measured > limit {
        reason += &format!(", worst at match minute {}", minute(latest_minute(view)));
        let cause = match lost_time {
            true => "the machine lost time",
            false => "the generator had too little CPU",
        };
        let waited = waiting(view.judged());
        reason += &format!(": {cause}{waited}, so the latencies are not the target's alone");
    }
    Check::at_most(NAME, measured, limit, "ms", reason + ".")
}

/// The match minute of the frame with the largest lag.
fn latest_minute(view: &View<'_>) -> f64 {
    let worst = view
        .judged()
        .flat_map(|frame| frame.series.iter().map(move |series| (frame, series)))
        .filter(|(_, (key, _))| key.measure == Measure::Lag)
        .map(|(frame, (_, samples))| (samples.max_us, frame.from))
        .fold((0, Offset(0)), |worst, next| if next.0 > worst.0 { next } else { worst });
    view.manifest().match_minute(worst.1)
}

/// CPU time that was used in an interval, and that there was.
struct Busy {
    from: Offset,
    length_us: i64,
    used_us: f64,
    given_us: f64,
}

impl Busy {
    fn of(frame: &Frame) -> Self {
        let length_us = frame.to.since(frame.from);
        let given_us = f64::from(frame.machine.cores) * length_us as f64;
        Self { from: frame.from, length_us, used_us: frame.machine.cpu_us as f64, given_us }
    }

    /// Joins another of the same interval, on a machine of so many cores.
    fn join(&mut self, other: &Self, cores: u32) {
        self.length_us = self.length_us.max(other.length_us);
        self.used_us += other.used_us;
        self.given_us = f64::from(cores) * self.length_us as f64;
    }
}

/// The largest share of its cores that a worker used for a second or longer; where the machine has
/// fewer cores than the workers were given, also that of the machine's cores by all of them.
pub(super) fn cpu(view: &View<'_>) -> Check {
    const NAME: &str = "CPU of the generator";
    let limit = view.manifest().limits.cpu_share_max;
    let mut workers: BTreeMap<(u32, u64), (u32, Vec<Busy>)> = BTreeMap::new();
    let mut together: BTreeMap<Offset, Busy> = BTreeMap::new();
    let machine = view.manifest().environment.cores;
    for frame in view.judged().filter(|frame| frame.machine.cores > 0) {
        let of = workers.entry((frame.worker, frame.incarnation)).or_default();
        of.0 = of.0.max(frame.machine.cores);
        of.1.push(Busy::of(frame));
        let all = Busy { used_us: 0.0, ..Busy::of(frame) };
        together.entry(frame.from).or_insert(all).join(&Busy::of(frame), machine);
    }
    let given: u32 = workers.values().map(|(cores, _)| cores).sum();
    let (all, count) = (together.into_values().collect::<Vec<_>>(), workers.len());
    let shared = given > machine && count > 1 && machine > 0;
    let shared = shared.then(|| busy(&all).map(|share| (None, share))).into_iter().flatten();
    let own = workers
        .iter()
        .flat_map(|(&(worker, _), (_, spans))| busy(spans).map(move |share| (Some(worker), share)));
    let stretches = own.chain(shared);
    let worst = stretches.reduce(|worst, next| if next.1.0 > worst.1.0 { next } else { worst });
    let Some((worker, (measured, from))) = worst else {
        return Check::not_made(NAME, limit, "share", "No worker told of its CPU time.");
    };
    let (who, whose) = match worker {
        Some(worker) => (format!("Worker {worker}"), "its cores".to_owned()),
        None => (format!("The {count} workers together"), format!("the machine's {machine} cores")),
    };
    let limited = match limit < ValidityLimits::CPU_NOT_JUDGED {
        true => format!("limit {} %", percent(limit)),
        false => "no limit: its users send as fast as they are answered".to_owned(),
    };
    let reason = format!(
        "{who} used up to {} % of {whose} over a second ({limited}), at match minute {}.",
        percent(measured),
        minute(view.manifest().match_minute(from)),
    );
    Check::at_most(NAME, measured, limit, "share", reason)
}

/// The CPU share of each shortest run of intervals that lasts a second; of the whole when it is
/// shorter than that.
fn busy(spans: &[Busy]) -> impl Iterator<Item = (f64, Offset)> + '_ {
    let length = |spans: &[Busy]| -> i64 { spans.iter().map(|span| span.length_us).sum() };
    let whole = length(spans);
    (0..spans.len()).filter_map(move |start| {
        let rest = &spans[start..];
        let enough = (1..=rest.len()).find(|&n| length(&rest[..n]) >= BUSY_US.min(whole))?;
        let (used, given) = rest[..enough]
            .iter()
            .fold((0.0, 0.0), |(used, given), span| (used + span.used_us, given + span.given_us));
        Some((share(used, given), rest[0].from))
    })
}

/// The share of the machines' time that their hosts took.
pub(super) fn steal(view: &View<'_>) -> Check {
    let limit = view.manifest().limits.steal_share_max;
    let (mut stolen, mut all, mut worst) = (0.0, 0.0, (0, Offset(0)));
    for frame in view.judged() {
        // The steal is of the whole machine, of which a worker may be given a part.
        let cores = view.manifest().environment.cores.max(frame.machine.cores);
        stolen += frame.machine.steal_us as f64;
        all += f64::from(cores) * frame.to.since(frame.from) as f64;
        if frame.machine.steal_us > worst.0 {
            worst = (frame.machine.steal_us, frame.from);
        }
    }
    let measured = share(stolen, all);
    let (shown, shown_limit) = number_and_limit(measured * 100.0, limit * 100.0);
    let reason = match measured > limit {
        false => format!("The host took {shown} % of the machine's time (limit {shown_limit} %)."),
        true => format!(
            "The machine lost time: its host took {shown} % of its CPU time (limit {shown_limit} \
             %), most at match minute {}{}; run again on a quieter host.",
            minute(view.manifest().match_minute(worst.1)),
            waiting(view.judged()),
        ),
    };
    Check::at_most("stolen time", measured, limit, "share", reason)
}

/// For which share of the run the embedded platform had no CPU when it needed it: then it is the
/// machine that is slow, not what is rehearsed.
pub(super) fn platform(view: &View<'_>) -> Check {
    const NAME: &str = "CPU of the embedded platform";
    let limit = view.manifest().limits.platform_stall_share_max;
    let samples = view.record.capacity.iter().filter(|sample| sample.at >= Offset(0));
    let mut told: Vec<(Offset, f64)> =
        samples.filter_map(|sample| Some((sample.at, sample.stalled_ms_total?))).collect();
    told.sort_by_key(|&(at, _)| at);
    let (Some(first), Some(last)) = (told.first(), told.last()) else {
        return Check::not_made(NAME, limit, "share", "No platform told of its CPU.");
    };
    let stalled_ms = last.1 - first.1;
    let measured = share(stalled_ms, last.0.since(first.0) as f64 / 1e3);
    let (shown, shown_limit) = number_and_limit(measured * 100.0, limit * 100.0);
    let worst = told.windows(2).fold((0.0, first.0), |worst, pair| {
        let grown = pair[1].1 - pair[0].1;
        if grown > worst.0 { (grown, pair[1].0) } else { worst }
    });
    let what = format!("{shown} % of the run (limit {shown_limit} %)");
    let reason = match measured > limit {
        false => format!("The embedded platform had to wait for its CPU for {what}."),
        true => format!(
            "The machine lost time: the embedded platform had no CPU for {what}, most at match \
             minute {}; run again on a quieter host.",
            minute(view.manifest().match_minute(worst.1)),
        ),
    };
    Check::at_most(NAME, measured, limit, "share", reason)
}

/// The worst lateness of a bare sleeper, in ms of wall time.
pub(super) fn sleeper(view: &View<'_>) -> Check {
    let limit = view.manifest().limits.sleeper_late_max_ms;
    let worst = view
        .judged()
        .map(|frame| (frame.machine.sleeper_late_us, frame.from))
        .fold((0, Offset(0)), |worst, next| if next.0 > worst.0 { next } else { worst });
    let measured = worst.0 as f64 / 1e3;
    let (shown, shown_limit) = number_and_limit(measured, limit);
    let at = minute(view.manifest().match_minute(worst.1));
    let waited = waiting(view.judged().filter(|frame| frame.from == worst.1));
    let reason = match measured > limit {
        false => format!(
            "A bare sleeper woke up to {} ms late (limit {} ms).",
            number(measured),
            number(limit)
        ),
        true => format!(
            "The machine lost time: a bare sleeper woke {shown} ms late (limit {shown_limit} ms) \
             at match minute {at}{waited}; run again on a quieter host."
        ),
    };
    Check::at_most("sleeper", measured, limit, "ms", reason)
}
