//! Problems, as a person reads them: file, line, caret and hint.

use std::io::{self, ErrorKind, IsTerminal, Write, stderr};
use std::path::Path;
use std::sync::Arc;

use hulk_record::FolderError;
use hulk_reports::words::counted;
use hulk_scenarios::{LoadError, Problem, Source};
use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode,
};

use crate::outcome::Failure;
use crate::output::colour_is_wanted;
use crate::run_folder::RECORD;

/// Prints a failure to standard error.
pub(crate) fn tell(failure: &Failure) {
    let text = match failure {
        Failure::Load(LoadError::Invalid(problems)) => {
            let colour = stderr().is_terminal() && colour_is_wanted();
            let shown: String = problems.list.iter().map(|problem| show(problem, colour)).collect();
            format!("{shown}{}\n", counted(problems.list.len() as u64, "problem"))
        }
        Failure::Load(LoadError::Unreadable { hint, .. }) => {
            format!("error: {failure}\n  help: {}\n", hint.replace('\n', "\n        "))
        }
        Failure::Folder(FolderError::Io { path, source }) => {
            format!("error: {failure}\n{}", way_out(path, source))
        }
        other => format!("error: {other}\n"),
    };
    // A closed terminal leaves nobody to tell.
    let _told = stderr().write_all(text.as_bytes());
}

/// What to do about a file that cannot be written or read; a line of its own, or nothing.
fn way_out(path: &Path, error: &io::Error) -> String {
    let record = path.parent().filter(|folder| folder.ends_with(RECORD));
    let kept = record.and_then(Path::parent).map_or(String::new(), |run| {
        format!("; what was recorded until then can be read: hulk report {}", run.display())
    });
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!("  help: free some space{kept}\n")
        }
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
            "  help: make the folder writable, or copy the run's folder to where it is\n".to_owned()
        }
        _ => String::new(),
    }
}

/// One problem with its place in the file.
pub(crate) fn show(problem: &Problem, colour: bool) -> String {
    let mut out = String::new();
    let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(100);
    let shown = Shown::of(problem);
    match handler.render_report(&mut out, &shown) {
        Ok(()) => out,
        Err(_) => format!("{problem}\n"),
    }
}

#[derive(Debug)]
struct Shown {
    problem: Problem,
    source: NamedSource<String>,
}

impl Shown {
    fn of(problem: &Problem) -> Self {
        let Source { name, text } = Arc::as_ref(&problem.source);
        Self { problem: problem.clone(), source: NamedSource::new(name, text.clone()) }
    }
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.problem.message)
    }
}

impl std::error::Error for Shown {}

impl Diagnostic for Shown {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.problem.hint.as_ref().map(|hint| Box::new(hint) as Box<dyn std::fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.problem.span.clone();
        Some(Box::new(std::iter::once(LabeledSpan::new(None, span.start, span.len()))))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use hulk_scenarios::{Rehearsal, shipped_rehearsal};

    use super::*;

    #[test]
    fn a_file_that_is_cut_anywhere_is_shown_with_its_place() {
        let text = &shipped_rehearsal("match-day").unwrap().text;
        let cuts = text.char_indices().map(|(at, _)| at).step_by(13);
        for cut in cuts {
            let source = Source::new("cut.toml", &text[..cut]);
            let Err(problems) = Rehearsal::read(&source, Path::new("nowhere")) else { continue };
            for problem in &problems.list {
                assert!(show(problem, false).contains("─["), "{cut}: {problem}");
            }
        }
    }

    #[test]
    fn places_of_every_kind_are_shown() {
        let text = "a = 1\n\tb = \"\u{fc}\u{1f600}\u{0}\"\r\nc = 2";
        let source = Source::new("odd.toml", text);
        for start in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
            for end in (start..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                let problem = Problem::new(&source, start..end, "wrong", None);
                assert!(show(&problem, false).contains("wrong"), "{start}..{end}");
            }
        }
        assert!(
            show(&Problem::new(&Source::new("empty.toml", ""), 0..0, "wrong", None), false)
                .contains("wrong")
        );
    }
}
