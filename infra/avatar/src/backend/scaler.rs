//! When a backend grows, and how the usual way of growing goes wrong.

use serde::{Deserialize, Serialize};

/// Above this share of the processor's time.
const CPU_MAX: f64 = 0.7;
/// Above this share of the GPUs' memory.
const GPU_MEMORY_MAX: f64 = 0.8;
/// Above this share of the streams that are admitted.
const STREAMS_MAX: f64 = 0.8;
/// Products of measured shares are a little off: so little is no replica.
const ROUNDING: f64 = 1e-9;

/// How loaded a backend is, in shares from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LoadSample {
    /// Of the processors' time.
    pub cpu: f64,
    /// Of the GPUs' memory.
    pub gpu_memory: f64,
    /// Of the streams that all limits admit together.
    pub streams: f64,
}

/// Why a backend must grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScaleUp {
    /// The processors are busy for more than 70 % of the time.
    Cpu,
    /// More than 80 % of the GPUs' memory is in use.
    GpuMemory,
    /// More than 80 % of the streams are taken.
    Streams,
}

/// Every reason to grow; none where there is no need.
pub fn scale_up(load: &LoadSample) -> Vec<ScaleUp> {
    let triggers = [
        (load.cpu > CPU_MAX, ScaleUp::Cpu),
        (load.gpu_memory > GPU_MEMORY_MAX, ScaleUp::GpuMemory),
        (load.streams > STREAMS_MAX, ScaleUp::Streams),
    ];
    triggers.into_iter().filter(|(fires, _)| *fires).map(|(_, reason)| reason).collect()
}

/// What an autoscaler changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scales {
    /// The GPU workers, which hold the streams.
    Workers,
    /// The API in front of them: more of it takes no more streams.
    Api,
}

/// A horizontal pod autoscaler on streams a pod.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HpaSpec {
    /// The fewest replicas.
    pub replicas_min: u32,
    /// The most replicas, not below the fewest.
    pub replicas_max: u32,
    /// Streams a pod that it aims at, above 0.
    pub streams_target: f64,
    /// So near to the target, as a share of it, it changes nothing.
    pub tolerance: f64,
    /// Whether it asks for the gauge that there is; a gauge of another name has no value.
    pub metric_name_matches: bool,
    /// What it changes.
    pub scales: Scales,
}

impl Default for HpaSpec {
    fn default() -> Self {
        Self {
            replicas_min: 1,
            replicas_max: 10,
            streams_target: 8.0,
            tolerance: 0.1,
            metric_name_matches: true,
            scales: Scales::Workers,
        }
    }
}

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replicas {
    /// GPU workers.
    pub workers: u32,
    /// Pods of the API.
    pub api: u32,
}

impl HpaSpec {
    /// How many there should be of what there is: `ceil(current · value ÷ target)` within the
    /// bounds, and as many as before where the value is near the target or there is none.
    pub fn desired(&self, current: u32, streams_per_pod: f64) -> u32 {
        let ratio = streams_per_pod / self.streams_target;
        if !self.metric_name_matches || !ratio.is_finite() {
            return current;
        }
        let near = (ratio - 1.0).abs() <= self.tolerance + ROUNDING;
        let wanted = (f64::from(current) * ratio - ROUNDING).ceil().max(0.0) as u32;
        let wanted = if near { current } else { wanted };
        wanted.min(self.replicas_max).max(self.replicas_min)
    }

    /// One decision, from the streams of each pod of what it scales.
    pub fn step(&self, replicas: Replicas, streams_per_pod: f64) -> Replicas {
        match self.scales {
            Scales::Workers => {
                Replicas { workers: self.desired(replicas.workers, streams_per_pod), ..replicas }
            }
            Scales::Api => {
                Replicas { api: self.desired(replicas.api, streams_per_pod), ..replicas }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trigger_fires_above_its_bound_only() {
        let load = LoadSample { cpu: 0.7, gpu_memory: 0.8, streams: 0.8 };
        assert!(scale_up(&load).is_empty());
        assert_eq!(scale_up(&LoadSample { cpu: 0.71, ..load }), [ScaleUp::Cpu]);
        assert_eq!(scale_up(&LoadSample { gpu_memory: 0.81, ..load }), [ScaleUp::GpuMemory]);
        assert_eq!(scale_up(&LoadSample { streams: 0.81, ..load }), [ScaleUp::Streams]);
        let all = LoadSample { cpu: 0.9, gpu_memory: 0.9, streams: 0.9 };
        assert_eq!(scale_up(&all), [ScaleUp::Cpu, ScaleUp::GpuMemory, ScaleUp::Streams]);
    }

    #[test]
    fn it_wants_as_many_as_bring_the_value_to_the_target() {
        let hpa = HpaSpec::default();
        // 4 · 12 ÷ 8 = 6; 4 · 9 ÷ 8 = 4.5; 4 · 4 ÷ 8 = 2; 4 · 40 ÷ 8 = 20 is above the bound.
        assert_eq!([12.0, 9.0, 4.0, 40.0].map(|value| hpa.desired(4, value)), [6, 5, 2, 10]);
        assert_eq!(hpa.desired(4, 0.0), 1);
        // A tenth more or less is near enough: 8.8 and 7.2. 5 · 8.81 ÷ 8 = 5.5; 5 · 7 ÷ 8 = 4.4.
        assert_eq!([8.8, 8.81, 7.2, 7.0].map(|value| hpa.desired(5, value)), [5, 6, 5, 5]);
        assert_eq!(hpa.desired(10, 7.0), 9, "10 · 7 ÷ 8 = 8.75");
        assert_eq!(hpa.desired(4, f64::NAN), 4);
    }

    #[test]
    fn a_gauge_of_another_name_moves_nothing() {
        let hpa = HpaSpec { metric_name_matches: false, ..HpaSpec::default() };
        let replicas = Replicas { workers: 4, api: 2 };
        assert_eq!(hpa.step(replicas, 100.0), replicas);
    }

    #[test]
    fn more_of_the_api_is_no_more_workers() {
        let replicas = Replicas { workers: 4, api: 2 };
        let right = HpaSpec::default();
        assert_eq!(right.step(replicas, 16.0), Replicas { workers: 8, api: 2 });
        let wrong = HpaSpec { scales: Scales::Api, ..right };
        assert_eq!(wrong.step(replicas, 16.0), Replicas { workers: 4, api: 4 });
    }
}
