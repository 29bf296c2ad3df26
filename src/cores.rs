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

/// How many ports the system gives to connections that ask for none.
pub(crate) fn local_ports() -> u32 {
    /// As Linux has it where nobody has changed it.
    const USUAL: u32 = 28_232;
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    ports_of(&text.unwrap_or_default()).unwrap_or(USUAL)
}

/// The length of a range as the kernel writes it: its first and its last number.
fn ports_of(range: &str) -> Option<u32> {
    let mut ends = range.split_ascii_whitespace().map(str::parse::<u32>);
    let (first, last) = (ends.next()?.ok()?, ends.next()?.ok()?);
    Some(last.checked_sub(first)? + 1)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_ports_is_counted_with_both_its_ends() {
        assert_eq!(ports_of("32768\t60999\n"), Some(28_232));
        assert_eq!((ports_of(""), ports_of("9 8")), (None, None));
    }
}
