//! What the page is told: the platform at one time, as JSON.

use std::net::SocketAddr;

use hulk_scaling::{PanicSwitch, Policy, ServiceStatus};
use serde::Serialize;

use crate::Alone;
use crate::desk::Desk;

#[derive(Serialize)]
struct View<'a> {
    name: &'a str,
    match_s: f64,
    speed: f64,
    scale: f64,
    /// Viewers connected here.
    connections: u64,
    services: Vec<ServiceView<'a>>,
    edges: Vec<EdgeView<'a>>,
    switches: Vec<SwitchView>,
    /// Those that are on.
    faults: Vec<FaultView>,
    /// Whose policies may be chosen.
    choices: Vec<&'a str>,
}

#[derive(Serialize)]
struct ServiceView<'a> {
    name: String,
    /// Requests a second here, viewers' and other services'.
    rps: f64,
    needed: u32,
    ready: u32,
    pending: u32,
    desired: u32,
    /// Requests that were turned away since the start.
    rejected: u64,
    /// Predicted wait in match seconds.
    wait_s: f64,
    policy: Policy,
    /// Whose policy it is, where it is one of the choices.
    like: Option<&'a str>,
}

#[derive(Serialize)]
struct EdgeView<'a> {
    name: &'a str,
    address: Option<SocketAddr>,
    lost: bool,
}

#[derive(Serialize)]
struct SwitchView {
    name: &'static str,
    on: bool,
    forced: Option<bool>,
}

#[derive(Serialize)]
struct FaultView {
    id: u32,
    kind: &'static str,
    at: String,
}

/// The platform as it is now.
pub(crate) fn view(desk: &Desk, alone: &Alone) -> String {
    let plan = desk.door.plan();
    let paces = desk.paces().clone();
    let told = desk.door.look(|platform, _, faults| {
        let status = platform.status();
        let policies = platform.policies().zip(&paces).enumerate();
        let services = policies.filter_map(|(place, ((name, policy), pace))| {
            let status = status.iter().find(|known| known.name == name)?;
            let (rps, needed) = (pace.latest_rps() * plan.clock.speed, pace.needed());
            Some(service(status, (rps, needed), (policy, alone.whose(place, policy))))
        });
        let edges = plan.platform.edges.iter().enumerate().map(|(place, edge)| EdgeView {
            name: &edge.name,
            address: desk.ports.edges.get(place).copied(),
            lost: platform.is_lost(place),
        });
        let switches = plan.platform.panic.iter().flat_map(|_| PanicSwitch::ALL);
        let switches = switches.map(|switch| SwitchView {
            name: switch.name(),
            on: platform.panic().has(switch),
            forced: platform.forced(switch),
        });
        let faults = faults.all().into_iter().filter(|(_, _, on)| *on);
        let faults = faults.map(|(id, kind, _)| FaultView {
            id,
            kind: kind.name(),
            at: kind.place().to_owned(),
        });
        View {
            name: &alone.name,
            match_s: desk.door.now().as_s(),
            speed: plan.clock.speed,
            scale: plan.scale,
            connections: platform.connections(),
            services: services.collect(),
            edges: edges.collect(),
            switches: switches.collect(),
            faults: faults.collect(),
            choices: alone.choices.iter().map(|(name, _)| name.as_str()).collect(),
        }
    });
    // Numbers, texts and lists always have a JSON form.
    serde_json::to_string(&told).unwrap_or_default()
}

fn service<'a>(
    status: &ServiceStatus,
    (rps, needed): (f64, u32),
    (policy, like): (&Policy, Option<&'a str>),
) -> ServiceView<'a> {
    let answered = |code: u16| status.answers.get(&code).copied().unwrap_or(0);
    ServiceView {
        name: status.name.clone(),
        rps,
        needed,
        ready: status.ready,
        pending: status.pending,
        desired: status.desired,
        rejected: answered(429) + answered(503) + status.internal_failed,
        // A wait without end has no number in JSON.
        wait_s: status.wait_s.min(1e12),
        policy: policy.clone(),
        like,
    }
}
