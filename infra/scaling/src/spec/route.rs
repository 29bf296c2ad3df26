//! Paths and their answers.

use hulk_settings::{FreeValue, Section};
use serde::{Deserialize, Serialize};

use super::no_service;
use crate::PanicSpec;
use crate::template::Template;

/// A path and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouteSpec {
    /// The path, and everything below it.
    pub path: String,
    /// Who answers.
    pub service: String,
    /// With what.
    pub answer: Answer,
    /// A cookie that comes with the answer; slots as in [`Answer::Json`].
    pub set_cookie: Option<String>,
    /// Work that it costs the service: 1 is what an instance does `rated_rps` times a second.
    pub cost: f64,
    /// Whether the service's own calls are made for it.
    pub calls: bool,
    /// What becomes of it when the home page is static.
    pub when_static: WhenStatic,
}

/// The body of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// So many bytes at clock speed 1.
    Bytes {
        /// How many, where nothing else is said.
        size: u32,
        /// How many for some of those who ask.
        by: Option<SizeBy>,
    },
    /// A text; `${request}` becomes the request's number and `${query.name}` the query's value,
    /// of which only letters, digits, `-`, `_` and `.` are kept.
    Json(String),
}

/// Sizes by the value of a query parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SizeBy {
    /// The parameter.
    pub query: String,
    /// Its values, each with a size in bytes at clock speed 1.
    pub sizes: Vec<(String, u32)>,
}

/// What becomes of a route when the home page is static.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenStatic {
    /// Its service is asked as always.
    Asked,
    /// The edge answers with the same body.
    Kept,
    /// The edge answers with an empty JSON object.
    Empty,
}

const SIZE_MAX: u32 = 100_000_000;

impl RouteSpec {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let path = section.text("path");
        let service = section.text("service");
        let answer = match section.variant(&["bytes", "json"]) {
            Some((0, inner)) => read_bytes(&inner),
            Some((_, inner)) => template(&inner, "text").map(Answer::Json),
            None => None,
        };
        let cookie = section.has("set_cookie").then(|| template(section, "set_cookie"));
        let cost = section.number_or("cost", 0.0..=1e6, 1.0);
        let calls = section.flag_or("calls", true);
        let kept = section.flag_or("static", false);
        let empty = section.flag_or("static_empty", false);
        let when_static = match (kept?, empty?) {
            (true, true) => {
                let hint = "keep `static` for the same body, `static_empty` for an empty one";
                let message = "only one of `static` and `static_empty` may be set";
                section.problem(message, Some(hint.to_owned()));
                return None;
            }
            (true, false) => WhenStatic::Kept,
            (false, true) => WhenStatic::Empty,
            (false, false) => WhenStatic::Asked,
        };
        Some(Self {
            path: path?,
            service: service?,
            answer: answer?,
            set_cookie: cookie.map_or(Some(None), |text| text.map(Some))?,
            cost: cost?,
            calls: calls?,
            when_static,
        })
    }
}

fn read_bytes(section: &Section<'_>) -> Option<Answer> {
    let size = section.integer("size", 0..=u64::from(SIZE_MAX));
    let by = section.section_optional("by").map(|inner| SizeBy::read(inner));
    Some(Answer::Bytes { size: size? as u32, by: by.map_or(Some(None), |by| by.map(Some))? })
}

impl SizeBy {
    fn read(mut section: Section<'_>) -> Option<Self> {
        let (mut query, mut sizes, mut wrong) = (None, Vec::new(), false);
        for (key, value) in section.free_values() {
            match value {
                FreeValue::Text(text) if key == "query" => query = Some(text),
                FreeValue::Number(size)
                    if key != "query"
                        && size.fract() == 0.0
                        && (0.0..=f64::from(SIZE_MAX)).contains(&size) =>
                {
                    sizes.push((key, size as u32));
                }
                _ => {
                    let message = format!("`{key}` must be a size from 0 to {SIZE_MAX}");
                    let hint = match key.as_str() {
                        "query" => "`query = \"device\"` names the parameter".to_owned(),
                        key => format!("whole bytes, for example `{key} = 45_000`"),
                    };
                    section.problem_at(&key, message, Some(hint));
                    wrong = true;
                }
            }
        }
        if query.is_none() && !wrong {
            let hint = Some("add `query = \"device\"`".to_owned());
            section.problem("sizes need the query parameter that chooses them", hint);
        }
        (!wrong).then_some(Self { query: query?, sizes })
    }
}

/// A text with slots that are known.
fn template(section: &Section<'_>, key: &'static str) -> Option<String> {
    let text = section.text(key)?;
    match Template::parse(&text) {
        Ok(_) => Some(text),
        Err(slot) => {
            let hint = Some("known are `${request}` and `${query.name}`".to_owned());
            section.problem_at(key, format!("nobody knows the slot `{slot}`"), hint);
            None
        }
    }
}

/// What only shows when all routes are there.
pub(super) fn check(
    routes: &[(Section<'_>, Option<RouteSpec>)],
    panic: Option<&PanicSpec>,
    services: &[&str],
) {
    let known = || routes.iter().filter_map(|(inner, route)| Some((inner, route.as_ref()?)));
    for (index, (inner, route)) in known().enumerate() {
        no_service(inner, "service", &route.service, services);
        if known().take(index).any(|(_, earlier)| earlier.path == route.path) {
            let hint = Some("remove one of the two routes, or change its path".to_owned());
            inner.problem_at("path", format!("`{}` has an answer already", route.path), hint);
        }
        let home = panic.map(|panic| panic.home.as_str());
        if route.when_static != WhenStatic::Asked && home != Some(route.service.as_str()) {
            let hint = Some("`[panic]` names it as `home`".to_owned());
            inner.problem("only answers of the home service become static", hint);
        }
    }
}
