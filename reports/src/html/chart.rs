//! The timeline: audience, capacity, latency and errors on one axis of match time.

use std::fmt::Write;

use hulk_scaling::elasticity::Step;

use super::faults;
use super::panel::{Axis, Panel, Scale};
use crate::supply::Supply;
use crate::timeline::Bin;
use crate::verdict::Verdict;
use crate::view::View;
use crate::words::{count, escape, micros, minute, number};

/// More services than that do not fit on a screen: those that were short come first.
const SERVICES_MAX: usize = 8;
/// More steps than that are not told apart on a screen.
const STEPS_MAX: usize = 240;
const MOMENTS_MAX: usize = 40;
const STRIP_PX: f64 = 22.0;

const KEYS: &str = r#"<ul class="keys">
<li><svg viewBox="0 0 32 12"><path class="wanted" d="M0 6H32"/></svg>wanted, needed</li>
<li><svg viewBox="0 0 32 12"><path class="present" d="M0 6H32"/></svg>present, ready</li>
<li><svg viewBox="0 0 32 12"><path class="short" d="M0 0H32V12H0Z"/></svg>too few instances</li>
<li><svg viewBox="0 0 32 12"><path class="fault" d="M0 0H32V12H0Z"/></svg>fault</li>
<li><svg viewBox="0 0 32 12"><path class="p99" d="M0 6H32"/></svg>p99</li>
<li><svg viewBox="0 0 32 12"><path class="p50" d="M1 6H31"/></svg>p50</li>
</ul>
"#;

/// The timeline as a figure.
pub(super) fn timeline(view: &View<'_>, verdict: &Verdict, bins: &[Bin]) -> String {
    let total_s = view.match_s(view.manifest().until);
    if bins.is_empty() || total_s.is_nan() || total_s <= 0.0 {
        return "<p>There is no interval to draw.</p>\n".to_owned();
    }
    let axis = Axis { total_s };
    let mut body = String::new();
    let mut top = STRIP_PX;
    top += viewers(&axis, bins).draw(&mut body, top, "Viewers", number);
    let (supplies, hidden) = shown(view, verdict);
    for supply in &supplies {
        let title = format!("Instances of {}", supply.service);
        top += instances(&axis, supply).draw(&mut body, top, &title, number);
    }
    top += latency(&axis, bins).draw(&mut body, top, "Response time, all services", micros);
    let bin_s = bins.first().map_or(0.0, |bin| bin.to_s - bin.from_s);
    let title = format!("Failures in each {} of the match", span(bin_s));
    top += failures(&axis, bins).draw(&mut body, top, &title, number);
    let bottom = top;
    ticks(view, &axis, &mut body, bottom);
    let mut bands = String::new();
    faults::bands(view, &axis, &mut bands, (STRIP_PX, bottom - 14.0));
    moments(view, &axis, &mut body, bottom - 14.0);
    stop(view, &axis, &mut body, bottom - 14.0);
    hits(view, &axis, bins, &mut body, bottom - 14.0);
    let height = bottom + 8.0;
    let mut caption = moment_names(view) + &faults::names(view);
    if hidden > 0 {
        let _ = writeln!(
            caption,
            "<p class=\"soft\">{hidden} more services are in the table of scaling.</p>"
        );
    }
    format!(
        "<figure>\n{KEYS}<svg class=\"chart\" role=\"img\" height=\"{height:.0}\" \
         aria-label=\"Viewers, instances, response times and failures over the match minutes {} to \
         {}; the same figures are in the tables below\">\n{bands}{body}</svg>\n<figcaption>{caption}\
         </figcaption>\n</figure>\n",
        minute(verdict.from_match_min),
        minute(verdict.until_match_min),
    )
}

/// A length of match time in the unit that suits it.
fn span(match_s: f64) -> String {
    match match_s {
        s if s < 120.0 => format!("{} s", number(s)),
        s => format!("{} min", number(s / 60.0)),
    }
}

fn viewers<'a>(axis: &'a Axis, bins: &[Bin]) -> Panel<'a> {
    let all = bins.iter().flat_map(|bin| [bin.wanted, bin.present]).flatten();
    let mut panel = Panel::new(axis, Scale::linear(all.max().unwrap_or(0) as f64), 110.0);
    let float = |viewers: Option<u64>| viewers.map(|viewers| viewers as f64);
    panel.curve("present", bins.iter().map(|bin| (bin.to_s, float(bin.present))));
    panel.curve("wanted", bins.iter().map(|bin| (bin.to_s, float(bin.wanted))));
    panel
}

