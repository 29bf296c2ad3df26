//! `hulk compare`, and the folders that it and `hulk report` refuse.

use std::fs;

use serde_json::Value;

use crate::bench::Bench;
use crate::match_day::match_day;

#[test]
fn a_run_compares_with_itself_and_with_its_record_alone() {
    let folder = match_day().folder().to_str().unwrap().to_owned();
    let bench = Bench::take("compare");
    let same = bench.hulk(&["compare", &folder, &format!("{folder}/record")]);
    assert_eq!(same.code, 0, "{same:?}");
    assert!(same.stdout.contains("Comparable: the same rehearsal, the same load"), "{same:?}");
    assert!(same.stdout.contains("\nA: PASS: It held from match minute 251.0 to 261.4"));
    let json = bench.hulk(&["compare", &folder, &folder, "--json"]);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&json["same_load"], &json["differences"]), (&true.into(), &Value::Array(vec![])));
}

#[test]
fn folders_that_are_no_runs_are_refused_with_exit_2() {
    let bench = Bench::take("refused-folders");
    let write = |name: &str, text: &str| {
        fs::create_dir_all(bench.path(name).join("record")).unwrap();
        bench.write(&format!("{name}/record/manifest.json"), text);
    };
    fs::create_dir_all(bench.path("empty")).unwrap();
    write("damaged", "{\"version\": 2, \"name\": 3}");
    write("newer", "{\"version\": 9999}");
    bench.write("file", "no folder");
    for (folder, wanted) in [
        ("nowhere", "nowhere is not there: name a run's folder, as `rehearse` prints it"),
        ("empty", "empty is not the folder of a run (there is no record/manifest.json in it)"),
        ("file", "file is not the folder of a run"),
        ("damaged", "damaged/record/manifest.json is damaged or not a record"),
        ("newer", "has record format 9999, this HULK reads up to"),
    ] {
        for arguments in [vec!["report", folder], vec!["compare", folder, folder]] {
            let refused = bench.hulk(&arguments);
            assert!(refused.code == 2 && refused.stdout.is_empty(), "{refused:?}");
            assert!(refused.stderr.contains(wanted), "`{wanted}` is not in {refused:?}");
        }
    }
}
