//! What a rehearsal would ask of the machine and of its target.

use std::collections::BTreeMap;

use hulk_traffic_models::Schedule;

use crate::{Rehearsal, Step};

/// What a run asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Most viewers at one time: one connection and one file descriptor each.
    pub viewers_peak: u32,
    /// Visits in all.
    pub arrivals: u64,
    /// Most requests per wall second, over any ten seconds.
    pub requests_per_s_peak: f64,
    /// Most bits per wall second received, over any ten seconds.
    pub bits_per_s_peak: f64,
    /// How long it takes, in s of wall time.
    pub wall_s: f64,
    /// By service.
    pub services: Vec<ServiceEstimate>,
}

/// What a service is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceEstimate {
    /// Its name.
    pub name: String,
    /// Requests in a decision window, on average over the run; none where it does not scale.
    pub requests_per_window: Option<f64>,
}

/// Below so many requests in a decision window, chance alone moves the demand by more than 2 %.
const WINDOW_REQUESTS_MIN: f64 = 2500.0;

impl Estimate {
    /// What `schedule` asks for in a rehearsal.
    pub fn of(rehearsal: &Rehearsal, schedule: &Schedule) -> Self {
        let speed = rehearsal.clock.speed;
        let bin_s = (10.0 * speed).max(1.0);
        let presence = schedule.presence_every((bin_s * 1e6) as i64);
        let mut starts = vec![0.0; presence.len().max(1)];
        for visit in schedule.visits.iter().filter(|visit| !visit.already_watching) {
            let bin = (visit.arrive.as_s() / bin_s) as usize;
            if let Some(count) = starts.get_mut(bin) {
                *count += 1.0;
            }
        }
        let calls = Calls::of(rehearsal);
        let peak = |of: &dyn Fn(f64, f64) -> f64| {
            presence.iter().zip(&starts).map(|(p, s)| of(f64::from(*p), *s)).fold(0.0, f64::max)
        };
        let requests = |present: f64, starts: f64| {
            speed
                * (calls.per_s.values().sum::<f64>() * present
                    + calls.per_start.values().sum::<f64>() * starts / bin_s)
        };
        let viewers_peak = schedule.peak_present();
        Self {
            viewers_peak,
            arrivals: schedule.visits.len() as u64,
            requests_per_s_peak: peak(&requests),
            bits_per_s_peak: f64::from(viewers_peak) * calls.kbps * 1e3,
            wall_s: (rehearsal.until().0 + rehearsal.lead_in_us) as f64 / 1e6,
            services: calls.services(rehearsal, &presence, &starts, bin_s),
        }
    }

    /// What a user should know before the run, each with its way out. `descriptors` is how many
    /// files the process may open.
    pub fn warnings(&self, rehearsal: &Rehearsal, descriptors: u64) -> Vec<String> {
        let mut warnings = Vec::new();
        for service in &self.services {
            if let Some(requests) = service.requests_per_window.filter(|n| *n < WINDOW_REQUESTS_MIN)
            {
                warnings.push(format!(
                    "service `{}` sees {requests:.0} requests in a decision window; below \
                     {WINDOW_REQUESTS_MIN} chance alone moves its demand by more than 2 %: raise \
                     `audience.scale` or the service's `decision_window_s`",
                    service.name
                ));
            }
        }
        let needed = u64::from(self.viewers_peak) + 64;
        if needed > descriptors {
            warnings.push(format!(
                "{needed} file descriptors are needed and {descriptors} are allowed: lower \
                 `audience.scale`, or raise the limit (`ulimit -n`)"
            ));
        }
        if let Some(users) = rehearsal.users_max.filter(|users| *users < self.viewers_peak) {
            warnings.push(format!(
                "`generator.users_max` is {users} and the audience needs {}: arrivals will be \
                 dropped and the run will be INVALID",
                self.viewers_peak
            ));
        }
        warnings
    }
}

/// Requests of a viewer by service.
struct Calls {
    /// A start makes so many.
    per_start: BTreeMap<String, f64>,
    /// A viewer who watches makes so many per match second.
    per_s: BTreeMap<String, f64>,
    /// Media of a viewer, in kbit/s of wall time.
    kbps: f64,
}

impl Calls {
    fn of(rehearsal: &Rehearsal) -> Self {
        let mut calls = Self { per_start: BTreeMap::new(), per_s: BTreeMap::new(), kbps: 0.0 };
        let journey = &rehearsal.journey;
        let after = journey.after.iter().cloned().map(Step::After);
        let every = journey.every.iter().cloned().map(Step::Every);
        for step in after.chain(every).chain(journey.hls.iter().cloned().map(Step::Hls)) {
            match step {
                Step::After(step) => {
                    *calls.per_start.entry(step.request.service).or_default() +=
                        f64::from(step.repeat);
                }
                Step::Every(step) => {
                    *calls.per_s.entry(step.request.service).or_default() += 1.0 / step.period_s;
                }
                Step::Hls(step) => {
                    let segment_s =
                        rehearsal.platform().map_or(6.0, |e| e.platform.media.segment_s);
                    *calls.per_s.entry(step.service).or_default() += 2.0 / segment_s;
                    calls.kbps = step.kbps_max;
                }
            }
        }
        calls
    }

    fn services(
        &self,
        rehearsal: &Rehearsal,
        presence: &[u32],
        starts: &[f64],
        bin_s: f64,
    ) -> Vec<ServiceEstimate> {
        let bins = presence.len().max(1) as f64;
        let present = presence.iter().map(|p| f64::from(*p)).sum::<f64>() / bins;
        let starts_per_s = starts.iter().sum::<f64>() / bins / bin_s;
        let mut names: Vec<&String> = self.per_start.keys().chain(self.per_s.keys()).collect();
        names.sort_unstable();
        names.dedup();
        let window_of = |name: &str| {
            let services = &rehearsal.platform()?.platform.services;
            services.iter().find(|known| known.name == name).map(|known| known.decision_window_s)
        };
        let of =
            |calls: &BTreeMap<String, f64>, name: &str| calls.get(name).copied().unwrap_or(0.0);
        names
            .into_iter()
            .map(|name| ServiceEstimate {
                name: name.clone(),
                requests_per_window: window_of(name).map(|window_s| {
                    let per_s =
                        of(&self.per_start, name) * starts_per_s + of(&self.per_s, name) * present;
                    per_s * window_s
                }),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
