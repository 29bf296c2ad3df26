//! `hulk avatar`: the reference avatar backend, alone.

use std::io::{Write, stdout};
use std::net::{Ipv4Addr, SocketAddr};

use hulk_engine::raise_open_files;
use hulk_platform::{AvatarPlan, serve_avatar};
use hulk_scenarios::avatar::BackendSpec;
use hulk_scenarios::avatar_backend;
use tokio::runtime::Builder;

use crate::child::be_child;
use crate::interrupt::interrupts;
use crate::outcome::Failure;
use crate::platform::address;

pub(crate) const EXAMPLES: &str = "Examples:
  hulk avatar
  hulk avatar t4 --listen 8000
  hulk avatar my-gpus.toml --seed 7

It speaks the wire format of the adapter `rapido_ws`: REST, WebSockets and metrics on one port. It prints
where, and runs until Ctrl-C. It listens on this machine's loopback only. Shipped backends are `avatar-72`
(4 RTX 4090 and 2 RTX 3090 in two zones) and `t4` (one Tesla T4).";

/// What `avatar` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct AvatarArguments {
    /// The backend: a file, or the name of a shipped one.
    #[arg(default_value = "avatar-72")]
    backend: String,
    /// Where it listens, by port or address; any free port where it is not told.
    #[arg(long, value_name = "PORT", value_parser = address, default_value = "0")]
    listen: SocketAddr,
    /// What chance is drawn from: the same seed, the same phases of the streams.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Take the plan from standard input and end with it: as a rehearsal's child.
    #[arg(long, hide = true)]
    embedded: bool,
}

/// Serves until it is asked to end.
pub(crate) fn avatar(arguments: &AvatarArguments) -> Result<i32, Failure> {
    if arguments.embedded {
        return embedded();
    }
    let backend = avatar_backend(&arguments.backend)?;
    let told = describe(&arguments.backend, &backend);
    raise_open_files();
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::internal)?;
    let ended = runtime.block_on(async {
        let mut interrupts = interrupts()?;
        let plan = AvatarPlan { backend, seed: arguments.seed };
        let at = serve_avatar(plan, arguments.listen).map_err(Failure::internal)?;
        tell(&told, at);
        // Somebody always may ask: the sender lives as long as the process.
        Ok(interrupts.recv().await.map_or(0, |signal| 128 + signal))
    });
    runtime.shutdown_background();
    ended
}

/// A rehearsal's own backend, in its own process.
fn embedded() -> Result<i32, Failure> {
    raise_open_files();
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::internal)?;
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let serve = async |plan| serve_avatar(plan, anywhere).map_err(Failure::internal);
    let result = runtime.block_on(be_child(serve));
    runtime.shutdown_background();
    result
}

fn describe(name: &str, backend: &BackendSpec) -> String {
    let gpus: u32 = backend.gpus.iter().map(|gpu| gpu.count).sum();
    let streams = backend.streams_max();
    let (pixels, s) = (backend.frame_px, if gpus == 1 { "" } else { "s" });
    format!(
        "the avatar backend {name}: {gpus} GPU{s}, {streams} streams, frames of {pixels} x {pixels}"
    )
}

fn tell(told: &str, at: SocketAddr) {
    let text = format!(
        "{told}\nsessions: ws://{at}/ws/audio_to_video\nREST: http://{at}/status\nmetrics: \
         http://{at}/metrics\nCtrl-C ends it\n"
    );
    // Whoever does not read it can still use it.
    let _told = stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush());
}
