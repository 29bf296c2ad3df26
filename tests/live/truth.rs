//! The truth table with real processes, sockets and clocks.

use crate::bench::Bench;
use crate::truth::files::files;
use crate::truth::table::{Row, rows};
use crate::truth::{Breach, drawn, wrong};

/// What is wrong with what came of a row.
fn wrong_live(row: &Row) -> Option<String> {
    let bench = Bench::take("truth");
    let files = files(row);
    files.iter().for_each(|(name, text)| bench.write(name, text));
    let run = bench.rehearse(files[0].0);
    assert!([0, 3].contains(&run.code), "{}: neither PASS nor FAIL: {run:#?}", row.name);
    let summary = run.summary();
    let objectives = summary.verdict()["objectives"].as_array().unwrap();
    let breached = objectives.iter().filter(|objective| objective["status"] == "breached");
    let breached: Vec<Breach> = breached
        .map(|objective| {
            let text = |key: &str| objective[key].as_str().unwrap().to_owned();
            (text("name"), text("reason"), objective["first_match_min"].as_f64())
        })
        .collect();
    wrong(row, run.code == 0, &breached)
}

fn all_true(rows: &[Row]) {
    let wrong: Vec<String> = rows.iter().filter_map(wrong_live).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_six_rows_that_are_nearest_to_their_edges_are_true_live() {
    let mut rows = rows();
    rows.sort_by(|a, b| a.margin_percent().abs().total_cmp(&b.margin_percent().abs()));
    rows.truncate(6);
    assert!(rows.iter().all(|row| row.margin_percent().abs() < 4.0));
    all_true(&rows);
}

#[test]
#[ignore = "five minutes: `tests/long truth` plays all rows"]
fn the_truth_table_is_true_live() {
    all_true(&[rows(), drawn()].concat());
}
