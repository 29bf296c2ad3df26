//! The callers of an avatar backend, as a section.

use hulk_avatar::Figure;
use hulk_record::{CalleeSample, CallersInfo, CallersSample, Offset, Samples};

use super::chart::ticks;
use super::marks::Marks;
use super::panel::{Axis, Panel, Scale, short};
use super::tables::{numeric, table};
use crate::callers::{CallTimes, CallersVerdict, Cells, intervals, opening};
use crate::verdict::Verdict;
use crate::view::View;
use crate::words::{count, escape, micros, number};

/// More points would fill a file and show no more.
const POINTS_MAX: usize = 240;

const KEYS: &str = r#"<ul class="keys">
<li class="keyed"><svg class="key" width="34" height="12"><path class="present" d="M0 6H34"/></svg> open, by the callers</li>
<li class="keyed"><svg class="key" width="34" height="12"><path class="rank-5" d="M0 6H34"/></svg> streams, by the backend</li>
<li class="keyed"><svg class="key" width="34" height="12"><path class="p99" d="M0 6H34"/></svg> p95</li>
<li class="keyed"><svg class="key" width="34" height="12"><path class="wanted" d="M0 6H34"/></svg> limit</li>
<li class="keyed"><svg class="key" width="34" height="12"><path class="fault" d="M1 0H33V12H1Z"/></svg> fault</li>
</ul>
"#;

/// The section; nothing where the rehearsal has no callers. Where they were alone, the timeline has
/// the drawing.
pub(super) fn section(view: &View<'_>, verdict: &Verdict) -> String {
    let Some(of) = &verdict.callers else { return String::new() };
    let drawn = if view.callers_alone() { String::new() } else { chart(view) };
    format!(
        "<section>\n<h2>Avatar callers</h2>\n<p>{}.</p>\n{}{}{}{drawn}<p class=\"soft\">Callers \
         live in wall time, whatever the match clock's speed. A call that the run itself cut off \
         is in no figure; what was not measured breaks no limit.</p>\n</section>\n",
        escape(&opening(of)),
        figures(of),
        ends(of),
        times(of),
    )
}

fn figures(of: &CallersVerdict) -> String {
    let row = |of: &Figure| {
        let Cells { measured, between, limit } = Cells::of(of);
        let (class, mark) = match (of.holds(), &of.invalid, of.measured) {
            (Some(true), ..) => ("good", "✓ PASS"),
            (Some(false), ..) => ("bad", "✗ FAIL"),
            (None, Some(_), _) => ("bad", "✗ INVALID"),
            (None, None, None) => ("open", "– not measured"),
            (None, None, Some(_)) => ("soft", "no limit"),
        };
        let why = of.invalid.as_ref().map(|why| format!("<small>{}</small>", escape(why)));
        format!(
            "<td class=\"status {class}\">{mark}</td><th scope=\"row\">{}{}</th>{}",
            escape(&of.name),
            why.unwrap_or_default(),
            [measured, between, limit].map(|cell| numeric(&cell)).concat(),
        )
    };
    let rows: Vec<String> = of.figures.iter().map(row).collect();
    table(&["Result", "Figure", "#Measured", "#95 % interval", "#Limit"], &rows)
}

fn ends(of: &CallersVerdict) -> String {
    let row = |what: &str, (end, times): &(String, u64)| {
        format!("<th scope=\"row\">{what}: {}</th>{}", escape(end), numeric(&count(*times)))
    };
    let first = of.ends.iter().map(|end| row("Planned", end));
    let again = of.ends_again.iter().map(|end| row("Made again", end));
    let rows: Vec<String> = first.chain(again).collect();
    if rows.is_empty() { String::new() } else { table(&["How calls ended", "#Calls"], &rows) }
}

fn times(of: &CallersVerdict) -> String {
    let row = |of: &CallTimes| {
        let times = [of.p50_ms, of.p90_ms, of.p99_ms, of.max_ms];
        let times = times.map(|ms| numeric(&format!("{} ms", number(ms)))).concat();
        format!("<th scope=\"row\">{}</th>{}{times}", of.name, numeric(&count(of.count)))
    };
    let rows: Vec<String> = of.histograms.iter().map(row).collect();
    let heads = ["How long it took", "#Count", "#p50", "#p90", "#p99", "#Largest"];
    if rows.is_empty() { String::new() } else { table(&heads, &rows) }
}

/// One or more whole intervals.
struct Point {
    /// In match seconds since the window's start.
    from_s: f64,
    to_s: f64,
    /// The most sessions that were open at an interval's end.
    open: u64,
    /// Of the latency from audio to frame; none where nothing came back.
    p95_us: Option<u64>,
}

/// One or more looks at the backend.
struct Look {
    /// In match seconds since the window's start.
    at_s: f64,
    /// The most of them.
    streams: u32,
    /// The least of them.
    streams_max: u32,
}

