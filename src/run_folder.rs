//! The folder of a run: the record, and what is made from it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use hulk_engine::environment;
use hulk_record::{
    FaultInfo, LoadInfo, Manifest, MatchTime, Message, MomentInfo, Offset, Record, ServiceInfo,
    seed_of,
};
use hulk_scenarios::chaos::{Fault, FaultKind};
use hulk_scenarios::traffic::{Executor, Moment, Response, Schedule};
use hulk_scenarios::{Rehearsal, Script};

use crate::outcome::Failure;

/// Where the record lies in a run's folder.
pub(crate) const RECORD: &str = "record";
/// The file without which a folder is no record.
const MANIFEST: &str = "manifest.json";

/// What must fit into `--runs` before anything is sent: below it a record hardly begins.
const ROOM_BYTES: usize = 4 << 20;

/// Makes the folder of the runs and sees that a record has room there, before anything is sent.
pub(crate) fn prepare(runs: &Path) -> Result<(), Failure> {
    let probe = runs.join(format!(".room-{}", std::process::id()));
    let written = fs::create_dir_all(runs).and_then(|()| fs::write(&probe, vec![0; ROOM_BYTES]));
    // Where it could not be made there is nothing to remove.
    let _best_effort = fs::remove_file(&probe);
    written.map_err(|error| {
        let (runs, hint) = (runs.display(), "nothing was sent; name another folder with --runs");
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Failure::Internal(format!(
                "{runs}: {error}: a record needs at least {} MiB; {hint}, or free some space",
                ROOM_BYTES >> 20
            )),
            _ => Failure::Usage(format!("{runs}: {error}; {hint}")),
        }
    })
}

/// `runs/match-day-20190710-143000`, with a number behind it when that is taken.
pub(crate) fn name_of(runs: &Path, name: &str, started: DateTime<Utc>) -> PathBuf {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = name.chars().map(safe).collect();
    let base = format!("{name}-{}", started.format("%Y%m%d-%H%M%S"));
    let taken = |path: &PathBuf| path.exists();
    let numbered = (2..).map(|number| runs.join(format!("{base}-{number}")));
    let mut candidates = std::iter::once(runs.join(&base)).chain(numbered);
    candidates.find(|path| !taken(path)).unwrap_or_else(|| runs.join(base))
}

/// Reads the record of a run's folder, or a record's own folder. Whatever is wrong with it is the
/// usage's fault: another folder is to be named.
pub(crate) fn read_record(folder: &Path) -> Result<Record, Failure> {
    let shown = folder.display();
    let inner = folder.join(RECORD);
    let record = if inner.is_dir() { inner } else { folder.to_owned() };
    if !folder.exists() {
        let message = format!("{shown} is not there: name a run's folder, as `rehearse` prints it");
        return Err(Failure::Usage(message));
    }
    if !record.join(MANIFEST).is_file() {
        let message = format!(
            "{shown} is not the folder of a run (there is no {RECORD}/{MANIFEST} in it): name one, as \
             `rehearse` prints it"
        );
        return Err(Failure::Usage(message));
    }
    Record::read(&record).map_err(|error| Failure::Usage(error.to_string()))
}

/// The head of a run's record: everything that is known at its start.
pub fn manifest(rehearsal: &Rehearsal, schedule: &Schedule, started: DateTime<Utc>) -> Manifest {
    let (clock, audience) = (rehearsal.clock, &rehearsal.audience);
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
        interval_us: rehearsal.interval_us(),
        wanted: wanted(rehearsal, schedule),
        arrivals_planned: schedule.visits.len() as u64,
        journeys: rehearsal.script.info(),
        services: services(rehearsal),
        moments: moments(rehearsal),
        faults: faults(rehearsal),
        objectives: rehearsal.objectives.clone(),
        limits: rehearsal.limits.clone(),
        observed: rehearsal.platform().is_some() || !rehearsal.watched.is_empty(),
        regions: vec![crate::rehearse::REGION.to_owned()],
        environment: environment(rehearsal.aims_at()),
        stream: rehearsal.script.stream(),
        run_id: None,
        raw: false,
        script: Some(script_id(&rehearsal.script)),
        load: rehearsal.audience.executor.as_ref().map(load),
        commentary: messages_of_moments(rehearsal),
        callers: rehearsal.callers_info(),
    }
}

fn load(executor: &Executor) -> LoadInfo {
    LoadInfo {
        executor: executor.name().to_owned(),
        text: executor.describe(),
        ends_early: executor.ends_early(),
    }
}

/// The same for the same steps, choices and values. Its text leaves out secrets and the rows of
/// feeders: neither a changed key nor its guess shows in the hash.
fn script_id(script: &Script) -> String {
    format!("{:016x}", seed_of(0, &format!("{script:?}")))
}

