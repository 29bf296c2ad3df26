//! Standard output, for HULK alone.

use std::fs::{File, OpenOptions};
use std::io::Write;

use rustix::stdio::{dup2_stdout, stdout};

use crate::outcome::Failure;

/// What HULK prints goes here. goose prints a line of its own when it launches its users: from
/// here on that goes nowhere, so that the last lines are always the verdict's.
pub(crate) struct Output {
    file: File,
    quiet: bool,
}

impl Output {
    /// Takes standard output over; `quiet` keeps everything but the verdict.
    pub(crate) fn take(quiet: bool) -> Result<Self, Failure> {
        let file = File::from(rustix::io::dup(stdout()).map_err(Failure::internal)?);
        let nowhere =
            OpenOptions::new().write(true).open("/dev/null").map_err(Failure::internal)?;
        dup2_stdout(&nowhere).map_err(Failure::internal)?;
        Ok(Self { file, quiet })
    }

    /// A line of progress.
    pub(crate) fn progress(&self, line: &str) {
        if !self.quiet {
            self.verdict(&format!("{line}\n"));
        }
    }

    /// The verdict's text, whatever else is kept quiet. A reader who has gone (a closed terminal,
    /// `| head`) stops no run: its verdict is in the exit code and its record in the folder.
    pub(crate) fn verdict(&self, text: &str) {
        let _told = (&self.file).write_all(text.as_bytes());
    }
}
