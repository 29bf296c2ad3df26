//! `hulk rehearse --calibrate`: stairs of load against a platform whose capacity is known.

use serde_json::Value;

use crate::bench::{Bench, HULK};
use crate::truth::files::files;
use crate::truth::table::rows;

#[test]
fn a_calibration_finds_the_rated_capacity_of_the_embedded_platform() {
    let bench = Bench::take("calibrate");
    let row = rows().into_iter().find(|row| row.load.contains("arrival_rate")).unwrap();
    files(&row).iter().for_each(|(name, text)| bench.write(name, text));
    // An instance is rated for 50 requests a match second; a stair is 8 higher than the one before.
    let run = bench.rehearse_each("row.toml", || {
        // Stairs shorter than those of a user: tests have less time.
        let told = ["--calibrate", "22..94", "--stair-s", "6", "--quiet"];
        bench.start(&[&[HULK, "rehearse", "row.toml"], &told[..]].concat()).end_with_runs()
    });
    assert_eq!(run.code, 0, "what breaks is what is looked for: {run:#?}");
    let folders = std::fs::read_dir(bench.path("runs")).unwrap().flatten();
    let path =
        folders.map(|entry| entry.path().join("calibration.json")).find(|path| path.exists());
    let json: Value =
        serde_json::from_slice(&std::fs::read(path.expect("a calibration")).unwrap()).unwrap();
    let [api] = &json["services"].as_array().unwrap()[..] else { panic!("{json:#}") };
    let figure = |key: &str| api[key].as_f64().unwrap_or_else(|| panic!("no {key}: {json:#}"));
    let (held, broke, rated) = (figure("held_rps"), figure("broke_rps"), figure("rated_rps"));
    assert!(held <= rated && rated < broke, "{json:#}");
    assert!(broke - held < 9.0, "{json:#}");
    for told in ["requests/s an instance, of 1", "[service.api]\nrated_rps = 4", "calibration: "] {
        assert!(run.stdout.contains(told), "`{told}` is not in {}", run.stdout);
    }
}
