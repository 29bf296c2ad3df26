//! `hulk call`: callers of an avatar backend, once or in rising numbers, and what they felt.

mod told;

use std::io::{Write, stderr};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hulk_engine::{Called, Callee, raise_open_files};
use hulk_net::Epoch;
use hulk_record::{CallObjectives, Offset, Samples, Session};
use hulk_scenarios::avatar::{
    Adapter, CallPlan, CallerSettings, Figure, Level, figures, knee, misses,
};
use hulk_scenarios::{Delay, Scope, avatar_adapter};
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::interrupt::interrupts;
use crate::outcome::Failure;
use told::Told;

pub(crate) const EXAMPLES: &str = "Examples:
  hulk avatar --listen 8000
  hulk call ws://127.0.0.1:8000 --callers 72 --over-s 20
  hulk call ws://127.0.0.1:8000 --callers 8 --turns 3 --barge-in 0.3 --vanish 0.1
  hulk call ws://127.0.0.1:8000 --knee 10..14 --turns 1 --speak-s 30

Each caller is let in, speaks in real time and listens, and leaves. The backend must be on this machine's
loopback. Exit code 0 where every figure keeps to its limit, 3 where one does not, 6 where HULK itself
was late.";

/// Callers who are late by more than this, p99, make a run INVALID, in ms.
const LAG_MS_MAX: f64 = 10.0;
/// From the start to the first call, so that all callers are ready.
const BEFORE: Duration = Duration::from_millis(200);
/// The share of good sessions that a number of callers must reach to be carried.
const ATTAINMENT: f64 = 0.95;

/// What `call` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct CallArguments {
    /// The backend: `ws://`, an address and a port.
    url: String,
    /// How it is spoken to: a file, or the name of a shipped adapter.
    #[arg(long, value_name = "FILE", default_value = "rapido_ws")]
    adapter: String,
    /// How many callers.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    callers: u32,
    /// They come one by one over so many seconds; all at once where it is left out.
    #[arg(long, value_name = "S", default_value_t = 0.0, value_parser = |text: &str| number(text, 3600.0))]
    over_s: f64,
    /// Find the knee: with each of these numbers of callers at once, one after another.
    #[arg(long, value_name = "FROM..TO", value_parser = levels, conflicts_with_all = ["callers", "over_s"])]
    knee: Option<(u32, u32)>,
    /// How often each caller speaks.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    turns: u32,
    /// How long each time, in seconds.
    #[arg(long, value_name = "S", default_value_t = 4.0, value_parser = |text: &str| number(text, 300.0))]
    speak_s: f64,
    /// How long it then listens, in seconds.
    #[arg(long, value_name = "S", default_value_t = 4.0, value_parser = |text: &str| number(text, 3600.0))]
    pause_s: f64,
    /// The share of turns in whose middle the caller begins anew.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = |text: &str| number(text, 1.0))]
    barge_in: f64,
    /// The share of callers who go without closing.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = |text: &str| number(text, 1.0))]
    vanish: f64,
    /// What the backend costs a month, for the cost of a session at a time.
    #[arg(long, value_name = "COST", value_parser = |text: &str| number(text, 1e9))]
    monthly_cost: Option<f64>,
    /// What chance is drawn from: the same seed, the same calls.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print one JSON document instead, with every session.
    #[arg(long)]
    json: bool,
}

fn number(text: &str, most: f64) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.0..=most).contains(number));
    number.ok_or_else(|| format!("a number from 0 to {most} is expected"))
}

/// Reads `FROM..TO`.
fn levels(text: &str) -> Result<(u32, u32), String> {
    let number = |text: &str| text.parse::<u32>().ok().filter(|of| (1..=10_000).contains(of));
    let both = text.split_once("..").and_then(|(from, to)| Some((number(from)?, number(to)?)));
    let rising = both.filter(|(from, to)| from <= to);
    rising.ok_or_else(|| "two rising numbers of callers, such as 10..14".to_owned())
}

/// Calls, and tells what came of it; the exit code.
pub(crate) fn call(arguments: &CallArguments) -> Result<i32, Failure> {
    let adapter = Arc::new(avatar_adapter(&arguments.adapter)?);
    let at = address(&arguments.url)?;
    raise_open_files();
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::internal)?;
    let ended = runtime.block_on(async {
        let mut interrupts = interrupts()?;
        tokio::select! {
            biased;
            signal = interrupts.recv() => {
                // Whoever closed the terminal is not told.
                let _told = writeln!(stderr(), "interrupted: these callers are judged by nobody");
                Ok(128 + signal.unwrap_or_default())
            }
            ended = all_levels(arguments, &adapter, at) => ended,
        }
    });
    runtime.shutdown_background();
    ended
}

