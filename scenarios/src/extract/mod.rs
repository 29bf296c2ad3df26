//! What is kept from an answer: one kind a file.

mod cookie;
mod header;
mod json;
mod pattern;

pub(crate) use cookie::CookieJar;
use cookie::CookieName;
pub(crate) use header::HeaderName;
pub use header::is_token_byte;
pub(crate) use json::Pointer;
pub(crate) use pattern::Pattern;

use std::cell::OnceCell;

use hulk_settings::{FreeValue, Section};
use serde::{Deserialize, Serialize};

/// The headers of an answer, by lower-case names.
pub trait Headers {
    /// The first value of that name, where it is text.
    fn get(&self, name: &str) -> Option<&str>;
    /// Every value of that name, where it is text, in the answer's order.
    fn each(&self, name: &str, visit: &mut dyn FnMut(&str));
}

impl<K: AsRef<str>, V: AsRef<str>> Headers for Vec<(K, V)> {
    fn get(&self, name: &str) -> Option<&str> {
        find_first(self, name)
    }

    fn each(&self, name: &str, visit: &mut dyn FnMut(&str)) {
        visit_all(self, name, visit);
    }
}

impl<K: AsRef<str>, V: AsRef<str>> Headers for &[(K, V)] {
    fn get(&self, name: &str) -> Option<&str> {
        find_first(self, name)
    }

    fn each(&self, name: &str, visit: &mut dyn FnMut(&str)) {
        visit_all(self, name, visit);
    }
}

fn find_first<'a, K: AsRef<str>, V: AsRef<str>>(list: &'a [(K, V)], name: &str) -> Option<&'a str> {
    let found = list.iter().find(|(known, _)| known.as_ref().eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_ref())
}

fn visit_all<K: AsRef<str>, V: AsRef<str>>(
    list: &[(K, V)],
    name: &str,
    visit: &mut dyn FnMut(&str),
) {
    let named = list.iter().filter(|(known, _)| known.as_ref().eq_ignore_ascii_case(name));
    named.for_each(|(_, value)| visit(value.as_ref()));
}

/// An answer, as its values are looked for.
pub struct AnswerView<'a> {
    /// HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: &'a dyn Headers,
    /// Its body; empty where nobody wanted it.
    pub body: &'a [u8],
    json: OnceCell<Option<serde_json::Value>>,
}

impl<'a> AnswerView<'a> {
    /// Looks at an answer.
    pub fn new(status: u16, headers: &'a dyn Headers, body: &'a [u8]) -> Self {
        Self { status, headers, body, json: OnceCell::new() }
    }

    /// The body as JSON, parsed once; nothing where it is none.
    pub fn json(&self) -> Option<&serde_json::Value> {
        self.json.get_or_init(|| serde_json::from_slice(self.body).ok()).as_ref()
    }
}

/// Where a value stands in an answer, by its kind's name in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Extract {
    /// In its JSON body.
    Json(Pointer),
    /// Where a pattern is found in its body.
    Regex(Pattern),
    /// In a header.
    Header(HeaderName),
    /// In a cookie that it sets.
    Cookie(CookieName),
}

const KINDS: [&str; 4] = ["json", "regex", "header", "cookie"];

/// A right value of a kind, as a hint.
pub(crate) fn example(kind: &str) -> Option<String> {
    let value = match kind {
        "json" => "\"/user/id\"",
        "regex" => "'id=\"([^\"]+)\"'",
        "header" => "\"etag\"",
        "cookie" => "\"sid\"",
        _ => return None,
    };
    Some(format!("for example `{kind} = {value}`"))
}

impl Extract {
    /// Reads a table with one key, its kind.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let texts = KINDS.map(|kind| section.has(kind).then(|| section.text(kind)));
        let mut given =
            texts.into_iter().enumerate().filter_map(|(kind, text)| Some((kind, text?)));
        let (Some((kind, text)), None) = (given.next(), given.next()) else {
            let hint = Some("for example `{ json = \"/token\" }`".to_owned());
            section.problem("expected one of `json`, `regex`, `header` and `cookie` here", hint);
            return None;
        };
        let text = text?;
        let read = match KINDS[kind] {
            "json" => Pointer::new(&text).map(Self::Json),
            "regex" => Pattern::new(&text).map(Self::Regex),
            "header" => HeaderName::new(&text).map(Self::Header),
            _ => CookieName::new(&text).map(Self::Cookie),
        };
        let kind = KINDS[kind];
        read.map_err(|reason| section.problem_at(kind, reason, example(kind))).ok()
    }

    /// Reads a table of values by the names of their variables, in the order of the names; none
    /// where the key is absent. A plain text is a JSON pointer.
    pub fn read_all(section: &Section<'_>, key: &'static str) -> Option<Vec<(String, Self)>> {
        if !section.has(key) {
            return Some(Vec::new());
        }
        let mut table = section.section(key)?;
        let values = table.free_values();
        let read = values.into_iter().map(|(name, value)| {
            let hint = || Some(format!("for example `{name} = \"/{name}\"`, a JSON pointer"));
            let extract = match value {
                FreeValue::Section(inner) => Self::read(&inner),
                FreeValue::Text(text) => match Pointer::new(&text) {
                    Ok(pointer) => Some(Self::Json(pointer)),
                    Err(reason) => {
                        table.problem_at(&name, reason, hint());
                        None
                    }
                },
                FreeValue::Number(_) | FreeValue::Texts(_) => {
                    table.problem_at(&name, format!("`{name}` must be a text or a table"), hint());
                    None
                }
            };
            extract.map(|extract| (name, extract))
        });
        // All of them first, so that all problems show.
        read.collect::<Vec<_>>().into_iter().collect()
    }

    /// The value, where the answer has it.
    pub fn find(&self, answer: &AnswerView<'_>) -> Option<String> {
        match self {
            Self::Json(pointer) => pointer.find(answer),
            Self::Regex(pattern) => pattern.find(answer.body),
            Self::Header(header) => header.find(answer.headers).map(str::to_owned),
            Self::Cookie(cookie) => cookie.find(answer.headers),
        }
    }

    /// Whether it looks at the body.
    pub fn wants_body(&self) -> bool {
        matches!(self, Self::Json(_) | Self::Regex(_))
    }

    /// Where it looks, for a count of failures: "… found nothing".
    pub fn describe(&self) -> String {
        match self {
            Self::Json(pointer) => format!("pointer {}", pointer.text()),
            Self::Regex(pattern) => format!("pattern {}", pattern.text()),
            Self::Header(header) => format!("header {}", header.text()),
            Self::Cookie(cookie) => format!("cookie {}", cookie.text()),
        }
    }
}

#[cfg(test)]
mod tests;
