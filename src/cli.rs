//! The arguments, and which command they mean.

use std::env;
use std::path::PathBuf;

use clap::builder::RangedI64ValueParser;
use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use hulk_scenarios::WORKERS_MAX;

use crate::calibrate::{Rates, rates};
use crate::compare::{CompareArguments, compare};
use crate::completions::RehearsalName;
use crate::{
    avatar, call, check, completions, diagnostics, feeds, init, listen, outcome, platform, proxy,
    rehearse, report, schema, self_test, trial, worker,
};

/// Rehearse the match before the match: audience, scaling and one honest verdict.
#[derive(Debug, Parser)]
#[command(name = "hulk", version, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  hulk rehearse
  hulk init my-service --base http://127.0.0.1:8080
  hulk check match-day

Exit codes, the first that applies:
  2         usage, or an invalid file; nothing was sent
  1         an error of HULK itself or of the machine
  130, 143  interrupted; the record is kept and never passes
  7         safety abort
  6         INVALID: the run did not deliver what it claims
  3         FAIL: an objective was breached
  4         regression against a baseline
  5         INCONCLUSIVE: an objective could not be judged
  0         PASS

Environment:
  NO_COLOR  where it is set and not empty, nothing is coloured; colours are for terminals only";

/// How many workers a rehearsal may be spread over.
fn workers() -> RangedI64ValueParser<u32> {
    RangedI64ValueParser::new().range(1..=i64::from(WORKERS_MAX))
}

/// How long a stair of load may be.
fn stair_s(text: &str) -> Result<f64, String> {
    let given = text.parse::<f64>().ok().filter(|of| (1.0..=3600.0).contains(of));
    given.ok_or_else(|| "a number from 1 to 3600".to_owned())
}

/// How many instances may be calibrated.
fn instances() -> RangedI64ValueParser<u32> {
    RangedI64ValueParser::new().range(1..=1_000_000)
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a rehearsal and give its verdict.
    #[command(after_help = "Examples:
  hulk rehearse
  hulk rehearse match-day-cloud-group
  hulk rehearse match-day --workers 2
  hulk rehearse match-day --policies match-day,match-day-cloud-group
  hulk rehearse match-day --policies match-day,match-day-cloud-group --against match-day-cloud-group
  hulk rehearse my-service/rehearsal.toml --runs /tmp/runs --quiet")]
    Rehearse(RehearseArguments),
    /// Send one viewer through every step once, and print what is sent and what comes.
    #[command(after_help = trial::EXAMPLES)]
    Trial(trial::TrialArguments),
    /// Check rehearsal files: every problem at once, and what a run would ask for.
    #[command(after_help = "Examples:
  hulk check match-day
  hulk check match-day match-day-cloud-group
  hulk check match-day --json --runs /tmp/runs

Nothing is sent. What a run would ask for is an estimate. Exit code 2 where a file has problems.")]
    Check(CheckArguments),
    /// Write a small commented rehearsal of your own service, to begin with.
    #[command(after_help = "Examples:
  hulk init
  hulk init my-service
  hulk init my-service --base http://127.0.0.1:9000

It asks nothing and replaces nothing: a file that is there already is exit code 2.")]
    Init(InitArguments),
    /// Print the JSON Schema of a kind of settings file, for an editor.
    #[command(after_help = "Examples:
  hulk schema rehearsal
  hulk schema journey

An editor with Taplo or Even Better TOML uses it where the file's first line says so:
  #:schema ./rehearsal.schema.json")]
    Schema(SchemaArguments),
    /// Print a script that completes commands in a shell.
    #[command(after_help = "Examples:
  hulk completions bash
  hulk completions zsh

In bash, for this session: source <(hulk completions bash)")]
    Completions(CompletionsArguments),
    /// Judge a run's record again and write its report anew.
    #[command(after_help = "Examples:
  hulk report runs/match-day-20261122-001200")]
    Report {
        /// The run's folder.
        folder: PathBuf,
    },
    /// Lay two runs side by side: whether they can be compared, and every number of both.
    #[command(after_help = "Examples:
  hulk compare runs/match-day-20190710-143000 runs/match-day-20190710-150000
  hulk compare runs/match-day-20190710-143000 runs/match-day-20190710-150000 --json

Differences are shown, not judged: one run a side cannot tell a change from noise. Exit code 0 when
both runs could be read.")]
    Compare(CompareArguments),
    /// Measure what a worker on this machine may promise.
    #[command(after_help = self_test::EXAMPLES)]
    Worker(self_test::WorkerArguments),
    /// Serve the reference platform alone, with metrics and a page, to whatever load there is.
    #[command(after_help = platform::EXAMPLES)]
    Platform(platform::PlatformArguments),
    /// Serve the reference avatar backend alone: sessions over WebSockets on modelled GPUs.
    #[command(after_help = avatar::EXAMPLES)]
    Avatar(avatar::AvatarArguments),
    /// Call an avatar backend, speak and listen, and tell what was felt and how many it carries.
    #[command(after_help = call::EXAMPLES)]
    Call(call::CallArguments),
    /// Serve the reference feeds alone: broadcasts to whoever listens, bursts, and rooms of friends.
    #[command(after_help = feeds::EXAMPLES)]
    Feeds(feeds::FeedsArguments),
    /// Listen to a broadcast feed with many receivers, and tell what was delivered to them and when.
    #[command(after_help = listen::EXAMPLES)]
    Listen(listen::ListenArguments),
    /// Carry connections and datagrams to somewhere else, and break them: with Toxiproxy's API and more.
    #[command(after_help = proxy::EXAMPLES)]
    Proxy(proxy::ProxyArguments),
}

