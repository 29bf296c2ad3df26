//! `latency`: bytes come later.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hulk_record::Offset;
use hulk_settings::normal_quantile;
use serde::Serialize;

use super::{Kind, Logic, MS_MAX, Start};
use crate::attributes::Reader;
use crate::pipe::{Item, Line};

/// Bytes come later, counted from when they came from their source; never out of their order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Latency {
    /// How much later, in ms: the middle, the mean, or the least, as the distribution has it.
    latency: i64,
    /// How far around it, in ms: to each side, or the standard deviation.
    jitter: i64,
    #[serde(skip_serializing_if = "Spread::is_uniform")]
    distribution: Spread,
    /// The shape of `pareto`: the smaller, the longer its tail.
    #[serde(skip_serializing_if = "is_0")]
    shape: f64,
    /// What `histogram` draws from: a histogram of HdrHistogram's, or a log of them, in µs.
    #[serde(skip_serializing_if = "Option::is_none")]
    histogram: Option<Recorded>,
}

/// How delays are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
enum Spread {
    /// Alike from `latency` − `jitter` to `latency` + `jitter`.
    #[default]
    Uniform,
    /// Normal: mean `latency`, standard deviation `jitter`, never below 0.
    Normal,
    /// Pareto: the least is `latency`, the tail is that of `shape`.
    Pareto,
    /// As they were recorded, and `latency` more.
    Histogram,
}

impl Spread {
    fn is_uniform(&self) -> bool {
        *self == Self::Uniform
    }
}

/// A recorded histogram, and the text that it was read from.
#[derive(Debug, Clone)]
struct Recorded {
    text: Arc<str>,
    /// Up to each value, in µs, how many samples there are.
    steps: Arc<[(u64, u64)]>,
}

impl Recorded {
    fn of(text: &str) -> Result<Self, String> {
        let mut samples = 0_u64;
        let all = recorded(text)?;
        let steps = all.iter_recorded().map(|step| {
            samples = samples.saturating_add(step.count_since_last_iteration());
            (step.value_iterated_to(), samples)
        });
        Ok(Self { steps: steps.collect(), text: text.into() })
    }

    fn quantile_us(&self, unit: f64) -> u64 {
        let samples = self.steps.last().map_or(0, |(_, samples)| *samples);
        let rank = (unit * samples as f64) as u64;
        let step = self.steps.partition_point(|(_, until)| *until <= rank);
        self.steps.get(step).or(self.steps.last()).map_or(0, |(us, _)| *us)
    }
}

impl PartialEq for Recorded {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Serialize for Recorded {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
fn is_0(number: &f64) -> bool {
    *number == 0.0
}

impl Kind for Latency {
    fn read(reader: &Reader<'_>) -> Self {
        let latency = reader.whole("latency", 0..=MS_MAX);
        let jitter = reader.whole("jitter", 0..=MS_MAX);
        let words = [
            ("uniform", Spread::Uniform),
            ("normal", Spread::Normal),
            ("pareto", Spread::Pareto),
            ("histogram", Spread::Histogram),
        ];
        let distribution = reader.word("distribution", &words);
        let shape = reader.number("shape", 0.1..=100.0, 0.0);
        if distribution == Spread::Pareto && shape == 0.0 {
            reader.problem(
                "shape",
                "is missing: a pareto distribution needs it, for example 3".into(),
            );
        }
        let histogram = reader.text("histogram").and_then(|text| match Recorded::of(&text) {
            Ok(recorded) => Some(recorded),
            Err(problem) => {
                reader.problem("histogram", problem);
                None
            }
        });
        if distribution == Spread::Histogram && histogram.is_none() {
            let wanted =
                "is missing: the text of an .hlog file, or one histogram of it, is expected";
            reader.problem("histogram", wanted.into());
        }
        Self { latency, jitter, distribution, shape, histogram }
    }

    fn logic(&self, start: Start) -> Option<Box<dyn Logic>> {
        Some(Box::new(Delaying { latency: self.clone(), last: start.now }))
    }
}

/// All histograms of an .hlog file's text, or of one that is encoded, as one.
fn recorded(text: &str) -> Result<Histogram<u64>, String> {
    let mut all: Option<Histogram<u64>> = None;
    // A log has comments, and a head of column names.
    let lines = text.lines().filter(|line| !line.starts_with(['#', '"', 'S']));
    let lines = lines.filter(|line| !line.trim().is_empty());
    for encoded in lines.filter_map(|line| line.rsplit(',').next()) {
        let unreadable = |why: String| format!("cannot be read: {why}");
        let bytes = STANDARD.decode(encoded.trim()).map_err(|e| unreadable(e.to_string()))?;
        let one: Histogram<u64> = Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|error| unreadable(error.to_string()))?;
        match &mut all {
            None => all = Some(one),
            Some(all) => all.add(one).map_err(|error| unreadable(error.to_string()))?,
        }
    }
    let all = all.filter(|all| !all.is_empty());
    all.ok_or_else(|| "has no sample: the text of an .hlog file is expected".to_owned())
}

struct Delaying {
    latency: Latency,
    /// When the last item leaves: none overtakes it.
    last: Offset,
}

impl Delaying {
    fn delay_us(&self, unit: f64) -> i64 {
        let Latency { latency, jitter, shape, .. } = &self.latency;
        let (latency_us, jitter_us) = (*latency as f64 * 1e3, *jitter as f64 * 1e3);
        let us = match (self.latency.distribution, &self.latency.histogram) {
            (Spread::Histogram, Some(recorded)) => latency_us + recorded.quantile_us(unit) as f64,
            (Spread::Uniform | Spread::Histogram, _) => latency_us + jitter_us * (2.0 * unit - 1.0),
            (Spread::Normal, _) => latency_us + jitter_us * normal_quantile(unit),
            (Spread::Pareto, _) => latency_us * libm::pow(1.0 - unit, -1.0 / shape),
        };
        us.floor().clamp(0.0, MS_MAX as f64 * 1e3) as i64
    }
}

impl Logic for Delaying {
    fn admit(&mut self, at: Offset, item: Item, line: &mut Line) {
        if let Item::Data(_) = item {
            let delay_us = self.delay_us(line.draw());
            self.last = self.last.max(at.plus(delay_us));
        }
        // The end of a stream comes right behind its last byte.
        line.leave(at, self.last.max(at), item);
    }
}
