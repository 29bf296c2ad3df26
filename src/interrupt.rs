//! Ctrl-C and its like: the first ends the run in order, the second at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::outcome::Failure;

pub(crate) const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

static ASKED: AtomicBool = AtomicBool::new(false);
/// Who hears of Ctrl-C: the run of this moment. The handler is the process's, and set once.
static RUN: Mutex<Option<mpsc::Sender<i32>>> = Mutex::new(None);

/// The signals that ask for the end. To be called before goose is started: it leaves a handler
/// alone that is there already.
pub(crate) fn interrupts() -> Result<mpsc::Receiver<i32>, Failure> {
    let (sender, receiver) = mpsc::channel(4);
    let before = run().replace(sender.clone());
    if before.is_none() {
        ctrlc::set_handler(|| {
            if let Some(sender) = run().as_ref() {
                ask(sender, SIGINT);
            }
        })
        .map_err(Failure::internal)?;
    }
    // A terminal that closes ends the run in order, unless whoever started it said that it must
    // not (`nohup`).
    let hangup = (!ignores_hangup()).then(SignalKind::hangup);
    for kind in [SignalKind::terminate()].into_iter().chain(hangup) {
        let mut signals = signal(kind).map_err(Failure::internal)?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                ask(&sender, SIGTERM);
            }
        });
    }
    Ok(receiver)
}

/// Whether somebody has asked for the end.
pub(crate) fn is_asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

fn run() -> MutexGuard<'static, Option<mpsc::Sender<i32>>> {
    RUN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ask(sender: &mpsc::Sender<i32>, signal: i32) {
    if ASKED.swap(true, Ordering::SeqCst) {
        // The platform ends with this process; there is nothing else to undo.
        std::process::exit(128 + signal);
    }
    // A full queue holds what asks for the same.
    let _asked = sender.try_send(signal);
}

/// Whether this process was started with SIGHUP ignored.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Signal 1 is bit 0.
    mask.is_some_and(|mask| mask & 1 == 1)
}
