//! `hulk compare`: two runs side by side.

use std::io::{Write, stdout};
use std::path::PathBuf;

use crate::outcome::Failure;
use crate::run_folder::read_record;

/// What `compare` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct CompareArguments {
    /// The first run's folder, or a record's.
    a: PathBuf,
    /// The second run's folder, or a record's.
    b: PathBuf,
    /// Print JSON with every number in full.
    #[arg(long)]
    json: bool,
}

/// Reads both records and prints what differs.
pub(crate) fn compare(arguments: &CompareArguments) -> Result<i32, Failure> {
    let a = read_record(&arguments.a)?;
    let b = read_record(&arguments.b)?;
    let comparison = hulk_reports::compare(&a, &b);
    let bytes = match arguments.json {
        true => comparison.json().map_err(Failure::internal)?,
        false => comparison.text().into_bytes(),
    };
    // A reader who has gone (`| head`) has seen enough.
    let _told = stdout().write_all(&bytes);
    Ok(0)
}
