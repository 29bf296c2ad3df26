//! The description of a platform, as it stands in a file.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use crate::{MediaSpec, Provisioning};

/// A streaming service: an edge that caches in front of services that scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlatformSpec {
    /// What the edge adds to each answer, in ms of wall time.
    pub edge_latency_ms: f64,
    /// The live stream.
    pub media: MediaSpec,
    /// The services behind the load balancer.
    pub services: Vec<ServiceSpec>,
    /// Which service answers which path, and what.
    pub routes: Vec<RouteSpec>,
}

/// A service with a fleet of instances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// Its name.
    pub name: String,
    /// Rated capacity of an instance in requests per match second, at full scale.
    pub rated_rps: f64,
    /// Longest predicted queue wait before it turns a request away, in match seconds.
    pub patience_s: f64,
    /// What it adds to each answer besides waiting, in ms of wall time.
    pub base_latency_ms: f64,
    /// Over how long its demand is counted, in match seconds.
    pub decision_window_s: f64,
    /// How its capacity comes and goes.
    pub provisioning: Provisioning,
}

/// A path and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteSpec {
    /// The path, and everything below it.
    pub path: String,
    /// Who answers.
    pub service: String,
    /// With what.
    pub answer: Answer,
}

/// The body of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// So many bytes at clock speed 1.
    Bytes(u32),
    /// A text; `${request}` becomes the request's number.
    Json(String),
}

impl PlatformSpec {
    /// Reads a platform's description.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let edge_latency_ms =
            section.section("edge").and_then(|edge| edge.number("base_latency_ms", 0.0..=60_000.0));
        let media = section.section("media").and_then(|media| MediaSpec::read(&media));
        let services: Vec<ServiceSpec> = section
            .named_sections("service")
            .into_iter()
            .filter_map(|(name, inner)| ServiceSpec::read(name, &inner))
            .collect();
        let mut routes = Vec::new();
        for inner in section.sections("route") {
            if let Some(route) = RouteSpec::read(&inner) {
                if !services.iter().any(|service| service.name == route.service) {
                    let message = format!("there is no service `{}`", route.service);
                    inner.problem_at("service", message, None);
                }
                routes.push(route);
            }
        }
        let media = media?;
        if !services.iter().any(|service| service.name == media.origin) {
            section.problem_at("media", format!("there is no service `{}`", media.origin), None);
        }
        Some(Self { edge_latency_ms: edge_latency_ms?, media, services, routes })
    }

    /// The route of a path: the longest that it starts with.
    pub fn route(&self, path: &str) -> Option<&RouteSpec> {
        self.routes
            .iter()
            .filter(|route| {
                path.strip_prefix(route.path.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
            })
            .max_by_key(|route| route.path.len())
    }
}

impl ServiceSpec {
    fn read(name: String, section: &Section<'_>) -> Option<Self> {
        let rated_rps = section.number("rated_rps", 1e-3..=1e9);
        let patience_s = section.number("patience_s", 0.0..=3600.0);
        let base_latency_ms = section.number("base_latency_ms", 0.0..=60_000.0);
        let decision_window_s = section.number("decision_window_s", 0.1..=3600.0);
        let provisioning = section.section("provisioning").and_then(|s| Provisioning::read(&s));
        Some(Self {
            name,
            rated_rps: rated_rps?,
            patience_s: patience_s?,
            base_latency_ms: base_latency_ms?,
            decision_window_s: decision_window_s?,
            provisioning: provisioning?,
        })
    }
}

impl RouteSpec {
    fn read(section: &Section<'_>) -> Option<Self> {
        let path = section.text("path");
        let service = section.text("service");
        let answer = match section.variant(&["bytes", "json"]) {
            Some((0, inner)) => {
                inner.integer("size", 0..=100_000_000).map(|n| Answer::Bytes(n as u32))
            }
            Some((_, inner)) => inner.text("text").map(Answer::Json),
            None => None,
        };
        Some(Self { path: path?, service: service?, answer: answer? })
    }
}
