//! Problems, as a person reads them: file, line, caret and hint.

use std::io::{IsTerminal, Write, stderr};
use std::sync::Arc;

use hulk_scenarios::{LoadError, Problem, Source};
use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode,
};

use crate::outcome::Failure;

/// Prints a failure to standard error.
pub(crate) fn tell(failure: &Failure) {
    let text = match failure {
        Failure::Load(LoadError::Invalid(problems)) => {
            let colour = coloured(stderr().is_terminal());
            let shown: String = problems.list.iter().map(|problem| show(problem, colour)).collect();
            let count = problems.list.len();
            format!("{shown}{count} {}\n", if count == 1 { "problem" } else { "problems" })
        }
        Failure::Load(LoadError::Unreadable { hint, .. }) => {
            format!("error: {failure}\n  help: {}\n", hint.replace('\n', "\n        "))
        }
        other => format!("error: {other}\n"),
    };
    // A closed terminal leaves nobody to tell.
    let _told = stderr().write_all(text.as_bytes());
}

/// Whether to colour what goes to a terminal, or elsewhere: https://no-color.org says how a person
/// turns it off.
fn coloured(terminal: bool) -> bool {
    let is = |name: &str, value: &dyn Fn(&str) -> bool| {
        std::env::var_os(name).is_some_and(|given| value(&given.to_string_lossy()))
    };
    terminal && !is("NO_COLOR", &|text| !text.is_empty()) && !is("TERM", &|text| text == "dumb")
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
