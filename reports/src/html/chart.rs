//! The timeline: audience, capacity, latency and errors on one axis of match time.

use hulk_scaling::elasticity::Step;

use super::behind;
use super::callers;
use super::marks::Marks;
use super::panel::{Axis, Panel, Scale, short};
use crate::supply::Supply;
use crate::timeline::{Bin, Level, Times};
use crate::verdict::Verdict;
use crate::view::View;
use crate::words::{count, escape, micros, minute, number};

/// Services that are seen at once: those that were short, and at least so many.
const SHOWN_MIN: usize = 3;
const SHOWN_MAX: usize = 6;
/// Services beyond those are in `summary.json` only.
const SERVICES_MAX: usize = 60;
/// Steps of demand and supply of all services together, and of each one.
const STEPS_MAX: usize = 2400;
const STEPS_OF_ONE: (usize, usize) = (40, 240);

const KEYS: &str = r#"<ul class="keys">
<li class="keyed"><svg class="key" width="34" height="12"><path class="wanted" d="M0 6H34"/></svg> wanted, needed</li>
<li class="keyed"><svg class="key" width="34" height="12"><path class="present" d="M0 6H34"/></svg> present, ready</li>
<li class="keyed"><svg class="key" width="34" height="12"><path class="short" d="M1 1H33V11H1Z"/></svg> too few instances</li>
<li class="keyed"><svg class="key" width="22" height="14"><path class="grid" d="M0 8H22"/><path class="up" d="M11 8V1"/></svg> scaled up</li>
<li class="keyed"><svg class="key" width="22" height="14"><path class="grid" d="M0 6H22"/><path class="down" d="M11 6V13"/></svg> scaled down</li>
<li class="keyed"><svg class="key" width="34" height="12"><path class="p999" d="M0 6H34"/></svg> p99.9</li>
<li class="keyed"><svg class="key" width="34" height="12"><path class="p99" d="M0 6H34"/></svg> p99</li>
<li class="keyed"><svg class="key" width="34" height="12"><path class="p50" d="M1 6H34"/></svg> p50</li>
<li class="keyed"><svg class="key" width="34" height="12"><path class="fault" d="M1 0H33V12H1Z"/></svg> fault</li>
<li class="keyed"><svg class="key" width="12" height="18"><path class="moment" d="M6 0V18"/></svg> moment</li>
</ul>
"#;

/// What the figure draws.
pub(super) struct Drawn {
    pub(super) levels: Vec<Level>,
    /// The tightest first.
    pub(super) services: Vec<Supply>,
    /// How many services there was no room for.
    pub(super) left_out: usize,
    /// Match seconds from the start to the planned end.
    pub(super) total_s: f64,
    /// Of the whole run.
    pub(super) times: Option<Times>,
}

impl Drawn {
    /// None when there is no interval to draw, and where nobody was there but callers.
    pub(super) fn of(view: &View<'_>, verdict: &Verdict, times: Option<Times>) -> Option<Self> {
        let total_s = view.match_s(view.manifest().until);
        if view.intervals() <= 0 || total_s.is_nan() || total_s <= 0.0 || view.callers_alone() {
            return None;
        }
        let mut services = tightest_first(view, verdict);
        let left_out = services.len().saturating_sub(SERVICES_MAX);
        services.truncate(SERVICES_MAX);
        let (least, most) = STEPS_OF_ONE;
        let steps_max = (STEPS_MAX / services.len().max(1)).clamp(least, most);
        services.iter_mut().for_each(|service| thin(service, steps_max));
        Some(Self { levels: crate::timeline::levels(view), services, left_out, total_s, times })
    }

    /// The bins of the first view.
    pub(super) fn bins(&self) -> &[Bin] {
        self.levels.first().map_or(&[], |level| &level.bins)
    }
}

/// Those that served the least of their viewers first, then those with the least to spare.
fn tightest_first(view: &View<'_>, verdict: &Verdict) -> Vec<Supply> {
    let services = view.manifest().services.iter();
    let mut all: Vec<Supply> =
        services.filter_map(|service| Supply::of(view, service).ok()).collect();
    let not_served = |name: &str| {
        verdict.scaling.iter().find(|of| of.service == name).map_or(0, |of| of.not_served)
    };
    let used = |supply: &Supply| {
        let steps = supply.steps.iter().filter(|step| step.demand > 0.0);
        steps.map(|step| step.demand / step.supply).fold(0.0, f64::max)
    };
    all.sort_by(|a, b| {
        let by_served = not_served(&b.service).cmp(&not_served(&a.service));
        let by_short = is_short(b).cmp(&is_short(a));
        by_short.then(by_served).then(used(b).total_cmp(&used(a)))
    });
    all
}