/// The services to draw, in their order, and how many more there are.
fn shown(view: &View<'_>, verdict: &Verdict) -> (Vec<Supply>, usize) {
    let services = &view.manifest().services;
    let supplies = services.iter().filter_map(|service| Supply::of(view, service).ok());
    let short = |supply: &Supply| {
        let known = verdict.scaling.iter().find(|scaling| scaling.service == supply.service);
        known.is_some_and(|scaling| scaling.shortage.is_some())
    };
    let mut all: Vec<Supply> = supplies.collect();
    all.sort_by_key(|supply| !short(supply));
    let hidden = all.len().saturating_sub(SERVICES_MAX);
    all.truncate(SERVICES_MAX);
    (all, hidden)
}

fn instances<'a>(axis: &'a Axis, supply: &Supply) -> Panel<'a> {
    let steps = thinned(supply);
    let largest = steps.iter().map(|step| step.demand.max(step.supply)).fold(0.0, f64::max);
    let mut panel = Panel::new(axis, Scale::linear(largest), 72.0);
    let ends = steps.iter().skip(1).map(|step| step.at_s).chain([supply.end_s]);
    let short = steps.iter().zip(ends).filter(|(step, _)| step.missing() > 0.0);
    panel.boxes("short", short.map(|(s, end_s)| (s.at_s, end_s, s.supply, s.demand)));
    panel.steps("supply", steps.iter().map(|step| (step.at_s, step.supply)), supply.end_s);
    panel.steps("demand", steps.iter().map(|step| (step.at_s, step.demand)), supply.end_s);
    panel
}

/// At most one step for each part of the width: the one with the most instances missing, so that a
/// short shortage stays visible and none is made up.
fn thinned(supply: &Supply) -> Vec<Step> {
    if supply.steps.len() <= STEPS_MAX {
        return supply.steps.clone();
    }
    let slot = |step: &Step| (step.at_s / supply.end_s * STEPS_MAX as f64) as usize;
    let mut kept: Vec<Step> = Vec::new();
    for step in &supply.steps {
        match kept.last_mut().filter(|last| slot(last) == slot(step)) {
            Some(last) if last.demand - last.supply < step.demand - step.supply => {
                *last = Step { at_s: last.at_s, ..*step };
            }
            Some(_) => {}
            None => kept.push(*step),
        }
    }
    kept
}

fn latency<'a>(axis: &'a Axis, bins: &[Bin]) -> Panel<'a> {
    let all = || bins.iter().flat_map(|bin| [bin.p50_us, bin.p99_us]).flatten();
    let [low, high] = [all().min(), all().max()].map(|us| us.unwrap_or(1) as f64);
    let mut panel = Panel::new(axis, Scale::log(low, high), 110.0);
    let middle = |bin: &Bin| (bin.from_s + bin.to_s) / 2.0;
    let float = |us: Option<u64>| us.map(|us| us as f64);
    panel.curve("p50", bins.iter().map(|bin| (middle(bin), float(bin.p50_us))));
    panel.curve("p99", bins.iter().map(|bin| (middle(bin), float(bin.p99_us))));
    panel
}

fn failures<'a>(axis: &'a Axis, bins: &[Bin]) -> Panel<'a> {
    let largest = bins.iter().map(|bin| bin.failures).max().unwrap_or(0);
    let mut panel = Panel::new(axis, Scale::linear(largest as f64), 56.0);
    let failed = bins.iter().filter(|bin| bin.failures > 0);
    panel.boxes("errors", failed.map(|bin| (bin.from_s, bin.to_s, 0.0, bin.failures as f64)));
    panel
}

