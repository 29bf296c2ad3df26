//! What the worker knows of its own machine and process.

mod process;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use hulk_record::{Environment, MachineSample, ProcessSample};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

use process::Process;

/// How long the bare sleeper sleeps.
const SLEEP: Duration = Duration::from_millis(5);
/// Linux counts CPU time in /proc/stat in hundredths of a second.
const TICK_US: u64 = 10_000;
const PAGE_KIB: u64 = 4;
/// A worker's data plane is one thread: more cores are used by more workers.
const DATA_PLANE_CORES: u32 = 1;

/// Raises the soft limit of open files to the hard one; how many there may be then.
pub fn raise_open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    current.unwrap_or(u64::MAX)
}

/// This machine, for the record.
pub fn environment(target: String) -> Environment {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key));
        let value = line.and_then(|line| line.split_once(':'));
        value.map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
    };
    Environment {
        hulk: env!("CARGO_PKG_VERSION").to_owned(),
        target,
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        cpu: field(&read("/proc/cpuinfo"), "model name"),
        cores: cores(),
        memory_mib: meminfo_kib("MemTotal").unwrap_or(0) / 1024,
    }
}

/// What the kernel says of the machine's memory under a name, in KiB.
pub fn meminfo_kib(key: &str) -> Option<u64> {
    kib_of(&fs::read_to_string("/proc/meminfo").ok()?, key)
}

/// The number behind `KEY:` in a table of the kernel's, in KiB.
fn kib_of(table: &str, key: &str) -> Option<u64> {
    let line = table.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

fn cores() -> u32 {
    thread::available_parallelism().map_or(1, |cores| cores.get() as u32)
}

/// Measures the machine from interval to interval.
#[derive(Debug)]
pub struct Machine {
    sleeper: Arc<Sleeper>,
    process: Process,
    open_files_max: u64,
    cpu_us: u64,
    steal_us: u64,
    stall_us: u64,
}

#[derive(Debug, Default)]
struct Sleeper {
    late_us: AtomicU64,
    over: AtomicBool,
}

impl Machine {
    /// Starts the bare sleeper; it ends with this value.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn new(open_files_max: u64) -> std::io::Result<Self> {
        let sleeper = Arc::new(Sleeper::default());
        let own = Arc::clone(&sleeper);
        thread::Builder::new().name("bare-sleeper".into()).spawn(move || own.sleep())?;
        Ok(Self {
            sleeper,
            process: Process::new(),
            open_files_max,
            cpu_us: cpu_us(),
            steal_us: steal_us().unwrap_or(0),
            stall_us: stall_us().unwrap_or(0),
        })
    }

    /// What happened since the last call. Reads files: not to be called where a viewer waits.
    pub fn sample(&mut self) -> (MachineSample, ProcessSample) {
        // A file that cannot be opened (no descriptor may be left) says nothing of this interval;
        // the next one's difference counts it too.
        let steal = steal_us().unwrap_or(self.steal_us);
        let (cpu, stall) = (cpu_us(), stall_us().unwrap_or(self.stall_us));
        let open_files = open_files();
        let sample = MachineSample {
            cpu_us: cpu.saturating_sub(self.cpu_us),
            cores: DATA_PLANE_CORES,
            steal_us: steal.saturating_sub(self.steal_us),
            stall_us: stall.saturating_sub(self.stall_us),
            sleeper_late_us: self.sleeper.late_us.swap(0, Ordering::Relaxed),
            open_files: open_files.unwrap_or(self.open_files_max),
            open_files_max: self.open_files_max,
            resident_kib: resident_kib(),
        };
        (self.cpu_us, self.steal_us, self.stall_us) = (cpu, steal, stall);
        (sample, self.process.sample())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.sleeper.over.store(true, Ordering::Relaxed);
    }
}

impl Sleeper {
    /// Sleeps again and again: what is above the time asked for is the machine's lateness.
    fn sleep(&self) {
        while !self.over.load(Ordering::Relaxed) {
            let before = Instant::now();
            thread::sleep(SLEEP);
            let late = before.elapsed().saturating_sub(SLEEP);
            self.late_us.fetch_max(late.as_micros() as u64, Ordering::Relaxed);
        }
    }
}

/// How many files are open. Kernels from 6.2 on say so as the size of the folder; to count its
/// entries would cost a worker of many viewers more than their requests.
fn open_files() -> Option<u64> {
    let told = fs::metadata("/proc/self/fd").ok()?.len();
    if told > 0 {
        return Some(told);
    }
    fs::read_dir("/proc/self/fd").map(|entries| entries.count() as u64).ok()
}

fn cpu_us() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1000
}

fn steal_us() -> Option<u64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let ticks: u64 = text.split_whitespace().nth(8)?.parse().ok()?;
    Some(ticks * TICK_US)
}

/// Kernels without pressure stall information have no such file.
fn stall_us() -> Option<u64> {
    let text = fs::read_to_string("/proc/pressure/cpu").ok()?;
    let (_, total) = text.lines().next()?.rsplit_once("total=")?;
    total.trim().parse().ok()
}

fn resident_kib() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: Option<u64> = text.split_whitespace().nth(1).and_then(|field| field.parse().ok());
    pages.unwrap_or(0) * PAGE_KIB
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn used_cpu_time_and_open_files_are_seen() {
        let mut machine = Machine::new(100).unwrap();
        machine.sample();
        let files: Vec<_> = (0..20).map(|_| fs::File::open("/proc/self/stat").unwrap()).collect();
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(50) {
            std::hint::spin_loop();
        }
        let (sample, _) = machine.sample();
        assert!(sample.cpu_us >= 10_000, "{sample:?}");
        assert!(sample.open_files >= 20, "{sample:?}");
        assert!(sample.resident_kib > 100 && sample.cores >= 1, "{sample:?}");
        drop(files);
    }
}
