//! Demand and supply of each service as step functions, and how well supply kept up.

use hulk_record::{CapacitySample, Offset, SendTotals, ServiceInfo};
use hulk_scaling::elasticity::{Step, lengths};

use crate::verdict::Shortage;
use crate::view::View;
use crate::words::{minute, number};

/// What was needed and how far it had come, from `at_s` until the next; in instances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stage {
    /// In match seconds.
    pub(crate) at_s: f64,
    pub(crate) demand: f64,
    /// What the policy wanted, at least what was ordered.
    pub(crate) wanted: f64,
    /// What served or was on its way.
    pub(crate) ordered: f64,
    /// What served.
    pub(crate) ready: f64,
}

/// Demand and supply of one service, in instances, from t = 0 on.
pub(crate) struct Supply {
    pub(crate) service: String,
    /// In rising order; the last ends at `end_s`.
    pub(crate) steps: Vec<Step>,
    /// The same, with what was wanted and ordered meanwhile.
    pub(crate) stages: Vec<Stage>,
    /// In match seconds.
    pub(crate) end_s: f64,
    /// Of a decision window, in match seconds.
    pub(crate) window_s: f64,
    /// Where observers were silent for longer than a lost answer explains: from and to, in match
    /// seconds. Supply is not known there, whatever its step says.
    pub(crate) unseen: Vec<(f64, f64)>,
    /// Whether anybody told how many instances are wanted.
    pub(crate) tells_wanted: bool,
}

/// A silence of so many intervals is still no blindness.
const SILENT_INTERVALS_MAX: i64 = 5;
/// A silence of so many s of wall time is still no blindness; one lost answer is none.
const SILENT_S_MIN: f64 = 3.0;

impl Supply {
    /// Demand and supply of a service, or why they are unknown.
    pub(crate) fn of(view: &View<'_>, service: &ServiceInfo) -> Result<Self, String> {
        let name = &service.name;
        if service.rated_rps.is_none_or(|rated| rated <= 0.0) {
            return Err(format!("{name} has no rated capacity"));
        }
        if !view.record.manifest.observed {
            return Err("nobody observed the capacity".to_owned());
        }
        let seen = seen(&view.record.capacity, name);
        let Some(&(_, first)) = seen.first() else {
            return Err(format!("no observer saw {name}"));
        };
        let windows = demand(view, service);
        if windows.is_empty() {
            return Err("the run has no interval from its start on".to_owned());
        }
        let end_s = view.match_s(view.end);
        let supply: Vec<(f64, Seen)> =
            seen.iter().map(|&(at, seen)| (view.match_s(at), seen)).collect();
        let mut at: Vec<f64> = windows.iter().map(|&(at_s, _)| at_s).collect();
        let unseen = unseen(view, name);
        let edges = unseen.iter().flat_map(|&(from_s, to_s)| [from_s, to_s]);
        let changes = supply.iter().map(|&(at_s, _)| at_s).chain(edges);
        at.extend(changes.filter(|at| *at > 0.0 && *at < end_s));
        at.sort_by(f64::total_cmp);
        at.dedup();
        let stage = |at_s: f64| {
            let (demand, seen) = (at_or(&windows, at_s, 0.0), at_or(&supply, at_s, first));
            let Seen { wanted, ordered, ready } = seen;
            Stage { at_s, demand, wanted, ordered, ready }
        };
        let mut stages: Vec<Stage> = at.into_iter().map(stage).collect();
        // Observers repeat themselves each second: a step is where something changed.
        let is_edge = |at_s: f64| unseen.iter().any(|&(from, to)| [from, to].contains(&at_s));
        stages.dedup_by(|next, kept| {
            Stage { at_s: kept.at_s, ..*next } == *kept && !is_edge(next.at_s)
        });
        let step = |of: &Stage| Step { at_s: of.at_s, demand: of.demand, supply: of.ready };
        let mut steps: Vec<Step> = stages.iter().map(step).collect();
        steps.dedup_by(|next, kept| {
            (next.demand, next.supply) == (kept.demand, kept.supply) && !is_edge(next.at_s)
        });
        let window_s = window_s(view, service);
        let mut samples = view.record.capacity.iter();
        let tells_wanted =
            samples.any(|sample| sample.service == *name && sample.desired.is_some());
        let service = name.clone();
        Ok(Self { service, steps, stages, end_s, window_s, unseen, tells_wanted })
    }

