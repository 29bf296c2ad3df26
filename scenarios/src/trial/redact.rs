//! What is never printed.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

/// In place of a secret.
pub(super) const MASK: &str = "••••";
/// A shorter text is only hidden where it stands alone, and one letter not at all: it would be
/// found everywhere.
const CHARS_MIN: usize = 4;
/// What these say is no secret, whoever says it.
const PLAIN: [&str; 3] = ["true", "false", "null"];

/// Knows the secrets that have come up so far, and hides them.
#[derive(Debug, Clone, Default)]
pub(super) struct Redactor {
    /// In every spelling that they may be met in.
    secrets: BTreeSet<String>,
}

impl Redactor {
    /// From here on this is not printed.
    pub(super) fn hide(&mut self, secret: &str) {
        for secret in [secret, secret.trim()] {
            if secret.chars().count() < 2 || PLAIN.contains(&secret) {
                continue;
            }
            self.secrets.insert(secret.to_owned());
            if secret.chars().count() < CHARS_MIN {
                continue;
            }
            let json = Value::from(secret).to_string();
            let bytes = secret.as_bytes();
            let in_html = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            self.secrets.extend([
                json[1..json.len() - 1].to_owned(),
                json[1..json.len() - 1].replace('/', "\\/"),
                percent(secret, |byte| format!("%{byte:02X}")),
                percent(secret, |byte| format!("%{byte:02x}")),
                percent(secret, |byte| match byte {
                    b' ' => "+".to_owned(),
                    byte => format!("%{byte:02X}"),
                }),
                in_html.replace('"', "&quot;"),
                in_html,
                STANDARD.encode(bytes),
                STANDARD_NO_PAD.encode(bytes),
                URL_SAFE_NO_PAD.encode(bytes),
            ]);
        }
    }

    /// A text without its secrets and without what would move a terminal's cursor.
    pub(super) fn text(&self, text: &str) -> String {
        let masked = self.mask(&assignments(&self.mask(text)));
        let odd = |letter: char| letter.is_control() && letter != '\n' && letter != '\t';
        masked.chars().map(|letter| if odd(letter) { '·' } else { letter }).collect()
    }

    /// The same in one line.
    pub(super) fn line(&self, text: &str) -> String {
        self.text(text).replace(['\n', '\t'], "·")
    }

    /// A header's value; secrets in it are known from here on.
    pub(super) fn header(&mut self, name: &str, value: &str) -> String {
        match name {
            "cookie" => {
                let pairs: Vec<String> = value.split(';').map(|pair| self.cookie(pair)).collect();
                pairs.join("; ")
            }
            "set-cookie" => self.cookie(value.split(';').next().unwrap_or_default()),
            "authorization" | "proxy-authorization" => {
                self.hide(value);
                let Some((scheme, rest)) = value.split_once(' ') else { return MASK.to_owned() };
                self.hide(rest);
                let decoded = STANDARD.decode(rest.trim()).ok();
                let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
                if let Some((_, password)) = decoded.as_deref().and_then(|d| d.split_once(':')) {
                    self.hide(password);
                }
                let known = ["basic", "bearer", "digest"];
                match known.contains(&scheme.to_ascii_lowercase().as_str()) {
                    true => format!("{scheme} {MASK}"),
                    false => MASK.to_owned(),
                }
            }
            name if is_secret(name) => {
                self.hide(value);
                MASK.to_owned()
            }
            _ => self.line(value),
        }
    }

    /// A cookie's name; its value is known from here on.
    fn cookie(&mut self, pair: &str) -> String {
        let (name, value) = pair.trim().split_once('=').unwrap_or((pair.trim(), ""));
        self.hide(value.trim_matches('"'));
        self.hide(value);
        format!("{}={MASK}", self.line(name))
    }

