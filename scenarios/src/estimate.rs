//! What a rehearsal would ask of the machine and of its target.

mod bandwidth;
mod callers;
mod machine;
mod ports;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use bandwidth::BandwidthEstimate;
pub use callers::CallersEstimate;
use hulk_record::{Bound, MatchTime};
use hulk_traffic_models::Schedule;
pub use machine::{Given, MachineEstimate, WORKERS_MAX};
pub use ports::PortsEstimate;

use crate::session::Memory;
use crate::template::{Slot, Template};
use crate::{Placed, Rehearsal, Script, SequenceStep};

/// Over how many viewers is averaged what each draws for itself.
const SAMPLE: u32 = 2000;

/// What a run asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Most viewers at one time, those on the home page included.
    pub viewers_peak: u32,
    /// So many connections a viewer keeps, each with a file descriptor.
    pub connections_per_viewer: u32,
    /// Visits in all.
    pub arrivals: u64,
    /// Most requests per wall second, over any ten seconds, or any second of an executor: at most
    /// so many where its users begin again as soon as they are done, for answers without delay.
    /// None where they do not even think in between: as many as the target answers.
    pub requests_per_s_peak: Option<f64>,
    /// Most new connections per wall second, over the same or the lead-in.
    pub connects_per_s_peak: f64,
    /// Most bits per wall second received, over any ten seconds.
    pub bits_per_s_peak: f64,
    /// What that is of the embedded platform's ceilings of bandwidth.
    pub bandwidth: Vec<BandwidthEstimate>,
    /// What the callers of an avatar backend ask for; none without callers.
    pub callers: Option<CallersEstimate>,
    /// How long it takes, in s of wall time.
    pub wall_s: f64,
    /// What it costs the machine.
    pub machine: MachineEstimate,
    /// By service.
    pub services: Vec<ServiceEstimate>,
}

/// What a service is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceEstimate {
    /// Its name.
    pub name: String,
    /// Most requests per wall second, as of all services.
    pub requests_per_s_peak: Option<f64>,
    /// Requests in a decision window, on average over the run; none where it does not scale.
    pub requests_per_window: Option<f64>,
}

/// Below so many requests in a decision window, chance alone moves the demand by more than 2 %.
const WINDOW_REQUESTS_MIN: f64 = 2500.0;

impl Estimate {
    /// What `schedule` asks for in a rehearsal.
    pub fn of(rehearsal: &Rehearsal, schedule: &Schedule) -> Self {
        let speed = rehearsal.clock.speed;
        let bin_s = match rehearsal.audience.executor {
            None => (10.0 * speed).max(1.0),
            Some(_) => speed,
        };
        let bins = Bins::of(schedule, bin_s);
        let calls = Calls::of(rehearsal);
        let viewers_peak = rehearsal.users_peak(schedule);
        let requests_per_s_peak = calls.bounded.then(|| {
            bins.peak(|bin| speed * calls.all().map(|calls| bins.per_s(calls, bin)).sum::<f64>())
        });
        let bits_per_s_peak = f64::from(viewers_peak) * calls.kbps * 1e3;
        let mut machine =
            MachineEstimate::of(rehearsal, schedule, viewers_peak, requests_per_s_peak);
        let callers = CallersEstimate::of(rehearsal);
        if let Some(callers) = &callers {
            machine.add(callers);
        }
        Self {
            viewers_peak,
            connections_per_viewer: rehearsal.target.connections_per_viewer(),
            arrivals: schedule.visits.len() as u64,
            requests_per_s_peak,
            connects_per_s_peak: bins
                .peak(|bin| speed * bins.starts[bin] / bins.length_s)
                .max(lead_in_connects_per_s(rehearsal, schedule)),
            machine,
            bits_per_s_peak,
            bandwidth: BandwidthEstimate::of(rehearsal, bits_per_s_peak),
            callers,
            wall_s: (rehearsal.until().0 + rehearsal.lead_in_us) as f64 / 1e6,
            services: calls.services(rehearsal, &bins),
        }
    }

    /// What a user should know before the run, each with its way out.
    pub fn warnings(&self, rehearsal: &Rehearsal, given: &Given) -> Vec<String> {
        let mut warnings = self.machine.warnings(rehearsal, given);
        let judged = |name: &str| {
            let of_scaling = |bound: &Bound| matches!(bound, Bound::CapacityDebt { .. });
            rehearsal.objectives.iter().any(|o| o.service == name && of_scaling(&o.bound))
        };
        for service in self.services.iter().filter(|service| judged(&service.name)) {
            if let Some(requests) = service.requests_per_window.filter(|n| *n < WINDOW_REQUESTS_MIN)
            {
                warnings.push(format!(
                    "service `{}` sees {requests:.0} requests in a decision window; below \
                     {WINDOW_REQUESTS_MIN} chance alone moves its demand by more than 2 %: {} or the \
                     service's `decision_window_s`",
                    service.name,
                    match rehearsal.audience.executor {
                        None => "raise `audience.scale`",
                        Some(_) => "ask for more in `[load]`, or raise",
                    }
                ));
            }
        }
        warnings.extend(self.few_descriptors(rehearsal, given));
        warnings.extend(self.bandwidth.iter().filter_map(BandwidthEstimate::warning));
        warnings.extend(self.callers.as_ref().and_then(CallersEstimate::warning));
        if let Some(users) = rehearsal.users_max.filter(|users| *users < self.viewers_peak) {
            warnings.push(format!(
                "`generator.users_max` is {users} and the audience needs {}: arrivals will be \
                 dropped and the run will be INVALID",
                self.viewers_peak
            ));
        }
        // The reference platform looks at no value that an answer gave; an executor's users leave
        // no step out.
        if rehearsal.platform().is_none() && rehearsal.audience.executor.is_none() {
            warnings.extend(not_given(&rehearsal.script));
        }
        warnings
    }
}

