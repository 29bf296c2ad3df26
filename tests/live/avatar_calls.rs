//! `hulk call` in front of the reference backend, whose truth is known.

use serde_json::{Value, json};

use crate::avatar::Backend;
use crate::bench::Bench;

/// One 4090 that would let 20 in.
const RAISED: &str = r#"
frame_px = 128

[[gpu]]
kind = "RTX 4090"
zone = "here"
streams_max = 20
batch_1_ms = 8
batch_8_ms = 25
memory_mib = 24_000
"#;
/// On two cores a run that HULK itself calls INVALID is repeated so often.
const REPEATS_MAX: u32 = 2;

/// `hulk call` with these arguments: its exit code, what it told, and its CPU time in s; one that was late itself
/// is repeated.
fn call(bench: &Bench, backend: &Backend, arguments: &[&str]) -> (i32, Value, f64) {
    let url = format!("ws://127.0.0.1:{}", backend.port);
    for repeat in 0..=REPEATS_MAX {
        let before = cpu_s();
        let run = bench.hulk(&[&["call", &url, "--json"], arguments].concat());
        let used_s = cpu_s() - before;
        let told = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
        if run.code != 6 || repeat == REPEATS_MAX {
            return (run.code, told, used_s);
        }
        println!("repeated: HULK's own lag was {} ms", told["runs"][0]["lag_p99_ms"]);
    }
    unreachable!("the last one is returned");
}

/// A figure of the first run, and whether it keeps to its limit.
fn figure<'a>(told: &'a Value, name: &str) -> &'a Value {
    let rows = told["runs"][0]["figures"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == json!(name)).unwrap()
}

#[test]
fn the_knee_of_one_4090_is_found_live_within_one_stream() {
    let bench = Bench::take("avatar-knee");
    bench.write("raised.toml", RAISED);
    let backend = Backend::start(&bench, &["raised.toml"]);
    let (code, told, _) = call(
        &bench,
        &backend,
        &["--knee", "12..14", "--turns", "1", "--speak-s", "8", "--pause-s", "0.5"],
    );
    assert_eq!(code, 0, "{}", told["search"]);
    let knee = told["search"]["knee"]["sessions"].as_u64().unwrap();
    // ⌊8 ÷ 0.025 ÷ 25⌋ = 12; one more is carried for as long as its backlog is below the objective.
    assert!((12..=13).contains(&knee), "{}", told["search"]);
    let levels = told["search"]["levels"].as_array().unwrap();
    assert_eq!(levels[2]["good"], json!(0), "two more are a cliff: {}", told["search"]);
}

#[test]
fn seventy_two_callers_are_served_by_a_seventh_of_a_core_and_the_next_one_is_refused() {
    let bench = Bench::take("avatar-72");
    let backend = Backend::start(&bench, &[]);
    let arguments = [
        "--callers",
        "73",
        "--turns",
        "1",
        "--speak-s",
        "12",
        "--pause-s",
        "0.5",
        "--monthly-cost",
        "1850",
    ];
    let (code, told, used_s) = call(&bench, &backend, &arguments);
    let run = &told["runs"][0];
    assert_eq!(code, 3, "one is not served: {}", run["figures"]);
    let ends: Vec<(&str, u64)> = run["ends"]
        .as_array()
        .unwrap()
        .iter()
        .map(|end| (end["end"].as_str().unwrap(), end["count"].as_u64().unwrap()))
        .collect();
    assert!(
        ends.contains(&("completed", 72)) && ends.contains(&("refused (capacity)", 1)),
        "{ends:?}"
    );
    assert_eq!(figure(&told, "sessions at a time")["measured"], json!(72.0));
    // $1,850 ÷ 72.
    let cost = figure(&told, "cost a session at a time")["measured"].as_f64().unwrap();
    assert!((25.69..25.70).contains(&cost), "{cost}");
    assert!(run["lag_p99_ms"].as_f64().unwrap() <= 10.0, "{}", run["lag_p99_ms"]);
    // A process that starts, sets 73 sessions up and ends is in it too.
    assert!(used_s / 12.5 <= 0.15, "{used_s} s of CPU in 12.5 s");
    for session in run["sessions"].as_array().unwrap() {
        if session["end"] == json!("completed") {
            let fps = session["felt"]["fps"].as_f64().unwrap();
            assert!((24.5..=25.5).contains(&fps), "{session}");
        }
    }
}

/// CPU time of all processes that this one has waited for, in s: HULK's own, once it has ended.
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after = stat.rsplit_once(')').unwrap().1;
    let fields: Vec<f64> =
        after.split_whitespace().skip(13).take(2).map(|n| n.parse().unwrap()).collect();
    (fields[0] + fields[1]) / 100.0
}
