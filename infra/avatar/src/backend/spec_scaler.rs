//! How a backend grows, as its settings file says it.

use hulk_settings::{Section, nearest_or_all};
use serde::{Deserialize, Serialize};

use super::scaler::{HpaSpec, Scales};
use super::spec::{GPUS_MAX, GpuSpec};

/// By what a scaler decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScaleRule {
    /// As a horizontal pod autoscaler on streams a pod: see [`HpaSpec`].
    Hpa,
    /// One more for any reason of [`super::scale_up`], one after another.
    Plan,
}

const RULES: [(&str, ScaleRule); 2] = [("hpa", ScaleRule::Hpa), ("plan", ScaleRule::Plan)];
const SCALED: [(&str, Scales); 2] = [("workers", Scales::Workers), ("api", Scales::Api)];
/// The metrics that an autoscaler may ask for, and whether the backend has them.
const METRICS: [(&str, bool); 2] =
    [("concurrent_streams_total", true), ("concurrent_streams", false)];

/// What orders GPUs while a backend runs; none is ever given back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScalerSpec {
    /// The place of the entry among the backend's GPUs of whose kind and zone new ones are.
    pub entry: usize,
    /// The most GPUs of that kind and zone, or the most pods of the API where it scales that.
    pub max_gpus: u32,
    /// How long after its order a GPU serves.
    pub provisioning_us: i64,
    /// How often the scaler looks.
    pub every_us: i64,
    /// By what it decides.
    pub rule: ScaleRule,
    /// Whether the metric that it asks for is one that the backend has.
    pub metric_name_matches: bool,
    /// What it changes.
    pub scales: Scales,
    /// Streams a pod that it aims at.
    pub target_streams: f64,
}

impl ScalerSpec {
    /// Reads `[scaler]` of a backend with these GPUs.
    pub(super) fn read(section: &Section<'_>, gpus: &[GpuSpec]) -> Option<Self> {
        let kind = section.text_optional("gpu_kind");
        let max_gpus = section.integer("max_gpus", 1..=GPUS_MAX);
        let provisioning_ms = section.integer_or("provisioning_ms", 0..=3_600_000, 60_000);
        let every_ms = section.integer_or("every_ms", 100..=3_600_000, 15_000);
        let rule = section.word_or("rule", &RULES, ScaleRule::Hpa);
        let metric = section.word_or("metric", &METRICS, true);
        let scales = section.word_or("scales", &SCALED, Scales::Workers);
        let target_streams = section.number_or("target_streams", 0.1..=1_000.0, 8.0);
        let is_meant = |gpu: &GpuSpec| kind.as_ref().is_none_or(|kind| gpu.kind == *kind);
        let Some((entry, gpu)) = gpus.iter().enumerate().find(|(_, gpu)| is_meant(gpu)) else {
            // Without any GPU that is the problem, and it is told.
            if let Some(kind) = kind.as_ref().filter(|_| !gpus.is_empty()) {
                let kinds: Vec<&str> = gpus.iter().map(|gpu| gpu.kind.as_str()).collect();
                let hint = Some(nearest_or_all(kind, &kinds));
                section.problem_at("gpu_kind", format!("there is no gpu `{kind}`"), hint);
            }
            return None;
        };
        let (scales, max_gpus) = (scales?, max_gpus?);
        let there = gpu.together(gpus);
        let most = all_of(gpus).saturating_sub(there) + max_gpus;
        if scales == Scales::Workers && max_gpus < there {
            let message = format!("there are {there} of that kind and zone already");
            section.problem_at("max_gpus", message, Some(format!("at least `max_gpus = {there}`")));
        } else if scales == Scales::Workers && most > GPUS_MAX {
            let message = format!("that makes {most} GPUs: at most {GPUS_MAX} are simulated");
            section.problem_at("max_gpus", message, Some("lower `max_gpus`".to_owned()));
        }
        Some(Self {
            entry,
            max_gpus: max_gpus as u32,
            provisioning_us: provisioning_ms? as i64 * 1_000,
            every_us: every_ms? as i64 * 1_000,
            rule: rule?,
            metric_name_matches: metric?,
            scales,
            target_streams: target_streams?,
        })
    }

