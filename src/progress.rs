//! What a person sees of a running rehearsal: where it stands, gathered from what comes in.
//!
//! Gathering and drawing are apart: a [`Status`] says what there is to tell, `block` draws it on a
//! terminal and `line` as one line of a log.

pub(crate) mod block;
pub(crate) mod line;

use std::collections::BTreeMap;

use hulk_record::{CapacitySample, Frame, Manifest, Measure, Offset, Outcome, Samples, SessionEnd};

/// Where a run stands at the end of an interval.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Status {
    /// The rehearsal's name.
    pub(crate) name: String,
    /// Wall time since the window's start in s; below 0 in the lead-in.
    pub(crate) at_s: f64,
    /// Wall time left in s.
    pub(crate) left_s: f64,
    /// How much of the run is done, lead-in included: 0 to 1.
    pub(crate) done: f64,
    /// None where the load has no match.
    pub(crate) match_min: Option<f64>,
    pub(crate) present: u64,
    pub(crate) wanted: Option<u64>,
    /// Of wall time, since the last status.
    pub(crate) requests_per_s: f64,
    /// Since the last status; none without an answer.
    pub(crate) p99_us: Option<u64>,
    /// Since the last status.
    pub(crate) errors: u64,
    /// Since the run's start, lead-in included.
    pub(crate) requests_total: u64,
    pub(crate) errors_total: u64,
    /// In the manifest's order.
    pub(crate) services: Vec<ServiceStatus>,
    /// None where nobody calls.
    pub(crate) callers: Option<CallersStatus>,
    /// Faults that are meant to be there now, with the s of wall time that they have left.
    pub(crate) faults: Vec<(String, f64)>,
    /// The next moment or fault, and in how many s of wall time it is.
    pub(crate) next: Option<(String, f64)>,
}

/// Where the callers of an avatar backend stand.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct CallersStatus {
    /// Whether there are no viewers beside them.
    pub(crate) alone: bool,
    /// Sessions that are open.
    pub(crate) open: u64,
    /// From audio to frame, since the last status; none where nothing came back.
    pub(crate) p95_us: Option<u64>,
    /// Sessions refused or lost, since the run's start.
    pub(crate) failed_total: u64,
}

/// Where a service stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ServiceStatus {
    pub(crate) name: String,
    pub(crate) requests_per_s: f64,
    pub(crate) errors: u64,
    /// Instances that the last decision window asked for; none where it does not scale.
    pub(crate) needed: Option<f64>,
    /// Instances that serve, and that the scaler wants; none where nobody observes them.
    pub(crate) ready: Option<f64>,
    pub(crate) desired: Option<f64>,
}

impl ServiceStatus {
    /// Whether fewer instances serve than are needed.
    pub(crate) fn is_short(&self) -> bool {
        self.needed.zip(self.ready).is_some_and(|(needed, ready)| ready < needed)
    }
}

/// What was seen longer ago is not shown, in µs.
const SEEN_US_MAX: i64 = 5_000_000;

/// Gathers what comes in between two statuses.
#[derive(Default)]
pub(crate) struct Progress {
    /// A status sums up so many intervals.
    every: u64,
    intervals: u64,
    response: Samples,
    /// Requests and errors since the last status.
    services: BTreeMap<String, (u64, u64)>,
    requests_total: u64,
    errors_total: u64,
    /// From audio to frame, since the last status.
    spoken: Samples,
    failed_calls_total: u64,
    /// The last that was seen of each service.
    capacity: BTreeMap<String, CapacitySample>,
    /// First attempts by service and due interval, as far back as a decision window.
    due: BTreeMap<(String, i32), u64>,
}

impl Progress {
    /// A status for each so many intervals.
    pub(crate) fn new(every: u64) -> Self {
        Self { every, ..Self::default() }
    }

    pub(crate) fn saw(&mut self, capacity: &[CapacitySample]) {
        let by_name = capacity.iter().map(|sample| (sample.service.clone(), sample.clone()));
        self.capacity.extend(by_name);
    }

    /// Takes an interval, a frame of each worker; a status comes of it when enough have passed.
    pub(crate) fn take(&mut self, manifest: &Manifest, frames: &[Frame]) -> Option<Status> {
        frames.iter().for_each(|frame| self.add(manifest, frame));
        self.intervals += 1;
        if self.intervals < self.every {
            return None;
        }
        let status = self.status(manifest, frames);
        self.intervals = 0;
        self.services.clear();
        self.response.clear();
        self.spoken.clear();
        Some(status)
    }

