//! The thread that a command runs on.

use std::panic::resume_unwind;
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;

use crate::outcome::Failure;

/// Runs what starts an engine to its end, on a thread of its own: it steps back behind the data plane,
/// which the next run's must not inherit.
pub(crate) fn run<T: Send>(work: impl Future<Output = T> + Send) -> Result<T, Failure> {
    thread::scope(|scope| {
        let ended = scope.spawn(|| on_this_thread(work)).join();
        ended.unwrap_or_else(|panic| resume_unwind(panic))
    })
}

fn on_this_thread<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::internal)?;
    let came = runtime.block_on(work);
    // goose's users may still be asleep: nothing waits for them.
    runtime.shutdown_timeout(Duration::from_millis(200));
    Ok(came)
}
