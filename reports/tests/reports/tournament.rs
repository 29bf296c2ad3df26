//! Policies of one rehearsal beside each other.

use hulk_record::Record;
use hulk_reports::{Tournament, VerdictKind, judge};
use serde_json::Value;

use crate::builder::{Minute, debt, latency, quiet, record, served_share};

fn of(runs: &[(&str, &Record)]) -> Tournament {
    let mut tournament = Tournament::default();
    for (name, record) in runs {
        tournament.add(name, &format!("runs/{name}"), record, &judge(record));
    }
    tournament
}

fn entries(of: &Tournament) -> Vec<Value> {
    let json: Value = serde_json::from_slice(&of.json().unwrap()).unwrap();
    json["entries"].as_array().unwrap().clone()
}

/// Ten minutes with so many instances; in the sixth 2,400 requests need four.
fn with_instances(ready: f64) -> Record {
    let mut minutes = vec![Minute { ready, ..Minute::quiet() }; 10];
    let served = (600.0 * ready).min(2400.0) as u64;
    minutes[5] = Minute { requests: 2400, served, ..minutes[5].clone() };
    record(&minutes, vec![latency(100.0), served_share(0.999), debt(0.5)])
}

#[test]
fn cost_is_what_served_over_match_time_and_violation_what_broke_a_promise() {
    let (three, four, six) = (with_instances(3.0), with_instances(4.0), with_instances(6.0));
    let of = of(&[("three", &three), ("four", &four), ("six", &six)]);
    let entries = entries(&of);
    let figure = |entry: &Value, key: &str| entry[key].as_f64().unwrap();
    // Ten match minutes of three instances are half an instance-hour.
    let costs: Vec<f64> = entries.iter().map(|entry| figure(entry, "cost_instance_h")).collect();
    assert_eq!(costs, [0.5, 10.0 * 4.0 / 60.0, 1.0]);
    let broke = [1.0, 0.0, 0.0];
    for (entry, broke) in entries.iter().zip(broke) {
        assert!((figure(entry, "violation_match_min") - broke).abs() < 1e-9, "{entry:#}");
        assert!((figure(entry, "debt_instance_min") - broke).abs() < 1e-9, "{entry:#}");
    }
    let kinds: Vec<&Value> = entries.iter().map(|entry| &entry["kind"]).collect();
    assert_eq!(kinds, ["fail", "pass", "pass"]);
    // Six break as little as four and cost more; three are the cheapest.
    let unbeaten: Vec<&Value> = entries.iter().map(|entry| &entry["unbeaten"]).collect();
    assert_eq!(unbeaten, [true, true, false]);
    assert_eq!(of.kind(), VerdictKind::Pass);
}

#[test]
fn slow_minutes_are_violation_where_they_have_samples_enough() {
    let mut minutes = quiet();
    minutes[2] = Minute { tail: (100, 300_000), ..Minute::quiet() };
    // One of 60 is above the limit, and 60 do not tell a p99.
    minutes[4] = Minute { requests: 60, served: 60, tail: (30, 300_000), ..Minute::quiet() };
    let slow = record(&minutes, vec![latency(100.0)]);
    let entries = entries(&of(&[("slow", &slow)]));
    assert!(
        (entries[0]["violation_match_min"].as_f64().unwrap() - 1.0).abs() < 1e-9,
        "{entries:#?}"
    );
}

#[test]
fn a_run_that_says_nothing_makes_the_comparison_invalid_and_beats_nobody() {
    let four = with_instances(4.0);
    let mut late = with_instances(3.5);
    late.frames.remove(3);
    let of = of(&[("four", &four), ("cut", &late)]);
    assert_eq!(of.kind(), VerdictKind::Invalid);
    let entries = entries(&of);
    assert_eq!((&entries[0]["unbeaten"], &entries[1]["unbeaten"]), (&true.into(), &false.into()));
}

#[test]
fn another_load_is_named() {
    let (a, mut b) = (with_instances(4.0), with_instances(4.0));
    b.manifest.seed = 43;
    let text = of(&[("a", &a), ("b", &b)]).text();
    assert!(text.contains("not the same load: seed: 42 | 43\n"), "{text}");
}

#[test]
fn golden_a_tournament_for_a_terminal() {
    let (three, four, six) = (with_instances(3.0), with_instances(4.0), with_instances(6.0));
    let text = of(&[("three", &three), ("four", &four), ("\u{1b}six", &six)]).text();
    assert_eq!(text, include_str!("tournament.txt"), "\n{text}");
}

#[test]
fn the_page_has_a_point_and_a_row_for_each_and_no_script() {
    let (three, four) = (with_instances(3.0), with_instances(4.0));
    let page = of(&[("<b>three", &three), ("four", &four)]).html();
    let page = String::from_utf8(page).unwrap();
    assert_eq!(
        (page.matches("<circle").count(), page.matches("<tr><th scope=\"row\">").count()),
        (2, 2)
    );
    assert!(page.contains("&lt;b&gt;three") && !page.contains("<b>three"));
    assert!(!page.contains("<script") && !page.contains("http"), "nothing is loaded");
    assert!(page.contains("href=\"../four/report.html\""));
}
