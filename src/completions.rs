//! `hulk completions`: what shells need to complete commands and names.

use std::ffi::OsStr;
use std::io::{Write, stdout};

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command};
use clap_complete::Shell;
use hulk_scenarios::shipped_rehearsal_names;

use crate::outcome::Failure;

/// A rehearsal by its file or its name: anything is taken, and the shipped names are offered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RehearsalName;

impl TypedValueParser for RehearsalName {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(shipped_rehearsal_names().map(PossibleValue::new)))
    }
}

/// Prints the script for a shell.
pub(crate) fn completions(program: Command, shell: Shell) -> Result<i32, Failure> {
    // The generators offer hidden commands too.
    let seen = program.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    let version = env!("CARGO_PKG_VERSION");
    let mut program = Command::new("hulk").version(version).subcommands(seen);
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut program, "hulk", &mut script);
    stdout().write_all(&script).map_err(Failure::internal)?;
    Ok(0)
}
