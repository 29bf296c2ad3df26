//! The thread that a command runs on.

use std::time::Duration;

use tokio::runtime::Builder;

use crate::outcome::Failure;

/// Runs what starts an engine to its end.
pub(crate) fn run<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::internal)?;
    let came = runtime.block_on(work);
    // goose's users may still be asleep: nothing waits for them.
    runtime.shutdown_timeout(Duration::from_millis(200));
    Ok(came)
}
