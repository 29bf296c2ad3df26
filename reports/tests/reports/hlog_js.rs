//! The interval logs in the hands of another house: npm's hdr-histogram-js.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use hulk_record::{Measure, Record, Samples};
use hulk_reports::hlog;

use crate::builder::{Minute, debt, record};

/// Quantiles in parts per million.
const QUANTILES_PPM: [u32; 4] = [500_000, 900_000, 990_000, 999_000];

/// Sixty minutes, each with times of its own from µs to seconds.
fn varied() -> Record {
    let minutes: Vec<Minute> = (0..60_u64)
        .map(|n| Minute {
            latency_us: 300 + n * n * 977,
            tail: (n, 1_000_000 + n * 31_337),
            lag_us: 50 + n * 13,
            served: 1200 - n,
            ..Minute::quiet()
        })
        .collect();
    record(&minutes, vec![debt(2.0)])
}

#[test]
fn hlog_files_read_in_javascript_to_equal_counts_and_quantiles() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/browser");
    let package = tests.join("node_modules/hdr-histogram-js");
    assert!(package.is_dir(), "{} is missing: run `tests/run`", package.display());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hlog-js");
    std::fs::create_dir_all(&folder).unwrap();
    let record = varied();
    let files = [Measure::Response, Measure::Service, Measure::Lag].map(|measure| {
        let path = folder.join(format!("{}.hlog", measure.name()));
        std::fs::write(&path, hlog(&record, measure).unwrap()).unwrap();
        path
    });
    let read = Command::new("node").arg(tests.join("hlog.mjs")).args(&files).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let found: serde_json::Value = serde_json::from_slice(&read.stdout).unwrap();
    for measure in [Measure::Response, Measure::Service, Measure::Lag] {
        let (mut all, mut tags, mut lines) = (Samples::new(), BTreeMap::new(), 0);
        for (key, samples) in record.frames.iter().flat_map(|frame| &frame.series) {
            if key.measure == measure {
                all.merge(samples);
                lines += 1;
                let count: u64 = samples.counts.iter().map(|&(_, count)| count).sum();
                *tags.entry(format!("signup/log_in/{}", key.outcome.name())).or_insert(0) += count;
            }
        }
        let wanted = serde_json::json!({
            "count": all.count(),
            "lines": lines,
            "quantiles": QUANTILES_PPM.map(|ppm| all.quantile_us(ppm)),
            "tags": tags,
        });
        assert_eq!(found[measure.name()], wanted, "{}", measure.name());
        assert!(all.count() > 60_000);
    }
}
