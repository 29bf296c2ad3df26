//! `hulk feeds`: the reference pub/sub service, alone.

use std::io::{Write, stdout};
use std::net::SocketAddr;

use chrono::Utc;
use hulk_engine::raise_open_files;
use hulk_net::Epoch;
use hulk_platform::{PubSubPlan, serve_pubsub};
use hulk_scenarios::feed_service;
use hulk_scenarios::scaling::pubsub::PubSubSpec;
use tokio::runtime::Builder;
use tokio::time::Instant;

use crate::interrupt::interrupts;
use crate::outcome::Failure;
use crate::platform::address;

pub(crate) const EXAMPLES: &str = "Examples:
  hulk feeds
  hulk feeds --listen 8100 --seed 7
  hulk feeds my-feeds.toml --listen 8100

Topics are listened to over WebSockets at /feed?topic=NAME, and published to by POST /publish. It
prints where, and runs until Ctrl-C. It listens on this machine's loopback only. `match-feeds` is the
shipped one: play-along, trivia, a social feed of 2,000 rooms of friends, and emojis.";

/// What `feeds` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct FeedsArguments {
    /// The service: a file, or the name of a shipped one.
    #[arg(default_value = "match-feeds")]
    service: String,
    /// Where it listens, by port or address; any free port where it is not told.
    #[arg(long, value_name = "PORT", value_parser = address, default_value = "0")]
    listen: SocketAddr,
    /// What chance is drawn from: the same seed, the same phases of the topics.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// Serves until it is asked to end.
pub(crate) fn feeds(arguments: &FeedsArguments) -> Result<i32, Failure> {
    let spec = feed_service(&arguments.service)?;
    raise_open_files();
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::internal)?;
    let ended = runtime.block_on(async {
        let mut interrupts = interrupts()?;
        let told = spec.clone();
        let (epoch, unix_us) = (Epoch(Instant::now()), Utc::now().timestamp_micros());
        let plan = PubSubPlan { spec, seed: arguments.seed, epoch, unix_us };
        let at = serve_pubsub(plan, arguments.listen).map_err(Failure::internal)?;
        tell(&arguments.service, &told, at);
        // Somebody always may ask: the sender lives as long as the process.
        Ok(interrupts.recv().await.map_or(0, |signal| 128 + signal))
    });
    runtime.shutdown_background();
    ended
}

fn tell(name: &str, spec: &PubSubSpec, at: SocketAddr) {
    let mut text = format!("the feed service {name}: at most {} receivers\n", spec.receivers_max);
    for topic in &spec.topics {
        let room = if topic.rooms > 0 { "&room=N" } else { "" };
        text += &format!("feed: ws://{at}/feed?topic={}{room}\n", topic.name);
    }
    text += &format!("publish: http://{at}/publish\nmetrics: http://{at}/metrics\n");
    text += "Ctrl-C ends it\n";
    // Whoever does not read it can still use it.
    let _told = stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush());
}
