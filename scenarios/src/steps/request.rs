//! What the steps that send one request have in common.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use crate::template::{Slots, Template, variable};

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
}

/// A request and what is expected of its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestSpec {
    /// The step's name.
    pub name: String,
    /// The service that answers it.
    pub service: String,
    /// The method.
    pub method: Method,
    /// Path and query.
    pub path: Template,
    /// The body; empty for none.
    pub body: Template,
    /// The status that is expected.
    pub expect_status: u16,
    /// Values to keep from a JSON answer: (variable, JSON pointer).
    pub extract: Vec<(u16, String)>,
}

impl RequestSpec {
    /// Reads the common keys.
    pub(crate) fn read(section: &Section<'_>, variables: &mut Vec<String>) -> Option<Self> {
        let name = section.text("name");
        let service = section.text("service");
        let (get, post) = (section.text_optional("get"), section.text_optional("post"));
        let body = section.text_optional("body");
        let expect_status = section.integer_or("expect_status", 100..=599, 200);
        let extract = section.section_optional("extract").map(Section::free_texts);
        let (method, path) = match (get, post) {
            (Some(path), None) => (Method::Get, path),
            (None, Some(path)) => (Method::Post, path),
            _ => {
                let hint = Some("for example `get = \"/v1/home\"`".to_owned());
                section.problem("a request needs either `get` or `post`", hint);
                return None;
            }
        };
        if !path.starts_with('/') {
            section.problem(format!("the path `{path}` must start with `/`"), None);
        }
        let mut template = |text: &str| {
            Template::parse(text, variables)
                .map_err(|reason| section.problem(reason, Some("close it with `}`".to_owned())))
                .ok()
        };
        let (path, body) = (template(&path), template(&body.unwrap_or_default()));
        let extract = extract.unwrap_or_default().into_iter();
        let extract = extract.map(|(name, at)| (variable(&name, variables), at)).collect();
        Some(Self {
            name: name?,
            service: service?,
            method,
            path: path?,
            body: body?,
            expect_status: expect_status? as u16,
            extract,
        })
    }

    /// Whether the answer's body is looked at.
    pub(crate) fn wants_body(&self) -> bool {
        !self.extract.is_empty()
    }

    /// Keeps the values that are to be kept. Whether all were there.
    pub(crate) fn keep(&self, body: &[u8], variables: &mut [Option<Box<str>>]) -> bool {
        if self.extract.is_empty() {
            return true;
        }
        let Ok(json) = serde_json::from_slice::<serde_json::Value>(body) else { return false };
        self.extract.iter().all(|(variable, pointer)| {
            let value = match json.pointer(pointer) {
                Some(serde_json::Value::String(text)) => text.clone(),
                Some(serde_json::Value::Number(number)) => number.to_string(),
                Some(serde_json::Value::Bool(flag)) => flag.to_string(),
                _ => return false,
            };
            if let Some(slot) = variables.get_mut(usize::from(*variable)) {
                *slot = Some(value.into_boxed_str());
            }
            true
        })
    }

    /// Fills path and body.
    pub(crate) fn render(&self, slots: &Slots<'_>, path: &mut String, body: &mut String) {
        self.path.render(slots, path);
        self.body.render(slots, body);
    }
}
