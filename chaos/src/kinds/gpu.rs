//! `gpu`: something befalls the GPUs of an avatar backend.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

/// The highest number of a GPU that a file may give.
const GPU_MAX: u64 = 1_023;

/// What can befall an avatar backend; GPUs are numbered from 0 in the order of its file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum GpuFault {
    /// The clock runs at `factor` of its speed. Several at once multiply, and heal one by one.
    ClockThrottle {
        /// Which GPU.
        gpu: usize,
        /// From 0.01 to 1.
        factor: f64,
    },
    /// While it holds each batch fails and its frames are dropped, without a word to anyone.
    OutOfMemory {
        /// Which GPU.
        gpu: usize,
    },
    /// XID 79: all streams are lost, and none is admitted until it is healed.
    OffTheBus {
        /// Which GPU.
        gpu: usize,
    },
    /// All streams are lost; the GPU is back by itself, and healing makes that no sooner.
    DriverRestart {
        /// Which GPU.
        gpu: usize,
        /// After how long it is back.
        ms: u64,
    },
    /// A fatal fault of one client loses every stream of its GPU, which goes on at once.
    MpsFatal {
        /// Which GPU.
        gpu: usize,
    },
    /// Batches take `factor` times as long. Several at once multiply, and heal one by one.
    SlowNode {
        /// Which GPU.
        gpu: usize,
        /// From 1 to 100.
        factor: f64,
    },
    /// All streams of a zone are lost, and its GPUs admit none until it is healed.
    ZoneLost {
        /// Its name.
        zone: String,
    },
    /// The store that leads sessions back to their GPUs is empty, and takes nothing until healed.
    AffinityLost,
}

