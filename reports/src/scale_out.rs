//! The waterfall of a scale-out: from the rise of demand that supply did not cover, over what the
//! policy wanted, what was ordered and what served, to demand that is met again.
//!
//! ```text
//! demand ──▶ wanted ──▶ ordered ──▶ ready          each at least the next
//!    └ not wanted ┘└ not ordered ┘└ starting ┘     = what was missing
//! ```
//!
//! At each instant the missing instances are split by how far they had come, so the three parts of
//! the debt are the whole of it, whatever shape a rise had.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::Serialize;

use crate::supply::{Stage, Supply, of_service};
use crate::view::View;
use crate::words::{instances, minute, number};

/// Demand that supply did not cover, until it did. Rises with at most a decision window between
/// them in which nothing was missing are one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScaleOut {
    /// The match minute of the load step: demand rose above supply. All times below are match
    /// seconds since then, 0 where it was so already, none where it never came to be in it.
    pub from_match_min: f64,
    /// The moment of the match before it.
    pub moment: Option<String>,
    /// Instances that served at the load step.
    pub supply_before: f64,
    /// Most instances that were needed in it.
    pub demand_peak: f64,
    /// When so many were first needed.
    pub peak_match_s: f64,
    /// When more were needed than the policy wanted: its metric crosses.
    pub crossed_match_s: Option<f64>,
    /// When the policy first wanted more than at the load step.
    pub wanted_more_match_s: Option<f64>,
    /// When it wanted as many as were needed at the peak.
    pub wanted_match_s: Option<f64>,
    /// When so many served or had been ordered.
    pub ordered_match_s: Option<f64>,
    /// When so many served.
    pub ready_match_s: Option<f64>,
    /// When nothing was missing any more.
    pub met_match_s: Option<f64>,
    /// Whether an objective of the service was broken in it, or after it and before the next.
    pub objective_broken: bool,
    /// When every objective of the service was met again.
    pub objective_met_match_s: Option<f64>,
    /// The most that the policy wanted in it.
    pub wanted_peak: f64,
    /// What was missing and not wanted by the policy, in instance-minutes.
    pub not_wanted_instance_min: f64,
    /// What was missing, wanted and not ordered, in instance-minutes.
    pub not_ordered_instance_min: f64,
    /// What was missing and ordered, but did not serve yet, in instance-minutes.
    pub starting_instance_min: f64,
    /// The stage at which most of what was missing was.
    pub late: Late,
    /// What would have been enough.
    pub enough: Enough,
}

/// A stage of a scale-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Late {
    /// The policy wanted enough, too late.
    Decision,
    /// The policy never wanted enough.
    Policy,
    /// What was wanted was ordered late.
    Order,
    /// What was ordered served late.
    Start,
}

impl Late {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Decision => "decided late",
            Self::Policy => "wanted too few",
            Self::Order => "ordered late",
            Self::Start => "started late",
        }
    }
}

/// What would have covered the demand: either is enough by itself. It is arithmetic on the record's
/// demand, which is of first attempts: no retries.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Enough {
    /// The same instances so many match seconds earlier; none where there were never enough.
    pub earlier_match_s: Option<f64>,
    /// So many more instances from the start on.
    pub more_instances: f64,
    /// As many instances all the time as were needed at most.
    pub instances: f64,
    /// Whether that is the least: some were turned away in the middle of a journey, and nobody knows
    /// what they would have asked for further.
    pub at_least: bool,
}

impl Enough {
    /// What is enough for both.
    fn and(self, other: Self) -> Self {
        Self {
            earlier_match_s: self.earlier_match_s.zip(other.earlier_match_s).map(|(a, b)| a.max(b)),
            more_instances: self.more_instances.max(other.more_instances),
            instances: self.instances.max(other.instances),
            at_least: self.at_least || other.at_least,
        }
    }

    /// What is enough for all of them.
    pub(crate) fn for_all(scale_outs: &[ScaleOut]) -> Option<Self> {
        scale_outs.iter().map(|of| of.enough).reduce(Self::and)
    }