fn is_short(supply: &Supply) -> bool {
    supply.steps.iter().any(|step| step.missing() > 0.0)
}

/// At most one step for each part of the width: the one with the most instances missing, so that a
/// short shortage stays visible and none is made up.
fn thin(supply: &mut Supply, steps_max: usize) {
    if supply.steps.len() <= steps_max {
        return;
    }
    let end_s = supply.end_s;
    let slot = |step: &Step| (step.at_s / end_s * steps_max as f64) as usize;
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
    supply.steps = kept;
}

/// The timeline as a figure, with the figures of its window and the tables behind it.
pub(super) fn timeline(view: &View<'_>, drawn: Option<&Drawn>) -> String {
    if view.callers_alone() {
        return callers::chart(view);
    }
    let Some(drawn) = drawn else {
        return "<p>There is no interval to draw.</p>\n".to_owned();
    };
    let axis = Axis { total_s: drawn.total_s };
    let marks = Marks::of(view, &axis);
    let bins = drawn.bins();
    let short = drawn.services.iter().filter(|service| is_short(service)).count();
    let shown = match short.clamp(SHOWN_MIN, SHOWN_MAX) {
        // A fold for one panel saves nothing.
        shown if drawn.services.len() <= shown + 1 => drawn.services.len(),
        shown => shown,
    };
    let (first, rest) = drawn.services.split_at(shown);
    let panels = |services: &[Supply]| -> String {
        services.iter().map(|service| instances(&axis, &marks, service)).collect()
    };
    let plots = [
        marks.strip(),
        viewers(&axis, &marks, bins),
        panels(first),
        fold(rest, &panels(rest)),
        latency(&axis, &marks, bins),
        failures(&axis, &marks, bins),
        ticks(view, &axis),
    ];
    format!(
        "<figure class=\"timeline chart\">\n{KEYS}<div class=\"plots\">\n{}</div>\n{}{}{}</figure>\n",
        plots.concat(),
        behind::window(view, drawn),
        marks.list(),
        behind::tables(view, drawn),
    )
}

/// The panels of further services, folded away.
fn fold(rest: &[Supply], panels: &str) -> String {
    if rest.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = rest.iter().map(|service| service.service.as_str()).collect();
    let short = rest.iter().filter(|service| is_short(service)).count();
    let told = match short {
        0 => "never short of instances".to_owned(),
        short => format!("{} of them short of instances", count(short as u64)),
    };
    format!(
        "<details class=\"more\">\n<summary>{} more services, {told}: {}</summary>\n{panels}</details>\n",
        rest.len(),
        escape(&names.join(", ")),
    )
}

fn viewers(axis: &Axis, marks: &Marks<'_>, bins: &[Bin]) -> String {
    let most = |of: fn(&Bin) -> Option<u64>| bins.iter().filter_map(of).max();
    let (wanted, present) = (most(|bin| bin.wanted), most(|bin| bin.present));
    let largest = wanted.max(present).unwrap_or(0);
    let mut panel = Panel::new(axis, Scale::linear(largest as f64), 120.0);
    let float = |viewers: Option<u64>| viewers.map(|viewers| viewers as f64);
    panel.curve("present", bins.iter().map(|bin| (bin.to_s, float(bin.present))));
    panel.curve("wanted", bins.iter().map(|bin| (bin.to_s, float(bin.wanted))));
    let told = format!(
        "at most {} present{}",
        present.map_or_else(|| "an unknown number".to_owned(), count),
        wanted.map_or_else(String::new, |wanted| format!(" and {} wanted", count(wanted)))
    );
    panel.draw(marks, "Viewers", &told, short)
}

