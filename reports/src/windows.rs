//! What a fault or a moment changed: three windows side by side, before, during and after.
//!
//! A window is of whole intervals of the record; an interval belongs to a fault when at least a
//! tenth of it lay in the fault, so that one that heals some ms late does not colour what comes
//! after.
//!
//! - A **fault** is *during* from the time at which it really began to the time at which it was
//!   healed, by the events of the record; where these do not tell, as it was planned. *Before* and
//!   *after* are as long as it, at least three intervals, and cut to what the run has.
//! - A **moment** is *during* for as long as the slowest scaler needs to see it: the longest
//!   decision window of the services (60 match seconds where none is known); or, where viewers
//!   answer it, until 95 % of those who did had begun, if that is longer. *Before* and *after* are
//!   as long as that.
//!
//! Requests count where they were due, times and failures where the answer came.

use std::collections::BTreeMap;

use hulk_record::{FaultInfo, Measure, MomentInfo, Offset, Samples};
use serde::Serialize;

use crate::changes::{Change, changes, is_told};
use crate::percentiles::samples_min;
use crate::supply::{Supply, of_service};
use crate::view::View;

/// A window beside a fault is at least so many intervals long, and there is none below that.
const INTERVALS_MIN: i64 = 3;
/// An interval belongs to a fault when at least this share of it lay in the fault.
const TOUCHED_MIN: f64 = 0.1;
/// A moment lasts until this share of those who answered it had begun.
const ANSWERED: f64 = 0.95;
/// The decision window that is taken where no service has one, in match seconds.
const DECISION_S: f64 = 60.0;

/// What the windows are around.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Fault,
    Moment,
}

/// Where the times of a span come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Times {
    /// From the events: when it really began and was over.
    Real,
    /// From the plan: the events do not tell.
    Planned,
    /// The fault was never injected, and why.
    Never { why: String },
}

/// A fault or a moment with its windows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Span {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    /// What it does, in words; empty where nothing is known.
    pub(crate) text: String,
    pub(crate) times: Times,
    /// When it began and ended; a moment has no end.
    pub(crate) from: Offset,
    pub(crate) until: Option<Offset>,
    /// None where the run has too little of it.
    pub(crate) before: Option<Window>,
    pub(crate) during: Option<Window>,
    pub(crate) after: Option<Window>,
    /// What was notably worse during it than before; null where there is nothing to compare with.
    pub(crate) worse: Option<Vec<Change>>,
    /// What still was after it.
    pub(crate) still_worse: Option<Vec<Change>>,
    /// Other faults and moments that lie in these windows.
    pub(crate) also: Vec<String>,
}

/// Some whole intervals in a row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Window {
    pub(crate) from_match_min: f64,
    pub(crate) until_match_min: f64,
    pub(crate) wall_s: f64,
    pub(crate) intervals: i64,
    /// Mean of the intervals' ends; none where no worker told.
    pub(crate) viewers_mean: Option<f64>,
    /// Over all services.
    pub(crate) all: Figures,
    /// The services that the fault hits or that changed notably in any of the windows.
    pub(crate) services: BTreeMap<String, Figures>,
}

/// What happened in a window, at one service or at all.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub(crate) struct Figures {
    /// First attempts and retries due.
    pub(crate) requests: u64,
    /// Per second of wall time.
    pub(crate) requests_per_s: f64,
    pub(crate) answers: u64,
    pub(crate) failures: u64,
    /// Failures ÷ answers; none without answers.
    pub(crate) failure_share: Option<f64>,
    /// None where the samples are too few to bound it.
    pub(crate) p50_us: Option<u64>,
    pub(crate) p90_us: Option<u64>,
    pub(crate) p99_us: Option<u64>,
    pub(crate) not_served: u64,
    pub(crate) viewers_not_served: u64,
    /// Instances needed and ready when most were missing, or else when most were needed; none
    /// where scaling was not judged.
    pub(crate) demand: Option<f64>,
    pub(crate) supply: Option<f64>,
    /// Most instances missing at once; over all services that of the worst.
    pub(crate) missing_max: Option<f64>,
}

/// What every window is made from.
struct Run<'a> {
    view: &'a View<'a>,
    supplies: Vec<Supply>,
    present: Vec<Option<u64>>,
}

/// The intervals from … to (exclusive) of each window.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    before: (i64, i64),
    during: (i64, i64),
    after: (i64, i64),
}

