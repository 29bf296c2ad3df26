//! The folder of a run: the record, and what is made from it.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use hulk_engine::environment;
use hulk_record::{Manifest, MatchTime, MomentInfo, Offset, ServiceInfo};
use hulk_scenarios::Rehearsal;
use hulk_scenarios::traffic::Schedule;

/// Where the record lies in a run's folder.
pub(crate) const RECORD: &str = "record";

/// `runs/match-day-20190710-143000`, with a number behind it when that is taken.
pub(crate) fn name_of(runs: &Path, rehearsal: &Rehearsal, started: DateTime<Utc>) -> PathBuf {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = rehearsal.name.chars().map(safe).collect();
    let base = format!("{name}-{}", started.format("%Y%m%d-%H%M%S"));
    let taken = |path: &PathBuf| path.exists();
    let numbered = (2..).map(|number| runs.join(format!("{base}-{number}")));
    let mut candidates = std::iter::once(runs.join(&base)).chain(numbered);
    candidates.find(|path| !taken(path)).unwrap_or_else(|| runs.join(base))
}

/// The head of a run's record: everything that is known at its start.
pub fn manifest(rehearsal: &Rehearsal, schedule: &Schedule, started: DateTime<Utc>) -> Manifest {
    let (clock, audience) = (rehearsal.clock, &rehearsal.audience);
    let interval_us = rehearsal.interval_us();
    let intervals = rehearsal.until().0 / interval_us as i64;
    // At the window's very end everyone leaves: that instant is not compared.
    let wanted = (1..intervals)
        .map(|n| {
            audience.wanted(clock.match_time(Offset(n * interval_us as i64)).min(audience.until()))
        })
        .collect();
    let moments = audience.moments_inside();
    Manifest {
        version: Manifest::VERSION,
        name: rehearsal.name.clone(),
        file: rehearsal.file.clone(),
        seed: rehearsal.seed,
        started_unix_s: started.timestamp().max(0) as u64,
        clock,
        scale: audience.scale,
        from_match_min: audience.minute_at(MatchTime(0)),
        lead_in_from: rehearsal.lead_in_from(),
        until: rehearsal.until(),
        interval_us,
        wanted,
        arrivals_planned: schedule.visits.len() as u64,
        journeys: vec![rehearsal.journey.info()],
        services: services(rehearsal),
        moments: moments.map(|(at, m)| MomentInfo { name: m.name.clone(), at }).collect(),
        objectives: rehearsal.objectives.clone(),
        limits: rehearsal.limits.clone(),
        observed: rehearsal.platform().is_some(),
        regions: vec![crate::rehearse::REGION.to_owned()],
        environment: environment(rehearsal.target.name()),
    }
}

/// The services that the journey asks, with what is known of them.
fn services(rehearsal: &Rehearsal) -> Vec<ServiceInfo> {
    let mut names: Vec<String> =
        rehearsal.journey.info().steps.into_iter().map(|step| step.service).collect();
    names.sort_unstable();
    names.dedup();
    let known = |name: &str| {
        let services = &rehearsal.platform()?.platform.services;
        services.iter().find(|service| service.name == name)
    };
    names
        .into_iter()
        .map(|name| {
            let spec = known(&name);
            ServiceInfo {
                rated_rps: spec.map(|spec| spec.rated_rps),
                decision_window_s: spec.map_or(60.0, |spec| spec.decision_window_s),
                name,
            }
        })
        .collect()
}
