//! HULK: rehearse the match before the match.
//!
//! The command line: parse → check → run → render; composition only. What is composed lives in
//! the crates of the workspace; the README has the map of the house.

mod avatar;
mod calibrate;
mod call;
mod callee;
mod check;
mod child;
mod cli;
mod commentary;
mod compare;
mod completions;
mod cores;
mod diagnostics;
mod faults;
mod feeds;
mod init;
mod interrupt;
mod intervals;
mod listen;
mod load;
mod observing;
mod outcome;
mod output;
mod platform;
mod progress;
mod proxy;
mod rehearse;
mod report;
mod run_folder;
mod runtime;
mod schema;
mod scribe;
mod self_test;
mod target;
mod tournament;
mod trial;
mod worker;
mod workers;

pub use run_folder::manifest;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// Runs the program with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    match catch_unwind(AssertUnwindSafe(cli::run)) {
        Ok(code) => ExitCode::from(code as u8),
        // The panic's message has been printed where it happened.
        Err(_) => ExitCode::from(outcome::INTERNAL as u8),
    }
}
