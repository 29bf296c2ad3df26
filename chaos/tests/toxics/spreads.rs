//! How delays are spread: bounds, quantiles, and what was recorded.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer, V2Serializer};
use hulk_chaos::ToxicKind;
use hulk_record::Samples;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{MS, S, START, attributes, chain, run, stream, times};

/// The delays of pieces that come so seldom that none waits for the one before, sorted, in µs.
fn delays(of: &Value, count: i64) -> Vec<i64> {
    let came: Vec<(i64, usize)> = (0..count).map(|n| (START + n * 1_000 * S, 1)).collect();
    let out = times(&run(&chain(&[("latency", of.clone())]), stream(&came)));
    assert_eq!(out.len(), came.len());
    let mut by: Vec<i64> = out.iter().zip(&came).map(|(out, came)| out.0 - came.0).collect();
    by.sort_unstable();
    by
}

fn quantile_ms(sorted: &[i64], share: f64) -> f64 {
    sorted[(share * sorted.len() as f64) as usize] as f64 / 1e3
}

fn histogram(values: impl IntoIterator<Item = u64>) -> Histogram<u64> {
    let mut histogram = Histogram::new_with_bounds(1, 3_600_000_000, 3).unwrap();
    for value in values {
        histogram.record(value).unwrap();
    }
    histogram
}

fn encoded(histogram: &Histogram<u64>, serializer: &mut impl Serializer) -> String {
    let mut bytes = Vec::new();
    serializer.serialize(histogram, &mut bytes).unwrap();
    STANDARD.encode(bytes)
}

