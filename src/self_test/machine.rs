//! What this machine has, and what it lost while it was measured.

use hulk_engine::{Machine, environment, meminfo_kib};
use hulk_record::Environment;
use tokio::time::Instant;

use crate::cores::local_ports;
use crate::outcome::Failure;

/// From this share of stolen time on, lateness is the host's doing.
const STEAL_SHARE_MAX: f64 = 0.05;

/// What there is before anything is measured.
pub(super) struct Has {
    pub(super) environment: Environment,
    pub(super) cores: u64,
    /// For connections of one worker.
    pub(super) descriptors: u64,
    pub(super) local_ports: u64,
    pub(super) available_bytes: u64,
}

impl Has {
    pub(super) fn read(descriptors: u64) -> Self {
        let environment = environment("loopback".to_owned());
        Self {
            cores: u64::from(environment.cores),
            environment,
            descriptors,
            local_ports: u64::from(local_ports()),
            available_bytes: meminfo_kib("MemAvailable").unwrap_or(0) * 1024,
        }
    }
}

/// What the kernel holds for its own objects, sockets among them, on the whole machine.
pub(super) fn kernel_kib() -> u64 {
    meminfo_kib("Slab").unwrap_or(0)
}

/// The machine while it is measured.
pub(super) struct Watch {
    machine: Machine,
    start: Instant,
    lost: LostTime,
    steal_us: u64,
    run_delay_us: u64,
}

/// What was lost meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct LostTime {
    /// Of all cores' time.
    pub(super) steal_share: f64,
    pub(super) sleeper_late_ms: f64,
    /// How long the worker's threads were ready and had no CPU, as a share of the time.
    pub(super) run_delay_share: f64,
}

impl Watch {
    pub(super) fn start(open_files_max: u64) -> Result<Self, Failure> {
        let mut machine = Machine::new(open_files_max).map_err(Failure::internal)?;
        machine.sample();
        let (start, lost) = (Instant::now(), LostTime::default());
        Ok(Self { machine, start, lost, steal_us: 0, run_delay_us: 0 })
    }

    /// Resident memory now.
    pub(super) fn resident_kib(&mut self) -> u64 {
        let (machine, process) = self.machine.sample();
        self.steal_us += machine.steal_us;
        self.run_delay_us += process.run_delay_us.unwrap_or(0);
        let late_ms = machine.sleeper_late_us as f64 / 1e3;
        self.lost.sleeper_late_ms = self.lost.sleeper_late_ms.max(late_ms);
        machine.resident_kib
    }

    /// What was lost since the start.
    pub(super) fn end(mut self) -> LostTime {
        self.resident_kib();
        let wall_us = self.start.elapsed().as_micros().max(1) as f64;
        let cores = f64::from(environment(String::new()).cores.max(1));
        LostTime {
            steal_share: self.steal_us as f64 / (cores * wall_us),
            run_delay_share: self.run_delay_us as f64 / wall_us,
            ..self.lost
        }
    }
}

impl LostTime {
    /// Why figures that were measured meanwhile are not to be relied on.
    pub(super) fn doubts(&self, sleeper_late_max_ms: f64) -> Vec<String> {
        let steal = (self.steal_share > STEAL_SHARE_MAX).then(|| {
            format!(
                "the machine lost time: its host took {:.1} % of the CPU (limit 5 %)",
                self.steal_share * 100.0
            )
        });
        let sleeper = (self.sleeper_late_ms > sleeper_late_max_ms).then(|| {
            format!(
                "the machine lost time: a bare sleeper woke {:.0} ms late (limit \
                 {sleeper_late_max_ms:.0} ms)",
                self.sleeper_late_ms
            )
        });
        steal.into_iter().chain(sleeper).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_time_is_told_above_its_limits_only() {
        let quiet = LostTime { steal_share: 0.05, sleeper_late_ms: 500.0, run_delay_share: 3.0 };
        assert!(quiet.doubts(500.0).is_empty());
        let lost = LostTime { steal_share: 0.061, sleeper_late_ms: 612.0, ..quiet };
        assert_eq!(
            lost.doubts(500.0),
            [
                "the machine lost time: its host took 6.1 % of the CPU (limit 5 %)",
                "the machine lost time: a bare sleeper woke 612 ms late (limit 500 ms)"
            ]
        );
    }

    #[test]
    fn this_machine_has_something() {
        let has = Has::read(100);
        assert!(has.cores > 0 && has.local_ports > 0 && has.available_bytes > 0);
        assert!(kernel_kib() > 0);
    }
}
