//! A table of a settings file, read key by key.

use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::place::span_of;
use crate::value::{
    Expected, array_of, flag_of, integer_of, kind_of, listed, nearest, nearest_in_range, number_of,
    table_of, text_of,
};
use crate::{At, Problem, Problems, Source};

/// Parses `source` and hands its root to `build`.
///
/// # Errors
/// Every problem of syntax, or else every problem that `build` met.
pub fn read<T>(
    source: &Arc<Source>,
    build: impl FnOnce(&Section<'_>) -> Option<T>,
) -> Result<T, Problems> {
    let (root, errors) = DeTable::parse_recoverable(&source.text);
    let sink = Sink { source: Arc::clone(source), problems: RefCell::default() };
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let hint = "a line is `key = value`, `[table]`, `[[list]]` or a comment after `#`; a text \
                    stands in quotes";
        sink.note(span, format!("not TOML: {}", error.message()), Some(hint.to_owned()));
    }
    let value = if sink.problems.borrow().is_empty() {
        let section = Section::new(root.get_ref(), root.span(), String::new(), &sink);
        build(&section)
    } else {
        None
    };
    let mut problems = Problems { list: sink.problems.into_inner() };
    problems.sort();
    problems.list.dedup();
    match value {
        Some(value) if problems.list.is_empty() => Ok(value),
        _ if problems.list.is_empty() => {
            let hint = Some("this is an error of HULK: report it with the file".to_owned());
            Err(Problems::whole(source, "the file could not be read and no reason was noted", hint))
        }
        _ => Err(problems),
    }
}

/// The keys at the root of `source`, in the order of their names; none where it is no TOML.
pub fn keys_of(source: &Source) -> Option<Vec<String>> {
    let root = DeTable::parse(&source.text).ok()?;
    Some(root.get_ref().keys().map(|key| key.get_ref().to_string()).collect())
}

struct Sink {
    source: Arc<Source>,
    problems: RefCell<Vec<Problem>>,
}

impl Sink {
    fn note(&self, span: Range<usize>, message: String, hint: Option<String>) {
        self.problems.borrow_mut().push(Problem {
            source: Arc::clone(&self.source),
            span,
            message,
            hint,
            known: Vec::new(),
        });
    }
}

/// A table: ask it for its keys; what nobody asked for is reported when it is dropped.
pub struct Section<'a> {
    table: &'a DeTable<'a>,
    span: Range<usize>,
    path: String,
    sink: &'a Sink,
    asked: RefCell<Vec<&'static str>>,
    /// Keys are names given by the user: none of them is unknown.
    free: bool,
}

/// A value under a name given by the user.
pub enum FreeValue<'a> {
    /// A text.
    Text(String),
    /// A number, whole or not.
    Number(f64),
    /// A list of texts.
    Texts(Vec<String>),
    /// A table of its own.
    Section(Section<'a>),
}

impl<'a> Section<'a> {
    fn new(table: &'a DeTable<'a>, span: Range<usize>, path: String, sink: &'a Sink) -> Self {
        Self { table, span, path, sink, asked: RefCell::default(), free: false }
    }

    /// Notes a problem with this section as a whole.
    pub fn problem(&self, message: impl Into<String>, hint: Option<String>) {
        self.sink.note(self.span.clone(), message.into(), hint);
    }

    /// Notes a problem with the value of `key`, or with the section where the key is absent.
    pub fn problem_at(&self, key: &str, message: impl Into<String>, hint: Option<String>) {
        let span = self.table.get(key).map_or_else(|| self.span.clone(), Spanned::span);
        self.sink.note(span, message.into(), hint);
    }