    /// "45 s earlier, or 43 instances more (145 in all), would have been enough".
    pub(crate) fn words(&self) -> String {
        let more =
            format!("{} more ({} in all)", instances(self.more_instances), number(self.instances));
        let enough = match self.earlier_match_s {
            Some(earlier_s) => {
                format!("{} s earlier, or {more}, would have been enough", number(earlier_s))
            }
            None => format!(
                "{more} would have been enough, and a head start would not: so many never served"
            ),
        };
        let least = "; that is the least, for who was turned away asked for nothing further";
        if self.at_least { enough + least } else { enough }
    }
}

impl ScaleOut {
    /// What was missing in it, in instance-minutes.
    pub fn debt_instance_min(&self) -> f64 {
        self.not_wanted_instance_min + self.not_ordered_instance_min + self.starting_instance_min
    }

    /// When and at which stage, as a sentence without its stop; the worst of so many.
    pub(crate) fn words(&self, service: &str, of: usize) -> String {
        let from = minute(self.from_match_min);
        let often = if of > 1 { format!(" {of} times, worst") } else { String::new() };
        let seconds = |from: f64, to: f64| format!("{} s", number(to - from));
        let wanted = match self.wanted_match_s {
            None => format!(
                "the policy never wanted more than {} of the {} instances",
                number(self.wanted_peak),
                number(self.demand_peak)
            ),
            Some(0.0) => "the policy wanted enough in time".to_owned(),
            Some(at_s) => format!("the policy wanted enough only after {}", seconds(0.0, at_s)),
        };
        let ordered = match (self.wanted_match_s, self.ordered_match_s) {
            (Some(wanted_s), Some(ordered_s)) if ordered_s > wanted_s => {
                format!(", they were ordered {} later", seconds(wanted_s, ordered_s))
            }
            (Some(_), None) => ", not all of them were ever ordered".to_owned(),
            _ => String::new(),
        };
        let started = match (self.ordered_match_s, self.ready_match_s) {
            (Some(ordered_s), Some(ready_s)) if ready_s > ordered_s => {
                format!(", and instances took {}", seconds(ordered_s, ready_s))
            }
            (Some(_), None) => ", and what was ordered did not serve in time".to_owned(),
            _ => String::new(),
        };
        format!("{service} fell behind{often} at match minute {from}: {wanted}{ordered}{started}")
    }
}

/// The scale-outs of a service in the order of time. `broken`: the intervals in which an objective of
/// it was broken.
pub(crate) fn scale_outs(
    view: &View<'_>,
    supply: &Supply,
    broken: &BTreeSet<i64>,
) -> Vec<ScaleOut> {
    let spans = spans(supply);
    let next = spans.iter().skip(1).map(|span| span.from_s).chain([supply.end_s]);
    let of = |(span, until_s): (&Span, f64)| scale_out(view, supply, span, until_s, broken);
    spans.iter().zip(next).map(of).collect()
}

/// A time in which instances were missing, with gaps that are no longer than a decision window.
struct Span {
    from_s: f64,
    to_s: f64,
}

fn spans(supply: &Supply) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for (stage, to_s) in supply.lengths().filter(|(stage, _)| stage.demand > stage.ready) {
        match spans.last_mut() {
            // A window's length is a sum of intervals: dust is no gap.
            Some(last) if stage.at_s - last.to_s <= supply.window_s + 1e-6 => last.to_s = to_s,
            _ => spans.push(Span { from_s: stage.at_s, to_s }),
        }
    }
    spans
}

