//! Ctrl-C and its like: the first ends the run in order, the second at once.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::outcome::Failure;

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

static ASKED: AtomicBool = AtomicBool::new(false);

/// The signals that ask for the end. To be called before goose is started: it leaves a handler
/// alone that is there already.
pub(crate) fn interrupts() -> Result<mpsc::Receiver<i32>, Failure> {
    let (sender, receiver) = mpsc::channel(4);
    let on_ctrl_c = sender.clone();
    ctrlc::set_handler(move || ask(&on_ctrl_c, SIGINT)).map_err(Failure::internal)?;
    for kind in [SignalKind::terminate(), SignalKind::hangup()] {
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

fn ask(sender: &mpsc::Sender<i32>, signal: i32) {
    if ASKED.swap(true, Ordering::SeqCst) {
        // The platform ends with this process; there is nothing else to undo.
        std::process::exit(128 + signal);
    }
    // A full queue holds what asks for the same.
    let _asked = sender.try_send(signal);
}