impl GpuFault {
    /// Its names in files.
    pub const NAMES: [&'static str; 8] = [
        "clock_throttle",
        "out_of_memory",
        "off_the_bus",
        "driver_restart",
        "mps_fatal",
        "slow_node",
        "zone_lost",
        "affinity_lost",
    ];

    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let (place, inner) = section.variant(&Self::NAMES)?;
        let gpu = || inner.integer("gpu", 0..=GPU_MAX).map(|gpu| gpu as usize);
        match place {
            0 => {
                let (gpu, factor) = (gpu(), inner.number("factor", 0.01..=1.0));
                Some(Self::ClockThrottle { gpu: gpu?, factor: factor? })
            }
            1 => gpu().map(|gpu| Self::OutOfMemory { gpu }),
            2 => gpu().map(|gpu| Self::OffTheBus { gpu }),
            3 => {
                let (gpu, ms) = (gpu(), inner.integer("restart_ms", 1..=60_000));
                Some(Self::DriverRestart { gpu: gpu?, ms: ms? })
            }
            4 => gpu().map(|gpu| Self::MpsFatal { gpu }),
            5 => {
                let (gpu, factor) = (gpu(), inner.number("factor", 1.0..=100.0));
                Some(Self::SlowNode { gpu: gpu?, factor: factor? })
            }
            6 => inner.text("zone").map(|zone| Self::ZoneLost { zone }),
            _ => Some(Self::AffinityLost),
        }
    }

    /// Its name in a file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ClockThrottle { .. } => "clock_throttle",
            Self::OutOfMemory { .. } => "out_of_memory",
            Self::OffTheBus { .. } => "off_the_bus",
            Self::DriverRestart { .. } => "driver_restart",
            Self::MpsFatal { .. } => "mps_fatal",
            Self::SlowNode { .. } => "slow_node",
            Self::ZoneLost { .. } => "zone_lost",
            Self::AffinityLost => "affinity_lost",
        }
    }

    /// The GPU that it befalls; none where it befalls a zone or the store.
    pub fn gpu(&self) -> Option<usize> {
        match self {
            Self::ClockThrottle { gpu, .. }
            | Self::OutOfMemory { gpu }
            | Self::OffTheBus { gpu }
            | Self::DriverRestart { gpu, .. }
            | Self::MpsFatal { gpu }
            | Self::SlowNode { gpu, .. } => Some(*gpu),
            Self::ZoneLost { .. } | Self::AffinityLost => None,
        }
    }

    /// Whether several of the kind at a time are more than one.
    pub fn adds_up(&self) -> bool {
        matches!(self, Self::ClockThrottle { .. } | Self::SlowNode { .. })
    }

    /// The zone that it is done to, or the backend.
    pub(super) fn place(&self) -> &str {
        match self {
            Self::ZoneLost { zone } => zone,
            _ => "avatar",
        }
    }

    pub(super) fn describe(&self) -> String {
        match self {
            Self::ClockThrottle { gpu, factor } => {
                format!("GPU {gpu} runs at {factor} of its clock")
            }
            Self::OutOfMemory { gpu } => format!("batches of GPU {gpu} fail for want of memory"),
            Self::OffTheBus { gpu } => format!("GPU {gpu} is off the bus (XID 79)"),
            Self::DriverRestart { gpu, ms } => {
                format!("the driver of GPU {gpu} restarts and is back after {ms} ms")
            }
            Self::MpsFatal { gpu } => {
                format!("a client's fatal fault ends every stream of GPU {gpu}")
            }
            Self::SlowNode { gpu, factor } => {
                format!("batches of GPU {gpu} take {factor} times as long")
            }
            Self::ZoneLost { zone } => format!("zone `{zone}` of the avatar backend is lost"),
            Self::AffinityLost => {
                "the avatar backend forgets which GPU a session was on".to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hulk_settings::{Problems, Source, read};

    use super::*;
    use crate::FaultKind;

    fn kind(text: &str) -> Result<FaultKind, Problems> {
        read(&Source::new("f.toml", text), FaultKind::read)
    }

    #[test]
    fn each_gpu_fault_is_read_and_told_in_words() {
        let told = |inner: &str| {
            let kind = kind(&format!("gpu = {{ {inner} }}")).unwrap();
            (kind.name(), kind.place().to_owned(), kind.describe())
        };
        for (inner, place, words) in [
            (
                "clock_throttle = { gpu = 0, factor = 0.6 }",
                "avatar",
                "GPU 0 runs at 0.6 of its clock",
            ),
            ("out_of_memory = { gpu = 1 }", "avatar", "batches of GPU 1 fail for want of memory"),
            ("off_the_bus = { gpu = 3 }", "avatar", "GPU 3 is off the bus (XID 79)"),
            (
                "driver_restart = { gpu = 2, restart_ms = 5_000 }",
                "avatar",
                "the driver of GPU 2 restarts and is back after 5000 ms",
            ),
            (
                "mps_fatal = { gpu = 0 }",
                "avatar",
                "a client's fatal fault ends every stream of GPU 0",
            ),
            (
                "slow_node = { gpu = 5, factor = 2 }",
                "avatar",
                "batches of GPU 5 take 2 times as long",
            ),
            ("zone_lost = { zone = \"a\" }", "a", "zone `a` of the avatar backend is lost"),
            (
                "affinity_lost = {}",
                "avatar",
                "the avatar backend forgets which GPU a session was on",
            ),
        ] {
            assert_eq!(told(inner), ("gpu", place.to_owned(), words.to_owned()));
        }
    }

    #[test]
    fn what_is_no_gpu_fault_is_told_where_it_stands() {
        let told = |inner: &str| {
            let problems = kind(&format!("gpu = {{ {inner} }}")).unwrap_err();
            problems.list.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>()
        };
        let factor = told("clock_throttle = { gpu = 0, factor = 2 }");
        assert_eq!(factor, ["`factor` is 2: it must be from 0.01 to 1"]);
        let slow = told("slow_node = { gpu = 0, factor = 0.5 }");
        assert_eq!(slow, ["`factor` is 0.5: it must be from 1 to 100"]);
        let ms = told("driver_restart = { gpu = 0, restart_ms = 61_000 }");
        assert_eq!(ms, ["`restart_ms` is 61000: it must be from 1 to 60000"]);
        let gpu = told("off_the_bus = { gpu = 1_024 }");
        assert_eq!(gpu, ["`gpu` is 1024: it must be from 0 to 1023"]);
        assert_eq!(told("off_the_bus = {}").len(), 1);
        assert!(told("melts = { gpu = 0 }")[0].starts_with("expected one of `affinity_lost`"));
    }

    #[test]
    fn over_the_wire_it_is_as_the_backend_reads_it() {
        for (fault, inner) in [
            (GpuFault::ClockThrottle { gpu: 0, factor: 0.5 }, r#"{"gpu":0,"factor":0.5}"#),
            (GpuFault::OutOfMemory { gpu: 1 }, r#"{"gpu":1}"#),
            (GpuFault::OffTheBus { gpu: 2 }, r#"{"gpu":2}"#),
            (GpuFault::DriverRestart { gpu: 3, ms: 5_000 }, r#"{"gpu":3,"ms":5000}"#),
            (GpuFault::MpsFatal { gpu: 4 }, r#"{"gpu":4}"#),
            (GpuFault::SlowNode { gpu: 5, factor: 2.0 }, r#"{"gpu":5,"factor":2.0}"#),
            (GpuFault::ZoneLost { zone: "a".into() }, r#"{"zone":"a"}"#),
        ] {
            let json = serde_json::to_string(&fault).unwrap();
            assert_eq!(json, format!("{{\"{}\":{inner}}}", fault.name()));
            assert_eq!(serde_json::from_str::<GpuFault>(&json).unwrap(), fault);
            let kind = FaultKind::Gpu(fault);
            let bytes = hulk_record::encode(&kind).unwrap();
            assert_eq!(hulk_record::decode::<FaultKind>(&bytes).unwrap(), kind, "to a worker");
        }
        assert_eq!(serde_json::to_string(&GpuFault::AffinityLost).unwrap(), "\"affinity_lost\"");
        let unknown = serde_json::from_str::<GpuFault>("{\"off_the_bus\":{\"gpu\":0,\"x\":1}}");
        assert!(unknown.is_err());
    }
}
