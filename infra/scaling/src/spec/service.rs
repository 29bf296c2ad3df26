//! Services and what they ask of each other.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::no_service;
use crate::Provisioning;

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
    /// What it asks before it answers, one after another.
    pub calls: Vec<CallSpec>,
    /// Requests per match second, at full scale, above which it answers 429.
    pub rate_limit_rps: Option<f64>,
    /// The load balancers in front of it; without any, there is no such limit.
    pub load_balancers: Vec<BalancerSpec>,
    /// Whether it must hold in every fault.
    pub always_on: bool,
}

/// A load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BalancerSpec {
    /// Requests per match second, at full scale, above which it answers 503 by itself.
    pub peak_rps: f64,
}

/// A question of one service to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallSpec {
    /// Who is asked.
    pub service: String,
    /// How long the asking service waits, in ms of wall time.
    pub timeout_ms: f64,
    /// Whether it answers without, when this one fails.
    pub optional: bool,
}

impl ServiceSpec {
    pub(super) fn read(name: String, section: &Section<'_>) -> Option<Self> {
        let rated_rps = rated_rps(section);
        let patience_s = section.number("patience_s", 0.0..=3600.0);
        let base_latency_ms = section.number("base_latency_ms", 0.0..=60_000.0);
        let decision_window_s = section.number("decision_window_s", 0.1..=3600.0);
        let provisioning = section.section("provisioning").and_then(|s| Provisioning::read(&s));
        let calls = section.list("calls", CallSpec::read);
        let limited = section.has("rate_limit_rps");
        let limit = if limited { section.number("rate_limit_rps", 1e-3..=1e12) } else { None };
        let load_balancers = section.list("load_balancers", BalancerSpec::read);
        let always_on = section.flag_or("always_on", false);
        Some(Self {
            name,
            rated_rps: rated_rps?,
            patience_s: patience_s?,
            base_latency_ms: base_latency_ms?,
            decision_window_s: decision_window_s?,
            provisioning: provisioning?,
            calls: calls?,
            rate_limit_rps: limit,
            load_balancers: load_balancers?,
            always_on: always_on?,
        })
    }
}

/// What an instance serves a second, as it stands in the file or by the minute.
fn rated_rps(section: &Section<'_>) -> Option<f64> {
    let (by_second, by_minute) = (section.has("rated_rps"), section.has("rated_per_min"));
    if by_second && by_minute {
        let hint = "keep one of them: `rated_per_min` is 60 times `rated_rps`".to_owned();
        let message = "only one of `rated_rps` and `rated_per_min` may be given";
        section.problem_at("rated_per_min", message, Some(hint));
    }
    if by_minute {
        return section.number("rated_per_min", 0.06..=6e10).map(|per_min| per_min / 60.0);
    }
    section.number("rated_rps", 1e-3..=1e9)
}

impl BalancerSpec {
    fn read(section: &Section<'_>) -> Option<Self> {
        section.number("peak_rps", 1e-3..=1e12).map(|peak_rps| Self { peak_rps })
    }
}

impl CallSpec {
    fn read(section: &Section<'_>) -> Option<Self> {
        let service = section.text("service");
        let timeout_ms = section.number("timeout_ms", 0.1..=600_000.0);
        let optional = section.flag_or("optional", false);
        Some(Self { service: service?, timeout_ms: timeout_ms?, optional: optional? })
    }
}

/// Who is asked must be there, and nobody may ask themselves, by whatever way around.
pub(super) fn check_calls(section: &Section<'_>, service: &ServiceSpec, all: &[&ServiceSpec]) {
    let find = |name: &str| all.iter().find(|known| known.name == name);
    let names: Vec<&str> = all.iter().map(|known| known.name.as_str()).collect();
    for call in &service.calls {
        no_service(section, "calls", &call.service, &names);
    }
    let mut reached: Vec<&str> = Vec::new();
    let mut open: Vec<&ServiceSpec> = vec![service];
    while let Some(next) = open.pop() {
        for call in &next.calls {
            if !reached.contains(&call.service.as_str()) {
                reached.push(&call.service);
                open.extend(find(&call.service));
            }
        }
    }
    if reached.contains(&service.name.as_str()) {
        let message = format!("`{}` asks itself, directly or through others", service.name);
        let hint = "remove one of the calls that lead back to it".to_owned();
        section.problem_at("calls", message, Some(hint));
    }
}