fn address(url: &str) -> Result<SocketAddr, Failure> {
    let usage = || {
        Failure::Usage(format!(
            "`{url}` is not a URL as `ws://127.0.0.1:8000`: an address and a port"
        ))
    };
    let http = format!("http://{}", url.strip_prefix("ws://").ok_or_else(usage)?);
    let permitted = Scope::default().permit_url(http.trim_end_matches('/'));
    let (permit, path) = permitted.map_err(|refusal| match refusal {
        hulk_net::Refusal::Url(_) => usage(),
        refusal => Failure::Usage(refusal.to_string()),
    })?;
    if path == "/" { Ok(permit.address()) } else { Err(usage()) }
}

async fn all_levels(
    arguments: &CallArguments,
    adapter: &Arc<Adapter>,
    at: SocketAddr,
) -> Result<i32, Failure> {
    let (from, to) = arguments.knee.unwrap_or((arguments.callers, arguments.callers));
    let wanted =
        CallObjectives { monthly_cost: arguments.monthly_cost, ..CallObjectives::default() };
    let (mut told, mut levels) = (Told::new(arguments.json), Vec::new());
    for callers in from..=to {
        let run = at_once(arguments, adapter, at, callers).await?;
        let good = run.sessions.iter().filter(|of| misses(of, &wanted.session).is_empty()).count();
        let attempted = run.sessions.iter().filter(|of| of.is_attempted()).count();
        levels.push(Level { sessions: callers, good: good as u64, attempted: attempted as u64 });
        let rows = figures(&run.sessions, &wanted);
        told.run(callers, &run, &rows);
    }
    if arguments.knee.is_some() {
        told.knee(&levels, knee(&levels, ATTAINMENT).as_ref());
    }
    told.end()
}

/// The sessions of so many callers, and how late HULK itself was.
struct Run {
    sessions: Vec<Session>,
    lags: Samples,
    /// Why sessions failed, each reason with how often.
    troubles: Vec<(String, u32)>,
}

impl Run {
    fn lag_ms(&self) -> f64 {
        if self.lags.count() == 0 {
            return 0.0;
        }
        self.lags.quantile_at_most_max_us(990_000) as f64 / 1e3
    }

    fn is_valid(&self) -> bool {
        self.lag_ms() <= LAG_MS_MAX
    }
}

async fn at_once(
    arguments: &CallArguments,
    adapter: &Arc<Adapter>,
    at: SocketAddr,
    callers: u32,
) -> Result<Run, Failure> {
    let settings = CallerSettings {
        turns: arguments.turns,
        speak_s: Delay::Fixed { s: arguments.speak_s },
        pause_s: Delay::Fixed { s: arguments.pause_s },
        barge_in_share: arguments.barge_in,
        vanish_share: arguments.vanish,
        ..CallerSettings::default()
    };
    let permit = Scope::default().permit(at).map_err(Failure::internal)?;
    let epoch = Epoch(Instant::now() + BEFORE);
    let callee = Arc::new(Callee::new(permit, Arc::clone(adapter), epoch));
    let mut calls = JoinSet::new();
    for caller in 0..callers {
        let plan = CallPlan::draw(&settings, arguments.seed, caller);
        let share = f64::from(caller) / f64::from(callers);
        let intended = Offset::from_s(arguments.over_s * share);
        let callee = Arc::clone(&callee);
        let session = format!("{}-{caller}", arguments.seed);
        calls.spawn(async move { callee.call(caller, &session, intended, plan).await });
    }
    let mut run = Run { sessions: Vec::new(), lags: Samples::new(), troubles: Vec::new() };
    while let Some(called) = calls.join_next().await {
        let Called { session, trouble } = called.map_err(Failure::internal)?;
        if let Some(trouble) = trouble {
            match run.troubles.iter_mut().find(|(known, _)| *known == trouble) {
                Some((_, count)) => *count += 1,
                None => run.troubles.push((trouble, 1)),
            }
        }
        run.sessions.push(session);
    }
    run.lags = callee.take_tally().lags;
    run.sessions.sort_by_key(|session| session.caller);
    Ok(run)
}

/// Whether no figure breaks its limit; one that could not be measured breaks none.
fn all_hold(rows: &[Figure]) -> bool {
    rows.iter().all(|figure| figure.holds() != Some(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_websocket_of_this_machine_without_a_path() {
        for url in
            ["ws://127.0.0.1:8000", "ws://127.0.0.1:8000/", "ws://localhost:1", "ws://[::1]:8000"]
        {
            assert!(address(url).is_ok(), "{url}");
        }
        for (url, why) in [
            ("http://127.0.0.1:8000", "is not a URL as"),
            ("ws://127.0.0.1", "is not a URL as"),
            ("ws://127.0.0.1:8000/ws", "is not a URL as"),
            ("ws://10.0.0.1:8000", "is not loopback"),
            ("ws://example.org:80", "would have to be looked up"),
        ] {
            let told = address(url).unwrap_err().to_string();
            assert!(told.contains(why), "{url}: {told}");
        }
    }

    #[test]
    fn levels_rise() {
        assert_eq!(levels("10..14"), Ok((10, 14)));
        assert_eq!(levels("12..12"), Ok((12, 12)));
        for text in ["14..10", "0..3", "10", "a..b", ""] {
            assert!(levels(text).is_err(), "{text}");
        }
    }
}
