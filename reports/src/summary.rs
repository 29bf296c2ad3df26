//! `summary.json`: everything that the report says, exact and for machines.

use std::collections::BTreeMap;

use hulk_record::{
    Environment, FaultInfo, Measure, Offset, Record, RunEnd, Samples, SendTotals, TroubleCount,
};
use serde::Serialize;

use crate::RenderError;
use crate::commentary::{Reaction, reactions};
use crate::generator::{GeneratorSeen, generator};
use crate::platform::{PlatformSeen, platform};
use crate::qoe::{QoeSummary, summary_of};
use crate::responses::{MomentSummary, moments};
use crate::sentence::headline;
use crate::target::{Ledger, ledger};
use crate::verdict::Verdict;
use crate::view::View;
use crate::windows::{Span, spans};

/// The version of the summary's format.
const VERSION: u32 = 2;

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
    /// The ledger of responses, a moment each.
    moments: Vec<MomentSummary>,
    /// From messages about key players to changed instances; left out where there was none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    commentary: Vec<Reaction>,
    faults: &'a [FaultInfo],
    /// Before, during and after each fault and moment.
    windows: Vec<Span>,
    /// What went wrong in the journeys themselves.
    troubles: Vec<TroubleCount>,
    audience: AudienceSummary,
    /// What the viewers of the stream felt.
    qoe: QoeSummary,
    /// Requests that had no room in raw.csv; null where there is none.
    raw_untold: Option<u64>,
    /// The target's own count beside the record's; null where it did not tell.
    target: Option<Ledger>,
    /// What the platform says of itself.
    platform: PlatformSeen,
    generator: GeneratorSeen,
    events: Vec<EventSummary>,
    end: &'a RunEnd,
    environment: &'a Environment,
}

/// Viewers at the end of an interval, at most.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct AudienceSummary {
    pub(crate) present_max: u64,
    /// In the app and not in the video.
    pub(crate) at_home_max: u64,
    /// Of those present: who had closed the app before their stay was over.
    pub(crate) gave_up_max: u64,
}

pub(crate) fn audience(view: &View<'_>) -> AudienceSummary {
    let largest = |all: Vec<Option<u64>>| all.into_iter().flatten().max().unwrap_or(0);
    AudienceSummary {
        present_max: largest(view.present()),
        at_home_max: largest(view.gauge(|audience| audience.at_home)),
        gave_up_max: largest(view.gauge(|audience| audience.gave_up)),
    }
}

/// An event with both of its times.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EventSummary {
    pub(crate) at: Offset,
    pub(crate) match_min: f64,
    /// When it was to happen; null where nobody planned it.
    pub(crate) intended: Option<Offset>,
    pub(crate) intended_match_min: Option<f64>,
    /// From the intended to the real time, in ms of wall time; below 0 it came early.
    pub(crate) late_ms: Option<f64>,
    pub(crate) kind: String,
    pub(crate) text: String,
}

pub(crate) fn events(record: &Record) -> Vec<EventSummary> {
    let told = |event: &hulk_record::RunEvent| EventSummary {
        at: event.at,
        match_min: record.manifest.match_minute(event.at),
        intended: event.intended,
        intended_match_min: event.intended.map(|at| record.manifest.match_minute(at)),
        late_ms: event.intended.map(|intended| event.at.since(intended) as f64 / 1e3),
        kind: event.kind.clone(),
        text: event.text.clone(),
    };
    record.events.iter().map(told).collect()
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
    /// Requests due; null of a whole journey, and where an old record does not tell by step.
    pub(crate) requests: Option<StepRequests>,
}

/// The requests of a step.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct StepRequests {
    pub(crate) first: u64,
    pub(crate) retries: u64,
    /// (first + retries) ÷ first; null without first attempts.
    pub(crate) amplification: Option<f64>,
    pub(crate) not_served: u64,
    pub(crate) viewers_not_served: u64,
}

impl StepRequests {
    fn of(totals: &SendTotals) -> Self {
        Self {
            first: totals.first,
            retries: totals.retries,
            amplification: totals.amplification(),
            not_served: totals.not_served(),
            viewers_not_served: totals.viewers_not_served,
        }
    }
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
        let at = |ppm| samples.quantile_at_most_max_us(ppm);
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
    let view = View::of(record);
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
        steps: steps(&view),
        moments: moments(&view),
        commentary: reactions(record),
        faults: &manifest.faults,
        windows: spans(&view),
        troubles: view.merged.troubles(),
        audience: audience(&view),
        qoe: summary_of(&view),
        raw_untold: manifest.raw.then(|| untold(record)),
        target: ledger(&view),
        platform: platform(&view),
        generator: generator(&view),
        events: events(record),
        end: &record.end,
        environment: &manifest.environment,
    };
    let mut bytes = serde_json::to_vec_pretty(&summary)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Requests that were to be told one by one and had no room in their frame.
pub(crate) fn untold(record: &Record) -> u64 {
    record.frames.iter().map(|frame| frame.raw_untold).sum()
}

/// Every step with samples, in the order of the manifest, then what the manifest does not name.
/// Regions and outcomes are merged as they are read: apart they would fill the memory.
pub(crate) fn steps(view: &View<'_>) -> Vec<StepSummary> {
    let requests = view.steps();
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
        .map(|(name, group)| (rank(view, name), group.summary(view, name, requests.get(&name))))
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
    fn summary(
        self,
        view: &View<'_>,
        (journey, step): (&str, &str),
        requests: Option<&SendTotals>,
    ) -> StepSummary {
        StepSummary {
            journey: journey.to_owned(),
            step: step.to_owned(),
            service: view.service_of(journey, step).map(str::to_owned),
            outcomes: self.outcomes,
            measures: self.measures.iter().map(|(m, s)| (m.name(), Quantiles::of(s))).collect(),
            requests: requests.map(StepRequests::of),
        }
    }
}
