//! Which cores a small rehearsal runs on.
//!
//! The generator and the embedded platform wake each other for every request. On two cores each
//! of these wake-ups goes through the other core, on a virtual machine through its host: measured,
//! they cost more than the requests themselves, and their delay shows as lateness. A rehearsal
//! that one core carries with ease therefore keeps both on one (docs/decisions/0003).

use std::thread::available_parallelism;

use hulk_scenarios::Given;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Above so many requests per wall second, two cores are worth their wake-ups.
const ONE_CORE_REQUESTS_PER_S: f64 = 8000.0;

/// What this machine gives a run that is spread over so many workers, each of which may open so
/// many files.
pub(crate) fn given(workers: u32, descriptors: u64) -> Given {
    let cores = available_parallelism().map_or(1, |cores| cores.get() as u32);
    Given { descriptors, workers, cores }
}

/// While it lives, this thread, and what it starts, runs on one core.
pub(crate) struct OneCore {
    before: CpuSet,
}

impl OneCore {
    /// Keeps to the last core that this thread may use, if one core is enough for so many
    /// requests a second. None where it is not, or where the kernel has no say.
    pub(crate) fn enough_for(requests_per_s: f64) -> Option<Self> {
        if requests_per_s > ONE_CORE_REQUESTS_PER_S {
            return None;
        }
        let before = sched_getaffinity(None).ok()?;
        let last = (0..CpuSet::MAX_CPU).rev().find(|core| before.is_set(*core))?;
        let mut one = CpuSet::new();
        one.set(last);
        sched_setaffinity(None, &one).ok()?;
        Some(Self { before })
    }
}

impl Drop for OneCore {
    fn drop(&mut self) {
        // What may not be undone leaves this thread on its one core: slower, not wrong.
        let _best_effort = sched_setaffinity(None, &self.before);
    }
}
