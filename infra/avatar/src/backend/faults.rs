//! What can befall a backend, and what a GPU suffers from at present.

pub use hulk_chaos::GpuFault;
use hulk_record::Offset;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How many factors of one kind a GPU bears at once; more are not taken.
const FACTORS_MAX: usize = 64;
/// A driver is back after at most so long: no fault outlives the longest lease.
const RESTART_MS_MAX: u64 = 60_000;
/// Slower than this a GPU is not made, by one fault or by several.
const FACTOR_LIMIT: f64 = 100.0;

/// The GPU does not answer its bus.
const XID_OFF_THE_BUS: u32 = 79;
/// A memory page fault of one client.
const XID_MPS: u32 = 31;
/// The GPU's system processor does not answer in time.
const XID_DRIVER: u32 = 119;

/// Whether a fault is within its ranges.
pub(crate) fn check(fault: &GpuFault) -> Result<(), FaultError> {
    if let GpuFault::DriverRestart { ms, .. } = fault
        && *ms > RESTART_MS_MAX
    {
        return Err(FaultError::Restart { ms: *ms });
    }
    let (factor, from, to) = match fault {
        GpuFault::ClockThrottle { factor, .. } => (*factor, 1.0 / FACTOR_LIMIT, 1.0),
        GpuFault::SlowNode { factor, .. } => (*factor, 1.0, FACTOR_LIMIT),
        _ => return Ok(()),
    };
    if (from..=to).contains(&factor) {
        return Ok(());
    }
    Err(FaultError::Factor { factor, from, to })
}

/// Why a fault befalls nothing.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum FaultError {
    /// No such GPU.
    #[error("there is no gpu {gpu}: they are numbered from 0, and there are {gpus}")]
    Gpu {
        /// The number given.
        gpu: usize,
        /// How many there are.
        gpus: usize,
    },
    /// No GPU stands there.
    #[error("no gpu stands in a zone `{zone}`: expected the zone of a gpu")]
    Zone {
        /// The name given.
        zone: String,
    },
    /// A restart that would outlive every lease.
    #[error("a driver is back after at most {RESTART_MS_MAX} ms: {ms} is longer")]
    Restart {
        /// The time given.
        ms: u64,
    },
    /// A factor that is no slower speed.
    #[error("the factor is {factor}: it must be from {from} to {to}")]
    Factor {
        /// The factor given.
        factor: f64,
        /// The least.
        from: f64,
        /// The most.
        to: f64,
    },
}

/// Why a stream is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LostReason {
    /// Its GPU fell off the bus.
    OffTheBus,
    /// Its GPU's driver was restarted.
    DriverRestart,
    /// Another client of its GPU had a fatal fault.
    MpsFatal,
    /// Its zone was lost.
    ZoneLost,
}

impl LostReason {
    /// The reason of a close, as it is sent.
    pub fn text(self) -> &'static str {
        match self {
            Self::OffTheBus => "GPU lost",
            Self::DriverRestart => "GPU driver restarted",
            Self::MpsFatal => "GPU fault of another client",
            Self::ZoneLost => "zone lost",
        }
    }
}

/// What a GPU suffers from.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Troubles {
    throttles: Vec<f64>,
    slownesses: Vec<f64>,
    out_of_memory: bool,
    off_the_bus: bool,
    /// The driver is back then.
    back_at: Option<Offset>,
    /// The code of the last error; it stays when all is well again.
    xid: Option<u32>,
}

impl Troubles {
    /// Takes a fault of this GPU; why its streams are lost, if they are.
    pub(crate) fn inject(&mut self, now: Offset, fault: &GpuFault) -> Option<LostReason> {
        match fault {
            GpuFault::ClockThrottle { factor, .. } => add(&mut self.throttles, *factor),
            GpuFault::SlowNode { factor, .. } => add(&mut self.slownesses, *factor),
            GpuFault::OutOfMemory { .. } => self.out_of_memory = true,
            GpuFault::OffTheBus { .. } => {
                self.off_the_bus = true;
                self.xid = Some(XID_OFF_THE_BUS);
                return Some(LostReason::OffTheBus);
            }
            GpuFault::DriverRestart { ms, .. } => {
                let us = i64::try_from(*ms).unwrap_or(i64::MAX).saturating_mul(1_000);
                self.back_at = self.back_at.max(Some(now.plus(us)));
                self.xid = Some(XID_DRIVER);
                return Some(LostReason::DriverRestart);
            }
            GpuFault::MpsFatal { .. } => {
                self.xid = Some(XID_MPS);
                return Some(LostReason::MpsFatal);
            }
            GpuFault::ZoneLost { .. } | GpuFault::AffinityLost => {}
        }
        None
    }

