//! The findings for people and for machines.

use std::fmt::Write;

use hulk_record::Samples;
use hulk_reports::words::{count, micros};
use serde_json::{Value, json};

use super::promise::Promise;
use super::{Findings, LOOP_CONNECTIONS};

/// Version of the JSON document's format.
const VERSION: u32 = 1;

/// Kinds of viewers: key, words, requests a second of each.
const KINDS: [(&str, &str, f64); 2] = [
    ("heartbeat", "a heartbeat a minute", 1.0 / 60.0),
    ("hls_6_s", "HLS with segments of 6 s", 0.4),
];

/// The document.
pub(super) fn json(found: &Findings) -> Result<String, serde_json::Error> {
    let Findings { has, closed, paced, lost, .. } = found;
    let doubts = found.doubts();
    let promises = KINDS.iter().map(|&(kind, _, per_s)| {
        let room = found.room();
        json!({
            "kind": kind,
            "requests_per_s": per_s,
            "one_worker": promise(&room.one_worker(per_s)),
            "machine": promise(&room.machine(per_s)),
        })
    });
    let document = json!({
        "version": VERSION,
        "reliable": doubts.is_empty(),
        "doubts": doubts,
        "machine": {
            "kernel": has.environment.kernel,
            "cpu": has.environment.cpu,
            "cores": has.cores,
            "memory_mib": has.environment.memory_mib,
            "available_mib": has.available_bytes >> 20,
            "descriptors": has.descriptors,
            "local_ports": has.local_ports,
        },
        "lost_time": {
            "steal_share": lost.steal_share,
            "sleeper_late_ms": lost.sleeper_late_ms,
            "run_delay_share": lost.run_delay_share,
        },
        "timers": {
            "bare": times(&found.bare),
            "engine": times(&found.waiting),
            "sent_minus_due": times(&paced.lag),
        },
        "requests": {
            "closed_loop": {
                "connections": LOOP_CONNECTIONS,
                "answered": closed.answered,
                "failed": closed.failed,
                "reached_per_s": closed.per_s,
                "cpu_us": closed.cpu_us,
            },
            "paced": {
                "connections": paced.present,
                "answered": paced.answered,
                "failed": paced.failed,
                "reached_per_s": paced.per_s,
                "cpu_us": paced.cpu_us,
            },
            "worker_per_s": found.requests_per_s(),
            "cpu_share_max": paced.limits.cpu_share_max,
        },
        "connections": {
            "wanted": found.wanted,
            "opened": paced.present,
            "process_bytes": found.process_bytes,
            "kernel_bytes": found.kernel_bytes,
        },
        "promises": promises.collect::<Vec<_>>(),
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn promise(of: &Promise) -> Value {
    json!({ "viewers": of.viewers, "limit": of.limit.name(), "workers": of.workers })
}

fn times(samples: &Samples) -> Value {
    let at = |ppm| samples.quantile_at_most_max_us(ppm);
    json!({
        "count": samples.count(),
        "p50_us": at(500_000),
        "p99_us": at(990_000),
        "p99_9_us": at(999_000),
        "max_us": samples.max_us(),
    })
}

/// The same in a few lines.
pub(super) fn text(found: &Findings) -> String {
    let (has, mut out) = (&found.has, String::new());
    let gib = |bytes: u64| format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30));
    let mut line = |what: &str, text: String| {
        // A text takes whatever is written to it.
        let _written = writeln!(out, "{what:<16}{text}");
    };
    line(
        "this machine",
        format!(
            "{} cores, {} of memory free, {} descriptors a worker, {} local ports to one address",
            has.cores,
            gib(has.available_bytes),
            count(has.descriptors),
            count(has.local_ports),
        ),
    );
    line("bare timer", late(&found.bare, "late"));
    line("engine's timer", late(&found.waiting, "late"));
    line("sent − due", late(&found.paced.lag, "late"));
    let (closed_us, paced_us) = found.cpu_us();
    line(
        "closed loop",
        format!(
            "{} requests/s over {LOOP_CONNECTIONS} connections, {} of CPU each",
            count(found.closed.per_s as u64),
            micros(closed_us),
        ),
    );
    line(
        "paced",
        format!(
            "{} requests/s over {} of {} connections, {} of CPU each",
            count(found.paced.per_s as u64),
            count(found.paced.present),
            count(found.wanted),
            micros(paced_us),
        ),
    );
    line(
        "a connection",
        format!(
            "{:.1} KiB of the process, {:.1} KiB of the kernel",
            found.process_bytes as f64 / 1024.0,
            found.kernel_bytes as f64 / 1024.0,
        ),
    );
    line(
        "lost time",
        format!(
            "{:.1} % stolen, a sleeper at most {:.1} ms late, its threads {:.1} % of the time ready \
             without a CPU",
            found.lost.steal_share * 100.0,
            found.lost.sleeper_late_ms,
            found.lost.run_delay_share * 100.0,
        ),
    );
    out + &follows(found)
}

/// What follows for viewers, and what is in doubt.
fn follows(found: &Findings) -> String {
    let room = found.room();
    let mut out = format!(
        "\nA worker may be asked for {} requests/s: {} % of a core, or what was reached.\n",
        count(found.requests_per_s() as u64),
        found.paced.limits.cpu_share_max * 100.0,
    );
    for (_, words, per_s) in KINDS {
        let (one, all) = (room.one_worker(per_s), room.machine(per_s));
        let _written = writeln!(
            out,
            "Viewers with {words}: {} with one worker ({}); {} with {} ({}).",
            count(one.viewers),
            one.limit.text(),
            count(all.viewers),
            if all.workers == 1 { "one".to_owned() } else { format!("--workers {}", all.workers) },
            all.limit.text(),
        );
    }
    for doubt in found.doubts() {
        let _written = writeln!(
            out,
            "Not to be relied on: {doubt}. Measure again while nothing else runs here."
        );
    }
    out
}

fn late(samples: &Samples, what: &str) -> String {
    let at = |ppm| micros(samples.quantile_at_most_max_us(ppm) as f64);
    format!(
        "p50 {}, p99 {}, p99.9 {}, at most {} {what}",
        at(500_000),
        at(990_000),
        at(999_000),
        micros(samples.max_us() as f64),
    )
}
