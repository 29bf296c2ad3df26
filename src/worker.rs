//! `hulk worker --embedded`: one of several worker processes of a rehearsal.

use std::io::stdin;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use hulk_engine::raise_open_files;
use hulk_fleet::{Worker, carry, run_worker};
use rustix::process::{Signal, set_parent_process_death_signal};

use crate::load::EngineLoad;
use crate::outcome::{Failure, INTERNAL};
use crate::runtime;

/// Works for the process that started this one, over the socket that is its standard input, and
/// ends with it.
pub(crate) fn worker(number: u32) -> Result<i32, Failure> {
    // Where the kernel has no say, the socket's close still ends it.
    let _best_effort = set_parent_process_death_signal(Some(Signal::KILL));
    let open_files_max = raise_open_files();
    runtime::run(work(number, open_files_max))?
}

async fn work(number: u32, open_files_max: u64) -> Result<i32, Failure> {
    let not_a_bus = |error: std::io::Error| {
        Failure::Usage(format!(
            "standard input is no socket to a controller ({error}): `hulk rehearse --workers` \
             starts the workers that it needs"
        ))
    };
    let bus = stdin().as_fd().try_clone_to_owned().map_err(not_a_bus)?;
    let bus = UnixStream::from(bus);
    bus.peer_addr().map_err(not_a_bus)?;
    bus.set_nonblocking(true).map_err(not_a_bus)?;
    let bus = tokio::net::UnixStream::from_std(bus).map_err(not_a_bus)?;
    let (link, mut carrier) = carry(bus);
    let load = EngineLoad { worker: (number, 0), open_files_max };
    tokio::select! {
        result = run_worker(Worker::new(number, 0), link, load) => {
            result.map_err(Failure::internal)?;
        }
        // Nobody takes what it measures any more, and nobody would stop it: it ends at once.
        () = carrier.closed() => return Ok(INTERNAL),
    }
    carrier.flushed().await;
    Ok(0)
}
