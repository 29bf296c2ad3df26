//! `*.hlog`: an HdrHistogram interval log that other tools read.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use hulk_record::{Measure, Offset, Record, Samples, SeriesKey, SparseHistogram};

use crate::RenderError;
use crate::view::View;

/// Values are in µs; by the format's custom the readable maximum of a line is in ms.
const US_PER_MS: f64 = 1000.0;

/// The samples of one measure, in µs, as an interval log: a line for each interval and series, all
/// workers and regions together, tagged `journey/step/outcome`. Times are in wall seconds since
/// t = 0; the lead-in is left out, as everywhere else in the reports.
///
/// Only V2 with deflate is written: readers in other languages refuse the plain form.
///
/// # Errors
/// When the histogram library cannot encode a histogram.
pub fn hlog(record: &Record, measure: Measure) -> Result<Vec<u8>, RenderError> {
    let view = View::of(record);
    let mut intervals: BTreeMap<(Offset, Offset), BTreeMap<String, Vec<&SparseHistogram>>> =
        BTreeMap::new();
    for frame in view.judged() {
        let series = intervals.entry((frame.from, frame.to)).or_default();
        for (key, samples) in frame.series.iter().filter(|(key, _)| key.measure == measure) {
            series.entry(tag(key)).or_default().push(samples);
        }
    }
    let since_1970 = Duration::from_secs(record.manifest.started_unix_s);
    let started = SystemTime::UNIX_EPOCH.checked_add(since_1970).unwrap_or(SystemTime::UNIX_EPOCH);
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut log = IntervalLogWriterBuilder::new()
        // The library does not write this line, and others will not read without it.
        .add_comment("[Histogram log format version 1.3]")
        .add_comment(&format!("{} time in µs of wall time, maxima in ms", measure.name()))
        .with_start_time(started)
        .with_base_time(started)
        .with_max_value_divisor(US_PER_MS)
        .begin_log_with(&mut bytes, &mut serializer)
        .map_err(|error| RenderError::Log(error.to_string()))?;
    let mut merged = Samples::new();
    for ((from, to), series) in intervals {
        let from_s = Duration::from_micros(from.0.max(0) as u64);
        let length = Duration::from_micros(to.since(from).max(0) as u64);
        for (tag, parts) in series {
            merged.clear();
            parts.iter().for_each(|samples| merged.merge(samples));
            log.write_histogram(merged.histogram(), from_s, length, Tag::new(&tag))
                .map_err(|error| RenderError::Log(error.to_string()))?;
        }
    }
    Ok(bytes)
}

/// A tag holds no comma and no white space, and its parts no slash.
fn tag(key: &SeriesKey) -> String {
    let part = |name: &str| -> String {
        let plain = |c: char| c != ',' && c != '/' && !c.is_whitespace() && !c.is_control();
        name.chars().map(|c| if plain(c) { c } else { '_' }).collect()
    };
    format!("{}/{}/{}", part(&key.journey), part(&key.step), key.outcome.name())
}