    /// The autoscaler that it is, where there are these GPUs at the start.
    pub(super) fn hpa(&self, gpus: &[GpuSpec]) -> HpaSpec {
        let there = gpus.get(self.entry).map_or(0, |gpu| gpu.together(gpus));
        let others = match self.scales {
            Scales::Workers => all_of(gpus).saturating_sub(there) as u32,
            Scales::Api => 0,
        };
        HpaSpec {
            replicas_max: others.saturating_add(self.max_gpus),
            streams_target: self.target_streams,
            metric_name_matches: self.metric_name_matches,
            scales: self.scales,
            ..HpaSpec::default()
        }
    }
}

fn all_of(gpus: &[GpuSpec]) -> u64 {
    gpus.iter().map(|gpu| u64::from(gpu.count)).sum()
}

#[cfg(test)]
mod tests {
    use hulk_settings::{Problems, Source, read};

    use super::*;
    use crate::backend::BackendSpec;

    /// Two 4090 in the east and one in the west, and a T4, with these lines below `[scaler]`.
    fn scaler(lines: &str) -> Result<BackendSpec, Problems> {
        let gpu = |kind: &str, zone: &str, count: u32| {
            format!(
                "[[gpu]]\nkind = \"{kind}\"\nzone = \"{zone}\"\ncount = {count}\n\
                 streams_max = 12\nbatch_1_ms = 8\nbatch_8_ms = 25\nmemory_mib = 24_000\n"
            )
        };
        let gpus = [gpu("4090", "east", 2), gpu("4090", "west", 1), gpu("T4", "east", 1)].concat();
        let text = format!("[scaler]\n{lines}\n{gpus}");
        read(&Source::new("b.toml", text), BackendSpec::read)
    }

    #[test]
    fn golden_a_scaler() {
        let usual = ScalerSpec {
            entry: 0,
            max_gpus: 6,
            provisioning_us: 60_000_000,
            every_us: 15_000_000,
            rule: ScaleRule::Hpa,
            metric_name_matches: true,
            scales: Scales::Workers,
            target_streams: 8.0,
        };
        let spec = scaler("max_gpus = 6").unwrap();
        assert_eq!(spec.scaler, Some(usual.clone()));
        // The one in the west, the T4, and six in the east.
        assert_eq!(usual.hpa(&spec.gpus).replicas_max, 8);
        let lines = "gpu_kind = \"T4\"\nmax_gpus = 3\nprovisioning_ms = 500\nevery_ms = 250\n\
                     rule = \"plan\"\nmetric = \"concurrent_streams\"\nscales = \"api\"\n\
                     target_streams = 4.5";
        let other = ScalerSpec {
            entry: 2,
            max_gpus: 3,
            provisioning_us: 500_000,
            every_us: 250_000,
            rule: ScaleRule::Plan,
            metric_name_matches: false,
            scales: Scales::Api,
            target_streams: 4.5,
        };
        assert_eq!(scaler(lines).unwrap().scaler, Some(other.clone()));
        assert_eq!(other.hpa(&spec.gpus).replicas_max, 3);
    }

    #[test]
    fn a_scaler_that_cannot_be_is_told() {
        let told = |lines| {
            let problem = scaler(lines).unwrap_err().list.remove(0);
            (problem.message, problem.hint.unwrap_or_default())
        };
        let wanted = |message: &str, hint: &str| (message.to_owned(), hint.to_owned());
        assert_eq!(
            told("max_gpus = 1"),
            wanted("there are 2 of that kind and zone already", "at least `max_gpus = 2`")
        );
        assert_eq!(
            told("max_gpus = 999"),
            wanted("that makes 1001 GPUs: at most 1000 are simulated", "lower `max_gpus`")
        );
        assert_eq!(told("max_gpus = 4\ngpu_kind = \"T5\"").0, "there is no gpu `T5`");
        assert_eq!(
            told("max_gpus = 4\nmetric = \"streams\"").0,
            "`streams` is not one of `concurrent_streams`, `concurrent_streams_total`"
        );
    }
}
