//! The description of a platform, as it stands in a file.

mod panic;
mod route;
mod service;
mod tier;

use std::collections::BTreeSet;

use hulk_chaos::FaultKind;
use hulk_settings::{Section, nearest_or_all};
pub use panic::PanicSpec;
pub use route::{Answer, RouteSpec, SizeBy, WhenStatic};
use serde::{Deserialize, Serialize};
pub use service::{BalancerSpec, CallSpec, ServiceSpec};
pub use tier::{EdgeSpec, TierSpec};

use crate::{MediaSpec, ZoneSpec};

/// How the edges are counted, all of them.
pub const EDGE: &str = "edge";
/// How the tier between the edges and the origin is called.
pub const MID_TIER: &str = "mid-tier";

/// A streaming service: edges that cache in front of services that scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlatformSpec {
    /// Where viewers connect: at least one, in the order of their names.
    pub edges: Vec<EdgeSpec>,
    /// What the edges ask before they ask the origin.
    pub mid_tier: Option<TierSpec>,
    /// What all edges together send of the stream at most, in Gbit/s at full scale.
    pub bandwidth_gbps: Option<f64>,
    /// Where the instances stand; without any, there is always room.
    pub zones: Vec<ZoneSpec>,
    /// The live stream.
    pub media: MediaSpec,
    /// The services behind the load balancer.
    pub services: Vec<ServiceSpec>,
    /// Which service answers which path, and what.
    pub routes: Vec<RouteSpec>,
    /// What is given up when too many watch.
    pub panic: Option<PanicSpec>,
}

impl PlatformSpec {
    /// Reads a platform's description.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let edges: Vec<Option<EdgeSpec>> = section
            .named_sections("edge")
            .into_iter()
            .map(|(name, inner)| EdgeSpec::read(name, &inner))
            .collect();
        if edges.is_empty() {
            let hint = "add `[edge.north]` with `base_latency_ms = 0` and `cache_entries = 64`";
            section.problem_at("edge", "a platform needs at least one edge", Some(hint.into()));
        }
        let mid_tier = section.section_optional("mid_tier").map(|tier| TierSpec::read(&tier));
        let bandwidth_gbps = tier::bandwidth(section);
        let zones: Vec<Option<ZoneSpec>> = section
            .named_sections("zone")
            .into_iter()
            .map(|(name, inner)| ZoneSpec::read(name, &inner))
            .collect();
        let media = section.section("media");
        let media_spec = media.as_ref().and_then(MediaSpec::read);
        let mut names = Vec::new();
        let services: Vec<(Section<'_>, Option<ServiceSpec>)> = section
            .named_sections("service")
            .into_iter()
            .map(|(name, inner)| {
                names.push(name.clone());
                let service = ServiceSpec::read(name, &inner);
                (inner, service)
            })
            .collect();
        let routes: Vec<(Section<'_>, Option<RouteSpec>)> = section
            .sections("route")
            .into_iter()
            .map(|inner| {
                let route = RouteSpec::read(&inner);
                (inner, route)
            })
            .collect();
        let panic = section.section_optional("panic");
        let panic_spec = panic.as_ref().map(PanicSpec::read);
        let known: Vec<&ServiceSpec> = services.iter().filter_map(|(_, s)| s.as_ref()).collect();
        check_names(section, &edges, &known);
        for (inner, service) in services.iter().filter_map(|(i, s)| Some((i, s.as_ref()?))) {
            service::check_calls(inner, service, &known);
        }
        // A service with problems of its own is there all the same.
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        route::check(&routes, panic_spec.as_ref().and_then(Option::as_ref), &names);
        if let (Some(inner), Some(media)) = (&media, &media_spec) {
            no_service(inner, "origin", &media.origin, &names);
        }
        if let (Some(inner), Some(Some(panic))) = (&panic, &panic_spec) {
            panic.check(inner, &names);
        }
        Some(Self {
            edges: edges.into_iter().collect::<Option<_>>()?,
            mid_tier: mid_tier.map_or(Some(None), |tier| tier.map(Some))?,
            bandwidth_gbps: bandwidth_gbps?,
            zones: zones.into_iter().collect::<Option<_>>()?,
            media: media_spec?,
            services: services.into_iter().map(|(_, s)| s).collect::<Option<_>>()?,
            routes: routes.into_iter().map(|(_, r)| r).collect::<Option<_>>()?,
            panic: panic_spec.map_or(Some(None), |panic| panic.map(Some))?,
        })
    }

    /// Whether this fault can be injected here; why not, in words, where not.
    ///
    /// # Errors
    /// When it names something that the platform does not have.
    pub fn check_fault(&self, kind: &FaultKind) -> Result<(), String> {
        let edges: Vec<&str> = self.edges.iter().map(|edge| edge.name.as_str()).collect();
        let zones: Vec<&str> = self.zones.iter().map(|zone| zone.name.as_str()).collect();
        let (what, name, known) = match kind {
            FaultKind::Gpu(_) => return Err("the platform has no GPUs".to_owned()),
            FaultKind::EdgeLost(lost) => ("edge", &lost.edge, edges),
            FaultKind::ZoneLost(lost) => ("zone", &lost.zone, zones),
            FaultKind::NoCapacity(none) => ("zone", &none.zone, zones),
            // It stands before the platform, which never hears of it.
            FaultKind::Toxic(toxic) => ("proxy", &toxic.proxy, Vec::new()),
            FaultKind::Latency(latency) => {
                let services = self.services.iter().map(|service| service.name.as_str());
                let mid_tier = self.mid_tier.iter().map(|_| MID_TIER);
                let known = services.chain(mid_tier).chain(edges).collect();
                ("service, edge or tier", &latency.service, known)
            }
        };
        if known.contains(&name.as_str()) {
            return Ok(());
        }
        if known.is_empty() {
            return Err(format!("the platform has no {what} `{name}`, and no other"));
        }
        Err(format!("the platform has no {what} `{name}`: it has {}", known.join(", ")))
    }
}

/// Notes that `key` names a service that is not among `services`, where that is so.
fn no_service(section: &Section<'_>, key: &str, name: &str, services: &[&str]) {
    if !services.contains(&name) {
        let hint = Some(nearest_or_all(name, services));
        section.problem_at(key, format!("there is no service `{name}`"), hint);
    }
}

/// Names that reports tell apart must differ.
fn check_names(section: &Section<'_>, edges: &[Option<EdgeSpec>], services: &[&ServiceSpec]) {
    let mut taken = BTreeSet::from([EDGE, MID_TIER]);
    let services = services.iter().map(|service| ("service", service.name.as_str()));
    let edges = edges.iter().flatten().map(|edge| ("edge", edge.name.as_str()));
    for (key, name) in services.chain(edges) {
        if !taken.insert(name) {
            let hint = "edges, services, `edge` and `mid-tier` need names that differ".to_owned();
            section.problem_at(key, format!("the name `{name}` is taken"), Some(hint));
        }
    }
}
