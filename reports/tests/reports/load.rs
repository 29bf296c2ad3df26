//! Runs of an executor.

use hulk_record::{LoadInfo, Record};
use hulk_reports::{VerdictKind, headline, html, judge, summary};

use crate::builder::{latency, quiet, record};

/// The quiet run of ten intervals, as an executor's of which nobody knows who must be present.
fn arrivals(ends_early: bool) -> Record {
    let mut record = record(&quiet(), vec![latency(100.0)]);
    record.manifest.wanted.clear();
    let (executor, text) = ("constant_arrival_rate".into(), "5 arrivals/s for 9 s".into());
    record.manifest.load = Some(LoadInfo { executor, text, ends_early });
    record
}

#[test]
fn a_run_of_an_executor_is_told_by_what_it_did() {
    let record = arrivals(false);
    let verdict = judge(&record);
    let told = headline(&verdict);
    let words = "constant_arrival_rate: 5 arrivals/s for 9 s";
    assert!(told.starts_with(&format!("It held, with {words}. The ")), "{told}");
    let page = String::from_utf8(html(&record, &verdict)).unwrap();
    assert!(page.contains(&format!(" · {words} · clock speed")));
    assert!(page.contains("viewers at the peak<") && page.contains("at most 1,000 present"));
    assert!(!page.contains("0 wanted"), "nobody knows how many are wanted");
    let summary: serde_json::Value =
        serde_json::from_slice(&summary(&record, &verdict).unwrap()).unwrap();
    assert!(summary.to_string().contains(words));
    let presence = verdict.validity.iter().find(|check| check.name == "presence").unwrap();
    assert_eq!((presence.measured, presence.holds), (None, true));
}

#[test]
fn iterations_are_judged_until_all_are_done() {
    let mut record = arrivals(true);
    let last = record.frames.iter().map(|frame| frame.to).max().unwrap();
    let planned = judge(&record).ended_match_min;
    record.manifest.until = last.plus(3_600_000_000);
    let verdict = judge(&record);
    assert_eq!(verdict.kind, VerdictKind::Pass, "{:?}", verdict.reasons);
    assert_eq!(verdict.ended_match_min, planned, "not at the limit");
    record.manifest.load = None;
    assert!(judge(&record).ended_match_min > planned);
}
