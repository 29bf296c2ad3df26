//! What the steps that send one request have in common.

use hulk_settings::{At, Section};
use serde::{Deserialize, Serialize};

use crate::checks::Check;
use crate::choice::When;
use crate::extract::{AnswerView, Extract, HeaderName};
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
    /// HEAD: an answer without its body.
    Head,
}

impl Method {
    /// Its name in a request.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Head => "HEAD",
        }
    }
}

const METHODS: [(&str, Method); 5] = [
    ("get", Method::Get),
    ("post", Method::Post),
    ("put", Method::Put),
    ("delete", Method::Delete),
    ("head", Method::Head),
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
        let paths = METHODS.map(|(key, _)| section.text_optional(key));
        let body = section.text_optional("body").unwrap_or_default();
        let headers = section.section_optional("headers").map(Section::free_texts);
        let expect_status = section.integer_or("expect_status", 100..=599, 200);
        let extract = Extract::read_all(section, "extract");
        let checks = section.list("check", Check::read);
        let when = When::read_optional(section, "when");
        let mut given = METHODS
            .iter()
            .zip(paths)
            .filter_map(|((key, method), path)| Some((*key, *method, path?)));
        let (key, method, path) = match (given.next(), given.next()) {
            (Some(one), None) => one,
            (Some((one, ..)), Some((other, ..))) => {
                let hint = Some("make two steps of it".to_owned());
                section.problem_at(
                    other,
                    format!("a request has one method, and `{one}` is one"),
                    hint,
                );
                return None;
            }
            _ => {
                let hint = Some("for example `get = \"/v1/home\"`".to_owned());
                section.problem(
                    "a request needs one of `get`, `post`, `put`, `delete` and `head`",
                    hint,
                );
                return None;
            }
        };
        check_path(section, key, &path);
        let template = |at: &[At<'_>], text: &str| {
            let hint = || Some("close it with `}`".to_owned());
            Template::parse(text).map_err(|reason| section.problem_in(at, reason, hint())).ok()
        };
        let path = template(&[At::Key(key)], &path);
        let body = template(&[At::Key("body")], &body);
        let headers: Vec<Option<_>> = headers
            .unwrap_or_default()
            .into_iter()
            .map(|(name, text)| {
                let at = [At::Key("headers"), At::Key(&name)];
                check_header(section, &at, &name, &text);
                Some((name.to_ascii_lowercase(), template(&at, &text)?))
            })
            .collect();
        let headers: Option<Vec<_>> = headers.into_iter().collect();
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

/// Notes a path that no request can have.
fn check_path(section: &Section<'_>, key: &str, path: &str) {
    if !path.starts_with('/') {
        let rest = path
            .split_once("://")
            .map_or(path, |(_, rest)| rest.find('/').map_or("", |at| &rest[at..]));
        let rest = rest.trim_start_matches('/');
        let hint = format!("for example `{key} = \"/{rest}\"`; the host is the target's");
        section.problem_at(key, format!("the path `{path}` must start with `/`"), Some(hint));
    }
    let wrong = |c: &char| c.is_whitespace() || c.is_control() || !c.is_ascii() || *c == '#';
    if let Some(c) = outside_slots(path).find(wrong) {
        let mut bytes = [0; 4];
        let codes = c.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}"));
        let hint = format!("write `{}` for it", codes.collect::<String>());
        section.problem_at(key, format!("{c:?} cannot stand in a path"), Some(hint));
    }
}

/// Notes a header that no request can have.
fn check_header(section: &Section<'_>, at: &[At<'_>], name: &str, text: &str) {
    if let Err(reason) = HeaderName::new(name) {
        let hint = "letters, digits and `-`, for example `x-team`".to_owned();
        section.problem_in(at, reason, Some(hint));
    }
    if outside_slots(text).any(|c| c.is_control() && c != '\t') {
        let hint = "a header is one line: each header has a key of its own".to_owned();
        section.problem_in(at, format!("the header `{name}` has a control character"), Some(hint));
    }
}

/// The letters of a text that are not part of `${…}`.
fn outside_slots(text: &str) -> impl Iterator<Item = char> {
    let mut parts = text.split("${");
    let first = parts.next().unwrap_or_default();
    let rest = parts.map(|part| part.split_once('}').map_or("", |(_, after)| after));
    std::iter::once(first).chain(rest).flat_map(str::chars)
}