/// The match minutes below the panels.
fn ticks(view: &View<'_>, axis: &Axis, out: &mut String, y: f64) {
    const STEPS_MIN: [f64; 12] =
        [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 240.0];
    let (from, total) = (view.manifest().from_match_min, axis.total_s / 60.0);
    let step = STEPS_MIN.into_iter().find(|step| total / step <= 7.0).unwrap_or(total);
    let first = (from / step).ceil() as i64;
    let last = ((from + total) / step + 1e-9).floor() as i64;
    for tick in first..=last {
        let at_min = tick as f64 * step;
        let x = axis.percent((at_min - from) * 60.0);
        let anchor = match x {
            x if x < 3.0 => "start",
            x if x > 97.0 => "end",
            _ => "middle",
        };
        let _ = writeln!(
            out,
            "<text x=\"{x:.2}%\" y=\"{y:.0}\" text-anchor=\"{anchor}\">{}</text>",
            number(at_min)
        );
    }
}

/// The moments inside the window, with their match minute.
fn known_moments<'a>(view: &View<'a>) -> impl Iterator<Item = (usize, f64, &'a str)> {
    let until_s = view.match_s(view.manifest().until);
    let moments = view.manifest().moments.iter();
    moments
        .map(|moment| (moment.at.as_s(), moment.name.as_str()))
        .filter(move |(at_s, _)| (0.0..=until_s).contains(at_s))
        .take(MOMENTS_MAX)
        .enumerate()
        .map(|(index, (at_s, name))| (index + 1, at_s, name))
}

/// A numbered line for each moment; neighbours stand on different heights.
fn moments(view: &View<'_>, axis: &Axis, out: &mut String, bottom: f64) {
    for (number, at_s, _) in known_moments(view) {
        let x = axis.percent(at_s);
        let y = if number % 2 == 1 { 11 } else { 21 };
        let anchor = if x > 98.0 { "end" } else { "middle" };
        let _ = writeln!(
            out,
            "<line class=\"moment\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"{}\" y2=\"{bottom:.0}\"/>\n\
             <text class=\"mark\" x=\"{x:.2}%\" y=\"{y}\" text-anchor=\"{anchor}\">{number}</text>",
            y + 2
        );
    }
}

fn moment_names(view: &View<'_>) -> String {
    let items: String = known_moments(view)
        .map(|(number, at_s, name)| {
            let at = minute(view.minute_at(at_s));
            format!("<li><b>{number}</b> {} (minute {at})</li>\n", escape(name))
        })
        .collect();
    let hidden = view.manifest().moments.len().saturating_sub(MOMENTS_MAX);
    match (items.is_empty(), hidden) {
        (true, _) => items,
        (_, 0) => format!("<ul class=\"moments\">\n{items}</ul>\n"),
        _ => format!("<ul class=\"moments\">\n{items}<li>and {hidden} more</li>\n</ul>\n"),
    }
}

/// Where a run that did not come to its end stopped.
fn stop(view: &View<'_>, axis: &Axis, out: &mut String, bottom: f64) {
    if view.is_complete() {
        return;
    }
    let x = axis.percent(view.match_s(view.end));
    let _ = writeln!(
        out,
        "<line class=\"stop\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"{STRIP_PX:.0}\" \
         y2=\"{bottom:.0}\"/>\n<text class=\"mark\" x=\"{x:.2}%\" dx=\"4\" y=\"{:.0}\" \
         text-anchor=\"{}\">stopped</text>",
        STRIP_PX + 32.0,
        if x > 85.0 { "end" } else { "start" },
    );
}

/// What a pointer reads over each bin.
fn hits(view: &View<'_>, axis: &Axis, bins: &[Bin], out: &mut String, bottom: f64) {
    let known = |viewers: Option<u64>| viewers.map_or_else(|| "?".to_owned(), count);
    for bin in bins {
        let x = axis.percent(bin.from_s);
        let times = match (bin.p50_us, bin.p99_us) {
            (Some(p50), Some(p99)) => {
                format!("p50 {}, p99 {}", micros(p50 as f64), micros(p99 as f64))
            }
            _ => "no answers".to_owned(),
        };
        let _ = writeln!(
            out,
            "<rect class=\"hit\" x=\"{x:.2}%\" width=\"{:.2}%\" y=\"{STRIP_PX:.0}\" \
             height=\"{:.0}\"><title>minute {}: {} of {} viewers; {times}; {} failed</title></rect>",
            axis.percent(bin.to_s) - x,
            bottom - STRIP_PX,
            minute(view.minute_at(bin.from_s)),
            known(bin.present),
            known(bin.wanted),
            count(bin.failures),
        );
    }
}
