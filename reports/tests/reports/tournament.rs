//! Policies of one rehearsal beside each other.

use hulk_record::Record;
use hulk_reports::{Tournament, VerdictKind, judge};
use serde_json::Value;

use crate::builder::{Minute, debt, latency, quiet, record, served_share};

fn of(runs: &[(&str, &Record)]) -> Tournament {
    against(None, runs)
}

fn against(base: Option<&str>, runs: &[(&str, &Record)]) -> Tournament {
    let mut tournament = Tournament::against(base.map(str::to_owned));
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

/// The demand of the golden trace, and so many instances.
fn golden(ready: [f64; 10]) -> Record {
    let needed = [4, 4, 10, 10, 10, 10, 6, 6, 4, 4];
    let minutes = needed.iter().zip(ready).map(|(&needed, ready)| {
        let requests = needed * 600;
        Minute { requests, served: requests.min(ready as u64 * 600), ready, ..Minute::quiet() }
    });
    record(&minutes.collect::<Vec<_>>(), vec![debt(0.5)])
}

#[test]
fn golden_elastic_speed_up_against_a_named_run() {
    let traced = golden([5.0, 5.0, 5.0, 5.0, 8.0, 10.0, 10.0, 10.0, 7.0, 5.0]);
    // By hand: missing 6, 6, 6, 6 of 10 and then 2 of 6; too many never but 1 of 4 in the last.
    let slow = golden([4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 6.0, 4.0, 5.0]);
    let (theta_u, tau_u): (f64, f64) = (100.0 * (4.0 * 0.6 + 2.0 / 6.0) / 10.0, 50.0);
    let (theta_o, tau_o) = (100.0 * 0.25 / 10.0, 10.0);
    let wanted =
        (12.0 / theta_u * (28.0 + 1.0 / 3.0) / theta_o * 30.0 / tau_u * 60.0 / tau_o).powf(0.25);
    for (base, sides) in [(Some("traced"), [1.0, wanted]), (Some("slow"), [1.0 / wanted, 1.0])] {
        let of = against(base, &[("traced", &traced), ("slow", &slow)]);
        for (entry, wanted) in entries(&of).iter().zip(sides) {
            for found in [&entry["speed_up"], &entry["speed_up_services"]["login"]] {
                let value = found["value"].as_f64().unwrap();
                assert!((value - wanted).abs() < 1e-9, "{value} is not {wanted}");
            }
        }
    }
    // The first where none is named.
    let of = of(&[("slow", &slow), ("traced", &traced)]);
    let value = entries(&of)[1]["speed_up"]["value"].as_f64().unwrap();
    assert!((value - 1.0 / wanted).abs() < 1e-9, "{value}");
    assert!(of.text().contains("elastic speed-up against slow;"), "{}", of.text());
}

#[test]
fn an_elastic_speed_up_against_what_was_never_short_is_not_defined() {
    let (three, six) = (with_instances(3.0), with_instances(6.0));
    let of = of(&[("three", &three), ("six", &six)]);
    let found = &entries(&of)[1];
    assert_eq!(found["speed_up"]["value"], Value::Null);
    assert_eq!(found["speed_up"]["not_defined"], "0 here: θU, τU");
    let page = String::from_utf8(of.html()).unwrap();
    assert!(
        page.contains("<b>six</b>: all not defined (0 here: θU, τU), login not defined"),
        "{page}"
    );
}