/// Every fault and every moment of the window that was run, in the order of time. What happens to
/// the GPUs of an avatar backend no request tells of: its callers' figures do.
pub(crate) fn spans(view: &View<'_>) -> Vec<Span> {
    if view.callers_alone() {
        return Vec::new();
    }
    let services = &view.manifest().services;
    let supplies = services.iter().filter_map(|service| Supply::of(view, service).ok());
    let supplies = supplies.filter(Supply::is_whole).collect();
    let run = Run { view, supplies, present: view.present() };
    let faults = view.manifest().faults.iter().filter(|fault| fault.kind != "gpu");
    let faults = faults.filter_map(|fault| of_fault(&run, fault));
    let moments = view.manifest().moments.iter().filter_map(|moment| of_moment(&run, moment));
    let mut spans: Vec<Span> = faults.chain(moments).collect();
    spans.sort_by(|a, b| (a.from, &a.name).cmp(&(b.from, &b.name)));
    name_neighbours(&mut spans);
    spans
}

fn of_fault(run: &Run<'_>, fault: &FaultInfo) -> Option<Span> {
    let view = run.view;
    let clock = view.manifest().clock;
    let planned = [fault.from, fault.until].map(|at| clock.wall(at));
    if planned[0] >= view.end {
        return None;
    }
    let (times, from, until) = times_of(view, fault, planned);
    let (from, until) = (from.max(Offset(0)), until.min(view.end));
    let first = touched_from(view, from);
    let length = (touched_until(view, until) - first).max(1);
    let bounds = bounds(view, first, length, length.max(INTERVALS_MIN));
    let hit = fault.service.as_deref();
    let span = Span {
        kind: Kind::Fault,
        name: fault.name.clone(),
        text: fault.text.clone(),
        times,
        from,
        until: Some(until),
        before: None,
        during: None,
        after: None,
        worse: None,
        still_worse: None,
        also: Vec::new(),
    };
    Some(measured(run, span, &bounds, hit))
}

/// When a fault really was on; planned where the record does not tell.
pub(crate) fn times_of(
    view: &View<'_>,
    fault: &FaultInfo,
    [from, until]: [Offset; 2],
) -> (Times, Offset, Offset) {
    let start = format!("{}: ", fault.name);
    let own = view.record.events.iter().filter(|event| event.kind == "fault");
    let told: Vec<(Offset, bool, &str)> = own
        .filter_map(|event| {
            Some((event.at, event.intended.is_some(), event.text.strip_prefix(&start)?))
        })
        .collect();
    let on = told.iter().find(|(_, intended, text)| *intended && *text != "healed");
    let healed = told.iter().rev().find(|(_, intended, text)| *intended && *text == "healed");
    if let Some((at, ..)) = on {
        // A run that was stopped may end before the healing is written.
        return (Times::Real, *at, healed.map_or(until, |(at, ..)| *at).max(*at));
    }
    match told.iter().rev().find_map(|(.., text)| text.strip_prefix("was never on: ")) {
        Some(why) => (Times::Never { why: why.to_owned() }, from, until),
        None => (Times::Planned, from, until),
    }
}

fn of_moment(run: &Run<'_>, moment: &MomentInfo) -> Option<Span> {
    let view = run.view;
    let at = view.manifest().clock.wall(moment.at);
    if at < Offset(0) || at >= view.end {
        return None;
    }
    let first = touched_from(view, at);
    let rated = view.manifest().services.iter().filter(|service| service.rated_rps.is_some());
    let decision_s = rated.map(|service| service.decision_window_s).reduce(f64::max);
    let interval_s = view.match_s(Offset(view.interval_us()));
    // A window of whole intervals is rarely a binary fraction.
    let window = (decision_s.unwrap_or(DECISION_S) / interval_s - 1e-9).ceil();
    let answered = answered(view, &moment.name).map_or(0, |last| last + 1 - first);
    let length = (window as i64).max(INTERVALS_MIN).max(answered);
    let span = Span {
        kind: Kind::Moment,
        name: moment.name.clone(),
        text: moment.response.clone().unwrap_or_default(),
        times: Times::Planned,
        from: at,
        until: None,
        before: None,
        during: None,
        after: None,
        worse: None,
        still_worse: None,
        also: Vec::new(),
    };
    Some(measured(run, span, &bounds(view, first, length, length), None))
}

