//! `hulk check`: every problem of the files, and what a run would ask for.

use std::io::{Write, stdout};
use std::path::Path;

use hulk_engine::raise_open_files;
use hulk_reports::words::counted;
use hulk_scenarios::traffic::Schedule;
use hulk_scenarios::{Estimate, Given, LoadError, PortsEstimate, Rehearsal};
use serde_json::{Value, json};

use crate::cli::CheckArguments;
use crate::cores::{given, local_ports};
use crate::diagnostics::tell;
use crate::outcome::Failure;
use crate::target::verifiable;

/// Above this share of the free disk, a record is told of.
const DISK_SHARE_MAX: f64 = 0.5;

/// What this machine has for a run.
struct Room {
    /// Of files, cores and workers.
    given: Given,
    /// Local ports that connections may have, for each pair of addresses.
    ports: u32,
    /// Free bytes where the run's folder would be made, where that can be told.
    disk_bytes: Option<f64>,
}

/// What a valid file would ask for.
struct Asked {
    rehearsal: Rehearsal,
    estimate: Estimate,
    ports: PortsEstimate,
    warnings: Vec<String>,
}

/// Checks each file; the exit code is 2 when one of them has problems.
pub(crate) fn check(arguments: &CheckArguments) -> Result<i32, Failure> {
    let given = given(arguments.workers, raise_open_files());
    let room = Room { given, ports: local_ports(), disk_bytes: free_bytes(&arguments.runs) };
    let (mut code, mut summary, mut documents) = (0, Vec::new(), Vec::new());
    for file in &arguments.files {
        let rehearsal = Rehearsal::load(file).map_err(Failure::from);
        let usable = rehearsal.and_then(|of| verifiable(&of.target).map(|()| of));
        let asked = usable.map(|rehearsal| Asked::of(rehearsal, arguments, &room));
        if let Err(failure) = &asked {
            code = failure.exit_code();
        }
        if arguments.json {
            documents.push(document(file, &asked, &room));
            continue;
        }
        summary.push(format!("{file}: {}\n", in_short(&asked)));
        match asked {
            Ok(asked) => say(&asked.describe(&arguments.runs, &room)),
            Err(failure) => tell(&failure),
        }
    }
    if arguments.json {
        let whole = json!({ "valid": code == 0, "files": documents });
        let text = serde_json::to_string_pretty(&whole).map_err(Failure::internal)?;
        say(&format!("{text}\n"));
    } else if summary.len() > 1 {
        say(&format!("\n{}", summary.concat()));
    }
    Ok(code)
}

/// A reader who has gone (`| head`) knows enough; the exit code stays true.
fn say(text: &str) {
    let _told = stdout().write_all(text.as_bytes());
}

/// Free bytes on the disk of a folder, which need not be there yet.
fn free_bytes(folder: &Path) -> Option<f64> {
    let folder = Path::new(".").join(folder);
    let there = folder.ancestors().find(|folder| folder.is_dir())?;
    let disk = rustix::fs::statvfs(there).ok()?;
    Some(disk.f_bavail as f64 * disk.f_frsize as f64)
}

fn in_short(asked: &Result<Asked, Failure>) -> String {
    match asked {
        Ok(asked) if asked.warnings.is_empty() => "valid".to_owned(),
        Ok(asked) => format!("valid, {}", counted(asked.warnings.len() as u64, "warning")),
        Err(Failure::Load(LoadError::Invalid(problems))) => {
            counted(problems.list.len() as u64, "problem")
        }
        Err(Failure::Load(LoadError::Unreadable { reason, .. })) => reason.clone(),
        Err(other) => other.to_string(),
    }
}

/// Bytes, as a person reads them.
fn size(bytes: f64) -> String {
    match bytes {
        b if b >= 1e9 => format!("{:.1} GB", b / 1e9),
        b => format!("{:.0} MB", (b / 1e6).max(1.0)),
    }
}