impl Estimate {
    /// Too few file descriptors for a worker, or for the embedded platform, which is one process
    /// however many workers there are.
    fn few_descriptors(&self, rehearsal: &Rehearsal, given: &Given) -> Option<String> {
        let allowed = given.descriptors;
        let embedded = rehearsal.platform().is_some();
        let (whose, needed) = match (given.workers, embedded) {
            (1, _) => ("", self.machine.descriptors),
            (_, true) => {
                (" by the embedded platform, which is one process,", self.machine.descriptors)
            }
            (workers, false) => (" by each worker", self.machine.descriptors_of_a_worker(workers)),
        };
        if needed <= allowed {
            return None;
        }
        let each = match self.connections_per_viewer {
            1 => String::new(),
            origins => format!(" ({origins} a viewer: one for each origin of the target)"),
        };
        let more = self.machine.workers_for(allowed).filter(|_| !embedded);
        let more = more.map_or_else(String::new, |workers| format!("use `--workers {workers}`, "));
        let less = machine::less(rehearsal);
        Some(format!(
            "{needed} file descriptors are needed{whose}{each} and {allowed} are allowed: \
             {more}{less}, or raise the limit (`ulimit -n`)"
        ))
    }
}

/// Steps of viewers who are there already when the window starts, and that use a value of an
/// answer which only steps give that such viewers leave out: it would be empty.
fn not_given(script: &Script) -> Vec<String> {
    let mut given: BTreeSet<u16> = BTreeSet::new();
    let resumed = script.start.iter().filter(|placed| placed.what.on_resume);
    given.extend(resumed.clone().flat_map(|placed| &placed.keeps));
    given.extend(script.every.iter().flat_map(|placed| &placed.keeps));
    let starts = resumed.filter_map(|placed| Some(&placed.what.request()?.request));
    let used = starts.chain(script.every.iter().map(|placed| &placed.what.request));
    let mut warnings = Vec::new();
    for request in used {
        let slots = request.templates().flat_map(Template::slots);
        let missing: BTreeSet<u16> = slots
            .filter_map(|slot| match slot {
                Slot::Variable(place) if !given.contains(&place) => Some(place),
                _ => None,
            })
            .collect();
        for place in missing {
            let giver = script.start.iter().find(|placed| placed.keeps.contains(&place));
            let giver = giver.and_then(|placed| Some(&placed.what.request()?.request.name));
            let (Some(giver), Some(name)) = (giver, script.variables.get(usize::from(place)))
            else {
                continue;
            };
            warnings.push(format!(
                "step `{}` sends `${{{name}}}`, which only `{giver}` gives, and those who are there \
                 already when the window starts leave that out: for them it is empty; set \
                 `on_resume = true` on `{giver}`",
                request.name
            ));
        }
    }
    warnings
}

/// Those who watch already connect within the lead-in, of which the last tenth stays quiet.
fn lead_in_connects_per_s(rehearsal: &Rehearsal, schedule: &Schedule) -> f64 {
    let there = schedule.visits.iter().filter(|visit| visit.already_watching).count() as f64;
    let lead_in_s = rehearsal.lead_in_us as f64 / 1e6 * 0.9;
    // Without a lead-in all of them come in the first second.
    there / lead_in_s.max(1.0)
}

/// What happens in stretches of equal length.
struct Bins {
    length_s: f64,
    /// Viewers in the video.
    present: Vec<f64>,
    /// Visits that start.
    starts: Vec<f64>,
    /// Viewers who press Back and go to the home page.
    exits: Vec<f64>,
    /// Viewers who do something at a moment.
    acts: Vec<f64>,
}

impl Bins {
    fn of(schedule: &Schedule, length_s: f64) -> Self {
        let presence = schedule.presence_every((length_s * 1e6) as i64);
        let count = presence.len().max(1);
        let mut bins = Self {
            length_s,
            present: presence.into_iter().map(f64::from).collect(),
            starts: vec![0.0; count],
            exits: vec![0.0; count],
            acts: vec![0.0; count],
        };
        let add = |to: &mut Vec<f64>, at: MatchTime| {
            if let Some(count) = to.get_mut((at.as_s().max(0.0) / length_s) as usize) {
                *count += 1.0;
            }
        };
        for visit in &schedule.visits {
            if !visit.already_watching {
                add(&mut bins.starts, visit.arrive);
            }
            let Some(back) = visit.back else { continue };
            if back.to_home {
                add(&mut bins.exits, visit.leave);
            }
            if let Some(stay) = back.returns {
                add(&mut bins.starts, stay.arrive);
            }
        }
        schedule.actions.iter().for_each(|action| add(&mut bins.acts, action.at));
        bins
    }

