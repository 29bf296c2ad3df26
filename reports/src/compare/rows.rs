//! Requests and times of both runs: by service, then by journey and step.

use std::collections::BTreeMap;

use hulk_record::{Measure, Samples};
use serde::Serialize;

use super::{Pair, names};
use crate::percentiles::samples_min;
use crate::summary::{Quantiles, StepSummary, steps};
use crate::view::View;

/// What a row is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Of {
    /// All steps that ask one service.
    Service { service: String },
    /// One step; a whole visit's start where the step's name is empty.
    Step { journey: String, step: String },
}

/// One measure of a service or a step in both runs. Times are in µs of wall time.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    pub(super) of: Of,
    pub(super) measure: Measure,
    /// First attempts and retries due; of a whole start and of old records not known.
    pub(super) requests: Pair,
    pub(super) samples: Pair,
    pub(super) failure_share: Pair,
    /// A percentile that the samples do not bound is none.
    pub(super) p50_us: Pair,
    pub(super) p90_us: Pair,
    pub(super) p99_us: Pair,
    pub(super) p99_9_us: Pair,
    pub(super) max_us: Pair,
}

/// The numbers of one run for one row.
struct Numbers {
    requests: Option<u64>,
    /// Of the response time and of a whole start: other measures need no answer of their own.
    failed: Option<u64>,
    times: Quantiles,
}

type Table = Vec<((Of, Measure), Numbers)>;

pub(super) fn rows(views: &[View<'_>; 2]) -> Vec<Row> {
    let [a, b] = [&views[0], &views[1]].map(|view| {
        let mut table = by_service(view);
        table.extend(by_step(&steps(view)));
        table
    });
    let keys = |table: &Table| table.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
    let mut all = names(keys(&a).into_iter(), keys(&b).into_iter());
    // What only the second run has joins its kind.
    all.sort_by_key(|(of, _)| matches!(of, Of::Step { .. }));
    all.into_iter().map(|key| row(key, &a, &b)).collect()
}

fn row(key: (Of, Measure), a: &Table, b: &Table) -> Row {
    let sides = [a, b].map(|table| table.iter().find(|(known, _)| *known == key).map(|(_, n)| n));
    let pair = |value: &dyn Fn(&Numbers) -> Option<f64>| {
        let [a, b] = sides.map(|side| side.and_then(value));
        Pair::of(a, b)
    };
    let time = |ppm: u32, value: fn(&Quantiles) -> u64| {
        pair(&|n| (n.times.count >= samples_min(ppm)).then(|| value(&n.times) as f64))
    };
    Row {
        requests: pair(&|n| n.requests.map(|requests| requests as f64)),
        samples: pair(&|n| Some(n.times.count as f64)),
        failure_share: pair(&|n| {
            n.failed
                .filter(|_| n.times.count > 0)
                .map(|failed| failed as f64 / n.times.count as f64)
        }),
        p50_us: time(500_000, |times| times.p50_us),
        p90_us: time(900_000, |times| times.p90_us),
        p99_us: time(990_000, |times| times.p99_us),
        p99_9_us: time(999_000, |times| times.p99_9_us),
        max_us: time(1_000_000, |times| times.max_us),
        of: key.0,
        measure: key.1,
    }
}

fn by_service(view: &View<'_>) -> Table {
    let mut found: BTreeMap<(&str, Measure), (Samples, u64)> = BTreeMap::new();
    for (key, samples) in view.judged().flat_map(|frame| &frame.series) {
        let Some(service) = view.service_of(&key.journey, &key.step) else { continue };
        if !matches!(key.measure, Measure::Response | Measure::Service) {
            continue;
        }
        let (all, failed) = found.entry((service, key.measure)).or_default();
        all.merge(samples);
        if key.outcome.is_failure() {
            *failed += samples.counts.iter().map(|&(_, count)| count).sum::<u64>();
        }
    }
    let requests = |service: &str| -> u64 {
        crate::supply::of_service(view, service).map(|(_, send)| send.first + send.retries).sum()
    };
    let numbers = |((service, measure), (samples, failed)): (&(&str, Measure), &(Samples, u64))| {
        let of = Of::Service { service: (*service).to_owned() };
        let (times, told) = (Quantiles::of(samples), *measure == Measure::Response);
        (
            (of, *measure),
            Numbers { requests: Some(requests(service)), failed: told.then_some(*failed), times },
        )
    };
    found.iter().map(numbers).collect()
}

fn by_step(steps: &[StepSummary]) -> Table {
    let mut table = Vec::new();
    for step in steps {
        let given_up = step.outcomes.get("abandoned").copied().unwrap_or(0);
        let well = step.outcomes.get("ok").copied().unwrap_or(0) + given_up;
        let failed = step.outcomes.values().sum::<u64>().saturating_sub(well);
        for measure in [Measure::Journey, Measure::Response, Measure::Service] {
            let Some(times) = step.measures.get(measure.name()) else { continue };
            let of = Of::Step { journey: step.journey.clone(), step: step.step.clone() };
            let told = measure != Measure::Service;
            let requests = step.requests.map(|requests| requests.first + requests.retries);
            table.push((
                (of, measure),
                Numbers { requests, failed: told.then_some(failed), times: times.clone() },
            ));
        }
    }
    table
}