/// Sessions, streams and latency over the run.
pub(super) fn chart(view: &View<'_>) -> String {
    let points = points(view);
    let axis = Axis { total_s: view.match_s(view.manifest().until) };
    let info = view.manifest().callers.as_ref();
    let Some(info) = info.filter(|_| axis.total_s > 0.0 && !points.is_empty()) else {
        return "<p>There is no interval to draw.</p>\n".to_owned();
    };
    let marks = Marks::of(view, &axis);
    let list = if view.callers_alone() { marks.list() } else { String::new() };
    format!(
        "<figure class=\"chart\">\n{KEYS}<div class=\"ranks\">\n{}{}{}{}</div>\n{list}</figure>\n",
        marks.strip(),
        open(&axis, &marks, &points, (&looks(view), info)),
        latency(&axis, &marks, &points, info),
        ticks(view, &axis),
    )
}

fn points(view: &View<'_>) -> Vec<Point> {
    let all = intervals(view);
    // One histogram serves all.
    let mut samples = Samples::new();
    let point = |own: &[(Offset, Offset, CallersSample)]| {
        samples.clear();
        own.iter().for_each(|(.., of)| samples.merge(&of.latency));
        let p95_us = samples.quantile_at_most_max_us(950_000);
        Some(Point {
            from_s: view.match_s(own.first()?.0),
            to_s: view.match_s(own.last()?.1),
            open: own.iter().map(|(.., of)| of.open).max()?,
            p95_us: (samples.count() > 0).then_some(p95_us),
        })
    };
    all.chunks(all.len().div_ceil(POINTS_MAX).max(1)).filter_map(point).collect()
}

fn looks(view: &View<'_>) -> Vec<Look> {
    let within = Offset(0)..=view.manifest().until;
    let seen = view.record.callee.iter().filter(|sample| within.contains(&sample.at));
    let mut seen: Vec<&CalleeSample> = seen.collect();
    seen.sort_by_key(|sample| sample.at);
    let look = |own: &[&CalleeSample]| {
        Some(Look {
            at_s: view.match_s(own.first()?.at),
            streams: own.iter().map(|sample| sample.streams).max()?,
            streams_max: own.iter().map(|sample| sample.streams_max).min()?,
        })
    };
    seen.chunks(seen.len().div_ceil(POINTS_MAX).max(1)).filter_map(look).collect()
}

fn open(
    axis: &Axis,
    marks: &Marks<'_>,
    points: &[Point],
    (looks, info): (&[Look], &CallersInfo),
) -> String {
    let most = points.iter().map(|point| point.open).max().unwrap_or(0);
    let streams = looks.iter().map(|look| look.streams).max();
    let limit = looks.iter().map(|look| look.streams_max).max().or(info.streams_max);
    let largest = most.max(streams.unwrap_or(0).into()).max(limit.unwrap_or(0).into());
    let mut panel = Panel::new(axis, Scale::linear(largest as f64), 120.0);
    panel.curve("present", points.iter().map(|point| (point.to_s, Some(point.open as f64))));
    panel.curve("rank-5", looks.iter().map(|look| (look.at_s, Some(f64::from(look.streams)))));
    match (looks.is_empty(), info.streams_max) {
        (true, Some(limit)) => {
            let ends = [0.0, axis.total_s];
            panel.curve("wanted", ends.into_iter().map(|at_s| (at_s, Some(f64::from(limit)))));
        }
        _ => {
            let limits = looks.iter().map(|look| (look.at_s, Some(f64::from(look.streams_max))));
            panel.curve("wanted", limits);
        }
    }
    let mut told = format!("at most {} open", count(most));
    if let Some(streams) = streams {
        told += &format!(", {} streams by the backend's own count", count(streams.into()));
    }
    if let Some(limit) = limit {
        told += &format!(", of {} that it may carry", count(limit.into()));
    }
    panel.draw(marks, "Open sessions", &told, short)
}

/// Nothing where no speech came back.
fn latency(axis: &Axis, marks: &Marks<'_>, points: &[Point], info: &CallersInfo) -> String {
    let all = || points.iter().filter_map(|point| point.p95_us);
    let (Some(low), Some(high)) = (all().min(), all().max()) else { return String::new() };
    let limit_us = f64::from(info.objectives.session.latency_ms_max) * 1e3;
    let scale = Scale::log(limit_us.min(low as f64), limit_us.max(high as f64));
    let mut panel = Panel::new(axis, scale, 120.0);
    let middle = |point: &Point| (point.from_s + point.to_s) / 2.0;
    let values = points.iter().map(|point| (middle(point), point.p95_us.map(|us| us as f64)));
    panel.curve("p99", values);
    panel.curve("wanted", [0.0, axis.total_s].into_iter().map(|at_s| (at_s, Some(limit_us))));
    let told = format!("p95 at most {}", micros(high as f64));
    panel.draw(marks, "From audio to frame, p95", &told, micros)
}