fn instances(axis: &Axis, marks: &Marks<'_>, supply: &Supply) -> String {
    let steps = &supply.steps;
    let most = |of: fn(&Step) -> f64| steps.iter().map(of).fold(0.0, f64::max);
    let (demand, ready) = (most(|step| step.demand), most(|step| step.supply));
    let mut panel = Panel::new(axis, Scale::linear(demand.max(ready)), 72.0);
    let ends = steps.iter().skip(1).map(|step| step.at_s).chain([supply.end_s]);
    let lacking =
        steps.iter().zip(ends).filter(|(step, _)| step.missing() > 0.0 && supply.is_seen(step));
    panel.boxes("short", lacking.map(|(s, end_s)| (s.at_s, end_s, s.supply, s.demand)));
    for piece in steps.chunk_by(|a, b| supply.is_seen(a) == supply.is_seen(b)) {
        let after = piece.last().and_then(|last| steps.iter().find(|step| step.at_s > last.at_s));
        let end_s = after.map_or(supply.end_s, |step| step.at_s);
        match piece.first() {
            Some(first) if !supply.is_seen(first) => {
                panel.boxes("unseen", std::iter::once((first.at_s, end_s, 0.0, demand.max(ready))));
            }
            _ => panel.steps("supply", piece.iter().map(|s| (s.at_s, s.supply)), end_s),
        }
    }
    panel.steps("demand", steps.iter().map(|step| (step.at_s, step.demand)), supply.end_s);
    let scaled = |up: bool| {
        let changes = steps.windows(2).filter(move |pair| match up {
            true => pair[1].supply > pair[0].supply,
            false => pair[1].supply < pair[0].supply,
        });
        changes.map(|pair| pair[1].at_s)
    };
    panel.ticks("up", scaled(true), true);
    panel.ticks("down", scaled(false), false);
    let missing = most(Step::missing);
    let told = match missing {
        _ if !supply.is_whole() => {
            format!("at most {} needed; not seen where it is grey", number(demand))
        }
        0.0 => {
            format!("at most {} needed and {} ready, always enough", number(demand), number(ready))
        }
        missing => format!("at most {} needed, up to {} too few", number(demand), number(missing)),
    };
    panel.draw(marks, &format!("Instances of {}", supply.service), &told, short)
}

fn latency(axis: &Axis, marks: &Marks<'_>, bins: &[Bin]) -> String {
    let all = || bins.iter().filter_map(|bin| bin.times);
    let low = all().map(|times| times.p50_us).min().unwrap_or(1);
    let high = all().map(|times| times.p999_us).max().unwrap_or(1);
    let mut panel = Panel::new(axis, Scale::log(low as f64, high as f64), 130.0);
    let mut curve = |class: &str, of: fn(Times) -> u64| {
        let middle = |bin: &Bin| (bin.from_s + bin.to_s) / 2.0;
        panel.curve(class, bins.iter().map(|bin| (middle(bin), bin.times.map(|us| of(us) as f64))));
    };
    curve("p999", |times| times.p999_us);
    curve("p99", |times| times.p99_us);
    curve("p50", |times| times.p50_us);
    let told = match all().map(|times| times.p99_us).max() {
        Some(worst) => format!("p99 at most {}", micros(worst as f64)),
        None => "no answers".to_owned(),
    };
    panel.draw(marks, "Response time, all services", &told, micros)
}

fn failures(axis: &Axis, marks: &Marks<'_>, bins: &[Bin]) -> String {
    let largest = bins.iter().map(|bin| bin.failures).max().unwrap_or(0);
    let mut panel = Panel::new(axis, Scale::linear(largest as f64), 56.0);
    let failed = bins.iter().filter(|bin| bin.failures > 0);
    panel.boxes("errors", failed.map(|bin| (bin.from_s, bin.to_s, 0.0, bin.failures as f64)));
    let step = bins.first().map_or(0.0, |bin| bin.to_s - bin.from_s);
    let told = format!("at most {}", count(largest));
    let title = match largest {
        0 => "Failed answers: none".to_owned(),
        _ => format!("Failed answers in each {} of the match", span(step)),
    };
    panel.draw(marks, &title, &told, short)
}

/// A length of match time in the unit that suits it.
fn span(match_s: f64) -> String {
    match match_s {
        s if s < 120.0 => format!("{} s", number(s)),
        s => format!("{} min", number(s / 60.0)),
    }
}

/// The match minutes below the panels.
pub(super) fn ticks(view: &View<'_>, axis: &Axis) -> String {
    const STEPS_MIN: [f64; 14] =
        [0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 240.0];
    let (from, total) = (view.manifest().from_match_min, axis.total_s / 60.0);
    let step = STEPS_MIN.into_iter().find(|step| total / step <= 7.0).unwrap_or(total);
    let first = (from / step - 1e-9).ceil() as i64;
    let last = ((from + total) / step + 1e-9).floor() as i64;
    let digits = step.log10().floor().min(0.0).abs() as usize;
    let mut texts = String::new();
    for tick in first..=last {
        let at_min = tick as f64 * step;
        let x = axis.percent((at_min - from) * 60.0);
        let anchor = match x {
            x if x < 3.0 => "start",
            x if x > 97.0 => "end",
            _ => "middle",
        };
        texts += &format!(
            "<text x=\"{x:.2}%\" y=\"14\" text-anchor=\"{anchor}\">{at_min:.digits$}</text>\n"
        );
    }
    format!(
        "<svg class=\"axis\" role=\"img\" width=\"100%\" height=\"22\" overflow=\"visible\" \
         aria-label=\"Match minutes {} to {}\">\n<text class=\"unit\" x=\"0\" dx=\"-6\" y=\"14\" \
         text-anchor=\"end\">minute</text>\n{texts}</svg>\n",
        minute(from),
        minute(from + total)
    )
}
