//! What stands on a person's terminal, and what in a log.

use std::time::Duration;

use rustix::process::Signal;

use crate::bench::{Bench, HULK, wait_for};
use crate::files::short;
use crate::processes::{kill_group, marked};

const COLUMNS: usize = 60;
const ROWS: usize = 20;

/// A terminal that knows what HULK asks of one, and whose window shows all that was ever written.
#[derive(Default)]
struct Terminal {
    lines: Vec<String>,
    row: usize,
    wraps: bool,
    /// How often a block was taken away.
    redrawn: u32,
    coloured: bool,
}

impl Terminal {
    fn show(text: &str) -> Self {
        let mut terminal = Self { lines: vec![String::new()], wraps: true, ..Self::default() };
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            match c {
                '\x1b' => terminal.escape(&mut rest),
                '\n' => {
                    terminal.row += 1;
                    terminal
                        .lines
                        .resize((terminal.row + 1).max(terminal.lines.len()), String::new());
                }
                '\r' => {}
                c => terminal.lines[terminal.row].push(c),
            }
        }
        terminal
    }

    fn escape(&mut self, rest: &mut std::str::Chars<'_>) {
        assert_eq!(rest.next(), Some('['));
        let mut argument = String::new();
        let last = rest.find(|c| {
            let is_last = c.is_ascii_alphabetic();
            if !is_last {
                argument.push(*c);
            }
            is_last
        });
        match (last, argument.as_str()) {
            (Some('F'), lines) => {
                self.row = self.row.checked_sub(lines.parse().unwrap()).expect("it stays inside");
                self.redrawn += 1;
            }
            (Some('J'), "") => {
                self.lines.truncate(self.row);
                self.lines.push(String::new());
            }
            (Some('l'), "?7") => self.wraps = false,
            (Some('h'), "?7") => self.wraps = true,
            (Some('m'), _) => self.coloured = true,
            other => panic!("an escape that no part of HULK may use: {other:?}"),
        }
    }

    fn shown(&self) -> Vec<&str> {
        self.lines.iter().map(String::as_str).filter(|line| !line.is_empty()).collect()
    }
}

/// A rehearsal on a terminal of that size, as `script` has one; what it wrote.
fn on_a_terminal(bench: &Bench, settings: &str, after: Option<Duration>) -> (i32, String) {
    let command = format!(
        "stty cols {COLUMNS} rows {ROWS}; export {settings}; exec {HULK} rehearse short.toml"
    );
    bench.forget_runs();
    let mut running = bench.start(&["script", "-qec", &command, "typescript"]);
    if let Some(after) = after {
        running.wait_for_folder();
        std::thread::sleep(after);
        let mark = running.mark.clone();
        // Ctrl-C goes to all who are on the terminal.
        marked(&mark)
            .into_iter()
            .filter(|id| *id != running.id())
            .for_each(|id| kill_group(id, Signal::INT));
        let run = running.end();
        wait_for("all are gone", Duration::from_secs(3), || marked(&mark).is_empty().then_some(()));
        return (run.code, run.stdout);
    }
    let run = running.end();
    (run.code, run.stdout)
}

#[test]
fn progress_is_one_block_on_a_terminal_and_the_last_lines_are_the_verdict() {
    let bench = Bench::take("terminal");
    bench.write("short.toml", short(0.5, 1_000));
    let (code, text) = on_a_terminal(&bench, "TERM=xterm", None);
    let terminal = Terminal::show(&text);
    let shown = terminal.shown();
    let [.., report] = shown.as_slice() else { panic!("{text}") };
    assert!(report.starts_with("report: runs/"), "{shown:#?}");
    let verdict = shown
        .iter()
        .position(|line| line.contains(": ") && line.starts_with(|c: char| c.is_ascii_uppercase()));
    let names = [(0, "PASS: "), (3, "FAIL: "), (5, "INCONCLUSIVE: "), (6, "INVALID: ")];
    let name = names.iter().find(|(of, _)| *of == code).map(|(_, name)| *name).unwrap();
    assert!(shown[verdict.unwrap()].starts_with(name), "{code}: {shown:#?}");
    // Of the block nothing stays, and it stood there once for each second.
    assert!(shown.iter().all(|line| !line.starts_with("viewers ")), "{shown:#?}");
    assert!(terminal.redrawn >= 4 && terminal.wraps && terminal.coloured, "{}", terminal.redrawn);
    for wanted in ["viewers ", "requests ", "p99 ", "errors ", " left", "needed", "home "] {
        assert!(text.contains(wanted), "the block has {wanted:?}");
    }
    let blocks = text.split("\x1b[?7l").skip(1).filter_map(|part| part.split_once("\x1b[?7h"));
    for (block, _) in blocks {
        let block = Terminal::show(block);
        assert!(block.lines.len() < ROWS - 1, "{:#?}", block.lines);
        assert!(
            block.lines.iter().all(|line| line.chars().count() < COLUMNS),
            "{:#?}",
            block.lines
        );
    }
}

#[test]
fn no_colour_where_none_is_wanted_and_a_ctrl_c_leaves_a_clean_terminal() {
    let bench = Bench::take("no-colour");
    bench.write("short.toml", short(0.5, 1_000));
    let (code, text) =
        on_a_terminal(&bench, "TERM=xterm NO_COLOR=1", Some(Duration::from_millis(2_800)));
    let terminal = Terminal::show(&text);
    let shown = terminal.shown();
    assert_eq!(code, 130, "{text}");
    assert!(terminal.redrawn > 0 && !terminal.coloured && terminal.wraps, "{text}");
    assert!(shown.iter().any(|line| line.starts_with("INTERRUPTED: ")), "{shown:#?}");
    assert!(shown.last().unwrap().starts_with("report: runs/"), "{shown:#?}");
    assert!(shown.iter().all(|line| !line.starts_with("viewers ")), "{shown:#?}");
}
