//! Values of a settings file: what they are, and how the right ones are written.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub(crate) fn text_of(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        _ => None,
    }
}

pub(crate) fn flag_of(value: &DeValue<'_>) -> Option<bool> {
    match value {
        DeValue::Boolean(flag) => Some(*flag),
        _ => None,
    }
}

pub(crate) fn integer_of(value: &DeValue<'_>) -> Option<u64> {
    match value {
        DeValue::Integer(number) => {
            u64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok()
        }
        _ => None,
    }
}

pub(crate) fn number_of(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Integer(number) => {
            i64::from_str_radix(&number.as_str().replace('_', ""), number.radix())
                .ok()
                .map(|whole| whole as f64)
        }
        DeValue::Float(number) => number.as_str().replace('_', "").parse().ok(),
        _ => None,
    }
}

pub(crate) fn array_of<'a>(value: &'a DeValue<'a>) -> Option<&'a [Spanned<DeValue<'a>>]> {
    match value {
        DeValue::Array(items) => Some(items),
        _ => None,
    }
}

pub(crate) fn table_of<'a>(value: &'a DeValue<'a>) -> Option<&'a DeTable<'a>> {
    match value {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

/// What a value is, in words.
pub(crate) fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(number) if number.as_str().starts_with('-') => "a negative number",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// What is expected of a key's value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    Text,
    Flag,
    Number,
    WholeNumber,
    Texts,
    Table,
    Tables,
    NamedTables,
}

impl Expected {
    /// In words, for a message.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Flag => "true or false",
            Self::Number => "a number",
            Self::WholeNumber => "a whole number",
            Self::Texts => "a list of texts",
            Self::Table => "a table",
            Self::Tables => "a list of tables",
            Self::NamedTables => "a table of tables",
        }
    }

    /// How it is written under `key`, whose whole path is `path`; near what was `given`.
    pub(crate) fn form(self, key: &str, path: &str, given: &DeValue<'_>) -> String {
        match (self, given) {
            (Self::Text, DeValue::Integer(number)) => {
                format!("write it in quotes: `{key} = \"{}\"`", number.as_str())
            }
            (Self::Text, DeValue::Float(number)) => {
                format!("write it in quotes: `{key} = \"{}\"`", number.as_str())
            }
            (Self::Text, DeValue::Boolean(flag)) => {
                format!("write it in quotes: `{key} = \"{flag}\"`")
            }
            (Self::Text, _) => format!("write it in quotes: `{key} = \"…\"`"),
            (Self::Flag, _) => format!("`{key} = true` or `{key} = false`, without quotes"),
            (Self::Number | Self::WholeNumber, DeValue::String(text)) => {
                match text.trim().parse::<f64>() {
                    Ok(_) => format!("write it without quotes: `{key} = {}`", text.trim()),
                    Err(_) => format!("digits without quotes and without a unit: `{key} = 1`"),
                }
            }
            (Self::Number, _) => format!("digits, for example `{key} = 1`"),
            (Self::WholeNumber, _) => {
                format!("digits without sign and decimal point, for example `{key} = 1`")
            }
            (Self::Texts, DeValue::String(text)) => {
                format!("put it in brackets: `{key} = [\"{text}\"]`")
            }
            (Self::Texts, _) => format!("for example `{key} = [\"…\", \"…\"]`"),
            // Within a list of tables a header cannot name its place.
            (Self::Table, _) if path.contains('[') => format!("write `{key} = {{ … }}`"),
            (Self::Tables | Self::NamedTables, _) if path.contains('[') => {
                let form = if self == Self::Tables { "[{ … }]" } else { "{ NAME = { … } }" };
                format!("write `{key} = {form}`")
            }
            (Self::Table, _) => {
                format!("write `[{path}]` and its keys below it, or `{key} = {{ … }}`")
            }
            (Self::Tables, _) => {
                format!("write `[[{path}]]` and its keys below it, once for each")
            }
            (Self::NamedTables, _) => {
                format!("write `[{path}.NAME]` and its keys below it, once for each name")
            }
        }
    }
}

/// What the end of a key's name says about its unit.
fn unit_of(key: &str) -> Option<&'static str> {
    let units = [
        ("_ms", "milliseconds of wall time"),
        ("_min", "minutes of match time"),
        ("_s", "seconds of match time"),
        ("_kbps", "kbit/s"),
    ];
    units.iter().find(|(end, _)| key.ends_with(end)).map(|(_, unit)| *unit)
}

/// The way out of a number out of range: the nearest that is in it, and the unit.
pub(crate) fn nearest_in_range(key: &str, end: &impl std::fmt::Display) -> String {
    let unit = unit_of(key).map(|unit| format!("; it is in {unit}")).unwrap_or_default();
    format!("the nearest that is allowed is `{key} = {end}`{unit}")
}

/// Names between quotes, in their order, each once.
pub(crate) fn listed(words: &[&str]) -> String {
    let mut unique: Vec<&str> = words.to_vec();
    unique.sort_unstable();
    unique.dedup();
    unique.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// `did you mean …?`, when one of the words is near enough.
pub fn nearest(given: &str, words: &[&str]) -> Option<String> {
    words
        .iter()
        .map(|word| (strsim::damerau_levenshtein(given, word), word))
        .filter(|(distance, word)| *distance <= 1 + word.len() / 4)
        .min()
        .map(|(_, word)| format!("did you mean `{word}`?"))
}

/// The nearest of the names, or else all of them, or else that there is none.
pub fn nearest_or_all(given: &str, names: &[&str]) -> String {
    nearest(given, names).unwrap_or_else(|| match names {
        [] => "there is none".to_owned(),
        names => format!("there are {}", listed(names)),
    })
}