    fn add(&mut self, manifest: &Manifest, frame: &Frame) {
        for (key, samples) in frame.series.iter().filter(|(k, _)| k.measure == Measure::Response) {
            let count: u64 = samples.counts.iter().map(|(_, count)| count).sum();
            let errors = if key.outcome.is_failure() { count } else { 0 };
            self.requests_total += count;
            self.errors_total += errors;
            if let Some(service) = manifest.service_of(&key.journey, &key.step) {
                let known = self.services.entry(service.to_owned()).or_default();
                known.0 += count;
                known.1 += errors;
            }
            if key.outcome != Outcome::Abandoned {
                self.response.merge(samples);
            }
        }
        self.spoken.merge(&frame.callers.latency);
        let failed = |end| matches!(end, SessionEnd::Refused(_) | SessionEnd::Lost(_));
        let failed = frame.sessions.iter().filter(|session| failed(session.end));
        self.failed_calls_total += failed.count() as u64;
        for send in &frame.sends {
            *self.due.entry((send.service.clone(), send.due_interval)).or_default() += send.first;
        }
    }

    fn status(&mut self, manifest: &Manifest, frames: &[Frame]) -> Status {
        let now = frames.iter().map(|frame| frame.to).max().unwrap_or_default();
        let seconds = (self.intervals * manifest.interval_us) as f64 / 1e6;
        let interval = now.0.div_euclid(manifest.interval_us as i64);
        let wanted = usize::try_from(interval - 1).ok().and_then(|n| manifest.wanted.get(n));
        let whole_us = manifest.until.since(manifest.lead_in_from).max(1) as f64;
        let left_us = manifest.until.since(now).max(0) as f64;
        let (requests, errors) =
            self.services.values().fold((0, 0), |(r, e), of| (r + of.0, e + of.1));
        let p99_us = self.response.quantile_at_most_max_us(990_000);
        Status {
            name: manifest.name.clone(),
            at_s: now.as_s(),
            left_s: left_us / 1e6,
            done: (1.0 - left_us / whole_us).clamp(0.0, 1.0),
            match_min: manifest.load.is_none().then(|| manifest.match_minute(now)),
            present: frames.iter().map(|frame| frame.audience.present).sum(),
            wanted: wanted.map(|&wanted| wanted.into()),
            requests_per_s: requests as f64 / seconds,
            p99_us: (self.response.count() > 0).then_some(p99_us),
            errors,
            requests_total: self.requests_total,
            errors_total: self.errors_total,
            callers: manifest.callers.as_ref().map(|_| CallersStatus {
                alone: manifest.arrivals_planned == 0,
                open: frames.iter().map(|frame| frame.callers.open).sum(),
                p95_us: (self.spoken.count() > 0)
                    .then(|| self.spoken.quantile_at_most_max_us(950_000)),
                failed_total: self.failed_calls_total,
            }),
            services: self.service_statuses(manifest, (now, interval as i32), seconds),
            faults: faults(manifest, now),
            next: next(manifest, now),
        }
    }

    fn service_statuses(
        &mut self,
        manifest: &Manifest,
        (at, now): (Offset, i32),
        seconds: f64,
    ) -> Vec<ServiceStatus> {
        let mut oldest = now;
        let statuses = manifest.services.iter().map(|service| {
            let (requests, errors) = self.services.get(&service.name).copied().unwrap_or_default();
            let seen = self.capacity.get(&service.name);
            let seen = seen.filter(|sample| at.since(sample.at) <= SEEN_US_MAX);
            let window = manifest.window_intervals(service) as i32;
            oldest = oldest.min(now - window);
            let [from, to] = [now - window, now].map(|at| (service.name.clone(), at));
            let first = self.due.range(from..to).map(|(_, first)| first).sum();
            let window_s = f64::from(window) * manifest.interval_match_s();
            let needed = manifest.instances_needed(service, first, window_s);
            ServiceStatus {
                name: service.name.clone(),
                requests_per_s: requests as f64 / seconds,
                errors,
                // The first window is not full before it is over.
                needed: needed.filter(|_| now >= window),
                ready: seen.map(|sample| sample.ready),
                desired: seen.and_then(|sample| sample.desired),
            }
        });
        let statuses = statuses.collect();
        self.due.retain(|(_, at), _| *at >= oldest);
        statuses
    }
}

fn faults(manifest: &Manifest, now: Offset) -> Vec<(String, f64)> {
    let clock = manifest.clock;
    let there = manifest.faults.iter().filter_map(|fault| {
        let (from, until) = (clock.wall(fault.from), clock.wall(fault.until));
        (from <= now && now < until).then(|| (fault.name.clone(), until.since(now) as f64 / 1e6))
    });
    there.collect()
}

fn next(manifest: &Manifest, now: Offset) -> Option<(String, f64)> {
    let clock = manifest.clock;
    let moments = manifest.moments.iter().map(|moment| (moment.at, &moment.name));
    let faults = manifest.faults.iter().map(|fault| (fault.from, &fault.name));
    let coming = moments.chain(faults).map(|(at, name)| (clock.wall(at), name));
    let coming = coming.filter(|(at, _)| *at > now && *at <= manifest.until);
    let (at, name) = coming.min_by_key(|(at, _)| *at)?;
    Some((name.clone(), at.since(now) as f64 / 1e6))
}

#[cfg(test)]
mod tests;