/// The interval by whose end 95 % of those who answered a moment had begun.
fn answered(view: &View<'_>, moment: &str) -> Option<i64> {
    let mut begun: BTreeMap<i64, u64> = BTreeMap::new();
    for frame in view.judged() {
        for count in frame.responses.iter().filter(|count| count.moment == moment) {
            let of = count.acted + count.came + count.woken;
            *begun.entry(view.interval_at(frame.from)).or_default() += of;
        }
    }
    let wanted = begun.values().sum::<u64>() as f64 * ANSWERED;
    let mut seen = 0;
    let all = begun.into_iter().filter(|&(_, count)| count > 0);
    let mut reached = all.skip_while(|&(_, count)| {
        seen += count;
        (seen as f64) < wanted
    });
    reached.next().map(|(interval, _)| interval)
}

/// The first interval of which at least a tenth lies after an instant.
fn touched_from(view: &View<'_>, at: Offset) -> i64 {
    let interval = view.interval_at(at);
    let rest = view.interval_us() - at.0.rem_euclid(view.interval_us());
    interval + i64::from((rest as f64) < TOUCHED_MIN * view.interval_us() as f64)
}

/// The interval after the last of which at least a tenth lies before an instant.
fn touched_until(view: &View<'_>, at: Offset) -> i64 {
    let part = at.0.rem_euclid(view.interval_us()) as f64;
    view.interval_at(at) + i64::from(part >= TOUCHED_MIN * view.interval_us() as f64)
}

fn bounds(view: &View<'_>, first: i64, length: i64, beside: i64) -> Bounds {
    let until = first.saturating_add(length);
    let last = view.intervals();
    Bounds {
        before: ((first - beside).max(0), first.min(last)),
        during: (first.min(last), until.min(last)),
        after: (until.min(last), until.saturating_add(beside).min(last)),
    }
}

/// Fills the windows, and says what was worse.
fn measured(run: &Run<'_>, span: Span, bounds: &Bounds, hit: Option<&str>) -> Span {
    let of =
        |(from, to): (i64, i64), least: i64| (to - from >= least).then(|| window(run, from, to));
    let mut during = of(bounds.during, 1);
    let [mut before, mut after] =
        [bounds.before, bounds.after].map(|beside| of(beside, INTERVALS_MIN));
    let worse = |now: &Option<Window>| Some(changes(before.as_ref()?, now.as_ref()?));
    let (worse, still_worse) = (worse(&during), worse(&after));
    let told: Vec<String> = [&before, &during, &after]
        .into_iter()
        .flatten()
        .flat_map(|window| window.services.keys())
        .filter(|name| Some(name.as_str()) == hit || is_told(name, &before, &during, &after))
        .cloned()
        .collect();
    for window in [&mut before, &mut during, &mut after].into_iter().flatten() {
        window.services.retain(|name, _| told.contains(name));
    }
    Span { before, during, after, worse, still_worse, ..span }
}

/// Everything of the intervals from … to.
fn window(run: &Run<'_>, from: i64, to: i64) -> Window {
    let view = run.view;
    let [start, end] = [from, to].map(|at| view.start_of(at));
    let wall_s = end.since(start) as f64 / 1e6;
    let ends = usize::try_from(from).unwrap_or(0)..usize::try_from(to).unwrap_or(0);
    let known: Vec<u64> =
        run.present.get(ends).unwrap_or_default().iter().copied().flatten().collect();
    let (mut all, mut services) = answers(view, from, to);
    for service in &view.manifest().services {
        let figures = services.entry(service.name.clone()).or_default();
        requests(view, &service.name, (from, to), figures);
    }
    for supply in &run.supplies {
        let figures = services.entry(supply.service.clone()).or_default();
        capacity(supply, view.match_s(start), view.match_s(end), figures);
    }
    for figures in services.values_mut() {
        figures.requests_per_s = if wall_s > 0.0 { figures.requests as f64 / wall_s } else { 0.0 };
        all.requests += figures.requests;
        all.not_served += figures.not_served;
        all.viewers_not_served += figures.viewers_not_served;
        all.missing_max = match (all.missing_max, figures.missing_max) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
    }
    all.requests_per_s = if wall_s > 0.0 { all.requests as f64 / wall_s } else { 0.0 };
    Window {
        from_match_min: view.manifest().match_minute(start),
        until_match_min: view.manifest().match_minute(end),
        wall_s,
        intervals: to - from,
        viewers_mean: (!known.is_empty())
            .then(|| known.iter().sum::<u64>() as f64 / known.len() as f64),
        all,
        services,
    }
}