    /// The most of a figure over the bins.
    fn peak(&self, of: impl Fn(usize) -> f64) -> f64 {
        (0..self.present.len()).map(of).fold(0.0, f64::max)
    }

    /// Requests per match second in a bin.
    fn per_s(&self, calls: &PerViewer, bin: usize) -> f64 {
        let at = |of: &[f64]| of.get(bin).copied().unwrap_or(0.0);
        let moments = calls.per_start * at(&self.starts)
            + calls.per_exit * at(&self.exits)
            + calls.per_act * at(&self.acts);
        calls.per_s * at(&self.present) + moments / self.length_s
    }
}

/// Requests of a viewer to one service, on average.
#[derive(Default)]
struct PerViewer {
    /// A start makes so many.
    per_start: f64,
    /// Pressing Back and going home makes so many.
    per_exit: f64,
    /// An answer to a moment makes so many.
    per_act: f64,
    /// A viewer who watches makes so many per match second.
    per_s: f64,
}

/// Requests of a viewer by service.
struct Calls {
    services: BTreeMap<String, PerViewer>,
    /// Media of a viewer, in kbit/s of wall time.
    kbps: f64,
    /// Whether something but the target bounds how often they come.
    bounded: bool,
}

impl Calls {
    fn of(rehearsal: &Rehearsal) -> Self {
        let script = &rehearsal.script;
        let viewers: Vec<Memory> = (0..SAMPLE)
            .map(|viewer| Memory::new(Arc::clone(script), rehearsal.seed, viewer, false))
            .collect();
        let mut services: BTreeMap<String, PerViewer> = BTreeMap::new();
        let mut add = |steps: &[Placed<SequenceStep>], of: fn(&mut PerViewer) -> &mut f64| {
            for placed in steps {
                let Some(step) = placed.what.request() else { continue };
                let calls = services.entry(step.request.service.clone()).or_default();
                *of(calls) += share(&viewers, placed) * f64::from(step.repeat);
            }
        };
        add(&script.start, |calls| &mut calls.per_start);
        add(&script.exit, |calls| &mut calls.per_exit);
        add(&script.act, |calls| &mut calls.per_act);
        for placed in &script.every {
            let calls = services.entry(placed.what.request.service.clone()).or_default();
            calls.per_s += share(&viewers, placed) / placed.what.period_s;
        }
        let mut kbps = 0.0;
        if let Some(placed) = &script.hls {
            let segment_s = rehearsal.platform().map_or(6.0, |e| e.platform.media.segment_s);
            let calls = services.entry(placed.what.service.clone()).or_default();
            calls.per_s += share(&viewers, placed) * 2.0 / segment_s;
            kbps = placed.what.kbps_max;
        }
        let mut calls = Self { services, kbps, bounded: true };
        if rehearsal.is_closed_loop() {
            let thinks = script.start.iter().map(|p| share(&viewers, p) * p.what.think.mean_s());
            calls.again(thinks.sum());
        }
        calls
    }

    /// Whoever is done begins again, and thinks for so many match seconds meanwhile.
    fn again(&mut self, think_s: f64) {
        self.bounded = think_s > 0.0;
        for calls in self.services.values_mut() {
            let per_start = std::mem::take(&mut calls.per_start);
            calls.per_s = if self.bounded { per_start / think_s } else { 0.0 };
        }
    }

    fn all(&self) -> impl Iterator<Item = &PerViewer> {
        self.services.values()
    }

    fn services(&self, rehearsal: &Rehearsal, bins: &Bins) -> Vec<ServiceEstimate> {
        let window_of = |name: &str| {
            let services = &rehearsal.platform()?.platform.services;
            services.iter().find(|known| known.name == name).map(|known| known.decision_window_s)
        };
        let count = bins.present.len().max(1) as f64;
        let of = |(name, calls): (&String, &PerViewer)| {
            let all: f64 = (0..bins.present.len()).map(|bin| bins.per_s(calls, bin)).sum();
            let window_s = window_of(name).filter(|_| self.bounded);
            let requests_per_window = window_s.map(|window_s| all / count * window_s);
            let speed = rehearsal.clock.speed;
            let peak = || bins.peak(|bin| speed * bins.per_s(calls, bin));
            let requests_per_s_peak = self.bounded.then(peak);
            ServiceEstimate { name: name.clone(), requests_per_s_peak, requests_per_window }
        };
        self.services.iter().map(of).collect()
    }
}

/// Which share of the viewers does a step.
fn share<T>(viewers: &[Memory], placed: &Placed<T>) -> f64 {
    let those = viewers.iter().filter(|viewer| viewer.is(&placed.when)).count();
    those as f64 / viewers.len().max(1) as f64
}

#[cfg(test)]
mod tests;
