//! Where something stands in a file.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::{Problem, Source};

/// A step of the way to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At<'a> {
    /// The value of a table's key.
    Key(&'a str),
    /// An item of a list, from 0.
    Item(usize),
    /// The table of a list whose `name` this is, or that holds a table of that name:
    /// `[[step]]` with `after = { name = … }`.
    Named(&'a str),
}

impl Problem {
    /// A problem of a file that is read no more: at the end of `path`, as far as that leads, or
    /// from there on at the first place of the text `near`.
    pub fn found(
        source: &Arc<Source>,
        path: &[At<'_>],
        near: Option<&str>,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> Self {
        let (root, _) = DeTable::parse_recoverable(&source.text);
        let mut span = span_of(root.get_ref(), 0..0, path);
        let rest = source.text.get(span.start..).unwrap_or_default();
        if let Some((near, at)) = near.and_then(|near| Some((near, rest.find(near)?))) {
            let start = span.start + at;
            span = start..start + near.len();
        }
        Self::new(source, span, message, hint)
    }
}

/// The place of what `path` leads to, or of the last that it does lead to.
pub(crate) fn span_of(table: &DeTable<'_>, whole: Range<usize>, path: &[At<'_>]) -> Range<usize> {
    let (mut table, mut list, mut span) = (Some(table), None::<&[Spanned<DeValue<'_>>]>, whole);
    for step in path {
        let value = match step {
            At::Key(key) => {
                let Some((name, value)) = table.and_then(|table| table.get_key_value(*key)) else {
                    break;
                };
                // A table's own place may be its first key, or all of its lines.
                let is_table = matches!(value.get_ref(), DeValue::Table(_));
                span = if is_table { name.span() } else { value.span() };
                value
            }
            At::Item(place) => {
                let Some(value) = list.and_then(|list| list.get(*place)) else { break };
                span = value.span();
                value
            }
            At::Named(name) => {
                let named = |value: &&Spanned<DeValue<'_>>| is_named(value.get_ref(), name);
                let Some(value) = list.and_then(|list| list.iter().find(named)) else { break };
                span = value.span();
                value
            }
        };
        (table, list) = match value.get_ref() {
            DeValue::Table(inner) => (Some(inner), None),
            DeValue::Array(items) => (None, Some(&items[..])),
            _ => (None, None),
        };
    }
    span
}

fn is_named(value: &DeValue<'_>, name: &str) -> bool {
    let DeValue::Table(table) = value else { return false };
    let is = |table: &DeTable<'_>| {
        let given = table.get("name").map(Spanned::get_ref);
        matches!(given, Some(DeValue::String(given)) if given == name)
    };
    let inside = |value: &Spanned<DeValue<'_>>| match value.get_ref() {
        DeValue::Table(inner) => is(inner),
        _ => false,
    };
    is(table) || table.values().any(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "journeys = [\"a\", \"b\"]\n[clock]\nspeed = 1\n[[step]]\nafter = { name = \
                        \"x\", get = \"/\" }\n[[step]]\nafter = { name = \"y\", get = \"/${z}\" }\n";

    fn found(path: &[At<'_>], near: Option<&str>) -> String {
        let source = Source::new("a.toml", TEXT);
        let problem = Problem::found(&source, path, near, "wrong", None);
        source.text[problem.span].to_owned()
    }

    #[test]
    fn a_path_leads_to_a_value_or_as_far_as_it_can() {
        use At::{Item, Key, Named};
        assert_eq!(found(&[Key("journeys"), Item(1)], None), "\"b\"");
        assert_eq!(found(&[Key("clock")], None), "clock");
        assert_eq!(found(&[Key("clock"), Key("speed")], None), "1");
        assert_eq!(found(&[Key("clock"), Key("sped")], None), "clock");
        assert_eq!(found(&[Key("step"), Named("y")], None), "[[step]]");
        assert_eq!(found(&[Key("step"), Named("y"), Key("after"), Key("get")], None), "\"/${z}\"");
        assert_eq!(found(&[Key("step"), Named("y")], Some("${z}")), "${z}");
        assert_eq!(found(&[Key("step"), Named("y")], Some("${q}")), "[[step]]");
        assert_eq!(found(&[Key("nothing")], None), "");
    }
}