    /// Each stage with its end in match seconds.
    pub(crate) fn lengths(&self) -> impl Iterator<Item = (&Stage, f64)> {
        let ends = self.stages.iter().skip(1).map(|next| next.at_s).chain([self.end_s]);
        self.stages.iter().zip(ends)
    }

    /// Whether observers saw all of it.
    pub(crate) fn is_whole(&self) -> bool {
        self.unseen.is_empty()
    }

    /// Whether observers saw the supply of a step; a step is seen as a whole or not at all.
    pub(crate) fn is_seen(&self, step: &Step) -> bool {
        !self.unseen.iter().any(|&(from_s, to_s)| (from_s..to_s).contains(&step.at_s))
    }

    /// Where supply was first not seen and for how long in all, in words.
    pub(crate) fn blindness(&self, view: &View<'_>) -> Option<String> {
        let (from_s, _) = self.unseen.first()?;
        let unseen_s: f64 = self.unseen.iter().map(|(from_s, to_s)| to_s - from_s).sum();
        let (service, at) = (&self.service, minute(view.minute_at(*from_s)));
        Some(format!(
            "nobody saw the capacity of {service} for {} match seconds, from match minute {at} on",
            number(unseen_s)
        ))
    }

    /// Whether supply met demand in all of `from..to`. What lies after the window is taken as its
    /// last step.
    pub(crate) fn met_in(&self, from_s: f64, to_s: f64) -> bool {
        let first = self.steps.partition_point(|step| step.at_s <= from_s).saturating_sub(1);
        let overlapping = self.steps.iter().skip(first);
        overlapping
            .enumerate()
            .take_while(|(index, step)| *index == 0 || step.at_s < to_s)
            .all(|(_, step)| step.supply >= step.demand)
    }

    /// ∫ supply dt over the window, in unit-seconds of match time.
    pub(crate) fn unit_s(&self) -> f64 {
        lengths(&self.steps, self.end_s).map(|(step, length_s)| step.supply * length_s).sum()
    }

    /// Whether supply was below demand at some time of an interval.
    pub(crate) fn short_in(&self, view: &View<'_>, interval: i64) -> bool {
        let [from, to] = [interval, interval + 1].map(|i| view.start_of(i));
        !self.met_in(view.match_s(from), view.match_s(to))
    }

    pub(crate) fn shortage(&self, view: &View<'_>) -> Option<Shortage> {
        let first = self.steps.iter().find(|step| step.missing() > 0.0)?;
        let worst = self
            .steps
            .iter()
            .fold(first, |worst, step| if step.missing() > worst.missing() { step } else { worst });
        let short_s: f64 = lengths(&self.steps, self.end_s)
            .filter(|(step, _)| step.missing() > 0.0)
            .map(|(_, length_s)| length_s)
            .sum();
        let (mut not_served, mut viewers) = (0, 0);
        for (due, send) in of_service(view, &self.service) {
            if self.short_in(view, i64::from(due)) {
                not_served += send.not_served();
                viewers += send.viewers_not_served;
            }
        }
        Some(Shortage {
            first_match_min: view.minute_at(first.at_s),
            worst_match_min: view.minute_at(worst.at_s),
            worst_demand: worst.demand,
            worst_supply: worst.supply,
            lasted_match_min: short_s / 60.0,
            not_served,
            viewers_not_served: view.tells_viewers().then_some(viewers),
        })
    }
}

/// The requests of a service by due interval, in the order of time.
pub(crate) fn of_service<'a>(
    view: &'a View<'_>,
    service: &str,
) -> impl Iterator<Item = (i32, &'a SendTotals)> {
    let [first, last] = [i32::MIN, i32::MAX].map(|due| (service.to_owned(), due));
    view.sends.range(first..=last).map(|((_, due), send)| (*due, send))
}

/// What was seen at one time.
#[derive(Debug, Clone, Copy)]
struct Seen {
    wanted: f64,
    ordered: f64,
    ready: f64,
}

/// What observers saw of a service, in the order of time.
fn seen(samples: &[CapacitySample], service: &str) -> Vec<(Offset, Seen)> {
    let of_service = |sample: &&CapacitySample| sample.service == service;
    let mut seen: Vec<(Offset, Seen)> = samples
        .iter()
        .filter(|sample| of_service(sample) && sample.ready.is_finite())
        .map(|sample| {
            let ready = sample.ready.max(0.0);
            // What is not known is no more than what is: `max` leaves out what is no number.
            let ordered = (ready + sample.pending.unwrap_or_default()).max(ready);
            let wanted = sample.desired.unwrap_or(ordered).max(ordered);
            (sample.at, Seen { wanted, ordered, ready })
        })
        .collect();
    seen.sort_by_key(|&(at, _)| at);
    seen
}