fn scale_out(
    view: &View<'_>,
    supply: &Supply,
    span: &Span,
    until_s: f64,
    broken: &BTreeSet<i64>,
) -> ScaleOut {
    let inside = || {
        let stages = supply.lengths();
        stages.filter(|(stage, to_s)| *to_s > span.from_s && stage.at_s < span.to_s)
    };
    let most = |of: fn(&Stage) -> f64| inside().map(|(stage, _)| of(stage)).fold(0.0, f64::max);
    let demand_peak = most(|stage| stage.demand);
    let first = |holds: &dyn Fn(&Stage) -> bool| {
        let found = inside().find(|(stage, _)| holds(stage));
        found.map(|(stage, _)| (stage.at_s - span.from_s).max(0.0))
    };
    let start = inside().next().map(|(stage, _)| *stage);
    let at_start = |of: fn(&Stage) -> f64| start.as_ref().map_or(0.0, of);
    let minutes = |units: &dyn Fn(&Stage) -> f64| {
        let parts = inside().map(|(stage, to_s)| units(stage) * (to_s - stage.at_s));
        parts.sum::<f64>() / 60.0
    };
    let not_wanted = minutes(&|of| (of.demand - of.wanted).max(0.0));
    let not_ordered = minutes(&|of| of.demand.min(of.wanted) - of.demand.min(of.ordered));
    let starting = minutes(&|of| of.demand.min(of.ordered) - of.demand.min(of.ready));
    // What arrives at the very end of it counts: that is why it is the end.
    let reaches = |of: fn(&Stage) -> f64| {
        let after = supply.stages.iter().find(|stage| stage.at_s >= span.to_s);
        let last = after.filter(|stage| of(stage) >= demand_peak).map(|_| span.to_s - span.from_s);
        first(&|stage| of(stage) >= demand_peak).or(last)
    };
    let wanted_match_s = reaches(|stage| stage.wanted);
    let late = match (not_wanted, not_ordered, starting) {
        (a, b, c) if a >= b && a >= c && wanted_match_s.is_some() => Late::Decision,
        (a, b, c) if a >= b && a >= c => Late::Policy,
        (_, b, c) if b >= c => Late::Order,
        _ => Late::Start,
    };
    let [from, until] = [span.from_s, until_s].map(|at| view.interval_at_match_s(at));
    let last_broken = broken.range(from..until.max(from + 1)).next_back().copied();
    let objective_met = last_broken.map(|interval| view.match_s(view.start_of(interval + 1)));
    let wanted_before = at_start(|stage| stage.wanted);
    ScaleOut {
        from_match_min: view.minute_at(span.from_s),
        moment: view.when(span.from_s, span.from_s + supply.window_s).moment(),
        supply_before: at_start(|stage| stage.ready),
        demand_peak,
        peak_match_s: first(&|stage| stage.demand >= demand_peak).unwrap_or(0.0),
        crossed_match_s: first(&|stage| stage.demand > stage.wanted),
        wanted_more_match_s: first(&|stage| stage.wanted > wanted_before),
        wanted_match_s,
        ordered_match_s: reaches(|stage| stage.ordered),
        ready_match_s: reaches(|stage| stage.ready),
        met_match_s: (span.to_s < supply.end_s).then_some(span.to_s - span.from_s),
        objective_broken: last_broken.is_some(),
        objective_met_match_s: objective_met
            .filter(|at_s| *at_s < supply.end_s)
            .map(|at_s| at_s - span.from_s),
        wanted_peak: most(|stage| stage.wanted),
        not_wanted_instance_min: not_wanted,
        not_ordered_instance_min: not_ordered,
        starting_instance_min: starting,
        late,
        enough: Enough {
            at_least: is_cut_short(view, &supply.service, from..until.max(from + 1)),
            ..enough(supply, span, demand_peak)
        },
    }
}

/// What would have covered the demand of a span. Instances that come earlier go no earlier.
fn enough(supply: &Supply, span: &Span, demand_peak: f64) -> Enough {
    let stages = &supply.stages;
    let short = stages.iter().enumerate().filter(|(_, stage)| {
        (span.from_s..span.to_s).contains(&stage.at_s) && stage.demand > stage.ready
    });
    let mut enough = Enough {
        earlier_match_s: Some(0.0),
        more_instances: 0.0,
        instances: demand_peak,
        at_least: false,
    };
    for (place, stage) in short {
        // Once there were never enough, nobody needs to look any more.
        enough.earlier_match_s = enough.earlier_match_s.and_then(|longest| {
            let reached = stages[place..].iter().find(|later| later.ready >= stage.demand)?;
            Some(longest.max(reached.at_s - stage.at_s))
        });
        enough.more_instances = enough.more_instances.max(stage.demand - stage.ready);
    }
    enough
}

/// Whether somebody was turned away in these intervals who would have asked for more.
fn is_cut_short(view: &View<'_>, service: &str, intervals: Range<i64>) -> bool {
    let mut journeys = view.manifest().journeys.iter();
    let goes_on = journeys.any(|journey| {
        journey.steps.len() > 1 && journey.steps.iter().any(|step| step.service == service)
    });
    goes_on
        && of_service(view, service)
            .any(|(due, send)| intervals.contains(&i64::from(due)) && send.not_served() > 0)
}