    /// Learns what stands under the names of passwords in JSON.
    pub(super) fn learn(&mut self, value: &Value) {
        match value {
            Value::Object(table) => {
                for (key, inner) in table {
                    match inner {
                        Value::String(text) if is_secret(key) && text.len() >= CHARS_MIN => {
                            self.hide(text);
                        }
                        inner => self.learn(inner),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.learn(item)),
            _ => {}
        }
    }

    /// Learns what stands under the names of passwords in a query or a form.
    pub(super) fn learn_pairs(&mut self, text: &str) {
        let pairs = text.split(['?', '&']).filter_map(|pair| pair.split_once('='));
        for (_, value) in pairs.filter(|(key, value)| is_secret(key) && value.len() >= CHARS_MIN) {
            self.hide(value);
        }
    }

    /// JSON without its secrets: those that are known, and whatever is called like one.
    pub(super) fn json(&self, value: &Value) -> Value {
        match value {
            Value::Object(table) => {
                let pairs = table.iter().map(|(key, inner)| {
                    let shown = if is_secret(key) { self.hidden(inner) } else { self.json(inner) };
                    (self.text(key), shown)
                });
                Value::Object(pairs.collect())
            }
            Value::Array(items) => items.iter().map(|item| self.json(item)).collect(),
            Value::String(text) => Value::from(self.text(text)),
            Value::Number(number) => {
                let text = number.to_string();
                let masked = self.mask(&text);
                if masked == text { value.clone() } else { Value::from(masked) }
            }
            Value::Null | Value::Bool(_) => value.clone(),
        }
    }

    /// What stands under the name of a secret; that it is nothing, or yes or no, is worth knowing.
    fn hidden(&self, value: &Value) -> Value {
        match value {
            Value::Object(table) => {
                let pairs = table.iter().map(|(key, inner)| (self.text(key), self.hidden(inner)));
                Value::Object(pairs.collect())
            }
            Value::Array(items) => items.iter().map(|item| self.hidden(item)).collect(),
            Value::String(text) if text.is_empty() => value.clone(),
            Value::String(_) | Value::Number(_) => Value::from(MASK),
            Value::Null | Value::Bool(_) => value.clone(),
        }
    }

    /// Every occurrence of a known secret, also where they overlap.
    pub(super) fn mask(&self, text: &str) -> String {
        let mut spans: Vec<(usize, usize)> = Vec::new();
        for secret in &self.secrets {
            let alone = secret.chars().count() < CHARS_MIN;
            let mut from = 0;
            while let Some(found) = text[from..].find(secret.as_str()) {
                let (start, end) = (from + found, from + found + secret.len());
                if !alone || stands_alone(text, start, end) {
                    spans.push((start, end));
                }
                from = start + text[start..].chars().next().map_or(1, char::len_utf8);
            }
        }
        spans.sort_unstable();
        let (mut out, mut done) = (String::with_capacity(text.len()), 0);
        let mut spans = spans.into_iter().peekable();
        while let Some((start, mut end)) = spans.next() {
            while let Some((_, further)) = spans.next_if(|(next, _)| *next < end) {
                end = end.max(further);
            }
            out.push_str(&text[done..start]);
            out.push_str(MASK);
            done = end;
        }
        out.push_str(&text[done..]);
        out
    }
}

fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let letter = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    !letter(text[..start].chars().next_back()) && !letter(text[end..].chars().next())
}

/// All that is not a letter or digit, as bytes.
fn percent(text: &str, encode: impl Fn(u8) -> String) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let coded = text.bytes().map(|byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => encode(byte),
    });
    coded.collect()
}

/// Whether a name says that its value is a secret: `accessToken`, `X-Api-Key`, `card_number`.
pub(super) fn is_secret(name: &str) -> bool {
    const WORDS: [&str; 22] = [
        "otp",
        "totp",
        "pin",
        "pwd",
        "pass",
        "card",
        "cards",
        "cvv",
        "cvc",
        "iban",
        "pan",
        "ssn",
        "jwt",
        "apikey",
        "authorization",
        "credential",
        "credentials",
        "session",
        "sid",
        "sessionid",
        "signature",
        "cookie",
    ];
    const PARTS: [&str; 8] =
        ["password", "passwd", "passcode", "passphrase", "secret", "token", "api_key", "api-key"];
    let lower = name.to_ascii_lowercase();
    if PARTS.iter().any(|part| lower.contains(part)) {
        return true;
    }
    let mut words = vec![String::new()];
    let mut before_lower = false;
    for letter in name.chars() {
        if !letter.is_alphanumeric() || (letter.is_uppercase() && before_lower) {
            words.push(String::new());
        }
        before_lower = letter.is_lowercase();
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
    }
    words.iter().any(|word| WORDS.contains(&word.as_str()))
}

/// `token=abc` and `"token": "abc"` without their values, wherever they stand in a text.
fn assignments(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(['=', ':']) {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        let key = before.trim_end_matches(['"', '\'', ' ']);
        let start = key.rfind(|c: char| !c.is_alphanumeric() && !"_-.".contains(c));
        let key = start.map_or(key, |start| {
            key[start..].trim_start_matches(|c: char| !c.is_alphanumeric() && !"_-.".contains(c))
        });
        out.push_str(&rest[..=at]);
        rest = after;
        if !is_secret(key) || after.starts_with("//") {
            continue;
        }
        let value = after.trim_start_matches([' ', '"', '\'']);
        let end = value.find(|c: char| c.is_whitespace() || "&\"'<>;,}]".contains(c));
        let end = end.unwrap_or(value.len());
        out.push_str(&after[..after.len() - value.len()]);
        if end > 0 && !PLAIN.contains(&&value[..end]) {
            out.push_str(MASK);
            rest = &value[end..];
        } else {
            rest = value;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
#[path = "redact_tests.rs"]
mod tests;
