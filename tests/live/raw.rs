//! Each request by itself, laid beside what the platform counted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::bench::{Bench, HULK};
use crate::counts::{complete_by_the_target, the_platform_received_what_was_sent};
use crate::files::short;

const HEAD: &str =
    "id,viewer,send,journey,step,service,due_us,sent_us,done_us,outcome,status,bytes,retry";

#[test]
fn single_requests_agree_with_the_platform_s_counts() {
    let bench = Bench::take("raw");
    bench.write("raw.toml", short(0.5, 3_000));
    let run = bench.start(&[HULK, "rehearse", "--raw", "raw.toml"]).end();
    the_platform_received_what_was_sent(&run);
    let record = run.record();
    let text = fs::read_to_string(run.folder().join("raw.csv")).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(HEAD));
    let run_id = record.manifest.run_id.as_deref().unwrap();
    assert!(run_id.len() == 8 && run_id.chars().all(|c| c.is_ascii_hexdigit()), "{run_id}");
    let (mut answers, mut seen, mut last_due) = (BTreeMap::new(), BTreeSet::new(), i64::MIN);
    let mut unanswered = BTreeSet::new();
    for line in lines {
        let [id, viewer, send, _, _, service, due, sent, done, outcome, status, ..] =
            line.split(',').collect::<Vec<_>>()[..]
        else {
            panic!("{line}")
        };
        let time = |text: &str| text.parse::<i64>().unwrap();
        assert!(last_due <= time(due) && time(sent) <= time(done), "{line}");
        last_due = time(due);
        assert!(seen.insert((viewer, send)), "{line} is there twice");
        assert_eq!(id.is_empty(), outcome == "connect_error", "{line}");
        assert!(id.is_empty() || id == format!("{run_id}-{viewer}-{send}"), "{line}");
        match status.parse::<u16>() {
            Ok(status) => *answers.entry((service.to_owned(), status)).or_default() += 1_i64,
            Err(_) if id.is_empty() => {}
            Err(_) => drop(unanswered.insert((time(viewer) as u32, time(send) as u32))),
        }
    }
    let (_, by_the_target) = complete_by_the_target(&record);
    assert_eq!(answers, by_the_target, "complete answers by service and status");
    let told = record.frames.iter().flat_map(|frame| &frame.unanswered);
    let told: BTreeSet<_> = told.map(|request| (request.viewer, request.send)).collect();
    assert_eq!(unanswered, told, "written requests without a complete answer");
    assert_eq!(run.summary().0["raw_untold"], 0);
    fs::remove_file(run.folder().join("raw.csv")).unwrap();
    let again = bench.hulk(&["report", run.folder().to_str().unwrap()]);
    assert_eq!(again.code, run.code, "{again:?}");
    assert!(fs::read_to_string(run.folder().join("raw.csv")).unwrap() == text, "other bytes");
}
