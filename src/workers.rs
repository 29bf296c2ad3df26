//! The workers of a rehearsal: one within this process, or some in processes of their own.

use std::env::current_exe;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use hulk_engine::raise_open_files;
use hulk_fleet::{FleetError, Link, ToController, ToWorker, Worker};
use hulk_fleet::{carry_of, in_process, run_worker};
use tokio::io::AsyncReadExt;
use tokio::process::{ChildStderr, Command};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::load::EngineLoad;
use crate::outcome::Failure;

/// The controller's end of a worker's link.
type ControllerEnd = Link<ToWorker, ToController>;

/// Workers that have nothing more to do may take so long to end.
const END_LIMIT: Duration = Duration::from_secs(2);
/// A process whose socket is closed has ended, or ends, within this time.
const WHY_LIMIT: Duration = Duration::from_secs(1);
/// What a worker says on standard error within so short a time is one line.
const PAUSE: Duration = Duration::from_millis(50);
/// More than that is not kept together, in bytes.
const SAID_MAX: usize = 4096;

/// The workers that were started; processes end with this value, and with this process.
pub(crate) struct Workers {
    inside: Option<JoinHandle<Result<(), FleetError>>>,
    children: Vec<JoinHandle<()>>,
    said: mpsc::UnboundedReceiver<String>,
    /// Keeps `said` open.
    _say: mpsc::UnboundedSender<String>,
}

impl Workers {
    /// Starts so many workers; the links to them, by their numbers.
    pub(crate) fn start(count: u32) -> Result<(Vec<ControllerEnd>, Self), Failure> {
        let (say, said) = mpsc::unbounded_channel();
        let mut workers = Self { inside: None, children: Vec::new(), said, _say: say.clone() };
        if count <= 1 {
            let (controller_end, worker_end) = in_process();
            let load = EngineLoad { worker: (0, 0), open_files_max: raise_open_files() };
            let worker = run_worker(Worker::new(0, 0), worker_end, load);
            workers.inside = Some(tokio::spawn(worker));
            return Ok((vec![controller_end], workers));
        }
        let mut links = Vec::new();
        for number in 0..count {
            let (link, child) = start(number, say.clone()).map_err(|error| {
                Failure::internal(format!(
                    "worker {number} could not be started; nothing was sent: {error}"
                ))
            })?;
            links.push(link);
            workers.children.push(child);
        }
        Ok((links, workers))
    }

    /// What a worker says on standard error, with its number; never an end.
    pub(crate) async fn said(&mut self) -> String {
        match self.said.recv().await {
            Some(line) => line,
            None => std::future::pending().await,
        }
    }

    /// Waits for their end; the links must be gone. What was still said.
    pub(crate) async fn end(mut self) -> Result<Vec<String>, Failure> {
        if let Some(inside) = self.inside.take() {
            inside.await.map_err(Failure::internal)?.map_err(Failure::internal)?;
        }
        Ok(self.give_up().await)
    }

    /// Ends them where they stand; the links must be gone. What was still said.
    pub(crate) async fn give_up(mut self) -> Vec<String> {
        for mut child in self.children.drain(..) {
            if timeout(END_LIMIT, &mut child).await.is_err() {
                // The task owns the process, which is killed with it.
                child.abort();
                let _aborted = child.await;
            }
        }
        std::iter::from_fn(|| self.said.try_recv().ok()).collect()
    }
}

/// Starts a worker process: the link to it, and the task that owns it.
fn start(
    number: u32,
    say: mpsc::UnboundedSender<String>,
) -> std::io::Result<(ControllerEnd, JoinHandle<()>)> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let ours = tokio::net::UnixStream::from_std(ours)?;
    let mut process = Command::new(current_exe()?)
        .args(["worker", "--embedded", "--number", &number.to_string()])
        .stdin(OwnedFd::from(theirs))
        // goose prints there.
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // A Ctrl-C at the terminal is the parent's to handle: it drains first.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let stderr = process.stderr.take();
    let (ended, mut status) = watch::channel(None);
    let child = tokio::spawn(async move {
        let said = async {
            if let Some(stderr) = stderr {
                listen(number, stderr, say).await;
            }
        };
        let (waited, ()) = tokio::join!(process.wait(), said);
        // Nobody asks when the run is over.
        let _asked = ended.send(waited.ok());
    });
    let why = async move {
        let ended = timeout(WHY_LIMIT, status.wait_for(Option::is_some)).await;
        match ended {
            Ok(Ok(status)) => status.map_or_else(String::new, how_it_ended),
            _ => "its end of the bus was closed".to_owned(),
        }
    };
    Ok((carry_of(ours, why), child))
}

fn how_it_ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("its process ended with exit code {code}"),
        (None, Some(signal)) => format!("its process was ended by signal {signal}"),
        (None, None) => "its process ended".to_owned(),
    }
}

/// Passes on what a worker says on standard error, what belongs together as one line.
async fn listen(number: u32, mut stderr: ChildStderr, say: mpsc::UnboundedSender<String>) {
    let mut text = Vec::new();
    loop {
        let read = match text.is_empty() {
            true => Ok(stderr.read_buf(&mut text).await),
            false => timeout(PAUSE, stderr.read_buf(&mut text)).await,
        };
        let over = matches!(read, Ok(Ok(0) | Err(_)));
        if over || read.is_err() || text.len() > SAID_MAX {
            let line = one_line(&String::from_utf8_lossy(&text));
            text.clear();
            if !line.is_empty() {
                // Nobody listens when the run is over.
                let _heard = say.send(format!("worker {number}: {line}"));
            }
        }
        if over {
            return;
        }
    }
}

/// Lines as one, without those that are of no use to who runs a rehearsal.
fn one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    let kept = lines.filter(|line| !line.is_empty() && !line.starts_with("note: run with"));
    kept.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_worker_says_is_one_line() {
        let panicked = "\nthread 'main' panicked at src/a.rs:1:2:\n  no way\nnote: run with `X`\n";
        assert_eq!(one_line(panicked), "thread 'main' panicked at src/a.rs:1:2: no way");
        assert_eq!(one_line("\n \n"), "");
    }

    #[test]
    fn the_end_of_a_process_is_told_in_words() {
        let [killed, failed] = [9, 3 << 8].map(|raw| how_it_ended(ExitStatus::from_raw(raw)));
        assert_eq!(killed, "its process was ended by signal 9");
        assert_eq!(failed, "its process ended with exit code 3");
    }
}
