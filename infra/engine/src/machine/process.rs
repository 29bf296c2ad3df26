//! What the process waited for and holds, as the kernel tells it.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use hulk_record::ProcessSample;
use tokio::time::Instant;

use super::{PAGE_KIB, kib_of};

/// The kernel sums a process's own share of memory page by page: measured, 0.5 ms and 8 ms for each
/// GiB. So it is asked seldom, and takes at most a thousandth of the time.
const MEMORY_EVERY: Duration = Duration::from_secs(10);
const MEMORY_TIME_MAX: u32 = 1000;

/// The process from interval to interval.
#[derive(Debug)]
pub(super) struct Process {
    /// How long each thread has waited for a CPU, in ns.
    waited_ns: BTreeMap<u32, u64>,
    /// When memory is to be read again.
    memory_at: Instant,
}

impl Process {
    pub(super) fn new() -> Self {
        let mut process = Self { waited_ns: BTreeMap::new(), memory_at: Instant::now() };
        process.run_delay_us();
        process
    }

    /// What happened since the last call.
    pub(super) fn sample(&mut self) -> ProcessSample {
        let (pss_kib, anonymous_kib) = self.memory();
        ProcessSample {
            run_delay_us: self.run_delay_us(),
            pss_kib,
            anonymous_kib,
            machine_sockets_kib: machine_sockets_kib(),
        }
    }

    /// What a thread waited between the last look and its end is not seen. None where the kernel
    /// does not tell.
    fn run_delay_us(&mut self) -> Option<u64> {
        let before = &self.waited_ns;
        let mut now = BTreeMap::new();
        for thread in fs::read_dir("/proc/self/task").ok()?.flatten() {
            let Some(id) = thread.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            // A file that cannot be opened now says all of it the next time.
            let waited = fs::read_to_string(thread.path().join("schedstat"))
                .ok()
                .and_then(|text| text.split_whitespace().nth(1)?.parse().ok())
                .or_else(|| before.get(&id).copied());
            now.extend(waited.map(|waited_ns| (id, waited_ns)));
        }
        let known = !now.is_empty();
        let waited_ns: u64 = now
            .iter()
            .map(|(id, ns): (&u32, &u64)| ns.saturating_sub(before.get(id).copied().unwrap_or(0)))
            .sum();
        self.waited_ns = now;
        known.then_some(waited_ns / 1000)
    }

    /// The proportional set size and the anonymous part of what is resident, now and then.
    fn memory(&mut self) -> (Option<u64>, Option<u64>) {
        let start = Instant::now();
        if start < self.memory_at {
            return (None, None);
        }
        let text = fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
        let took = start.elapsed();
        self.memory_at = start + MEMORY_EVERY.max(took * MEMORY_TIME_MAX);
        (kib_of(&text, "Pss"), kib_of(&text, "Anonymous"))
    }
}

/// The kernel counts these pages for the whole machine, and rounds generously.
fn machine_sockets_kib() -> Option<u64> {
    let text = fs::read_to_string("/proc/net/sockstat").ok()?;
    let tcp = text.lines().find_map(|line| line.strip_prefix("TCP:"))?;
    let pages: u64 =
        tcp.split_whitespace().skip_while(|word| *word != "mem").nth(1)?.parse().ok()?;
    Some(pages * PAGE_KIB)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn threads_that_want_more_cpu_than_there_is_wait_for_it() {
        let cores = thread::available_parallelism().unwrap().get();
        let busy_for = |threads: usize| {
            let start = Instant::now();
            thread::scope(|scope| {
                let mut process = Process::new();
                let spin = || while start.elapsed() < Duration::from_millis(300) {};
                (0..threads).for_each(|_| {
                    scope.spawn(spin);
                });
                thread::sleep(Duration::from_millis(250));
                process.run_delay_us().unwrap()
            })
        };
        // Three threads a core: two of them wait at any time, whatever else the machine does.
        let crowded = busy_for(3 * cores);
        assert!(crowded as usize > 200_000 * cores, "{crowded} µs on {cores} cores");
    }

    #[test]
    fn memory_is_told_at_once_and_then_seldom() {
        let mut process = Process::new();
        let first = process.sample();
        assert!(first.pss_kib.unwrap() > 100, "{first:?}");
        assert!(first.anonymous_kib.unwrap() > 0, "{first:?}");
        assert!(first.machine_sockets_kib.is_some(), "{first:?}");
        let second = process.sample();
        assert_eq!((second.pss_kib, second.anonymous_kib), (None, None));
        assert!(second.run_delay_us.is_some(), "{second:?}");
    }
}
