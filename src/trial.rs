//! `hulk trial`: one viewer, every step once, and what comes of it.

use std::io::{IsTerminal, Write, stdout};
use std::time::Duration;

use chrono::Utc;
use hulk_engine::TrialLine;
use hulk_record::Offset;
use hulk_scenarios::{
    CapacityLook, Cut, Paint, Printer, Rehearsal, Rendered, Scope, Trial, TrialOptions,
};
use hulk_watch::Observer;
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use crate::interrupt::interrupts;
use crate::outcome::Failure;
use crate::output::colour_is_wanted;
use crate::target::Aimed;

/// Exit code: a step did not do as expected, or a feed of capacity told nothing.
const STEP_FAILED: i32 = 3;
/// As a shell says it of a program whose reader has gone.
const READER_GONE: i32 = 128 + 13;

pub(crate) const EXAMPLES: &str = "Examples:
  hulk trial my-match.toml
  hulk trial my-match.toml --set token_state=otp --set plan=paid
  hulk trial my-match.toml --viewer 7 --body-bytes 4000
  hulk trial my-match.toml --json | jq -c 'select(.step.failure) | .step.failure'

What is secret is never printed. Exit codes: 0 all steps did as expected · 3 one did not, a feed of \
capacity told nothing, or the time was over · 2 usage or invalid file · 130 interrupted";

/// What `trial` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct TrialArguments {
    /// A file, or the name of a shipped rehearsal.
    file: String,
    /// The number of the viewer who is drawn.
    #[arg(long, default_value_t = 0)]
    viewer: u32,
    /// Let the viewer draw this value of a choice; may be given for several choices.
    #[arg(long, value_name = "CHOICE=VALUE", value_parser = choice)]
    set: Vec<(String, String)>,
    /// Wait as a viewer does, at the file's `clock.speed`.
    #[arg(long)]
    think: bool,
    /// Show so much of each body.
    #[arg(long, value_name = "N", default_value_t = 600, value_parser = clap::value_parser!(u32).range(0..=65_536))]
    body_bytes: u32,
    /// End after so many ms of wall time.
    #[arg(long, value_name = "MS", default_value_t = 60_000, value_parser = clap::value_parser!(u64).range(1..=600_000))]
    limit_ms: u64,
    /// Print lines of JSON.
    #[arg(long)]
    json: bool,
}

fn choice(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected `choice=value`")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// Runs the trial; its exit code.
pub(crate) fn trial(arguments: &TrialArguments) -> Result<i32, Failure> {
    let rehearsal = Rehearsal::load(&arguments.file)?;
    let options = TrialOptions {
        viewer: arguments.viewer,
        forced: arguments.set.clone(),
        run_id: Utc::now().timestamp_micros() as u32,
        body_bytes: arguments.body_bytes as usize,
        think: arguments.think,
    };
    let trial = Trial::new(&rehearsal, options)
        .map_err(|problems| Failure::Usage(problems.join("\nerror: ")))?;
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::internal)?;
    let result = runtime.block_on(run(arguments, &rehearsal, trial));
    runtime.shutdown_background();
    result
}

/// Why the way to the end was cut off.
enum Stopped {
    Limit,
    Signal(i32),
    ReaderGone,
}

async fn run(
    arguments: &TrialArguments,
    rehearsal: &Rehearsal,
    mut trial: Trial,
) -> Result<i32, Failure> {
    let mut asked = interrupts()?;
    let aimed = tokio::select! {
        aimed = Aimed::at(rehearsal) => aimed?,
        Some(signal) = asked.recv() => return Ok(128 + signal),
    };
    aimed.begin().await?;
    let line = aim(rehearsal, &aimed, &mut trial)?;
    let printer = match arguments.json {
        true => Printer::Json,
        false => Printer::Text(paint()),
    };
    let over = Instant::now() + Duration::from_millis(arguments.limit_ms);
    let stopped = tokio::select! {
        stopped = go_through(&mut trial, line, printer, arguments.think) => stopped.err(),
        signal = signal(&mut asked) => Some(Stopped::Signal(signal)),
        () = sleep_until(over) => Some(Stopped::Limit),
    };
    let cut = stopped.as_ref().map(|stopped| match stopped {
        Stopped::Limit => Cut::Limit,
        Stopped::Signal(_) | Stopped::ReaderGone => Cut::Interrupted,
    });
    let looks = if cut.is_none() { look(rehearsal).await? } else { Vec::new() };
    let ending = trial.finish(cut);
    let told = say(&(printer.capacity(&looks) + &printer.ending(&ending)));
    aimed.stop().await?;
    Ok(match (stopped, told) {
        (Some(Stopped::Signal(signal)), _) => 128 + signal,
        (Some(Stopped::ReaderGone), _) | (_, Err(_)) => READER_GONE,
        _ if ending.passed && looks.iter().all(|look| look.failure.is_none()) => 0,
        _ => STEP_FAILED,
    })
}

/// Looks once at the capacity of each observed service: a feed that says nothing now will say
/// nothing in the rehearsal either.
async fn look(rehearsal: &Rehearsal) -> Result<Vec<CapacityLook>, Failure> {
    let mut looks = Vec::with_capacity(rehearsal.watched.len());
    for watched in &rehearsal.watched {
        let observer = Observer::new(watched.clone(), &Scope::default());
        let seen = observer.map_err(Failure::internal)?.look(Offset(0)).await;
        let seen = seen.map_err(|error| error.to_string());
        looks.push(CapacityLook::new(&watched.service, &watched.feed, seen));
    }
    Ok(looks)
}

async fn signal(asked: &mut mpsc::Receiver<i32>) -> i32 {
    match asked.recv().await {
        Some(signal) => signal,
        // Nobody is left who could ask.
        None => std::future::pending().await,
    }
}

/// The way to the target, and how it is called.
fn aim(rehearsal: &Rehearsal, aimed: &Aimed, trial: &mut Trial) -> Result<TrialLine, Failure> {
    let addresses = aimed.addresses();
    trial.aim(&addresses);
    let permits = addresses.iter().map(|address| Scope::default().permit(*address));
    let permits: Vec<_> = permits.collect::<Result<_, _>>().map_err(Failure::internal)?;
    let (target, local) = (&rehearsal.target, &rehearsal.local_addresses);
    TrialLine::new(target, local, &permits, trial.run_id()).map_err(Failure::internal)
}

/// Everything that the viewer does.
async fn go_through(
    trial: &mut Trial,
    mut line: TrialLine,
    printer: Printer,
    think: bool,
) -> Result<(), Stopped> {
    let mut rendered = Rendered::default();
    say(&printer.opening(trial.opening()))?;
    while let Some(upcoming) = trial.upcoming() {
        if think {
            sleep(Duration::from_micros(upcoming.wait_us)).await;
        }
        let unix_ms = Utc::now().timestamp_millis();
        let (method, exchange) = trial.send(&upcoming, unix_ms, &mut rendered);
        say(&printer.request(exchange))?;
        let request = (method, &rendered, trial.send_id());
        let (came, timing) = line.exchange(upcoming.origin, request, upcoming.timeout_ms).await;
        say(&printer.answer(&trial.ended(came, timing)))?;
    }
    Ok(())
}

fn say(text: &str) -> Result<(), Stopped> {
    let mut out = stdout();
    let told = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    told.map_err(|_| Stopped::ReaderGone)
}

/// Colours on a terminal, unless it is asked for none.
fn paint() -> Paint {
    match stdout().is_terminal() && colour_is_wanted() {
        true => Paint::Colours,
        false => Paint::Plain,
    }
}
