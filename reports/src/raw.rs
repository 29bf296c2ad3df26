//! `raw.csv`: each request by itself, for those who want to follow one into their own logs.

use std::collections::BTreeSet;
use std::fmt::Write;

use hulk_record::{Manifest, RawSample, Record};

const HEAD: &str =
    "id,viewer,send,journey,step,service,due_us,sent_us,done_us,outcome,status,bytes,retry\n";

/// Each request of the run, the lead-in's included, as comma-separated values with a line of names;
/// none where the run was not told to keep them. `id` is the request's `x-hulk-request`, empty for
/// one that was never written; `status` is empty without a complete answer. Times are in µs of wall
/// time since t = 0. Lines rise by due time, viewer and send.
pub fn raw(record: &Record) -> Option<Vec<u8>> {
    let manifest = &record.manifest;
    if !manifest.raw {
        return None;
    }
    let mut seen = BTreeSet::new();
    let fresh = record
        .frames
        .iter()
        .filter(|frame| seen.insert((frame.worker, frame.incarnation, frame.sequence)));
    let mut samples: Vec<&RawSample> = fresh.flat_map(|frame| &frame.raw).collect();
    samples.sort_by_key(|sample| (sample.due, sample.viewer, sample.send));
    let names = names(manifest);
    let mut text = String::with_capacity(HEAD.len() + samples.len() * 120);
    text.push_str(HEAD);
    for sample in samples {
        line(&mut text, manifest.run_id.as_deref(), &names, sample);
    }
    Some(text.into_bytes())
}

/// `journey,step,service` of each step of each journey, as they stand in a line.
fn names(manifest: &Manifest) -> Vec<Vec<String>> {
    let journeys = manifest.journeys.iter().map(|journey| {
        let steps = journey.steps.iter().map(|step| {
            [&journey.name, &step.name, &step.service].map(|name| value(name)).join(",")
        });
        steps.collect()
    });
    journeys.collect()
}

/// Writing to a String cannot fail.
fn line(text: &mut String, run: Option<&str>, names: &[Vec<String>], of: &RawSample) {
    if let Some(run) = run.filter(|_| of.written) {
        let _ = write!(text, "{run}-{}-{}", of.viewer, of.send);
    }
    let journey = names.get(usize::from(of.journey));
    let names = journey.and_then(|steps| steps.get(usize::from(of.step)));
    let _ = write!(
        text,
        ",{},{},{},{},{},{},{},",
        of.viewer,
        of.send,
        names.map_or(",,", String::as_str),
        of.due.0,
        of.sent.0,
        of.done.0,
        of.outcome.name(),
    );
    if let Some(status) = of.status {
        let _ = write!(text, "{status}");
    }
    let _ = writeln!(text, ",{},{}", of.bytes, of.retry);
}

/// A name as a value: in quotes where it holds what separates values.
fn value(name: &str) -> String {
    if name.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}
