//! `hulk rehearse --policies`: the same audience for several policies, laid side by side.

use serde_json::Value;

use crate::bench::{Bench, HULK};
use crate::truth::files::files;
use crate::truth::table::rows;

/// Where the rows of the truth table stand at which 4 instances and 241 requests/s meet.
const ROW: &str = "requests and 30 %";

#[test]
fn policies_are_rehearsed_with_the_same_audience_and_laid_side_by_side() {
    let bench = Bench::take("tournament");
    let row = rows().into_iter().find(|row| row.name == ROW && row.passes).unwrap();
    files(&row).iter().for_each(|(name, text)| bench.write(name, text));
    let four =
        "[policy.api]\nrequests = { rated_per_min = 3000, min_instances = 4, max_instances = 4 }\n";
    bench.write("four.toml", four);
    let run = bench.rehearse_each("row.toml", || {
        let told = ["--policies", "row.toml,four.toml", "--quiet"];
        bench.start(&[&[HULK, "rehearse", "row.toml"], &told[..]].concat()).end_with_runs()
    });
    let tournament = std::fs::read_dir(bench.path("runs")).unwrap().flatten();
    let tournament = tournament.map(|entry| entry.path().join("tournament.json"));
    let json =
        tournament.into_iter().find(|path| path.exists()).unwrap_or_else(|| panic!("{run:#?}"));
    let json: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(json["differences"], Value::Array(Vec::new()), "the same load for both");
    let entries = json["entries"].as_array().unwrap();
    let [follows, stays] = &entries[..] else { panic!("{entries:#?}") };
    assert_eq!((run.code, &follows["kind"], &stays["kind"]), (0, &"pass".into(), &"fail".into()));
    let figure = |entry: &Value, key: &str| entry[key].as_f64().unwrap();
    // 4 until 12 s and 7 until 18 s, and 4 all the time; the service that nobody asks is not counted.
    let cost = |instance_s: f64| instance_s / 3600.0;
    for (entry, instance_s) in [(follows, 4.0 * 12.0 + 7.0 * 6.0), (stays, 4.0 * 18.0)] {
        let off = figure(entry, "cost_instance_h") / cost(instance_s) - 1.0;
        assert!(off.abs() < 0.05, "{off:.3} off: {entry:#}");
    }
    // Turned away from 6 + 1.5/0.205 = 13.3 s to the end at 18 s, by intervals of 2.5 s.
    assert_eq!(figure(follows, "violation_match_min"), 0.0);
    assert!((0.07..0.11).contains(&figure(stays, "violation_match_min")), "{stays:#}");
    assert!(
        follows["unbeaten"] == true && stays["unbeaten"] == true,
        "dearer and better, or cheaper"
    );
    for told in ["policies", "row *", "four *", "PASS", "FAIL", "tournament: runs/row-policies-"] {
        assert!(run.stdout.contains(told), "`{told}` is not in {}", run.stdout);
    }
}
