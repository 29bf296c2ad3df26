//! Texts with slots: `/rooms/{room}`.

use std::collections::BTreeMap;

use hulk_settings::{At, Section, nearest_or_all};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the names in templates stand for, for one caller.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    values: BTreeMap<String, String>,
}

impl Names {
    /// What a name stands for.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    pub(crate) fn set(&mut self, name: &str, value: String) {
        self.values.insert(name.to_owned(), value);
    }
}

/// How a value is written into its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escape {
    /// Percent-encoded, but for RFC 3986's unreserved characters.
    Path,
    /// As it stands within the quotes of a JSON text.
    Json,
    /// As it is.
    Plain,
}

/// A text in pieces. A slot is a name between braces; any other brace is text, so that JSON can
/// be written as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Piece {
    Text(String),
    Slot(String),
}

impl Template {
    fn parse(text: &str) -> Self {
        let (mut pieces, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            plain.push_str(before);
            match after.split_once('}').filter(|(name, _)| is_name(name)) {
                Some((name, behind)) => {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    pieces.push(Piece::Slot(name.to_owned()));
                    rest = behind;
                }
                None => {
                    plain.push('{');
                    rest = after;
                }
            }
        }
        plain.push_str(rest);
        pieces.push(Piece::Text(plain));
        Self { pieces }
    }

    /// Parses what stands at `place` in a section; a slot that is none of the `known` names is a
    /// problem there.
    pub(crate) fn checked(
        section: &Section<'_>,
        place: &[At<'_>],
        text: &str,
        known: &[String],
    ) -> Self {
        let template = Self::parse(text);
        let names: Vec<&str> = known.iter().map(String::as_str).collect();
        for piece in &template.pieces {
            if let Piece::Slot(name) = piece
                && !names.contains(&name.as_str())
            {
                let hint = nearest_or_all(name, &names);
                section.problem_in(place, format!("`{{{name}}}` is not known here"), Some(hint));
            }
        }
        template
    }

    /// Reads `path`: the path and query of a request.
    pub(crate) fn path(section: &Section<'_>, known: &[String]) -> Option<Self> {
        let text = section.text("path")?;
        if !text.starts_with('/') {
            let message = format!("`path` is `{text}`: it must start with `/`");
            section.problem_at("path", message, Some(format!("for example `path = \"/{text}\"`")));
        }
        Some(Self::checked(section, &[At::Key("path")], &text, known))
    }

    /// The text with its slots filled; a slot whose name stands for nothing is left empty.
    pub(crate) fn fill(&self, names: &Names, escape: Escape) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Slot(name) => write(names.get(name).unwrap_or_default(), escape, &mut out),
            }
        }
        out
    }
}

/// Whether a slot may be called so: letters, digits and `_`, and no digit first.
pub(super) fn is_name(text: &str) -> bool {
    let is_part = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
    text.bytes().all(is_part) && text.bytes().next().is_some_and(|byte| !byte.is_ascii_digit())
}

fn write(value: &str, escape: Escape, out: &mut String) {
    match escape {
        Escape::Plain => out.push_str(value),
        Escape::Json => {
            let quoted = Value::from(value).to_string();
            let inner = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
            out.push_str(inner.unwrap_or_default());
        }
        Escape::Path => {
            for byte in value.bytes() {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    out.push(char::from(byte));
                } else {
                    out.push_str(&format!("%{byte:02X}"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, escape: Escape) -> String {
        let mut names = Names::default();
        names.set("caller", "7".to_owned());
        names.set("room_1", "a b/\"é\"".to_owned());
        Template::parse(text).fill(&names, escape)
    }

    #[test]
    fn a_value_is_written_as_its_place_wants_it() {
        assert_eq!(filled("/r/{room_1}?c={caller}", Escape::Path), "/r/a%20b%2F%22%C3%A9%22?c=7");
        assert_eq!(filled("{room_1}!", Escape::Plain), "a b/\"é\"!");
        let body = filled(r#"{"room":"{room_1}","n":{caller}}"#, Escape::Json);
        assert_eq!(body, r#"{"room":"a b/\"é\"","n":7}"#);
    }

    #[test]
    fn other_braces_are_text_and_what_is_not_set_is_empty() {
        for text in ["{}", "{\"a\":{\"b\":[]}}", "{1}", "{a b}", "{", "}{", "{a"] {
            assert_eq!(filled(text, Escape::Json), text);
        }
        assert_eq!(filled("<{{caller}}{other}>", Escape::Plain), "<{7}>");
    }
}
