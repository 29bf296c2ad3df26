//! `hulk worker --self-test`: what this machine may promise, measured on its loopback within 15 s.

mod load;
mod machine;
mod promise;
mod responder;
mod shown;
mod timer;

use std::time::Duration;

use hulk_engine::raise_open_files;
use hulk_record::{Offset, Samples};
use tokio::sync::mpsc;

use crate::interrupt::interrupts;
use crate::outcome::Failure;
use crate::output::Output;
use crate::runtime;
use load::{Load, Sends, Told};
use machine::{Has, LostTime, Watch, kernel_kib};
use promise::Room;
use responder::Responder;
use timer::{Sleeper, lateness};

pub(crate) const EXAMPLES: &str = "Examples:
  hulk worker --self-test
  hulk worker --self-test --seconds 6
  hulk worker --self-test --json

It sends to a process of its own on this machine, and nowhere else. Exit codes: 0 measured, also where the \
machine lost time, which it says · 1 it could not be measured · 2 usage · 130, 143 interrupted";

/// What `worker` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct WorkerArguments {
    /// Measure timers, requests and connections of this machine, and say what follows.
    #[arg(long, required_unless_present_any = ["responder", "embedded"])]
    self_test: bool,
    /// Take about so long; below 14 the figures are coarser, above it more connections are tried.
    #[arg(long, value_name = "S", default_value_t = 14, value_parser = clap::value_parser!(u32).range(4..=60))]
    seconds: u32,
    /// Print one JSON document instead.
    #[arg(long)]
    json: bool,
    /// Answer the self-test's requests until standard input ends.
    #[arg(long, hide = true, conflicts_with = "self_test")]
    responder: bool,
    /// Work for the process at the other end of standard input and end with it: started by
    /// `rehearse --workers`.
    #[arg(long, hide = true, conflicts_with = "self_test")]
    pub(crate) embedded: bool,
    /// The worker's number.
    #[arg(long, hide = true, default_value_t = 0)]
    pub(crate) number: u32,
}

/// Connections of the closed loop.
const LOOP_CONNECTIONS: u64 = 50;
/// At most so many connections are opened, and so many in a second.
const CONNECTIONS_MAX: u64 = 18_000;
const CONNECTIONS_PER_S: u64 = 3_000;
/// Descriptors that a worker needs for itself.
const OWN_DESCRIPTORS: u64 = 200;
/// This share of the available memory may be promised, and a quarter of it used to find out, if a
/// viewer takes as much as here.
const MEMORY_SHARE: f64 = 0.8;
const VIEWER_BYTES_MOST: u64 = 300_000;
/// What was measured.
struct Findings {
    has: Has,
    /// A bare sleeper, and the engine's way to wait.
    bare: Samples,
    waiting: Samples,
    closed: Told,
    paced: Told,
    /// Connections that were tried.
    wanted: u64,
    /// Bytes that a viewer with a connection takes, of the process and of the kernel.
    process_bytes: u64,
    kernel_bytes: u64,
    lost: LostTime,
}

/// `hulk worker`.
pub(crate) fn worker(arguments: &WorkerArguments) -> Result<i32, Failure> {
    if arguments.responder {
        return responder::respond();
    }
    let mut output = Output::take(arguments.json)?;
    let found = runtime::run(interruptible(arguments.seconds, &mut output))?;
    let findings = match found? {
        Ok(findings) => findings,
        Err(signal) => return Ok(128 + signal),
    };
    let text = match arguments.json {
        true => shown::json(&findings).map_err(Failure::internal)?,
        false => shown::text(&findings),
    };
    output.verdict(&text);
    Ok(0)
}

/// What was found, or the signal that came before.
async fn interruptible(
    seconds: u32,
    output: &mut Output,
) -> Result<Result<Findings, i32>, Failure> {
    let mut asked: mpsc::Receiver<i32> = interrupts()?;
    tokio::select! {
        found = measure(seconds, output) => found.map(Ok),
        Some(signal) = asked.recv() => Ok(Err(signal)),
    }
}