/// The last value at or before a time, or the one before all.
fn at_or<T: Copy>(of: &[(f64, T)], at_s: f64, before: T) -> T {
    let known = of.partition_point(|&(from_s, _)| from_s <= at_s);
    known.checked_sub(1).map_or(before, |index| of[index].1)
}

/// Those that observers saw all of: what is judged and counted is of these.
pub(crate) fn known(supplies: &[Result<Supply, String>]) -> impl Iterator<Item = &Supply> {
    supplies.iter().filter_map(|supply| supply.as_ref().ok()).filter(|supply| supply.is_whole())
}

/// The longest time without a sample that is still no blindness, in s of wall time.
pub(crate) fn silent_max_s(view: &View<'_>) -> f64 {
    let interval_s = Offset(view.interval_us()).as_s();
    (SILENT_INTERVALS_MAX as f64 * interval_s).max(SILENT_S_MIN)
}

/// The times between the samples of a service within the judged window: from and to.
pub(crate) fn silences(view: &View<'_>, service: &str) -> Vec<(Offset, Offset)> {
    let samples = view.record.capacity.iter().filter(|sample| sample.service == service);
    let mut at: Vec<Offset> = samples.map(|sample| sample.at).collect();
    at.sort_unstable();
    let before = at.iter().rev().find(|at| at.0 <= 0).copied();
    let mut within: Vec<Offset> = vec![before.unwrap_or_default()];
    within.extend(at.into_iter().filter(|at| at.0 > 0 && *at < view.end));
    within.push(view.end);
    within.windows(2).map(|pair| (pair[0], pair[1])).collect()
}

/// The silences that are too long, in match seconds.
fn unseen(view: &View<'_>, service: &str) -> Vec<(f64, f64)> {
    let limit_s = silent_max_s(view);
    let long = silences(view, service)
        .into_iter()
        .filter(|(from, to)| to.since(*from) as f64 / 1e6 > limit_s);
    long.map(|(from, to)| (view.match_s(from).max(0.0), view.match_s(to))).collect()
}

/// A decision window in match seconds, rounded to whole intervals.
pub(crate) fn window_s(view: &View<'_>, service: &ServiceInfo) -> f64 {
    let manifest = view.manifest();
    manifest.window_intervals(service) as f64 * manifest.interval_match_s()
}

/// A decision window.
struct Window {
    /// In match seconds.
    from_s: f64,
    to_s: f64,
    /// First attempts due in it.
    requests: u64,
}

/// The decision windows of a service, in the order of time.
fn windows(view: &View<'_>, service: &ServiceInfo) -> Vec<Window> {
    let (length, intervals) = (view.manifest().window_intervals(service), view.intervals());
    let mut starts: Vec<i64> = (0..intervals).step_by(length as usize).collect();
    // Less than half a window at the end is too short to count on: it joins the one before.
    if starts.len() > 1 && 2 * (intervals % length) < length && intervals % length > 0 {
        starts.pop();
    }
    let ends = starts.iter().skip(1).copied().chain([intervals]);
    let due = |from: i64, to: i64| -> u64 {
        let [from, to] = [from, to].map(|at| (service.name.clone(), at as i32));
        view.sends.range(from..to).map(|(_, send)| send.first).sum()
    };
    starts
        .iter()
        .zip(ends)
        .map(|(&from, to)| {
            let [from_s, to_s] = [from, to].map(|at| view.match_s(view.start_of(at)));
            Window { from_s, to_s, requests: due(from, to) }
        })
        .collect()
}

/// First attempts due in the busiest decision window.
pub(crate) fn window_requests_max(view: &View<'_>, service: &ServiceInfo) -> u64 {
    windows(view, service).iter().map(|window| window.requests).max().unwrap_or(0)
}

/// Instances needed from each decision window's start (match seconds) on: the first attempts due
/// in it ÷ what an instance may serve in it, in whole instances.
fn demand(view: &View<'_>, service: &ServiceInfo) -> Vec<(f64, f64)> {
    let needed = |of: Window| {
        let whole = view.manifest().instances_needed(service, of.requests, of.to_s - of.from_s);
        Some((of.from_s, whole?))
    };
    windows(view, service).into_iter().filter_map(needed).collect()
}
