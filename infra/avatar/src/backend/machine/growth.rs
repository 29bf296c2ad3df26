//! GPUs that are ordered while the backend runs.

use std::collections::VecDeque;

use hulk_record::Offset;

use super::{Backend, Worker};
use crate::backend::scaler::{HpaSpec, LoadSample, Replicas, Scales, scale_up};
use crate::backend::spec::BackendSpec;
use crate::backend::spec_scaler::{ScaleRule, ScalerSpec};
use crate::backend::status::{GpuStatus, ScalingStatus};

/// A scaler at work: it looks at full multiples of its interval.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Growth {
    spec: ScalerSpec,
    hpa: HpaSpec,
    /// What a GPU is that comes up.
    fresh: Worker,
    api_pods: u32,
    /// When those that are ordered serve, oldest first.
    ordered: VecDeque<Offset>,
    look: Offset,
}

impl Growth {
    pub(super) fn new(spec: &ScalerSpec, backend: &BackendSpec, fresh: Worker) -> Self {
        Self {
            hpa: spec.hpa(&backend.gpus),
            fresh,
            api_pods: 1,
            ordered: VecDeque::new(),
            look: Offset(spec.every_us),
            spec: spec.clone(),
        }
    }

    /// When something happens next.
    pub(super) fn next(&self) -> Offset {
        self.ordered.front().map_or(self.look, |serves| self.look.min(*serves))
    }

    pub(super) fn status(&self) -> ScalingStatus {
        ScalingStatus { gpus_ordered: self.ordered.len(), api_pods: self.api_pods }
    }

    /// Orders what is wanted beyond what serves.
    fn decide(&mut self, now: Offset, serving: usize, streams: usize, load: &LoadSample) {
        self.look = self.look.plus(self.spec.every_us);
        let there = u32::try_from(serving + self.ordered.len()).unwrap_or(u32::MAX);
        let wanted = self.wanted(Replicas { workers: there, api: self.api_pods }, streams, load);
        self.api_pods = self.api_pods.max(wanted.api);
        let serves = now.plus(self.spec.provisioning_us);
        self.ordered.extend((there..wanted.workers).map(|_| serves));
    }

    /// How many there should be, where there are so many that serve or are ordered.
    fn wanted(&self, there: Replicas, streams: usize, load: &LoadSample) -> Replicas {
        let of_api = self.spec.scales == Scales::Api;
        let pods = if of_api { there.api } else { there.workers };
        let more = pods.saturating_add(1).min(self.hpa.replicas_max);
        match self.spec.rule {
            ScaleRule::Hpa => self.hpa.step(there, streams as f64 / f64::from(pods)),
            ScaleRule::Plan if scale_up(load).is_empty() || !self.ordered.is_empty() => there,
            ScaleRule::Plan if of_api => Replicas { api: more, ..there },
            ScaleRule::Plan => Replicas { workers: more, ..there },
        }
    }
}

impl Backend {
    /// What was ordered comes up, and the scaler looks, where it is time.
    pub(super) fn grow(&mut self, now: Offset) {
        let Some(mut growth) = self.growth.take() else { return };
        while growth.ordered.pop_front_if(|serves| *serves <= now).is_some() {
            let mut fresh = growth.fresh.clone();
            // It has made nothing yet: this only sets its clock.
            fresh.gpu.run(now, &mut Vec::new());
            self.workers.push(fresh);
        }
        if growth.look <= now {
            growth.decide(now, self.workers.len(), self.streams.len(), &self.load(now));
        }
        self.growth = Some(growth);
    }

    /// How loaded the GPUs are that may have streams; their own work stands for the processors'.
    fn load(&self, now: Offset) -> LoadSample {
        let gpus = self.status(now).gpus;
        let healthy = || gpus.iter().filter(|gpu| gpu.healthy);
        let sum = |of: fn(&GpuStatus) -> f64| healthy().map(of).sum::<f64>();
        // Where none is healthy no share is a number, and none is above its bound.
        LoadSample {
            cpu: sum(|gpu| gpu.utilisation) / healthy().count() as f64,
            gpu_memory: sum(|gpu| f64::from(gpu.memory_used_mib))
                / sum(|gpu| f64::from(gpu.memory_mib)),
            streams: sum(|gpu| gpu.streams as f64) / sum(|gpu| gpu.streams_max as f64),
        }
    }
}