    /// Notes a problem with what `path` leads to from here, or with the last that it leads to.
    pub fn problem_in(&self, path: &[At<'_>], message: impl Into<String>, hint: Option<String>) {
        self.sink.note(span_of(self.table, self.span.clone(), path), message.into(), hint);
    }

    /// Whether the key is there.
    pub fn has(&self, key: &'static str) -> bool {
        self.asked.borrow_mut().push(key);
        self.table.contains_key(key)
    }

    /// Whether the key is there with a table.
    pub fn has_table(&self, key: &'static str) -> bool {
        self.has(key) && self.table.get(key).is_some_and(|v| table_of(v.get_ref()).is_some())
    }

    /// A text.
    pub fn text(&self, key: &'static str) -> Option<String> {
        self.required(key, Expected::Text, text_of)
    }

    /// A text, if it is there.
    pub fn text_optional(&self, key: &'static str) -> Option<String> {
        self.optional(key, Expected::Text, text_of)
    }

    /// A truth value, with what it is when absent.
    pub fn flag_or(&self, key: &'static str, absent: bool) -> Option<bool> {
        if self.has(key) { self.optional(key, Expected::Flag, flag_of) } else { Some(absent) }
    }

    /// A number within `range`; the unit stands in the key's name.
    pub fn number(&self, key: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        let value = self.required(key, Expected::Number, number_of)?;
        self.within(key, value, range)
    }

    /// A number within `range`, or `absent` when the key is absent.
    pub fn number_or(
        &self,
        key: &'static str,
        range: RangeInclusive<f64>,
        absent: f64,
    ) -> Option<f64> {
        if self.has(key) { self.number(key, range) } else { Some(absent) }
    }

    /// A whole number within `range`.
    pub fn integer(&self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.required(key, Expected::WholeNumber, |value| match value {
            DeValue::Integer(_) => Some(integer_of(value)),
            _ => None,
        })?;
        // Below 0, or of more digits than any number here has.
        let Some(value) = value else {
            let given = self.table.get(key).map(|value| &self.sink.source.text[value.span()]);
            let given = given.unwrap_or_default();
            let (low, high) = (range.start(), range.end());
            let message = format!("`{key}` is {given}: it must be from {low} to {high}");
            let near = if given.starts_with('-') { low } else { high };
            self.problem_at(key, message, Some(nearest_in_range(key, near)));
            return None;
        };
        if range.contains(&value) {
            return Some(value);
        }
        self.out_of_range(key, &value, range.start(), range.end());
        None
    }

    /// A whole number within `range`, or `absent` when the key is absent.
    pub fn integer_or(
        &self,
        key: &'static str,
        range: RangeInclusive<u64>,
        absent: u64,
    ) -> Option<u64> {
        if self.has(key) { self.integer(key, range) } else { Some(absent) }
    }

    /// One of a few words.
    pub fn word<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let message = format!("`{text}` is not one of {}", listed(&known));
        let example = || known.first().map(|word| format!("for example `{key} = \"{word}\"`"));
        self.problem_at(key, message, nearest(&text, &known).or_else(example));
        None
    }

    /// One of a few words, or `absent` when the key is absent.
    pub fn word_or<T: Copy>(&self, key: &'static str, words: &[(&str, T)], absent: T) -> Option<T> {
        if self.has(key) { self.word(key, words) } else { Some(absent) }
    }

    /// A list of texts.
    pub fn texts(&self, key: &'static str) -> Option<Vec<String>> {
        let items = self.required(key, Expected::Texts, array_of)?;
        for item in items.iter().filter(|item| text_of(item.get_ref()).is_none()) {
            let kind = kind_of(item.get_ref());
            let hint = Some(format!("each in quotes: `{key} = [\"…\", \"…\"]`"));
            let message = format!("`{key}` must hold texts only, not {kind}");
            self.sink.note(item.span(), message, hint);
        }
        items.iter().map(|item| text_of(item.get_ref())).collect()
    }

    /// A text, or a list of texts.
    pub fn text_or_texts(&self, key: &'static str) -> Option<Vec<String>> {
        let is_text = self.table.get(key).is_some_and(|value| text_of(value.get_ref()).is_some());
        if is_text { Some(vec![self.text(key)?]) } else { self.texts(key) }
    }

