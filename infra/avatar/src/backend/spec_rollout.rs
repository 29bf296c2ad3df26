//! A new version, as the settings file says it.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::spec::{GPUS_MAX, GpuSpec};

/// A new version that is rolled out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutSpec {
    /// How many GPUs at the end of the list are the new version's; all others are the old one's.
    pub new_gpus: u32,
    /// How long each phase is; 0 where somebody else says when the next one begins.
    pub phase_us: i64,
}

impl RolloutSpec {
    /// Reads `[rollout]` of a backend with these GPUs.
    pub(super) fn read(section: &Section<'_>, gpus: &[GpuSpec]) -> Option<Self> {
        let new_gpus = section.integer("new_gpus", 1..=GPUS_MAX);
        let phase_ms = section.integer_or("phase_ms", 0..=86_400_000, 0);
        let new_gpus = new_gpus?;
        let all: u64 = gpus.iter().map(|gpu| u64::from(gpu.count)).sum();
        // Without any GPU that is the problem, and it is told.
        if all > 0 && new_gpus >= all {
            let message = format!("of {all} GPUs none is left for the old version");
            section.problem_at("new_gpus", message, Some("lower it, or add GPUs".to_owned()));
        }
        Some(Self { new_gpus: new_gpus as u32, phase_us: phase_ms? as i64 * 1_000 })
    }
}

#[cfg(test)]
mod tests {
    use hulk_settings::{Source, read};

    use super::*;
    use crate::backend::BackendSpec;

    #[test]
    fn each_version_has_a_gpu() {
        let gpu = "[[gpu]]\nkind = \"4090\"\nzone = \"a\"\ncount = 3\nstreams_max = 12\n\
                   batch_1_ms = 8\nbatch_8_ms = 25\nmemory_mib = 24_000\n";
        let rollout = |lines: &str| {
            let text = format!("[rollout]\n{lines}\n{gpu}");
            read(&Source::new("b.toml", text), BackendSpec::read)
        };
        let by_hand = RolloutSpec { new_gpus: 2, phase_us: 0 };
        assert_eq!(rollout("new_gpus = 2").unwrap().rollout, Some(by_hand));
        let timed = RolloutSpec { new_gpus: 1, phase_us: 60_000_000 };
        assert_eq!(rollout("new_gpus = 1\nphase_ms = 60_000").unwrap().rollout, Some(timed));
        let problems = rollout("new_gpus = 3").unwrap_err();
        assert_eq!(problems.list[0].message, "of 3 GPUs none is left for the old version");
    }
}