/// How many viewers must be present at the end of each interval. At the window's very end
/// everyone leaves: that instant is not compared.
fn wanted(rehearsal: &Rehearsal, schedule: &Schedule) -> Vec<u32> {
    let interval_us = rehearsal.interval_us() as i64;
    let ends = (rehearsal.until().0 / interval_us - 1).max(0) as usize;
    let step = rehearsal.clock.match_time(Offset(interval_us));
    let wanted = schedule.wanted_every(&rehearsal.audience, step.0);
    wanted.into_iter().skip(1).take(ends).collect()
}

fn moments(rehearsal: &Rehearsal) -> Vec<MomentInfo> {
    let response = |response: &Response| match response {
        Response::Exit(_) => "exit",
        Response::Push(_) => "push",
        Response::Act(_) => "act",
    };
    let info = |(at, moment): (MatchTime, &Moment)| MomentInfo {
        name: moment.name.clone(),
        at,
        response: moment.response.as_ref().map(|kind| response(kind).to_owned()),
    };
    rehearsal.audience.moments_inside().map(info).collect()
}

/// Balls like others are not worth their place.
fn messages_of_moments(rehearsal: &Rehearsal) -> Vec<Message> {
    let messages = rehearsal.feed().messages.into_iter();
    messages.filter(|message| message.moment.is_some()).collect()
}

fn faults(rehearsal: &Rehearsal) -> Vec<FaultInfo> {
    let (clock, edges) = (rehearsal.clock, rehearsal.target.edges());
    let info = |(fault, (from, until)): (&Fault, (Offset, Offset))| {
        FaultInfo {
            name: fault.name.clone(),
            kind: fault.kind.name().to_owned(),
            text: fault.kind.describe(),
            from: clock.match_time(from),
            until: clock.match_time(until),
            // An edge is one of several ways to every service, and so may a proxy be.
            service: touched(rehearsal, fault).filter(|name| !edges.contains(name)),
        }
    };
    rehearsal.faults.iter().zip(rehearsal.fault_spans()).map(info).collect()
}

/// What a fault is done to: for one of a proxy what that stands before, and no service for one of a GPU.
fn touched(rehearsal: &Rehearsal, fault: &Fault) -> Option<String> {
    let place = fault.kind.place();
    if matches!(fault.kind, FaultKind::Gpu(_)) {
        return None;
    }
    if !matches!(fault.kind, FaultKind::Toxic(_)) {
        return Some(place.to_owned());
    }
    let proxied = rehearsal.proxies.iter().find(|known| known.name == place);
    proxied.map(|known| known.before.clone())
}

/// The services that the journeys ask, with what is known of them.
fn services(rehearsal: &Rehearsal) -> Vec<ServiceInfo> {
    let mut names = rehearsal.script.services.clone();
    names.sort_unstable();
    let of_platform = |name: &str| {
        let services = &rehearsal.platform()?.platform.services;
        let spec = services.iter().find(|service| service.name == name)?;
        Some((spec.rated_rps, spec.decision_window_s))
    };
    let of_ones_own = |name: &str| {
        let watched = rehearsal.watched.iter().find(|watched| watched.service == name)?;
        // Its instances are real, and so is what one of them carries, whatever the audience's scale.
        Some((watched.rated_rps / rehearsal.audience.scale, watched.decision_window_s))
    };
    names
        .into_iter()
        .map(|name| {
            let known = of_platform(&name).or_else(|| of_ones_own(&name));
            ServiceInfo {
                rated_rps: known.map(|(rated_rps, _)| rated_rps),
                decision_window_s: known.map_or(60.0, |(_, window_s)| window_s),
                name,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use hulk_scenarios::{Journey, Source};

    use super::*;

    fn id(path: &str, secret: &str) -> String {
        let text = format!(
            "name = \"shop\"\ntimeout_ms = 100\nretry = {{ none = {{}} }}\n[value.key]\nfixed = {{ text = \
             \"{secret}\" }}\n[[step]]\nafter = {{ name = \"front\", service = \"web\", get = \
             \"{path}?${{key}}\" }}\n"
        );
        let journey = Journey::read(&Source::new("shop.toml", text), Path::new(".")).unwrap();
        script_id(&Script::of(journey).unwrap())
    }

    #[test]
    fn a_script_is_known_by_its_steps_and_not_by_its_secrets() {
        assert_eq!(id("/a", "one-secret"), id("/a", "another-secret"));
        assert_ne!(id("/a", "one-secret"), id("/b", "one-secret"));
    }
}