/// A rate at the peak; what users ask who begin again depends on the answers.
fn per_s(peak: Option<f64>, rehearsal: &Rehearsal) -> String {
    let again = rehearsal.is_closed_loop();
    match peak {
        None => "as many as the target answers: users without think time never wait".to_owned(),
        Some(peak) if again => format!("at most {peak:.0}/s, for answers without delay"),
        Some(peak) => format!("{peak:.0}/s at the peak"),
    }
}

impl Asked {
    fn of(rehearsal: Rehearsal, arguments: &CheckArguments, room: &Room) -> Self {
        let schedule = Schedule::generate(&rehearsal.audience);
        let estimate = Estimate::of(&rehearsal, &schedule);
        let mut warnings = estimate.warnings(&rehearsal, &room.given);
        let ports = PortsEstimate::of(&rehearsal, estimate.viewers_peak, room.ports);
        warnings.extend(ports.warning());
        let record = estimate.machine.record_bytes;
        if let Some(free) = room.disk_bytes.filter(|free| record > free * DISK_SHARE_MAX) {
            warnings.push(format!(
                "the record takes about {} (an estimate), and {} has {} free: make room, or name a \
                 folder on another disk with `--runs`",
                size(record),
                arguments.runs.display(),
                size(free)
            ));
        }
        Self { rehearsal, estimate, ports, warnings }
    }

    /// What a run would ask for, with its warnings.
    fn describe(&self, runs: &Path, room: &Room) -> String {
        let (rehearsal, estimate) = (&self.rehearsal, &self.estimate);
        let machine = &estimate.machine;
        let free = room.disk_bytes.map(|free| format!(", {} free", size(free)));
        let origins = match estimate.connections_per_viewer {
            0 | 1 => String::new(),
            origins => format!(": {} viewers × {origins} origins", estimate.viewers_peak),
        };
        let viewers = match (estimate.viewers_peak, rehearsal.is_open()) {
            (pool, true) => format!("a pool of {pool}"),
            (peak, false) => format!("{peak} at the peak"),
        };
        let workers = match room.given.workers {
            1 => String::new(),
            workers => format!(", by each of {workers} workers"),
        };
        // Nobody asks for anything: what viewers need is left out.
        let alone = estimate.callers.is_some() && estimate.arrivals == 0;
        let of_viewers = |line: String| (!alone).then_some(line);
        let mut lines = vec![
            format!("{}: a valid rehearsal, against {}", rehearsal.file, rehearsal.aims_at()),
            format!(
                "  wall time      {:.0} s at {} × match speed",
                estimate.wall_s, rehearsal.clock.speed
            ),
        ];
        lines.extend(of_viewers(format!(
            "  viewers        {viewers}, {} visits\n  requests       {}",
            estimate.arrivals,
            per_s(estimate.requests_per_s_peak, rehearsal)
        )));
        if let Some(executor) = &rehearsal.audience.executor {
            let (name, text) = (executor.name(), executor.describe());
            lines.insert(1, format!("  load           {name}: {text}"));
        }
        lines.extend(self.of_services());
        lines.extend(of_viewers(format!(
            "  connections    {:.0} new ones/s at the peak\n  media          {:.2} Gbit/s at the peak",
            estimate.connects_per_s_peak,
            estimate.bits_per_s_peak / 1e9
        )));
        let bandwidth = estimate.bandwidth.iter();
        lines.extend(bandwidth.map(|link| format!("    bandwidth    {}", link.describe())));
        let callers = estimate.callers.iter();
        lines.extend(callers.map(|callers| format!("  callers        {}", callers.describe())));
        lines.push(format!(
            "  descriptors    {} of {}{origins}{workers}",
            machine.descriptors_of_a_worker(room.given.workers),
            room.given.descriptors
        ));
        let PortsEstimate { needed, available } = self.ports;
        lines.extend(of_viewers(format!("  ports          {needed} of {available}")));
        lines.extend([
            match machine.cores_peak {
                Some(cores) => format!("  processor      about {cores:.2} cores at the peak"),
                None => "  processor      as much as there is, up to one core a worker".to_owned(),
            },
            format!("  memory         about {}", size(machine.memory_bytes)),
            format!(
                "  record         about {} in {}{}",
                size(machine.record_bytes),
                runs.display(),
                free.unwrap_or_default()
            ),
        ]);
        lines.extend(self.warnings.iter().map(|warning| format!("warning: {warning}")));
        lines.join("\n") + "\n"
    }

