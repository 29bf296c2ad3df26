//! What the steps that send one request have in common.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use crate::checks::Check;
use crate::choice::When;
use crate::extract::{AnswerView, Extract};
use crate::template::Template;

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE
    Delete,
}

const METHODS: [(&str, Method); 4] = [
    ("get", Method::Get),
    ("post", Method::Post),
    ("put", Method::Put),
    ("delete", Method::Delete),
];

/// A request and what is expected of its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// Headers beside those of the device.
    pub headers: Vec<(String, Template)>,
    /// The status that is expected.
    pub expect_status: u16,
    /// Values to keep from the answer, by the names of their variables.
    pub extract: Vec<(String, Extract)>,
    /// What else must hold of the answer.
    pub checks: Vec<Check>,
    /// Which viewers send it.
    pub when: When,
}

impl RequestSpec {
    /// Reads the common keys.
    pub(crate) fn read(section: &Section<'_>) -> Option<Self> {
        let name = section.text("name");
        let service = section.text("service");
        let paths = METHODS.map(|(key, method)| (method, section.text_optional(key)));
        let body = section.text_optional("body").unwrap_or_default();
        let headers = section.section_optional("headers").map(Section::free_texts);
        let expect_status = section.integer_or("expect_status", 100..=599, 200);
        let extract = Extract::read_all(section, "extract");
        let checks = section.list("check", Check::read);
        let when = When::read_optional(section, "when");
        let template = |text: &str| {
            Template::parse(text)
                .map_err(|reason| section.problem(reason, Some("close it with `}`".to_owned())))
                .ok()
        };
        let mut given = paths.into_iter().filter_map(|(method, path)| Some((method, path?)));
        let (Some((method, path)), None) = (given.next(), given.next()) else {
            let hint = Some("for example `get = \"/v1/home\"`".to_owned());
            section.problem("a request needs one of `get`, `post`, `put` and `delete`", hint);
            return None;
        };
        if !path.starts_with('/') {
            let rest = path
                .split_once("://")
                .map_or(path.as_str(), |(_, rest)| rest.find('/').map_or("", |at| &rest[at..]));
            let hint = format!(
                "for example `/{}`; the host is the target's",
                rest.trim_start_matches('/')
            );
            section.problem(format!("the path `{path}` must start with `/`"), Some(hint));
        }
        let (path, body) = (template(&path), template(&body));
        let headers: Option<Vec<_>> = headers
            .unwrap_or_default()
            .into_iter()
            .map(|(name, text)| Some((name.to_ascii_lowercase(), template(&text)?)))
            .collect();
        Some(Self {
            name: name?,
            service: service?,
            method,
            path: path?,
            body: body?,
            headers: headers?,
            expect_status: expect_status? as u16,
            extract: extract?,
            checks: checks?,
            when: when?,
        })
    }

    /// Whether the answer's body is looked at.
    pub(crate) fn wants_body(&self) -> bool {
        self.extract.iter().any(|(_, extract)| extract.wants_body())
            || self.checks.iter().any(Check::wants_body)
    }

    /// All texts with slots.
    pub(crate) fn templates_mut(&mut self) -> impl Iterator<Item = &mut Template> {
        let headers = self.headers.iter_mut().map(|(_, text)| text);
        [&mut self.path, &mut self.body].into_iter().chain(headers)
    }

    /// All texts with slots.
    pub(crate) fn templates(&self) -> impl Iterator<Item = &Template> {
        [&self.path, &self.body].into_iter().chain(self.headers.iter().map(|(_, text)| text))
    }

    /// Hands over the values that are to be kept, in order; the first that is missing, or check
    /// that does not hold, in words.
    pub(crate) fn look(
        &self,
        answer: &AnswerView<'_>,
        mut keep: impl FnMut(usize, String),
    ) -> Result<(), String> {
        for check in &self.checks {
            if !check.holds(answer) {
                return Err(check.describe());
            }
        }
        for (place, (_, extract)) in self.extract.iter().enumerate() {
            match extract.find(answer) {
                Some(value) => keep(place, value),
                None => return Err(format!("{} found nothing", extract.describe())),
            }
        }
        Ok(())
    }
}
