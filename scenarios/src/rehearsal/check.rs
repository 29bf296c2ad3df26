//! What only shows when all parts are there.

use hulk_chaos::{Fault, FaultKind, FaultTime};
use hulk_record::Bound;
use hulk_scaling::{PlatformSpec, RouteSpec};
use hulk_settings::{At, Section, nearest_or_all};

use super::generator::check_families;
use super::gpu_faults::misfit;
use super::policies::no_moment;
use crate::callers::check_callers;
use crate::{Proxied, Rehearsal, Target, Watched};

/// Notes what does not fit together.
pub(super) fn check_together(rehearsal: &Rehearsal, root: &Section<'_>) {
    let services = &rehearsal.script.services;
    if let Some(embedded) = rehearsal.platform() {
        let known = |name: &str| {
            name == "edge" || embedded.platform.services.iter().any(|known| known.name == name)
        };
        for service in services.iter().filter(|name| !known(name)) {
            let message = format!("a journey asks `{service}`, which the platform does not have");
            let services = embedded.platform.services.iter().map(|known| known.name.as_str());
            let known: Vec<&str> = services.chain(["edge"]).collect();
            root.problem_at("journeys", message, Some(nearest_or_all(service, &known)));
        }
        routes(rehearsal, &embedded.platform, root);
    }
    Watched::check_all(rehearsal, root);
    Proxied::check_all(rehearsal, root);
    check_callers(rehearsal, root);
    objectives(rehearsal, root);
    check_families(rehearsal, root);
    names_differ(root, "objective", rehearsal.objectives.iter().map(|known| known.name.as_str()));
    names_differ(root, "fault", rehearsal.faults.iter().map(|known| known.name.as_str()));
    for (place, fault) in rehearsal.faults.iter().enumerate() {
        if let Some(Wrong { message, hint, at }) = fault_problem(rehearsal, fault) {
            let path: Vec<At<'_>> =
                [At::Key("fault"), At::Item(place)].into_iter().chain(at).collect();
            root.problem_in(&path, format!("`{}`: {message}", fault.name), Some(hint));
        }
    }
}

/// Reports tell them apart by their names.
fn names_differ<'a>(root: &Section<'_>, key: &str, names: impl Iterator<Item = &'a str>) {
    let mut seen = Vec::new();
    for (place, name) in names.enumerate() {
        if seen.contains(&name) {
            let path = [At::Key(key), At::Item(place), At::Key("name")];
            let hint = Some(format!("each needs a name of its own, for example `{name}-2`"));
            root.problem_in(&path, format!("the name `{name}` is given twice"), hint);
        }
        seen.push(name);
    }
}

fn objectives(rehearsal: &Rehearsal, root: &Section<'_>) {
    let services = &rehearsal.script.services;
    for (place, objective) in rehearsal.objectives.iter().enumerate() {
        let at = |key| [At::Key("objective"), At::Item(place), At::Key(key)];
        if !services.contains(&objective.service) {
            let message = format!(
                "`{}` is about `{}`, which no step asks",
                objective.name, objective.service
            );
            let hint = Some(format!("the steps ask {}", services.join(", ")));
            root.problem_in(&at("service"), message, hint);
        }
        let of_stream = matches!(objective.bound, Bound::Startup { .. } | Bound::StallRatio { .. });
        let stream = rehearsal.script.stream().map(|stream| stream.service);
        if of_stream && stream.as_ref() != Some(&objective.service) {
            let message = format!("`{}` is about a stream", objective.name);
            let hint = match stream {
                Some(service) => format!("the stream comes from `{service}`"),
                None => "no journey has an `hls` step: add one, or drop the objective".to_owned(),
            };
            root.problem_in(&at("service"), message, Some(hint));
        }
        let scaling = matches!(objective.bound, Bound::CapacityDebt { .. });
        let own = matches!(rehearsal.target, Target::Url(_));
        if own && scaling && rehearsal.clock.speed != 1.0 {
            let message = "a target of your own does not run at the match clock's speed: its \
                           scaling cannot be judged";
            let hint = Some("set `clock.speed = 1`, or drop the objective".to_owned());
            root.problem_in(&at("capacity_debt"), message, hint);
        }
    }
}