async fn measure(seconds: u32, output: &mut Output) -> Result<Findings, Failure> {
    let open_files_max = raise_open_files();
    let has = Has::read(open_files_max.saturating_sub(OWN_DESCRIPTORS));
    let mut watch = Watch::start(open_files_max)?;
    let seventh = Duration::from_secs(u64::from(seconds)) / 7;
    output.say(&format!("about {seconds} s: timers, requests, connections"));
    // On a thread of its own: it blocks.
    let sleepers = tokio::task::spawn_blocking(move || {
        let bare = lateness(Sleeper::Bare, seventh)?;
        Ok::<_, Failure>((bare, lateness(Sleeper::Engine, seventh / 2)?))
    });
    let (bare, waiting) = sleepers.await.map_err(Failure::internal)??;
    let responder = Responder::start().await?;
    let address = responder.address;
    let window = Duration::from_secs(u64::from(seconds / 7).max(1) + 1);
    let sends = Sends::WithoutPause;
    let lead_in = Duration::from_millis(300);
    let closed = Load { viewers: LOOP_CONNECTIONS, sends, lead_in, window };
    let closed = closed.run(address, open_files_max, |_| ()).await?;
    let lead_in = 2 * seventh;
    let wanted = (lead_in.as_millis() as u64 * CONNECTIONS_PER_S / 1000)
        .min(CONNECTIONS_MAX)
        .min(has.descriptors)
        .min(has.local_ports.saturating_sub(OWN_DESCRIPTORS))
        .min(has.available_bytes / 4 / VIEWER_BYTES_MOST)
        .max(1);
    let (resident_kib, kernel) = (watch.resident_kib(), kernel_kib());
    let sends = Sends::Every { period_s: lead_in.as_secs_f64() };
    let mut kernel_most = kernel;
    let paced = Load { viewers: wanted, sends, lead_in, window };
    let paced = paced
        .run(address, open_files_max, |frame| {
            if frame.from >= Offset(0) {
                kernel_most = kernel_most.max(kernel_kib());
            }
        })
        .await?;
    let opened = paced.present.max(1);
    let findings = Findings {
        process_bytes: paced.resident_kib.saturating_sub(resident_kib) * 1024 / opened,
        // Both ends are on this machine.
        kernel_bytes: (kernel_most - kernel) * 1024 / opened / 2,
        lost: watch.end(),
        has,
        bare,
        waiting,
        closed,
        paced,
        wanted,
    };
    if findings.closed.answered == 0 || findings.paced.answered == 0 {
        return Err(Failure::internal("nothing was answered: the loopback could not be measured"));
    }
    Ok(findings)
}

impl Findings {
    /// CPU of a request in µs: of a core that is full, and of one that serves many viewers.
    fn cpu_us(&self) -> (f64, f64) {
        (self.closed.cpu_us.unwrap_or(0.0), self.paced.cpu_us.unwrap_or(0.0))
    }

    /// Requests a second that may be asked of a worker: what was reached, and what the dearer
    /// kind of request leaves of a core up to the share at which a run is no longer valid.
    fn requests_per_s(&self) -> f64 {
        let dearest = self.cpu_us().0.max(self.cpu_us().1).max(0.01);
        let share = self.paced.limits.cpu_share_max;
        self.closed.per_s.min(share * 1e6 / dearest)
    }

    fn room(&self) -> Room {
        let viewer_bytes = (self.process_bytes + self.kernel_bytes).max(1);
        Room {
            cores: self.has.cores,
            descriptors: self.has.descriptors,
            local_ports: self.has.local_ports,
            viewers_in_memory: (self.has.available_bytes as f64 * MEMORY_SHARE) as u64
                / viewer_bytes,
            requests_per_s: self.requests_per_s(),
        }
    }

    /// Why the figures are not to be relied on; nothing where they are.
    fn doubts(&self) -> Vec<String> {
        let limits = &self.closed.limits;
        let mut doubts = self.lost.doubts(limits.sleeper_late_max_ms);
        let lag_ms = self.paced.lag.quantile_at_most_max_us(990_000) as f64 / 1e3;
        if lag_ms > limits.lag_p99_max_ms {
            doubts.push(format!(
                "the paced load was sent late, p99 {lag_ms:.1} ms (limit {} ms), its threads ready \
                 without a CPU for {:.0} % of the time",
                limits.lag_p99_max_ms,
                self.lost.run_delay_share * 100.0,
            ));
        }
        if self.paced.present < self.wanted {
            let (present, wanted) = (self.paced.present, self.wanted);
            doubts.push(format!("only {present} of {wanted} connections were opened in time"));
        }
        let failed = self.closed.failed + self.paced.failed;
        if failed > 0 {
            doubts.push(format!("{failed} requests failed"));
        }
        doubts
    }
}
