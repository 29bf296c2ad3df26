//! The attributes of a toxic, as its clients write them: a JSON object of numbers and texts.

use std::cell::RefCell;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

/// The attributes of a toxic by their names.
pub type Attributes = Map<String, Value>;

/// An attribute that cannot be what it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("attribute `{name}` {problem}")]
pub struct AttributeError {
    /// The attribute.
    pub name: String,
    /// What is wrong with it, and what is expected.
    pub problem: String,
}

/// Reads attributes one by one; their names are the same in upper and lower case, `null` is as good as
/// absent, and an absent number is 0, as Toxiproxy's clients expect.
pub(crate) struct Reader<'a> {
    given: &'a Attributes,
    asked: RefCell<Vec<&'static str>>,
    problems: RefCell<Vec<AttributeError>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(given: &'a Attributes) -> Self {
        Self { given, asked: RefCell::default(), problems: RefCell::default() }
    }

    /// What is wrong with the attributes, and those that nobody has asked for.
    pub(crate) fn finish(self) -> (Vec<AttributeError>, Vec<String>) {
        let asked = self.asked.into_inner();
        let known = |name: &&String| asked.iter().any(|asked| asked.eq_ignore_ascii_case(name));
        let strange = self.given.keys().filter(|name| !known(name)).cloned().collect();
        (self.problems.into_inner(), strange)
    }

    /// The names of those that were asked for, in words.
    pub(crate) fn asked_names(&self) -> String {
        let asked = self.asked.borrow();
        if asked.is_empty() { "it has none".into() } else { asked.join(", ") }
    }

    /// Notes what is wrong with an attribute, unless it is known to be wrong.
    pub(crate) fn problem(&self, name: &str, problem: String) {
        let mut problems = self.problems.borrow_mut();
        if !problems.iter().any(|known| known.name == name) {
            problems.push(AttributeError { name: name.to_owned(), problem });
        }
    }

    /// A whole number, 0 where it is absent.
    pub(crate) fn whole(&self, name: &'static str, range: RangeInclusive<i64>) -> i64 {
        let Some(value) = self.value(name) else {
            if !range.contains(&0) {
                self.problem(name, format!("is missing: {}", within(&range)));
            }
            return 0;
        };
        let whole = value.as_i64().or_else(|| {
            // 1000.0 is a whole number, whatever its client's language.
            let number = value.as_f64().filter(|number| number.fract() == 0.0)?;
            (number.abs() < 9e15).then_some(number as i64)
        });
        match whole {
            Some(whole) if range.contains(&whole) => whole,
            _ => {
                self.problem(name, format!("is {}: {}", shown(value), within(&range)));
                0
            }
        }
    }

    /// A share, or another number that need not be whole.
    pub(crate) fn number(
        &self,
        name: &'static str,
        range: RangeInclusive<f64>,
        absent: f64,
    ) -> f64 {
        let Some(value) = self.value(name) else { return absent };
        match value.as_f64() {
            Some(number) if range.contains(&number) => number,
            _ => {
                let (low, high) = (range.start(), range.end());
                let wanted = format!("a number from {low} to {high} is expected");
                self.problem(name, format!("is {}: {wanted}", shown(value)));
                absent
            }
        }
    }

    /// A text, if it is there.
    pub(crate) fn text(&self, name: &'static str) -> Option<String> {
        let value = self.value(name)?;
        if let Value::String(text) = value {
            return Some(text.clone());
        }
        self.problem(name, format!("is {}: a text is expected", shown(value)));
        None
    }

    /// One of a few words; the first where it is absent.
    pub(crate) fn word<T: Copy + Default>(&self, name: &'static str, words: &[(&str, T)]) -> T {
        let Some(text) = self.text(name) else { return T::default() };
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return *value;
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.problem(name, format!("is `{text}`: one of {} is expected", known.join(", ")));
        T::default()
    }

    fn value(&self, name: &'static str) -> Option<&'a Value> {
        self.asked.borrow_mut().push(name);
        let (_, value) = self.given.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        (!value.is_null()).then_some(value)
    }
}

/// The attributes with those of `changes` in the place of theirs.
pub(crate) fn merged(mut attributes: Attributes, changes: &Attributes) -> Attributes {
    for (name, value) in changes.iter().filter(|(_, value)| !value.is_null()) {
        attributes.retain(|known, _| !known.eq_ignore_ascii_case(name));
        attributes.insert(name.clone(), value.clone());
    }
    attributes
}

fn within(range: &RangeInclusive<i64>) -> String {
    format!("a whole number from {} to {} is expected", range.start(), range.end())
}

/// A value as it stands in a message, cut where it is long.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