    /// Ends a fault, if it is there.
    pub(crate) fn heal(&mut self, fault: &GpuFault) {
        match fault {
            GpuFault::ClockThrottle { factor, .. } => remove(&mut self.throttles, *factor),
            GpuFault::SlowNode { factor, .. } => remove(&mut self.slownesses, *factor),
            GpuFault::OutOfMemory { .. } => self.out_of_memory = false,
            GpuFault::OffTheBus { .. } => self.off_the_bus = false,
            // These are over by themselves, or are none of a GPU.
            GpuFault::DriverRestart { .. }
            | GpuFault::MpsFatal { .. }
            | GpuFault::ZoneLost { .. }
            | GpuFault::AffinityLost => {}
        }
    }

    /// The clock, as a share of its full speed.
    pub(crate) fn clock(&self) -> f64 {
        self.throttles.iter().product()
    }

    /// How fast batches are made, as a share of full speed.
    pub(crate) fn speed(&self) -> f64 {
        let speed = self.clock() / self.slownesses.iter().product::<f64>();
        // A batch that runs is not broken off: slower than this it would outlive the faults' leases.
        speed.max(1.0 / FACTOR_LIMIT)
    }

    pub(crate) fn out_of_memory(&self) -> bool {
        self.out_of_memory
    }

    pub(crate) fn is_up(&self, now: Offset) -> bool {
        !self.off_the_bus && self.back_at.is_none_or(|back| back <= now)
    }

    pub(crate) fn xid(&self) -> Option<u32> {
        self.xid
    }
}

fn add(factors: &mut Vec<f64>, factor: f64) {
    if factors.len() < FACTORS_MAX {
        factors.push(factor);
    }
}

fn remove(factors: &mut Vec<f64>, factor: f64) {
    if let Some(place) = factors.iter().position(|known| *known == factor) {
        factors.remove(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle(factor: f64) -> GpuFault {
        GpuFault::ClockThrottle { gpu: 0, factor }
    }

    #[test]
    fn throttles_multiply_and_heal_one_by_one() {
        let mut troubles = Troubles::default();
        let now = Offset(0);
        assert_eq!((troubles.clock(), troubles.speed()), (1.0, 1.0));
        troubles.inject(now, &throttle(0.5));
        troubles.inject(now, &throttle(0.25));
        troubles.inject(now, &throttle(0.5));
        troubles.inject(now, &GpuFault::SlowNode { gpu: 0, factor: 2.0 });
        // 0.5 · 0.25 · 0.5 = 0.0625, and half of that.
        assert_eq!((troubles.clock(), troubles.speed()), (0.0625, 0.03125));
        troubles.heal(&throttle(0.5));
        assert_eq!(troubles.clock(), 0.125);
        troubles.heal(&throttle(0.75));
        troubles.heal(&throttle(0.25));
        assert_eq!(troubles.clock(), 0.5);
        troubles.heal(&throttle(0.5));
        troubles.heal(&GpuFault::SlowNode { gpu: 0, factor: 2.0 });
        assert_eq!(troubles.speed(), 1.0);
        assert_eq!(troubles.xid(), None);
    }

    #[test]
    fn no_number_of_throttles_grows_without_bound() {
        let mut troubles = Troubles::default();
        for _ in 0..1_000 {
            troubles.inject(Offset(0), &throttle(0.5));
        }
        assert_eq!(troubles.throttles.len(), FACTORS_MAX);
        assert!(troubles.speed() > 0.0);
    }

    #[test]
    fn a_driver_is_back_by_itself_and_a_bus_is_not() {
        let mut troubles = Troubles::default();
        let restart = GpuFault::DriverRestart { gpu: 0, ms: 2_000 };
        assert_eq!(troubles.inject(Offset(0), &restart), Some(LostReason::DriverRestart));
        troubles.heal(&restart);
        assert!(!troubles.is_up(Offset(1_999_999)) && troubles.is_up(Offset(2_000_000)));
        assert_eq!(troubles.xid(), Some(119));
        let bus = GpuFault::OffTheBus { gpu: 0 };
        for _ in 0..2 {
            assert_eq!(troubles.inject(Offset(3_000_000), &bus), Some(LostReason::OffTheBus));
        }
        assert!(!troubles.is_up(Offset(i64::MAX)));
        troubles.heal(&bus);
        assert!(troubles.is_up(Offset(3_000_000)));
        assert_eq!(troubles.xid(), Some(79), "the last error is still told");
    }

    #[test]
    fn a_factor_slows_and_does_no_more() {
        for factor in [0.0, -1.0, 1.5, f64::NAN] {
            assert!(check(&throttle(factor)).is_err(), "{factor}");
        }
        assert_eq!(check(&throttle(0.01)), Ok(()));
        let slow = GpuFault::SlowNode { gpu: 0, factor: 0.5 };
        let error = check(&slow).unwrap_err();
        assert_eq!(error.to_string(), "the factor is 0.5: it must be from 1 to 100");
        assert_eq!(check(&GpuFault::AffinityLost), Ok(()));
    }
}
