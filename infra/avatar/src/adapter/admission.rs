//! What is asked over HTTP before the socket is opened.

use hulk_settings::{At, Section};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::template::{Escape, Names, Template, is_name};

const METHODS: [(&str, &str); 5] =
    [("DELETE", "DELETE"), ("GET", "GET"), ("PATCH", "PATCH"), ("POST", "POST"), ("PUT", "PUT")];

/// A step of the admission: a request, and what is kept of its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    method: String,
    path: Template,
    headers: Vec<(String, Template)>,
    body: Option<Template>,
    expect_status: u16,
    /// Names, and JSON pointers to what they stand for from then on.
    extract: Vec<(String, String)>,
}

/// A request, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdmissionRequest {
    /// Its method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Headers in their order.
    pub headers: Vec<(String, String)>,
    /// The body, JSON.
    pub body: Option<String>,
}

impl Step {
    /// Reads the steps in their order; what one extracts is known to those after it.
    pub(super) fn read_all(root: &Section<'_>, known: &mut Vec<String>) -> Option<Vec<Self>> {
        let sections = root.sections("admission");
        let steps: Vec<Option<Self>> =
            sections.iter().map(|section| Self::read(section, known)).collect();
        steps.into_iter().collect()
    }

    fn read(section: &Section<'_>, known: &mut Vec<String>) -> Option<Self> {
        let method = section.word_or("method", &METHODS, "GET");
        let path = Template::path(section, known);
        let body = section.text_optional("body");
        let body = body.map(|text| Template::checked(section, &[At::Key("body")], &text, known));
        let headers = section.section_optional("headers").map(Section::free_texts);
        let headers = headers.unwrap_or_default().into_iter().map(|(name, text)| {
            let place = [At::Key("headers"), At::Key(&name)];
            let value = Template::checked(section, &place, &text, known);
            (name, value)
        });
        let headers = headers.collect();
        let expect_status = section.integer_or("expect_status", 100..=599, 200);
        let extract = read_extract(section, known);
        Some(Self {
            method: method?.to_owned(),
            path: path?,
            headers,
            body,
            expect_status: expect_status? as u16,
            extract,
        })
    }

    /// Its request for one caller.
    pub fn request(&self, names: &Names) -> AdmissionRequest {
        let header =
            |(name, value): &(String, Template)| (name.clone(), value.fill(names, Escape::Plain));
        AdmissionRequest {
            method: self.method.clone(),
            path: self.path.fill(names, Escape::Path),
            headers: self.headers.iter().map(header).collect(),
            body: self.body.as_ref().map(|body| body.fill(names, Escape::Json)),
        }
    }

    /// What it keeps of an answer; none where the answer is not as expected.
    pub(super) fn extract(
        &self,
        status: u16,
        json: Option<&Value>,
    ) -> Option<Vec<(String, String)>> {
        if status != self.expect_status {
            return None;
        }
        let find = |(name, pointer): &(String, String)| {
            Some((name.clone(), text_of(json?.pointer(pointer)?)?))
        };
        self.extract.iter().map(find).collect()
    }
}

fn read_extract(section: &Section<'_>, known: &mut Vec<String>) -> Vec<(String, String)> {
    let extract = section.section_optional("extract").map(Section::free_texts);
    let extract = extract.unwrap_or_default();
    for (name, pointer) in &extract {
        let place = [At::Key("extract"), At::Key(name)];
        if known.contains(name) {
            let hint = Some("give it another name".to_owned());
            section.problem_in(&place, format!("`{name}` is known already"), hint);
        } else if !is_name(name) {
            let message = format!("`{name}` cannot be a name: `{{{name}}}` would be no slot");
            let hint = "letters, digits and `_`, and no digit first".to_owned();
            section.problem_in(&place, message, Some(hint));
        } else {
            known.push(name.clone());
        }
        if !pointer.starts_with('/') {
            let message = format!("the JSON pointer `{pointer}` must start with `/`");
            let hint = Some(format!("for example `{name} = \"/{pointer}\"`"));
            section.problem_in(&place, message, hint);
        }
    }
    extract
}

/// A text, a number or a truth value as text.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
