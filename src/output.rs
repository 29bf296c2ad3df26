//! Standard output, for HULK alone: what happens, where the run stands, and at last the verdict.

use std::fs::{File, OpenOptions};
use std::io::{Write, stderr};

use chrono::Utc;
use rustix::stdio::{dup2_stdout, stdout};
use rustix::termios::{isatty, tcgetwinsize};

use crate::outcome::Failure;
use crate::progress::Status;
use crate::progress::block::{Screen, block};
use crate::progress::line::line;

/// What HULK prints goes here. goose prints a line of its own when it launches its users: from
/// here on that goes nowhere, so that the last lines are always the verdict's.
pub(crate) struct Output {
    file: File,
    look: Look,
    /// Lines of the block that stands on the terminal.
    drawn: usize,
}

/// How a run is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Its verdict only.
    Quiet,
    /// Lines with their time.
    Lines,
    /// A block on a terminal that is drawn anew.
    Block { colour: bool },
}

/// A terminal that does not tell its size, as some in a container do not.
const SCREEN: (u16, u16) = (80, 24);

impl Output {
    /// Takes standard output over; `quiet` keeps everything but the verdict.
    pub(crate) fn take(quiet: bool) -> Result<Self, Failure> {
        let file = File::from(rustix::io::dup(stdout()).map_err(Failure::internal)?);
        let nowhere =
            OpenOptions::new().write(true).open("/dev/null").map_err(Failure::internal)?;
        dup2_stdout(&nowhere).map_err(Failure::internal)?;
        let look = match quiet {
            true => Look::Quiet,
            false if isatty(&file) && !terminal_is_dumb() => {
                Look::Block { colour: colour_is_wanted() }
            }
            false => Look::Lines,
        };
        Ok(Self { file, look, drawn: 0 })
    }

    /// How many intervals of the record a status sums up.
    pub(crate) fn every(&self) -> u64 {
        match self.look {
            Look::Block { .. } => 1,
            Look::Quiet | Look::Lines => 5,
        }
    }

    /// Something that is worth a line of its own, and stays.
    pub(crate) fn say(&mut self, text: &str) {
        match self.look {
            Look::Quiet => {}
            Look::Lines => {
                let line = format!("{} {text}\n", Utc::now().format("%H:%M:%SZ"));
                self.write(&line);
            }
            Look::Block { .. } => {
                let text = format!("{}{text}\n", self.erase());
                self.write(&text);
            }
        }
    }

    /// What a process of ours says on standard error, which goes there.
    pub(crate) fn complain(&mut self, line: &str) {
        let block = self.erase();
        self.write(&block);
        // A closed terminal leaves nobody to tell.
        let _told = writeln!(stderr(), "{line}");
    }

    /// Where the run stands now.
    pub(crate) fn status(&mut self, status: &Status) {
        match self.look {
            Look::Quiet => {}
            Look::Lines => self.say(&line(status)),
            Look::Block { colour } => {
                let lines = block(status, self.screen(colour));
                // Without its wrapping a line that is too long for a window that has just become
                // smaller stays one line.
                let text = format!("{}\x1b[?7l{}\x1b[?7h\n", self.erase(), lines.join("\n"));
                self.write(&text);
                self.drawn = lines.len();
            }
        }
    }

    /// The verdict's text, whatever else is kept quiet.
    pub(crate) fn verdict(&mut self, text: &str) {
        let text = self.erase() + text;
        self.write(&text);
    }

    /// What takes the block away that stands there.
    fn erase(&mut self) -> String {
        match std::mem::take(&mut self.drawn) {
            0 => String::new(),
            lines => format!("\x1b[{lines}F\x1b[J"),
        }
    }

    fn screen(&self, colour: bool) -> Screen {
        let size = tcgetwinsize(&self.file).map_or(SCREEN, |size| (size.ws_col, size.ws_row));
        let (columns, rows) = if size.0 == 0 || size.1 == 0 { SCREEN } else { size };
        // The last column is left: some terminals wrap when it is written to.
        Screen { columns: usize::from(columns).max(2) - 1, rows: rows.into(), colour }
    }

    /// A reader who has gone (a closed terminal, `| head`) stops no run: its verdict is in the
    /// exit code and its record in the folder.
    fn write(&mut self, text: &str) {
        let _told = self.file.write_all(text.as_bytes());
    }
}

/// Whether a terminal is to be coloured: https://no-color.org says how a person turns that off.
pub(crate) fn colour_is_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && !terminal_is_dumb()
}

fn terminal_is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}