    /// What is asked of each service, a line each.
    fn of_services(&self) -> impl Iterator<Item = String> {
        self.estimate.services.iter().map(|service| {
            let window = service
                .requests_per_window
                .map(|requests| format!(", {requests:.0} in a decision window on average"));
            format!(
                "    {:<12} {}{}",
                service.name,
                per_s(service.requests_per_s_peak, &self.rehearsal),
                window.unwrap_or_default()
            )
        })
    }

    /// The same for machines; numbers in the units of their names.
    fn document(&self, room: &Room) -> Value {
        let (rehearsal, estimate) = (&self.rehearsal, &self.estimate);
        let services = estimate.services.iter().map(|service| {
            json!({
                "name": service.name,
                "requests_per_s_peak": service.requests_per_s_peak,
                "requests_per_window": service.requests_per_window,
            })
        });
        json!({
            "target": rehearsal.aims_at(),
            "speed": rehearsal.clock.speed,
            "wall_s": estimate.wall_s,
            "viewers_peak": estimate.viewers_peak,
            "visits": estimate.arrivals,
            "requests_per_s_peak": estimate.requests_per_s_peak,
            "services": services.collect::<Vec<_>>(),
            "connects_per_s_peak": estimate.connects_per_s_peak,
            "bits_per_s_peak": estimate.bits_per_s_peak,
            "bandwidth": estimate.bandwidth.iter().map(|link| json!({
                "edge": link.edge,
                "peak_gbps": link.peak_gbps,
                "ceiling_gbps": link.ceiling_gbps,
            })).collect::<Vec<_>>(),
            "callers": estimate.callers.as_ref().map(|callers| json!({
                "calls": callers.calls,
                "sessions_peak": callers.sessions_peak,
                "cut_off": callers.cut_off,
                "bits_per_s_peak": callers.bits_per_s_peak,
            })),
            "descriptors": estimate.machine.descriptors,
            "descriptors_of_a_worker":
                estimate.machine.descriptors_of_a_worker(room.given.workers),
            "descriptors_allowed": room.given.descriptors,
            "workers": room.given.workers,
            "ports": self.ports.needed,
            "ports_available": self.ports.available,
            "cores_peak": estimate.machine.cores_peak,
            "memory_bytes": estimate.machine.memory_bytes.round(),
            "record_bytes": estimate.machine.record_bytes.round(),
            "disk_free_bytes": room.disk_bytes,
        })
    }
}

/// What is said of a file in the JSON document.
fn document(file: &str, asked: &Result<Asked, Failure>, room: &Room) -> Value {
    let (estimate, warnings) = match asked {
        Ok(asked) => (asked.document(room), json!(asked.warnings)),
        Err(_) => (Value::Null, json!([])),
    };
    json!({ "file": file, "valid": asked.is_ok(), "problems": problems(file, asked),
        "estimate": estimate, "warnings": warnings })
}

/// What is wrong with a file; without a place where that is all of it.
fn problems(file: &str, asked: &Result<Asked, Failure>) -> Vec<Value> {
    let unplaced = |message: &str, hint: Option<&str>| {
        vec![
            json!({ "file": file, "line": null, "column": null, "message": message, "hint": hint }),
        ]
    };
    match asked {
        Ok(_) => Vec::new(),
        Err(Failure::Load(LoadError::Invalid(problems))) => {
            let problem = |problem: &hulk_scenarios::Problem| {
                let (line, column) = problem.source.place(problem.span.start);
                json!({ "file": problem.source.name, "line": line, "column": column,
                    "message": problem.message, "hint": problem.hint })
            };
            problems.list.iter().map(problem).collect()
        }
        Err(Failure::Load(LoadError::Unreadable { reason, hint, .. })) => {
            unplaced(reason, Some(hint))
        }
        Err(other) => unplaced(&other.to_string(), None),
    }
}

#[cfg(test)]
mod tests;
