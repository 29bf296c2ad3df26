//! The truth table in virtual time: each row ends as its arithmetic says, for the reason that it names.

use std::path::Path;

use hulk_reports::{ObjectiveStatus, VerdictKind, judge};
use hulk_scenarios::{Rehearsal, Source};

use crate::driver::run;
use crate::truth::draw;
use crate::truth::files::files;
use crate::truth::table::{Row, rows};
use crate::truth::{Breach, drawn, wrong};

/// So many hashes that are no commit's are tried.
const HASHES: usize = 40;

fn read(row: &Row, number: usize) -> Rehearsal {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("truth/{number}"));
    std::fs::create_dir_all(&folder).expect("a folder");
    let files = files(row);
    for (name, text) in &files {
        std::fs::write(folder.join(name), text).expect("a file");
    }
    let [(name, text), ..] = files;
    Rehearsal::read(&Source::new(name, text), &folder)
        .unwrap_or_else(|wrong| panic!("{}: {wrong}", row.name))
}

fn all_true(rows: &[Row], first: usize) {
    let wrong = rows.iter().zip(first..).filter_map(|(row, number)| {
        let verdict = judge(&run(&read(row, number)).record);
        assert!([VerdictKind::Pass, VerdictKind::Fail].contains(&verdict.kind), "{verdict:#?}");
        let breached = verdict.objectives.iter().filter(|o| o.status == ObjectiveStatus::Breached);
        let breached: Vec<Breach> =
            breached.map(|o| (o.name.clone(), o.reason.clone(), o.first_match_min)).collect();
        wrong(row, verdict.kind == VerdictKind::Pass, &breached)
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_truth_table_is_true_in_virtual_time() {
    all_true(&rows(), 0);
}

#[test]
fn the_truth_table_is_as_close_to_its_edges_as_is_promised() {
    let rows = rows();
    let within = |percent: f64, passes: bool| {
        rows.iter()
            .filter(|row| row.passes == passes && row.margin_percent().abs() <= percent)
            .count()
    };
    let (pass, fail) = (within(100.0, true), within(100.0, false));
    assert!(rows.len() >= 24 && pass == fail, "{pass} and {fail}");
    assert!(within(10.0, true) >= 6 && within(10.0, false) >= 6);
    assert!(within(4.0, true) >= 3 && within(4.0, false) >= 3);
    // Of each question one row holds and one does not, on the two sides of one edge.
    for pair in rows.chunks(2) {
        let [held, broken] = pair else { panic!("rows come in pairs") };
        assert_eq!((&held.formula, held.edge), (&broken.formula, broken.edge));
        assert!(held.passes && !broken.passes);
        assert!((held.value < held.edge) != (broken.value < broken.edge), "{}", held.name);
    }
}

#[test]
fn rows_that_a_commit_draws_are_true_in_virtual_time() {
    all_true(&drawn(), 100);
}

#[test]
fn rows_that_other_commits_draw_are_true_in_virtual_time() {
    // Digits in an order that repeats itself after 2^32: each hash is another one.
    let mut state = 1_u32;
    let mut digit = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from_digit(state >> 28, 16).expect("a digit")
    };
    for _ in 0..HASHES {
        let hash: String = (0..40).map(|_| digit()).collect();
        all_true(&draw::drawn(&hash), 100);
    }
}

#[test]
fn the_table_knows_nothing_of_the_product() {
    let texts = [
        include_str!("../truth/mod.rs"),
        include_str!("../truth/bought.rs"),
        include_str!("../truth/draw.rs"),
        include_str!("../truth/table.rs"),
        include_str!("../truth/files.rs"),
    ];
    for text in texts {
        assert!(
            !text.contains("hulk_") && !text.contains("extern"),
            "it must import no crate of HULK"
        );
    }
}
