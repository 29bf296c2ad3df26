//! `hulk proxy`: the fault proxy, alone or as a rehearsal's child.

use std::ffi::OsString;
use std::fs;
use std::io::{Write, stdout};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use hulk_engine::raise_open_files;
use hulk_inject::{Desk, Settings, read_proxies, serve, serve_plan, settings};
use hulk_net::{Refusal, Scope};
use hulk_scenarios::{LoadError, Source};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::child::be_child;
use crate::interrupt::interrupts;
use crate::outcome::Failure;

pub(crate) const EXAMPLES: &str = "Examples:
  hulk proxy
  hulk proxy --config proxies.json --seed 7
  hulk proxy --config proxies.toml --port 0

It speaks Toxiproxy's HTTP API, so that its clients work as they are, and has an API of its own
below /v1: leases, ramps, faults of HTTP and of datagrams, and what each toxic has done. It prints
where, and runs until Ctrl-C. It listens on, and leads to, this machine's loopback only. Options may
be spelled with one dash, as those of toxiproxy-server are.";

/// Where Toxiproxy's clients look for it.
const PORT: u16 = 8474;
/// How long what comes without a lease of its own is lent, in s: no fault outlives whoever forgot it.
const LEASE_S: u64 = 3600;
/// Options that toxiproxy-server has, with one dash.
const OPTIONS: &[&str] = &["-host", "-port", "-config", "-seed"];

/// What `proxy` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct ProxyArguments {
    /// Where the API listens: an address of the loopback.
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// The port of the API; 0 is any that is free.
    #[arg(long, default_value_t = PORT)]
    port: u16,
    /// Proxies to begin with: a JSON list as Toxiproxy has it, or a .toml file, with toxics.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What chance is drawn from: the same seed, the same links and delays.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How long a toxic without a lease of its own, and a proxy that is down, stay so, in seconds.
    #[arg(long, value_name = "S", default_value_t = LEASE_S,
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    lease_s: u64,
    /// How many threads carry bytes; one for each core where it is left out.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Take the proxies from standard input and end with it: as a rehearsal's child.
    #[arg(long, hide = true)]
    embedded: bool,
}

/// The arguments of the process, those of toxiproxy-server with two dashes. They may be no text.
pub(crate) fn spelled(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut all: Vec<OsString> = arguments.collect();
    if all.get(1).is_some_and(|command| command == "proxy") {
        for argument in all.iter_mut().skip(2) {
            let name = argument.to_str().and_then(|text| text.split('=').next());
            if name.is_some_and(|name| OPTIONS.contains(&name)) {
                let mut two = OsString::from("-");
                two.push(&*argument);
                *argument = two;
            }
        }
    }
    all
}

/// Carries bytes until it is asked to end.
pub(crate) fn proxy(arguments: &ProxyArguments) -> Result<i32, Failure> {
    // Each connection has two ends.
    raise_open_files();
    let runtime = runtime(arguments.threads)?;
    let ended = if arguments.embedded {
        let serve = async |plan| serve_plan(plan).await.map_err(Failure::internal);
        runtime.block_on(be_child(serve))
    } else {
        runtime.block_on(alone(arguments))
    };
    runtime.shutdown_background();
    ended
}

fn runtime(threads: Option<u16>) -> Result<Runtime, Failure> {
    let threads = match threads {
        Some(threads) => usize::from(threads),
        None => available_parallelism().map_or(1, usize::from),
    };
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(threads).enable_all().build().map_err(Failure::internal)
}

async fn alone(arguments: &ProxyArguments) -> Result<i32, Failure> {
    let mut interrupts = interrupts()?;
    let scope = Scope::default();
    let lease = Duration::from_secs(arguments.lease_s);
    let desk = Desk::new(scope.clone(), arguments.seed, lease);
    if let Some(file) = &arguments.config {
        begin_with(&desk, file)?;
    }
    let usage = |reason: String| Failure::Usage(reason);
    let permit = scope.permit_host(&arguments.host, arguments.port);
    let at = permit.map_err(|refusal| match refusal {
        Refusal::Name(host) => usage(format!("`{host}` is no address: `--host 127.0.0.1`")),
        refusal => usage(refusal.to_string()),
    });
    let at = at?.address();
    let listener = TcpListener::bind(at).await.map_err(|error| {
        usage(format!("nobody can listen on {at}: {error}; ask for another port with `--port`"))
    })?;
    tell(&listener.local_addr().map_err(Failure::internal)?, &desk);
    tokio::spawn(Arc::clone(&desk).keep());
    tokio::spawn(serve(listener, desk));
    Ok(interrupts.recv().await.map_or(0, |signal| 128 + signal))
}

/// Makes the proxies of a file.
fn begin_with(desk: &Desk, file: &Path) -> Result<(), Failure> {
    let name = file.display().to_string();
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::Usage(format!("{name} cannot be read: {error}")))?;
    let refused = |error: hulk_inject::ApiError| Failure::Usage(format!("{name}: {error}"));
    if file.extension().is_some_and(|extension| extension == "toml") {
        let source = Source::new(name.clone(), text);
        for Settings { proxy, toxics } in settings(&source).map_err(LoadError::Invalid)? {
            let spec = proxy.name.clone();
            desk.create(proxy).map_err(refused)?;
            for (toxic, lease_ms) in toxics {
                desk.add_toxic(&spec, &toxic, lease_ms).map_err(refused)?;
            }
        }
        return Ok(());
    }
    let specs = read_proxies(text.as_bytes()).map_err(refused)?;
    desk.populate(specs).1.map_or(Ok(()), |error| Err(refused(error)))
}

fn tell(api: &SocketAddr, desk: &Desk) {
    let mut text = format!("api: http://{api}/\n");
    for proxy in desk.proxies() {
        let spec = proxy.spec;
        let state = if spec.enabled { "" } else { ", disabled" };
        let protocol = spec.protocol.name();
        text +=
            &format!("{}: {} to {}, {protocol}{state}\n", spec.name, spec.listen, spec.upstream);
    }
    text += "Ctrl-C ends it\n";
    let mut out = stdout();
    // Whoever does not read what it says may have asked for these ports.
    let _told = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn options_may_have_one_dash_as_toxiproxy_server_s_have() {
        let spelled = |text: &str| {
            let all = spelled(text.split(' ').map(OsString::from));
            all.join(OsStr::new(" ")).into_string().unwrap()
        };
        assert_eq!(
            spelled("hulk proxy -host ::1 -port=0 -config a --seed 3 -h"),
            "hulk proxy --host ::1 --port=0 --config a --seed 3 -h"
        );
        assert_eq!(spelled("hulk platform -port"), "hulk platform -port");
    }
}
