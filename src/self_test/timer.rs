//! How exactly this machine wakes who sleeps until a given time.

use std::time::Duration;

use hulk_record::Samples;
use rustix::thread::clock_nanosleep_absolute;
use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::outcome::Failure;

/// A waking is due each so often.
const EACH: Duration = Duration::from_millis(1);

/// Who sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sleeper {
    /// A thread that asks the kernel, and nothing between.
    Bare,
    /// The way in which the engine waits until a request is due.
    Engine,
}

/// How late it woke for each due time of `wall`, in µs. Due times are absolute: who wakes late is
/// late for the next ones too.
pub(super) fn lateness(sleeper: Sleeper, wall: Duration) -> Result<Samples, Failure> {
    match sleeper {
        Sleeper::Bare => Ok(bare(wall)),
        Sleeper::Engine => hulk_engine::lateness(EACH, wall).map_err(Failure::internal),
    }
}

fn wakings(wall: Duration) -> u32 {
    (wall.as_nanos() / EACH.as_nanos()) as u32
}

fn bare(wall: Duration) -> Samples {
    let now_ns = || {
        let now = clock_gettime(ClockId::Monotonic);
        now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
    };
    let mut samples = Samples::new();
    let start_ns = now_ns();
    for number in 1..=u64::from(wakings(wall)) {
        let due_ns = start_ns + number * EACH.as_nanos() as u64;
        let due = Timespec {
            tv_sec: (due_ns / 1_000_000_000) as i64,
            tv_nsec: (due_ns % 1_000_000_000) as i64,
        };
        // A signal wakes early: the rest is slept then.
        while now_ns() < due_ns {
            let _woken = clock_nanosleep_absolute(ClockId::Monotonic, &due);
        }
        samples.record(now_ns().saturating_sub(due_ns) / 1000);
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_due_time_is_a_sample() {
        for sleeper in [Sleeper::Bare, Sleeper::Engine] {
            let samples = lateness(sleeper, Duration::from_millis(40)).unwrap();
            assert_eq!(samples.count(), 40, "{sleeper:?}");
        }
    }
}