    /// A table.
    pub fn section(&self, key: &'static str) -> Option<Section<'a>> {
        self.required(key, Expected::Table, table_of)?;
        self.section_optional(key)
    }

    /// A table, if it is there.
    pub fn section_optional(&self, key: &'static str) -> Option<Section<'a>> {
        let table = self.optional(key, Expected::Table, table_of)?;
        let span = self.key_span(key);
        Some(Section::new(table, span, self.path_of(key), self.sink))
    }

    /// A list of tables (`[[key]]`), empty when absent.
    pub fn sections(&self, key: &'static str) -> Vec<Section<'a>> {
        let Some(items) = self.optional(key, Expected::Tables, array_of) else {
            return Vec::new();
        };
        let mut sections = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match table_of(item.get_ref()) {
                Some(table) => {
                    let path = format!("{}[{index}]", self.path_of(key));
                    sections.push(Section::new(table, item.span(), path, self.sink));
                }
                None => {
                    let hint = Expected::Tables.form(key, &self.path_of(key), item.get_ref());
                    let message = format!("`{key}` must hold tables");
                    self.sink.note(item.span(), message, Some(hint));
                }
            }
        }
        sections
    }

    /// Reads a list of tables (`[[key]]`), empty when absent. All of them are read before the
    /// first that cannot be is given up, so that all problems show.
    pub fn list<T>(
        &self,
        key: &'static str,
        read: impl Fn(&Section<'a>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items: Vec<Option<T>> = self.sections(key).iter().map(read).collect();
        items.into_iter().collect()
    }

    /// The tables of a table whose keys are names given by the user (`[key.name]`), in the order
    /// of the names.
    pub fn named_sections(&self, key: &'static str) -> Vec<(String, Section<'a>)> {
        let Some(table) = self.optional(key, Expected::NamedTables, table_of) else {
            return Vec::new();
        };
        let mut sections = Vec::with_capacity(table.len());
        for (name, value) in table {
            match table_of(value.get_ref()) {
                Some(inner) => {
                    let path = format!("{}.{}", self.path_of(key), name.get_ref());
                    let section = Section::new(inner, name.span(), path, self.sink);
                    sections.push((name.get_ref().to_string(), section));
                }
                None => {
                    let name: &str = name.get_ref();
                    let path = format!("{}.{name}", self.path_of(key));
                    let hint = Expected::Table.form(name, &path, value.get_ref());
                    let message = format!("`{name}` must be a table");
                    self.sink.note(value.span(), message, Some(hint));
                }
            }
        }
        sections
    }

    /// A table with exactly one key, which names the variant of a choice: `{ ladder = { … } }`.
    /// The section of that variant, with its name's place among `variants`.
    pub fn choice(
        &self,
        key: &'static str,
        variants: &[&'static str],
    ) -> Option<(usize, Section<'a>)> {
        let outer = self.section(key)?;
        outer.variant(variants)
    }

    /// Which of `variants` this section holds: exactly one key.
    pub fn variant(&self, variants: &[&'static str]) -> Option<(usize, Section<'a>)> {
        self.asked.borrow_mut().extend(variants);
        let mut found = variants.iter().enumerate().filter(|(_, v)| self.table.contains_key(**v));
        match (found.next(), found.next()) {
            (Some((index, name)), None) => Some((index, self.section(name)?)),
            (None, _) => {
                let near = self.table.keys().next().and_then(|k| nearest(k.get_ref(), variants));
                let example = || {
                    let first = variants.first()?;
                    Some(format!("add one of them, for example `{first} = {{ … }}`"))
                };
                let message = format!("expected one of {} here", listed(variants));
                self.problem(message, near.or_else(example));
                None
            }
            (Some((_, first)), Some((_, second))) => {
                let hint = Some(format!("keep `{first}` or `{second}`, and remove the rest"));
                self.problem(format!("only one of {} may be given", listed(variants)), hint);
                None
            }
        }
    }

    /// Takes every key that is left as a name given by the user: header names, for example.
    pub fn free_texts(mut self) -> Vec<(String, String)> {
        self.free = true;
        let mut texts = Vec::with_capacity(self.table.len());
        for (name, value) in self.table {
            match text_of(value.get_ref()) {
                Some(text) => texts.push((name.get_ref().to_string(), text)),
                None => {
                    let name: &str = name.get_ref();
                    let hint = Expected::Text.form(name, name, value.get_ref());
                    let message = format!("`{name}` must be a text");
                    self.sink.note(value.span(), message, Some(hint));
                }
            }
        }
        texts
    }

    /// Takes every key as a name given by the user, whose value is of one of a few kinds; in the
    /// order of the names.
    pub fn free_values(&mut self) -> Vec<(String, FreeValue<'a>)> {
        self.free = true;
        let mut values = Vec::with_capacity(self.table.len());
        for (name, value) in self.table {
            let key: &str = name.get_ref();
            let taken = match value.get_ref() {
                DeValue::Table(table) => Some(FreeValue::Section(Section::new(
                    table,
                    name.span(),
                    self.path_of(key),
                    self.sink,
                ))),
                DeValue::Array(items) => {
                    let texts = items.iter().map(|item| text_of(item.get_ref()));
                    let texts = texts.collect::<Option<_>>().map(FreeValue::Texts);
                    if texts.is_none() {
                        let hint = Some(format!("each in quotes: `{key} = [\"…\", \"…\"]`"));
                        self.problem_at(key, format!("`{key}` must hold texts only"), hint);
                    }
                    texts
                }
                other => {
                    let text = text_of(other).map(FreeValue::Text);
                    let taken = text.or_else(|| number_of(other).map(FreeValue::Number));
                    if taken.is_none() {
                        let what = "a text, a number, a list of texts or a table";
                        let message = format!("`{key}` must be {what}, not {}", kind_of(other));
                        let hint = Some(format!("for example `{key} = \"…\"`"));
                        self.problem_at(key, message, hint);
                    }
                    taken
                }
            };
            values.extend(taken.map(|value| (key.to_owned(), value)));
        }
        values.sort_by(|a, b| a.0.cmp(&b.0));
        values
    }

    fn required<T>(
        &self,
        key: &'static str,
        what: Expected,
        of: impl FnOnce(&'a DeValue<'a>) -> Option<T>,
    ) -> Option<T> {
        if self.table.contains_key(key) {
            return self.optional(key, what, of);
        }
        self.asked.borrow_mut().push(key);
        let place = if self.path.is_empty() { "the file" } else { &self.path };
        let hint = Some(format!("add `{key} = …`"));
        let message = format!("`{key}` is missing in {place}: {} is expected", what.words());
        self.problem(message, hint);
        None
    }

    fn optional<T>(
        &self,
        key: &'static str,
        what: Expected,
        of: impl FnOnce(&'a DeValue<'a>) -> Option<T>,
    ) -> Option<T> {
        self.asked.borrow_mut().push(key);
        let value = self.table.get(key)?;
        let result = of(value.get_ref());
        if result.is_none() {
            let (words, kind) = (what.words(), kind_of(value.get_ref()));
            let hint = what.form(key, &self.path_of(key), value.get_ref());
            self.sink.note(
                value.span(),
                format!("`{key}` must be {words}, not {kind}"),
                Some(hint),
            );
        }
        result
    }

    fn within(&self, key: &str, value: f64, range: RangeInclusive<f64>) -> Option<f64> {
        if range.contains(&value) {
            return Some(value);
        }
        self.out_of_range(key, &value, range.start(), range.end());
        None
    }

    fn out_of_range<T: std::fmt::Display + PartialOrd>(
        &self,
        key: &str,
        value: &T,
        low: &T,
        high: &T,
    ) {
        let message = format!("`{key}` is {value}: it must be from {low} to {high}");
        let hint = nearest_in_range(key, if value > high { high } else { low });
        self.problem_at(key, message, Some(hint));
    }

    fn key_span(&self, key: &str) -> Range<usize> {
        self.table.get_key_value(key).map_or_else(|| self.span.clone(), |(name, _)| name.span())
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

impl Drop for Section<'_> {
    fn drop(&mut self) {
        if self.free {
            return;
        }
        let asked = self.asked.borrow();
        for name in self.table.keys() {
            let key: &str = name.get_ref();
            if !asked.contains(&key) {
                let place = if self.path.is_empty() { "this file" } else { &self.path };
                let known = match asked.as_slice() {
                    [] => "no key is known here".to_owned(),
                    asked => format!("known here: {}", listed(asked)),
                };
                let hint = nearest(key, &asked).or(Some(known));
                self.sink.problems.borrow_mut().push(Problem {
                    source: Arc::clone(&self.sink.source),
                    span: name.span(),
                    message: format!("unknown key `{key}` in {place}"),
                    hint,
                    known: sorted(&asked),
                });
            }
        }
    }
}

/// Each key once, in the order of the names.
fn sorted(keys: &[&'static str]) -> Vec<&'static str> {
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    keys.dedup();
    keys
}

#[cfg(test)]
mod tests;
