//! What is wrong in a settings file, and where.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A settings file: its name as the user gave it, and its text.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    /// Path or other name, as shown to the user.
    pub name: String,
    /// The whole text.
    pub text: String,
}

impl fmt::Debug for Source {
    /// Its name: the text would hide what it is about.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Source").field(&self.name).finish()
    }
}

impl Source {
    /// A source of the given name and text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { name: name.into(), text: text.into() })
    }

    /// Line and column (both from 1; the column counts characters) of a byte position.
    pub fn place(&self, byte: usize) -> (usize, usize) {
        let mut end = byte.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &self.text[..end];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// One problem: the place, what is wrong, and the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub source: Arc<Source>,
    /// Byte range in the file.
    pub span: Range<usize>,
    /// What is wrong, lower-case, with what was expected.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Of an unknown key: every key that is known at its place, in the order of the names.
    pub known: Vec<&'static str>,
}

impl Problem {
    /// A problem at a place.
    pub fn new(
        source: &Arc<Source>,
        span: Range<usize>,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> Self {
        let (source, message) = (Arc::clone(source), message.into());
        Self { source, span, message, hint, known: Vec::new() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.source.place(self.span.start);
        write!(f, "{}:{line}:{column}: {}", self.source.name, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// Every problem that was found, in the order of the files and of their lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems {
    /// At least one, where this is an error.
    pub list: Vec<Problem>,
}

impl Problems {
    /// A list of one problem at the start of a source: for what has no better place.
    pub fn whole(source: &Arc<Source>, message: impl Into<String>, hint: Option<String>) -> Self {
        Self {
            list: vec![Problem {
                source: Arc::clone(source),
                span: 0..0,
                message: message.into(),
                hint,
                known: Vec::new(),
            }],
        }
    }

    /// Puts the problems in the order of their places.
    pub fn sort(&mut self) {
        self.list.sort_by(|a, b| {
            (&a.source.name, a.span.start, &a.message).cmp(&(
                &b.source.name,
                b.span.start,
                &b.message,
            ))
        });
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.list.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