/// As the reports write it.
fn log(parts: &[&Histogram<u64>]) -> String {
    let (mut bytes, mut serializer) = (Vec::new(), V2DeflateSerializer::new());
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment("[Histogram log format version 1.3]")
        .add_comment("response time in µs of wall time, maxima in ms")
        .with_start_time(SystemTime::UNIX_EPOCH)
        .with_base_time(SystemTime::UNIX_EPOCH)
        .with_max_value_divisor(1000.0)
        .begin_log_with(&mut bytes, &mut serializer)
        .unwrap();
    for (part, second) in parts.iter().zip(0..) {
        let from = Duration::from_secs(second);
        log.write_histogram(part, from, Duration::from_secs(1), Tag::new("watch/play/ok")).unwrap();
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn uniform_delays_are_from_the_latency_less_the_jitter_to_below_it_and_the_jitter_more() {
    let by = delays(&json!({ "latency": 100, "jitter": 30 }), 20_000);
    assert!(by[0] >= 70 * MS && by[19_999] < 130 * MS, "{} {}", by[0], by[19_999]);
    for (share, ms) in [(0.01, 70.6), (0.25, 85.0), (0.5, 100.0), (0.75, 115.0), (0.99, 129.4)] {
        let found = quantile_ms(&by, share);
        assert!((found - ms).abs() < 1.0, "{share}: {found}");
    }
    // The same word says it.
    let named = json!({ "latency": 100, "jitter": 30, "distribution": "uniform" });
    assert_eq!(delays(&named, 20_000), by);
}

#[test]
fn normal_delays_have_the_quantiles_of_the_normal_distribution_and_none_is_below_nothing() {
    let of = json!({ "latency": 100, "jitter": 10, "distribution": "normal" });
    let by = delays(&of, 20_000);
    for (share, ms) in
        [(0.01, 76.74), (0.1587, 90.0), (0.5, 100.0), (0.8413, 110.0), (0.99, 123.26)]
    {
        let found = quantile_ms(&by, share);
        assert!((found - ms).abs() < 0.8, "{share}: {found}");
    }
    let wide = json!({ "latency": 10, "jitter": 10, "distribution": "normal" });
    let by = delays(&wide, 10_000);
    let at_once = by.iter().filter(|us| **us == 0).count() as f64 / 10_000.0;
    assert!((at_once - 0.1587).abs() < 0.02, "{at_once}");
}

#[test]
fn pareto_delays_are_never_below_the_latency_and_have_the_tail_of_their_shape() {
    for shape in [1.5, 3.0] {
        let of = json!({ "latency": 100, "distribution": "pareto", "shape": shape });
        let by = delays(&of, 20_000);
        assert!(by[0] >= 100 * MS);
        for share in [0.1, 0.5, 0.9, 0.99] {
            let (found, ms) =
                (quantile_ms(&by, share), 100.0 * f64::powf(1.0 - share, -1.0 / shape));
            assert!((found / ms - 1.0).abs() < 0.1, "{shape}, {share}: {found}, not {ms}");
        }
    }
}

#[test]
fn recorded_delays_come_back_as_they_were_whatever_form_they_are_kept_in() {
    let (few, many) = (histogram([1_000, 1_000, 1_000, 2_000]), histogram(vec![50_000; 4]));
    let all = histogram([1_000, 1_000, 1_000, 2_000, 50_000, 50_000, 50_000, 50_000]);
    let texts = [
        encoded(&all, &mut V2Serializer::new()),
        format!("\n {} \n", encoded(&all, &mut V2DeflateSerializer::new())),
        log(&[&few, &many]),
        log(&[&few, &many]).replace('\n', "\r\n"),
    ];
    for text in texts {
        let of = json!({ "latency": 5, "distribution": "histogram", "histogram": text });
        let by = delays(&of, 8_000);
        // The histogram's own precision: 3 digits.
        let near = |wanted: i64| {
            by.iter().filter(|us| (**us - 5 * MS - wanted).abs() <= wanted / 1_000).count()
        };
        let found = [near(1_000), near(2_000), near(50_000)];
        assert_eq!(found.iter().sum::<usize>(), 8_000, "{found:?}: others than were recorded");
        for (found, share) in found.into_iter().zip([3.0, 1.0, 4.0]) {
            assert!((found as f64 / 1_000.0 - share).abs() < 0.15, "{found} of {share} eighths");
        }
    }
}

#[test]
fn what_our_own_reports_record_can_be_played_again() {
    let mut samples = Samples::new();
    (1..=10_000).for_each(|us| samples.record(us * 10));
    let of = json!({ "distribution": "histogram", "histogram": log(&[samples.histogram()]) });
    let by = delays(&of, 20_000);
    for share in [0.01, 0.5, 0.9, 0.99] {
        let (found, ms) = (quantile_ms(&by, share), 100.0 * share);
        assert!((found - ms).abs() < 1.2, "{share}: {found}, not {ms}");
    }
}

#[test]
fn a_histogram_that_cannot_be_read_says_so_once() {
    let empty = encoded(&histogram([]), &mut V2Serializer::new());
    let whole = encoded(&histogram([5]), &mut V2Serializer::new());
    for (text, problem) in [
        ("", "has no sample: the text of an .hlog file is expected"),
        ("#[Histogram log format version 1.3]\n", "has no sample"),
        (&empty, "has no sample"),
        ("HISTF", "cannot be read: "),
        ("not base64 at all!", "cannot be read: "),
        (&whole[..whole.len() / 2], "cannot be read: "),
    ] {
        let of = attributes(json!({ "distribution": "histogram", "histogram": text }));
        let (_, problems) = ToxicKind::read_strictly("latency", &of).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].name, "histogram");
        assert!(problems[0].problem.starts_with(problem), "{:?}: {}", text, problems[0].problem);
    }
}

proptest! {
    #[test]
    fn no_text_of_a_histogram_brings_the_reader_down(
        places in proptest::collection::vec((40..400_usize, any::<u8>()), 1..6), cut in 40..400_usize,
    ) {
        let sound = histogram((1..500).map(|n| n * n));
        let mut bytes = Vec::new();
        V2Serializer::new().serialize(&sound, &mut bytes).unwrap();
        for (place, byte) in places {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        bytes.truncate(cut.max(bytes.len() / 2));
        let text = STANDARD.encode(bytes);
        let of = attributes(json!({ "distribution": "histogram", "histogram": text }));
        let _either_way = ToxicKind::read("latency", &of).is_ok();
    }
}
