//! The arguments, and which command they mean.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::{check, diagnostics, outcome, rehearse, report, trial};

/// Rehearse the match before the match: audience, scaling and one honest verdict.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes, the first that applies: 2 usage or invalid file · 1 internal \
· 130/143 interrupted · 7 safety abort · 6 invalid run · 3 objective breached · 4 regression · 5 \
inconclusive · 0 pass";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a rehearsal and give its verdict.
    #[command(
        after_help = "Examples:\n  hulk rehearse\n  hulk rehearse my-match.toml --runs /tmp/runs"
    )]
    Rehearse(RehearseArguments),
    /// Send one viewer through every step once, and print what is sent and what comes.
    #[command(after_help = trial::EXAMPLES)]
    Trial(trial::TrialArguments),
    /// Check rehearsal files: every problem at once, and what a run would ask for.
    Check {
        /// Files, or names of shipped rehearsals.
        #[arg(required = true)]
        files: Vec<String>,
    },
    /// Judge a run's record again and write its report anew.
    Report {
        /// The run's folder.
        folder: PathBuf,
    },
    /// The embedded reference platform; started by `rehearse`.
    #[command(hide = true)]
    Platform {
        /// Take the plan from standard input and end with it.
        #[arg(long, required = true)]
        embedded: bool,
    },
}

/// What `rehearse` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct RehearseArguments {
    /// A file, or the name of a shipped rehearsal.
    #[arg(default_value = "scenarios/match-day.toml")]
    pub(crate) file: String,
    /// Where the run's folder is made.
    #[arg(long, default_value = "runs")]
    pub(crate) runs: PathBuf,
    /// Print the verdict only.
    #[arg(long)]
    pub(crate) quiet: bool,
}

/// Parses and runs; the exit code.
pub(crate) fn run() -> i32 {
    let arguments = match Arguments::try_parse() {
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
        Command::Check { files } => check::check(&files),
        Command::Report { folder } => report::again(&folder),
        Command::Platform { .. } => rehearse::platform(),
    };
    result.unwrap_or_else(|failure| {
        diagnostics::tell(&failure);
        failure.exit_code()
    })
}
