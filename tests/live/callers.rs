//! Callers of an avatar backend in a rehearsal, alone and beside viewers.

use std::collections::BTreeMap;

use hulk_record::{Cause, Record, Session, SessionEnd};
use serde_json::Value;

use crate::bench::{Bench, Summary};

/// The row of this name in the table of the callers.
#[track_caller]
fn row(summary: &Summary, name: &str) -> Value {
    let rows = summary.verdict()["callers"]["figures"].as_array().expect("there were callers");
    let found = rows.iter().find(|row| row["name"] == name);
    found.unwrap_or_else(|| panic!("`{name}` is not among {rows:#?}")).clone()
}

fn measured(summary: &Summary, name: &str) -> f64 {
    let row = row(summary, name);
    row["measured"].as_f64().unwrap_or_else(|| panic!("{row}"))
}

fn sessions(record: &Record) -> Vec<&Session> {
    record.frames.iter().flat_map(|frame| &frame.sessions).collect()
}

/// First calls by their ends.
fn ends(record: &Record) -> BTreeMap<String, usize> {
    let mut ends = BTreeMap::new();
    for session in sessions(record).into_iter().filter(|session| session.attempt == 0) {
        *ends.entry(format!("{:?}", session.end)).or_default() += 1;
    }
    ends
}

#[test]
fn shipped_rehearsals_72_callers_lose_a_gpu_and_have_no_spare() {
    let bench = Bench::take("avatar-72");
    let run = bench.rehearse("avatar-72");
    run.assert_ended(3, "FAIL");
    let (record, summary) = (run.record(), run.summary());
    let wanted = [("Completed".to_owned(), 60), ("Lost(Server)".to_owned(), 12)];
    assert_eq!(ends(&record), BTreeMap::from(wanted), "the GPU carried twelve of 72");
    let fault = &record.manifest.faults[0];
    let from = record.manifest.clock.wall(fault.from);
    let healed = record.manifest.clock.wall(fault.until);
    let all = sessions(&record);
    let lost: Vec<u32> = { all.iter() }
        .filter(|session| session.attempt == 0 && session.end != SessionEnd::Completed)
        .map(|session| session.caller)
        .collect();
    for caller in lost {
        // They call again, find no room for as long as the GPU is gone, and are back when it is.
        let mut again: Vec<&&Session> =
            all.iter().filter(|one| one.caller == caller && one.attempt > 0).collect();
        again.sort_by_key(|session| session.attempt);
        let (last, others) = again.split_last().expect("it calls again");
        assert!(others.len() >= 4, "{caller}: {} calls in vain", others.len());
        for other in others {
            assert_eq!(other.end, SessionEnd::Refused(Cause::Capacity), "{caller}");
            assert!(other.intended_at > from && other.intended_at < healed.plus(1_000_000));
        }
        assert_eq!(last.end, SessionEnd::Completed, "{caller}");
        assert!(last.intended_at > healed, "{caller}");
    }
    assert_eq!(measured(&summary, "sessions at a time"), 72.0);
    assert_eq!(measured(&summary, "goodput"), 60.0 / 72.0);
    for none in ["sessions beyond the limit", "refused improperly", "streams left behind"] {
        assert_eq!(measured(&summary, none), 0.0, "{none}");
    }
    assert_eq!(measured(&summary, "sessions kept through faults"), 60.0 / 72.0);
    assert_eq!(measured(&summary, "lost callers who are back"), 1.0);
    let recovered_s = measured(&summary, "well again after the faults");
    assert!(recovered_s <= 2.0, "{recovered_s}: nothing waits in a GPU that is gone");
    let cost = measured(&summary, "cost a session at a time");
    assert!((cost - 1_850.0 / 72.0).abs() < 1e-9, "{cost}");
    let availability = row(&summary, "availability");
    assert!(availability["interval"]["low"].is_number(), "{availability}");
    assert!(run.stdout.to_lowercase().contains("goodput"), "{}", run.stdout);
    assert_eq!(record.callee.last().map(|sample| sample.streams), Some(0), "nobody is left");
    assert!(record.callee.iter().any(|sample| (sample.streams, sample.streams_max) == (72, 72)));
    assert!(record.callee.iter().any(|sample| sample.streams_max == 60), "while it was gone");
}

const ATOMIC: &str = "admission = \"atomic\"\n[[gpu]]\nkind = \"Tesla T4\"\nzone = \"a\"\n\
                      streams_max = 5\nbatch_1_ms = 16\nbatch_8_ms = 62\nmemory_mib = 16_000\n\
                      monthly_cost = 200\n";

#[test]
fn shipped_rehearsals_a_burst_gets_beyond_a_limit_that_is_checked_before_it_is_taken() {
    let bench = Bench::take("burst");
    let run = bench.rehearse("avatar-admission-burst");
    run.assert_ended(3, "FAIL");
    let beyond = measured(&run.summary(), "sessions beyond the limit");
    assert!((1.0..=15.0).contains(&beyond), "{beyond}");

    // The same burst, by two workers, on one that counts as it takes: five, and fifteen are told so.
    let text = include_str!("../../scenarios/avatar-admission-burst.toml");
    bench.write("atomic.toml", text.replace("\"t4\"", "\"one-t4.toml\""));
    bench.write("one-t4.toml", ATOMIC);
    let by_two = || bench.start(&[crate::bench::HULK, "rehearse", "atomic.toml", "--workers", "2"]);
    let run = bench.rehearse_each("atomic.toml", || by_two().end());
    run.assert_ended(0, "PASS");
    let (record, summary) = (run.record(), run.summary());
    let wanted = [("Completed".to_owned(), 5), ("Refused(Capacity)".to_owned(), 15)];
    assert_eq!(ends(&record), BTreeMap::from(wanted));
    assert_eq!(measured(&summary, "sessions beyond the limit"), 0.0);
    assert_eq!(measured(&summary, "refused improperly"), 0.0);
    let workers: std::collections::BTreeSet<u32> =
        record.frames.iter().filter(|frame| !frame.sessions.is_empty()).map(|f| f.worker).collect();
    assert_eq!(workers.len(), 2, "both called");
}

/// Callers who go without closing, and a backend that does not notice. One that does is `avatar-72`, above.
#[test]
fn a_backend_that_leaks_streams_is_found_out() {
    let bench = Bench::take("leak");
    let file = "name = \"leak\"\n[load]\nnobody = { duration_s = 6 }\n[callers]\n\
                embedded = \"leaky.toml\"\nturns = 1\nspeak_s = 2\npause_s = 1\nvanish_share = 1\n\
                [[callers.come]]\nat_ms = 0\ncallers = 3\n[callers.objectives]\nmax_cost = 1_000\n";
    bench.write("leak.toml", file);
    bench.write("leaky.toml", format!("leak = true\n{ATOMIC}"));
    let run = bench.rehearse("leak.toml");
    run.assert_ended(3, "FAIL");
    assert_eq!(measured(&run.summary(), "streams left behind"), 3.0);
}
