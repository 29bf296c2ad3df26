//! `summary.json`: everything that the report says, exact and for machines.

use std::collections::BTreeMap;

use hulk_record::{Environment, Measure, Record, RunEnd, RunEvent, Samples};
use serde::Serialize;

use crate::RenderError;
use crate::sentence::headline;
use crate::verdict::Verdict;
use crate::view::View;

/// The version of the summary's format.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Summary<'a> {
    version: u32,
    exit_code: i32,
    headline: String,
    file: &'a str,
    seed: u64,
    started_unix_s: u64,
    /// v: match seconds per wall second.
    clock_speed: f64,
    /// k: viewers of the run per viewer of the model.
    scale: f64,
    verdict: &'a Verdict,
    steps: Vec<StepSummary>,
    events: &'a [RunEvent],
    end: &'a RunEnd,
    environment: &'a Environment,
}

/// A step, or a whole journey where the step's name is empty; all regions together, from t = 0 on.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StepSummary {
    pub(crate) journey: String,
    pub(crate) step: String,
    pub(crate) service: Option<String>,
    /// Answers by outcome; of a whole journey, its ends by outcome.
    pub(crate) outcomes: BTreeMap<&'static str, u64>,
    pub(crate) measures: BTreeMap<&'static str, Quantiles>,
}

/// A measure over all outcomes, in µs of wall time.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) count: u64,
    pub(crate) mean_us: f64,
    pub(crate) p50_us: u64,
    pub(crate) p90_us: u64,
    pub(crate) p99_us: u64,
    pub(crate) p99_9_us: u64,
    /// Exact.
    pub(crate) max_us: u64,
    /// Samples beyond one hour, which count as one hour.
    pub(crate) above_range: u64,
}

impl Quantiles {
    pub(crate) fn of(samples: &Samples) -> Self {
        // The histogram answers with its bucket's top, which may lie above every sample.
        let at = |ppm| samples.quantile_us(ppm).min(samples.max_us());
        Self {
            count: samples.count(),
            mean_us: samples.mean_us(),
            p50_us: at(500_000),
            p90_us: at(900_000),
            p99_us: at(990_000),
            p99_9_us: at(999_000),
            max_us: samples.max_us(),
            above_range: samples.above(),
        }
    }
}

/// The run as JSON, ending in a line feed. Times carry their unit in the key; `match_min` and
/// `match_s` are match time, everything else is wall time.
///
/// # Errors
/// When a value has no JSON form; none of a record's has.
pub fn summary(record: &Record, verdict: &Verdict) -> Result<Vec<u8>, RenderError> {
    let manifest = &record.manifest;
    let summary = Summary {
        version: VERSION,
        exit_code: verdict.kind.exit_code(),
        headline: headline(verdict),
        file: &manifest.file,
        seed: manifest.seed,
        started_unix_s: manifest.started_unix_s,
        clock_speed: manifest.clock.speed,
        scale: manifest.scale,
        verdict,
        steps: steps(&View::of(record)),
        events: &record.events,
        end: &record.end,
        environment: &manifest.environment,
    };
    let mut bytes = serde_json::to_vec_pretty(&summary)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Every step with samples, in the order of the manifest, then what the manifest does not name.
/// Regions and outcomes are merged as they are read: apart they would fill the memory.
pub(crate) fn steps(view: &View<'_>) -> Vec<StepSummary> {
    let mut groups: BTreeMap<(&str, &str), Group> = BTreeMap::new();
    for (key, samples) in view.judged().flat_map(|frame| &frame.series) {
        let group = groups.entry((&key.journey, &key.step)).or_default();
        group.measures.entry(key.measure).or_default().merge(samples);
        let whole = if key.step.is_empty() { Measure::Journey } else { Measure::Response };
        if key.measure == whole {
            let count: u64 = samples.counts.iter().map(|&(_, count)| count).sum();
            *group.outcomes.entry(key.outcome.name()).or_default() += count;
        }
    }
    let mut rows: Vec<(usize, StepSummary)> = groups
        .into_iter()
        .map(|(name, group)| (rank(view, name), group.summary(view, name)))
        .collect();
    rows.sort_by_key(|&(rank, _)| rank);
    rows.into_iter().map(|(_, row)| row).collect()
}

/// The place of a step in the manifest; a whole journey comes before its steps.
fn rank(view: &View<'_>, name: (&str, &str)) -> usize {
    let names = view.manifest().journeys.iter().flat_map(|known| {
        let steps = known.steps.iter().map(|step| step.name.as_str());
        std::iter::once("").chain(steps).map(|step| (known.name.as_str(), step))
    });
    names.enumerate().find(|(_, known)| *known == name).map_or(usize::MAX, |(at, _)| at)
}

#[derive(Default)]
struct Group {
    measures: BTreeMap<Measure, Samples>,
    outcomes: BTreeMap<&'static str, u64>,
}

impl Group {
    fn summary(self, view: &View<'_>, (journey, step): (&str, &str)) -> StepSummary {
        StepSummary {
            journey: journey.to_owned(),
            step: step.to_owned(),
            service: view.service_of(journey, step).map(str::to_owned),
            outcomes: self.outcomes,
            measures: self.measures.iter().map(|(m, s)| (m.name(), Quantiles::of(s))).collect(),
        }
    }
}