/// What is wrong with a fault, what to do, and where in its table.
struct Wrong {
    message: String,
    hint: String,
    at: Vec<At<'static>>,
}

fn fault_problem(rehearsal: &Rehearsal, fault: &Fault) -> Option<Wrong> {
    let wrong = |message: String, hint: String, at: &[&'static str]| {
        Some(Wrong { message, hint, at: at.iter().copied().map(At::Key).collect() })
    };
    if let FaultKind::Gpu(gpu) = &fault.kind
        && let Some((message, hint)) = misfit(gpu, rehearsal.callers.as_ref())
    {
        return wrong(message, hint, &["gpu"]);
    }
    let own = !matches!(fault.kind, FaultKind::Toxic(_) | FaultKind::Gpu(_));
    if own && rehearsal.platform().is_none() {
        let hint = "put a `[proxy.NAME]` before a service and set a `toxic`, or aim at `embedded`";
        let message = "only the embedded platform takes this fault".to_owned();
        return wrong(message, hint.to_owned(), &[]);
    }
    if let FaultTime::Moment { name, .. } = &fault.at
        && rehearsal.audience.moment(name).is_none()
    {
        let (message, hint) = no_moment(name, &rehearsal.audience);
        return wrong(message, hint, &["moment"]);
    }
    let audience = &rehearsal.audience;
    let minute = audience.minute_at(rehearsal.fault_from(fault));
    if !(audience.from_min..audience.to_min).contains(&minute) {
        let message = format!(
            "minute {minute} is not inside the window, which goes from {} to {}",
            audience.from_min, audience.to_min
        );
        let hint = match audience.executor {
            None => "change the fault's time, or widen `audience.from_min` to `to_min`",
            Some(_) => "change the fault's time, or make the `[load]` longer",
        };
        let hint = hint.to_owned();
        let at = match fault.at {
            FaultTime::Minute(_) => "at_min",
            FaultTime::Moment { .. } => "moment",
        };
        return wrong(message, hint, &[at]);
    }
    if let FaultKind::Toxic(toxic) = &fault.kind {
        let (message, hint, key) = Proxied::misplaced(rehearsal, toxic)?;
        return wrong(message, hint, &["toxic", key]);
    }
    if matches!(fault.kind, FaultKind::Gpu(_)) {
        return None;
    }
    let embedded = rehearsal.platform()?;
    let message = embedded.platform.check_fault(&fault.kind).err()?;
    let place = match fault.kind {
        FaultKind::Latency(_) => "service",
        FaultKind::EdgeLost(_) => "edge",
        FaultKind::ZoneLost(_) | FaultKind::NoCapacity(_) => "zone",
        FaultKind::Toxic(_) | FaultKind::Gpu(_) => "proxy",
    };
    let hint = if place == "zone" && embedded.platform.zones.is_empty() {
        format!("add `[zone.{}]` to the platform", fault.kind.place())
    } else {
        "name one of those".to_owned()
    };
    wrong(message, hint, &[fault.kind.name(), place])
}

/// Each request must be answered by the service that its step names: both sides count by it.
fn routes(rehearsal: &Rehearsal, platform: &PlatformSpec, root: &Section<'_>) {
    for (request, _) in rehearsal.script.requests() {
        let path = request.path.start();
        let path = path.split('?').next().unwrap_or_default();
        let leads = |route: &&RouteSpec| {
            path.strip_prefix(&route.path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let route = platform.routes.iter().filter(leads).max_by_key(|route| route.path.len());
        let (name, service) = (&request.name, &request.service);
        let message = match route {
            Some(route) if route.service == *service => continue,
            Some(route) => format!(
                "step `{name}` asks `{service}` for `{path}`, which the platform's `{}` answers",
                route.service
            ),
            None => format!("step `{name}` asks for `{path}`, for which the platform has no route"),
        };
        let hint = match route {
            Some(route) => format!("write `service = \"{}\"` in that step", route.service),
            None => "change the step's path, or add a `[[route]]` to the platform".to_owned(),
        };
        root.problem_at("journeys", message, Some(hint));
    }
}
