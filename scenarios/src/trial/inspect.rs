//! What a step looks for in an answer: found or not, and what is there instead.

use hulk_settings::nearest;
use serde_json::Value;

use super::redact::{MASK, Redactor};
use super::shown::Look;
use crate::checks::Check;
use crate::extract::{AnswerView, Extract};
use crate::steps::RequestSpec;

/// So many names are told of what is there.
const NAMES_MAX: usize = 12;

/// The answer that is looked into, with its headers as a list.
pub(super) struct Inspected<'a> {
    pub(super) answer: AnswerView<'a>,
    pub(super) headers: &'a [(String, String)],
    pub(super) redactor: &'a Redactor,
}

/// Every check and extraction of a step, in the order in which they are made.
pub(super) fn looks(spec: &RequestSpec, seen: &Inspected<'_>) -> Vec<Look> {
    let checks = spec.checks.iter().map(|check| seen.check(check));
    let kept = spec.extract.iter().map(|(name, extract)| seen.extract(name, extract));
    checks.chain(kept).collect()
}

impl Inspected<'_> {
    fn extract(&self, name: &str, extract: &Extract) -> Look {
        if let Some(value) = extract.find(&self.answer) {
            let chars = value.chars().count();
            let plural = if chars == 1 { "" } else { "s" };
            let text = format!("{name} = {MASK} ({chars} char{plural})");
            return Look { holds: true, text };
        }
        let nearest = match extract {
            Extract::Json(pointer) => self.at(pointer.text(), true),
            Extract::Regex(_) => self.body_told(),
            Extract::Header(header) => self.headers_told(header.text()),
            Extract::Cookie(cookie) => self.cookies_told(cookie.text()),
        };
        let text = format!("{name}: {} found nothing; {nearest}", extract.describe());
        Look { holds: false, text }
    }

    fn check(&self, check: &Check) -> Look {
        let holds = check.holds(&self.answer);
        let text = match check {
            Check::Json { at, is } => {
                let found = match at.at(&self.answer) {
                    Some(value) => self.value(at.text(), value),
                    None => self.at(at.text(), false),
                };
                let wanted = is.as_ref().map(|is| format!(" is `{}`", self.redactor.line(is)));
                match (holds, wanted) {
                    (true, wanted) => format!("json {}{}", at.text(), wanted.unwrap_or_default()),
                    (false, Some(wanted)) => {
                        format!("json {}: expected that it{wanted}; {found}", at.text())
                    }
                    (false, None) => format!("json {}: expected it there; {found}", at.text()),
                }
            }
            Check::Regex(pattern) if holds => {
                format!("regex {} is in the body", self.redactor.line(pattern.text()))
            }
            Check::Header { name, is } => {
                let wanted = is.as_ref().map(|is| format!(" is `{}`", self.redactor.line(is)));
                let wanted = wanted.unwrap_or_default();
                match (holds, name.find(self.answer.headers)) {
                    (true, _) => format!("header {}{wanted}", name.text()),
                    (false, Some(found)) => {
                        let found = self.redactor.clone().header(name.text(), found);
                        format!("header {}: expected that it{wanted}; it is `{found}`", name.text())
                    }
                    (false, None) => {
                        let there = self.headers_told(name.text());
                        format!("header {}: expected it; {there}", name.text())
                    }
                }
            }
            Check::BodyContains(text) => self.contains(text, holds),
            Check::BodyBytesMin(least) => {
                let found = self.answer.body.len();
                match holds {
                    true => format!("the body has {found} bytes, at least {least}"),
                    false => format!("expected a body of at least {least} bytes; it has {found}"),
                }
            }
            Check::Regex(_) => {
                format!("expected: {}; {}", self.redactor.line(&positive(check)), self.body_told())
            }
        };
        Look { holds, text }
    }

    fn contains(&self, text: &str, holds: bool) -> String {
        let body = String::from_utf8_lossy(self.answer.body);
        let shown = self.redactor.line(text);
        match body.find(text) {
            Some(at) if holds => format!("`{shown}` is in the body, at byte {at}"),
            _ if holds => format!("`{shown}` is in the body"),
            _ => {
                let other_case = body.to_lowercase().find(&text.to_lowercase());
                let there = match other_case {
                    Some(at) => format!("it is there in another case, near byte {at}"),
                    None => self.body_told(),
                };
                format!("expected `{shown}` in the body; {there}")
            }
        }
    }

    /// What stands where a pointer leads, or as near as one comes.
    fn at(&self, pointer: &str, scalar: bool) -> String {
        let Some(root) = self.answer.json() else {
            return format!("the body is no JSON: {}", self.body_told());
        };
        if let Some(found) = root.pointer(pointer) {
            let wanted =
                if scalar { ", and a text, a number or a truth value is needed" } else { "" };
            return format!("{}{wanted}", self.value(pointer, found));
        }
        let (mut depth, mut here) = (0, root);
        let ends = pointer.match_indices('/').map(|(at, _)| at).skip(1).chain([pointer.len()]);
        for end in ends {
            let Some(inner) = root.pointer(&pointer[..end]) else { break };
            (depth, here) = (end, inner);
        }
        let there = match depth {
            0 => self.value("/", here),
            depth => self.value(&pointer[..depth], here),
        };
        let wanted = pointer.rsplit('/').next().unwrap_or_default();
        let hint = match (whereabouts(root, wanted, String::new(), 6), here) {
            (Some(found), _) => Some(format!("did you mean `{}`?", self.redactor.line(&found))),
            (None, Value::Object(table)) => {
                let next = pointer[depth..].trim_start_matches('/').split('/').next();
                let keys: Vec<&str> = table.keys().map(String::as_str).collect();
                next.and_then(|next| nearest(next, &keys)).map(|hint| self.redactor.line(&hint))
            }
            _ => None,
        };
        match hint {
            Some(hint) => format!("{there}; {hint}"),
            None => there,
        }
    }

    /// A value in a few words.
    fn value(&self, at: &str, value: &Value) -> String {
        let at = self.redactor.line(at);
        match value {
            Value::Object(table) if table.is_empty() => format!("{at} is an empty object"),
            Value::Object(table) => {
                format!("at {at} there are {}", self.names(table.keys().map(String::as_str)))
            }
            Value::Array(items) => format!("{at} is an array of {}", items.len()),
            scalar => {
                let name = at.rsplit('/').next().unwrap_or_default();
                let wrapped =
                    Value::Object([(name.to_owned(), scalar.clone())].into_iter().collect());
                let shown = self.redactor.json(&wrapped);
                let text = shown.get(name).unwrap_or(&Value::Null).to_string();
                format!("{at} is {}", self.redactor.line(&start_of(&text, 80)))
            }
        }
    }

    fn headers_told(&self, wanted: &str) -> String {
        let mut names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.dedup();
        let hint = nearest(wanted, &names).map(|hint| format!("; {}", self.redactor.line(&hint)));
        format!("there are {}{}", self.names(names.into_iter()), hint.unwrap_or_default())
    }

    fn cookies_told(&self, wanted: &str) -> String {
        let set = self.headers.iter().filter(|(name, _)| name == "set-cookie");
        let names: Vec<&str> =
            set.filter_map(|(_, line)| Some(line.split_once('=')?.0.trim())).collect();
        match names.is_empty() {
            true => "the answer sets no cookie".to_owned(),
            false => {
                let hint =
                    nearest(wanted, &names).map(|hint| format!("; {}", self.redactor.line(&hint)));
                format!("it sets {}{}", self.names(names.into_iter()), hint.unwrap_or_default())
            }
        }
    }

    /// What the body is, in a few words.
    pub(super) fn body_told(&self) -> String {
        let body = self.answer.body;
        if body.is_empty() {
            return "the body is empty".to_owned();
        }
        let text = String::from_utf8_lossy(body);
        let start = start_of(&self.redactor.line(&text), 60);
        format!("the body has {} bytes and starts `{start}`", body.len())
    }

    fn names<'b>(&self, names: impl Iterator<Item = &'b str>) -> String {
        let all: Vec<String> =
            names.map(|name| format!("`{}`", self.redactor.line(name))).collect();
        match all.len() {
            0 => "none".to_owned(),
            count if count > NAMES_MAX => {
                format!("{} and {} more", all[..NAMES_MAX].join(", "), count - NAMES_MAX)
            }
            _ => all.join(", "),
        }
    }
}

/// What a check wants, where its own words say what is wrong.
fn positive(check: &Check) -> String {
    check.describe().replace(" is not in the body", " in the body")
}

/// Where a key of that name stands, the least deep.
fn whereabouts(value: &Value, name: &str, path: String, depth: u32) -> Option<String> {
    let Value::Object(table) = value else { return None };
    if table.contains_key(name) {
        return Some(format!("{path}/{name}"));
    }
    let deeper = depth.checked_sub(1)?;
    table.iter().find_map(|(key, inner)| whereabouts(inner, name, format!("{path}/{key}"), deeper))
}

/// The first letters of a text.
pub(super) fn start_of(text: &str, letters: usize) -> String {
    match text.char_indices().nth(letters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