/// What `rehearse` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct RehearseArguments {
    /// A file, or the name of a shipped rehearsal.
    #[arg(
        default_value = "scenarios/match-day.toml",
        value_parser = RehearsalName,
        hide_possible_values = true
    )]
    pub(crate) file: String,
    /// Where the run's folder is made.
    #[arg(long, default_value = "runs")]
    pub(crate) runs: PathBuf,
    /// Tell each request by itself, with its `x-hulk-request`, in raw.csv.
    #[arg(long)]
    pub(crate) raw: bool,
    /// Spread the load over so many processes of this machine.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = workers())]
    pub(crate) workers: u32,
    /// Rehearse once with each of these policies, and lay the runs side by side: files with
    /// `[policy.NAME]`, or rehearsals whose policies are taken.
    #[arg(long, value_name = "FILE,FILE", value_delimiter = ',')]
    pub(crate) policies: Vec<String>,
    /// Which of the policies the others' elastic speed-up is against; the first where it is left out.
    #[arg(long, value_name = "FILE", requires = "policies")]
    pub(crate) against: Option<String>,
    /// Find what an instance of each service serves: ten stairs of load from so many to so many arrivals
    /// a match second, in the place of the file's `[load]`.
    #[arg(long, value_name = "FROM..TO", value_parser = rates, conflicts_with = "policies")]
    pub(crate) calibrate: Option<Rates>,
    /// Length of a stair in match seconds.
    #[arg(long, value_name = "S", default_value_t = 10.0, value_parser = stair_s, requires = "calibrate")]
    pub(crate) stair_s: f64,
    /// Instances of each service while it is calibrated: the embedded platform is given so many, a target of
    /// one's own must have them.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = instances(), requires = "calibrate")]
    pub(crate) instances: u32,
    /// Print the verdict only.
    #[arg(long)]
    pub(crate) quiet: bool,
}

/// What `check` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckArguments {
    /// Files, or names of shipped rehearsals.
    #[arg(required = true, value_parser = RehearsalName, hide_possible_values = true)]
    pub(crate) files: Vec<String>,
    /// As if the load were spread over so many processes.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = workers())]
    pub(crate) workers: u32,
    /// Print one JSON document instead, problems included.
    #[arg(long)]
    pub(crate) json: bool,
    /// Where a run's folder would be made: its disk is looked at.
    #[arg(long, default_value = "runs")]
    pub(crate) runs: PathBuf,
}

/// What `init` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct InitArguments {
    /// Where the files are written; made where it is not there.
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,
    /// Where your service listens.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub(crate) base: String,
    /// Replace files that are there already.
    #[arg(long)]
    pub(crate) force: bool,
}

/// What `schema` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct SchemaArguments {
    /// The kind of file.
    #[arg(value_parser = ["rehearsal", "journey", "devices", "platform", "model"])]
    pub(crate) kind: String,
}

/// What `completions` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArguments {
    /// The shell.
    pub(crate) shell: Shell,
}

/// Parses and runs; the exit code.
pub(crate) fn run() -> i32 {
    let arguments = match Arguments::try_parse_from(proxy::spelled(env::args_os())) {
        Ok(arguments) => arguments,
        Err(error) => {
            // A closed terminal leaves nobody to tell.
            let _told = error.print();
            return if error.use_stderr() { outcome::USAGE } else { 0 };
        }
    };
    let result = match arguments.command {
        Command::Rehearse(arguments) => rehearse::rehearse(&arguments),
        Command::Trial(arguments) => trial::trial(&arguments),
        Command::Check(arguments) => check::check(&arguments),
        Command::Init(arguments) => init::init(&arguments),
        Command::Schema(arguments) => schema::schema(&arguments),
        Command::Completions(arguments) => {
            completions::completions(Arguments::command(), arguments.shell)
        }
        Command::Report { folder } => report::again(&folder),
        Command::Compare(arguments) => compare(&arguments),
        Command::Worker(arguments) if arguments.embedded => worker::worker(arguments.number),
        Command::Worker(arguments) => self_test::worker(&arguments),
        Command::Platform(arguments) => platform::platform(&arguments),
        Command::Avatar(arguments) => avatar::avatar(&arguments),
        Command::Call(arguments) => call::call(&arguments),
        Command::Feeds(arguments) => feeds::feeds(&arguments),
        Command::Listen(arguments) => listen::listen(&arguments),
        Command::Proxy(arguments) => proxy::proxy(&arguments),
    };
    result.unwrap_or_else(|failure| {
        diagnostics::tell(&failure);
        failure.exit_code()
    })
}

#[cfg(test)]
mod tests;
