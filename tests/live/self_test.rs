//! What a machine may promise, measured on it.

use serde_json::Value;

use crate::bench::{Bench, HULK};

/// Clock ticks in a second, as Linux tells CPU times of processes.
const TICKS_PER_S: f64 = 100.0;
/// So many files may be open; 200 of them are the worker's own.
const FILES: u64 = 700;
const CONNECTIONS: u64 = FILES - 200;

fn number(of: &Value) -> f64 {
    of.as_f64().unwrap_or_else(|| panic!("not a number: {of}"))
}

#[track_caller]
fn assert_times(times: &Value) {
    let at = |key: &str| number(&times[key]);
    assert!(at("count") > 0.0, "{times}");
    let rising = [at("p50_us"), at("p99_us"), at("p99_9_us"), at("max_us")];
    assert!(rising.is_sorted(), "{times}");
}

#[test]
fn a_machine_says_what_it_may_promise() {
    let bench = Bench::take("self-test");
    // The shell's own account of what it waited for is the control.
    let script = format!(
        "ulimit -n {FILES}; {HULK} worker --self-test --seconds 4 --json > told.json || exit; cat \
         /proc/$$/stat"
    );
    let run = bench.start(&["sh", "-c", &script]).end();
    assert_eq!(run.code, 0, "{run:?}");
    let text = std::fs::read_to_string(bench.path("told.json")).unwrap();
    let told: Value = serde_json::from_str(&text).unwrap();
    for timer in ["bare", "engine", "sent_minus_due"] {
        assert_times(&told["timers"][timer]);
    }
    // One waking each millisecond of a seventh, and of half a seventh, of four seconds.
    assert_eq!(told["timers"]["bare"]["count"], 571);
    assert_eq!(told["timers"]["engine"]["count"], 285);
    assert_requests(&told, &run.stdout, run.took.as_secs_f64());
    // The limit of open files decides, and it is named.
    let connections = &told["connections"];
    assert_eq!(told["machine"]["descriptors"], CONNECTIONS);
    assert_eq!(connections["wanted"], CONNECTIONS);
    assert_eq!(connections["opened"], CONNECTIONS);
    assert!(number(&connections["process_bytes"]) > 0.0, "{connections}");
    let promise = &told["promises"][0];
    assert_eq!(promise["kind"], "heartbeat");
    assert_eq!(promise["one_worker"]["viewers"], CONNECTIONS);
    assert_eq!(promise["one_worker"]["limit"], "descriptors");
    let all = &promise["machine"];
    let (viewers, workers) = (number(&all["viewers"]), number(&all["workers"]));
    assert!(all["limit"] != "descriptors" && viewers > CONNECTIONS as f64, "{all}");
    assert!(workers >= (viewers / CONNECTIONS as f64).ceil(), "{all}");
    // What is in doubt is said, and only then.
    let doubts = told["doubts"].as_array().unwrap();
    assert_eq!(told["reliable"], doubts.is_empty());
}

/// The CPU times that it tells must be part of what the shell saw it use.
fn assert_requests(told: &Value, stat: &str, wall_s: f64) {
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    // Fields 16 and 17 of the whole line: user and system time of children that were waited for.
    let ticks: f64 = fields[13..15].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum();
    let used_s = ticks / TICKS_PER_S;
    let cores = number(&told["machine"]["cores"]);
    let mut told_s = 0.0;
    for kind in ["closed_loop", "paced"] {
        let of = &told["requests"][kind];
        assert_eq!(of["failed"], 0, "{of}");
        let (answered, cpu_us) = (number(&of["answered"]), number(&of["cpu_us"]));
        assert!(answered > 100.0 && cpu_us > 0.0, "{of}");
        told_s += answered * cpu_us / 1e6;
        // No more CPU than there is.
        let busy = number(&of["reached_per_s"]) * cpu_us / 1e6;
        assert!(busy <= cores * 1.05, "{of} on {cores} cores");
    }
    assert!(told_s > 0.0 && told_s <= used_s + 0.1, "{told_s} s of {used_s} s: {told}");
    assert!(used_s <= cores * wall_s * 1.05, "{used_s} s in {wall_s} s on {cores} cores");
    let requests = &told["requests"];
    let most = number(&requests["worker_per_s"]);
    let share = number(&requests["cpu_share_max"]);
    assert!(most <= number(&requests["closed_loop"]["reached_per_s"]), "{requests}");
    for kind in ["closed_loop", "paced"] {
        let cpu_us = number(&requests[kind]["cpu_us"]);
        assert!(most * cpu_us <= share * 1e6 * 1.001, "{requests}");
    }
    // A full core and the same work with gaps between: one order of magnitude, not three.
    let [closed, paced] = ["closed_loop", "paced"].map(|kind| number(&requests[kind]["cpu_us"]));
    assert!((0.05..100.0).contains(&(paced / closed)), "{requests}");
}
