//! Two runs side by side, as a person and a program read them.

use hulk_record::{Record, RunEnd};
use hulk_reports::compare;
use serde_json::Value;

use crate::builder::{Minute, debt, latency, quiet, record};

fn json(a: &Record, b: &Record) -> Value {
    serde_json::from_slice(&compare(a, b).json().unwrap()).unwrap()
}

fn calm() -> Record {
    record(&quiet(), vec![latency(100.0), debt(2.0)])
}

/// Slower by a half in each minute, and short of two instances in one.
fn slower() -> Record {
    let mut minutes = vec![Minute { latency_us: 30_000, ..Minute::quiet() }; 10];
    minutes[5] = Minute { requests: 3000, served: 2700, ..minutes[5].clone() };
    record(&minutes, vec![latency(25.0), debt(2.0)])
}

#[test]
fn golden_two_runs_side_by_side() {
    let mut b = slower();
    b.manifest.environment.cores = 8;
    let text = compare(&calm(), &b).text();
    assert_eq!(text, include_str!("compare.txt"), "\n{text}");
}

#[test]
fn a_run_beside_itself_differs_in_nothing() {
    let same = json(&calm(), &calm());
    assert_eq!(same["differences"], Value::Array(Vec::new()));
    for row in same["rows"].as_array().unwrap() {
        for what in ["requests", "samples", "p50_us", "p99_us", "max_us"] {
            assert_eq!(row[what]["change_pct"], 0.0, "{row}");
        }
    }
    let text = compare(&calm(), &calm()).text();
    assert!(text.contains("Comparable: the same rehearsal, the same load, the same machine."));
    assert!(text.contains("Objectives: 0 of 3 changed their status"), "{text}");
    assert_eq!(text, compare(&calm(), &calm()).text());
}

#[test]
fn what_was_not_the_same_is_named_before_any_number() {
    let mut b = calm();
    b.manifest.name = "\u{1b}[31mfinal".into();
    let text = compare(&calm(), &b).text();
    assert!(text.contains("Comparable: the same load on the same machine. They differ in:\n"));
    assert!(!text.contains('\u{1b}'), "no control character reaches a terminal");
    b.manifest.seed = 43;
    b.manifest.clock.speed = 12.0;
    b.manifest.journeys[0].steps[0].service = "home".into();
    b.manifest.services[0].rated_rps = Some(20.0);
    b.manifest.environment.hulk = "0.2.0".into();
    let found = json(&calm(), &b);
    let of = |aspect: &str| -> Vec<String> {
        let all = found["differences"].as_array().unwrap().iter();
        let all = all.filter(|difference| difference["aspect"] == aspect);
        all.map(|difference| difference["what"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(of("load"), ["seed", "clock speed v", "match minutes", "journeys", "services"]);
    assert_eq!((of("place"), of("name")), (vec!["HULK".to_owned()], vec!["name".to_owned()]));
    let text = compare(&calm(), &b).text();
    assert!(text.contains("Not comparable: other loads, and not in the same place."), "{text}");
    assert!(text.contains("signup (1 steps) | the same names, other settings"), "{text}");
}

#[test]
fn a_run_that_says_nothing_is_called_so() {
    let mut b = calm();
    b.frames.remove(3);
    let text = compare(&calm(), &b).text();
    let line = text.lines().find(|line| line.starts_with("B: INVALID")).unwrap();
    assert!(line.ends_with("Its numbers say nothing of the target."), "{line}");
    b.frames.clear();
    b.end = RunEnd::Cut;
    assert!(compare(&calm(), &b).text().contains("B: INVALID"));
    assert_eq!(json(&b, &calm())["rows"][0]["p99_us"]["a"], Value::Null);
}