/// Times and failures of the answers that came in these intervals, over all and by service.
fn answers(view: &View<'_>, from: i64, to: i64) -> (Figures, BTreeMap<String, Figures>) {
    let mut all = (Samples::new(), 0);
    let mut services: BTreeMap<&str, (Samples, u64)> = BTreeMap::new();
    let inside = view.judged().filter(|frame| (from..to).contains(&view.interval_at(frame.from)));
    for (key, samples) in inside.flat_map(|frame| &frame.series) {
        if key.measure != Measure::Response {
            continue;
        }
        let Some(service) = view.service_of(&key.journey, &key.step) else { continue };
        let own = services.entry(service).or_default();
        let failed = match key.outcome.is_failure() {
            true => samples.counts.iter().map(|&(_, count)| count).sum(),
            false => 0,
        };
        for (total, failures) in [&mut all, own] {
            total.merge(samples);
            *failures += failed;
        }
    }
    let figures = |(samples, failures): &(Samples, u64)| {
        let answers = samples.count();
        let quantile = |ppm: u32| {
            let enough = answers >= samples_min(ppm);
            enough.then(|| samples.quantile_at_most_max_us(ppm))
        };
        Figures {
            answers,
            failures: *failures,
            failure_share: (answers > 0).then(|| *failures as f64 / answers as f64),
            p50_us: quantile(500_000),
            p90_us: quantile(900_000),
            p99_us: quantile(990_000),
            ..Figures::default()
        }
    };
    let by_name = services.iter().map(|(name, own)| ((*name).to_owned(), figures(own)));
    (figures(&all), by_name.collect())
}

fn requests(view: &View<'_>, service: &str, (from, to): (i64, i64), figures: &mut Figures) {
    for (_, send) in of_service(view, service).filter(|&(due, _)| (from..to).contains(&due.into()))
    {
        figures.requests += send.first + send.retries;
        figures.not_served += send.not_served();
        figures.viewers_not_served += send.viewers_not_served;
    }
}

/// The step with the most instances missing, or with the largest demand where none were.
fn capacity(supply: &Supply, from_s: f64, to_s: f64, figures: &mut Figures) {
    let first = supply.steps.partition_point(|step| step.at_s <= from_s).saturating_sub(1);
    let inside = supply.steps.iter().skip(first).enumerate();
    let inside = inside.take_while(|(index, step)| *index == 0 || step.at_s < to_s);
    let worst = inside.map(|(_, step)| step).reduce(|worst, step| {
        let [own, other] = [worst, step].map(|step| (step.missing(), step.demand));
        if other > own { step } else { worst }
    });
    if let Some(step) = worst {
        figures.demand = Some(step.demand);
        figures.supply = Some(step.supply);
        figures.missing_max = Some(step.missing());
    }
}

/// Two things at once cannot be told apart: each says which others lie in its windows.
fn name_neighbours(spans: &mut [Span]) {
    let ends: Vec<(String, f64, f64)> = spans
        .iter()
        .map(|span| {
            let windows = || [&span.before, &span.during, &span.after].into_iter().flatten();
            let from = windows().map(|w| w.from_match_min).fold(f64::INFINITY, f64::min);
            let until = windows().map(|w| w.until_match_min).fold(f64::NEG_INFINITY, f64::max);
            (span.name.clone(), from, until)
        })
        .collect();
    let own: Vec<(f64, f64)> = spans
        .iter()
        .map(|span| {
            let during = span.during.as_ref();
            let until = match span.kind {
                Kind::Fault => during.map(|window| window.until_match_min),
                Kind::Moment => during.map(|window| window.from_match_min),
            };
            (during.map_or(f64::NAN, |window| window.from_match_min), until.unwrap_or(f64::NAN))
        })
        .collect();
    for (index, span) in spans.iter_mut().enumerate() {
        let (_, from, until) = &ends[index];
        let others = own.iter().enumerate().filter(|(other, (start, end))| {
            *other != index && start < until && (end > from || start >= from)
        });
        span.also = others.map(|(other, _)| ends[other].0.clone()).collect();
    }
}
