//! Which crate may use which.

use std::collections::{BTreeSet, HashSet};

use cargo_metadata::{DependencyKind, PackageId};

use crate::house;

/// Crate, and what it may use. An arrow includes what its target may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("hulk-record", &[]),
    ("hulk-consent", &[]),
    ("hulk-settings", &["hulk-record"]),
    ("hulk-traffic-models", &["hulk-record", "hulk-settings"]),
    ("hulk-chaos", &["hulk-record", "hulk-settings"]),
    ("hulk-avatar", &["hulk-record", "hulk-settings", "hulk-chaos"]),
    ("hulk-scaling", &["hulk-record", "hulk-settings", "hulk-chaos"]),
    (
        "hulk-scenarios",
        &[
            "hulk-traffic-models",
            "hulk-avatar",
            "hulk-chaos",
            "hulk-scaling",
            "hulk-consent",
            "hulk-settings",
        ],
    ),
    ("hulk-reports", &["hulk-record", "hulk-scaling", "hulk-avatar"]),
    ("hulk-forecast", &["hulk-scenarios"]),
    // ------ above this line: no runtime, no clock, no socket ------
    ("hulk-net", &["hulk-consent"]),
    ("hulk-platform", &["hulk-net", "hulk-scaling", "hulk-avatar"]),
    ("hulk-inject", &["hulk-net", "hulk-scenarios"]),
    ("hulk-watch", &["hulk-net", "hulk-scenarios"]),
    ("hulk-engine", &["hulk-net", "hulk-scenarios"]),
    ("hulk-fleet", &["hulk-net", "hulk-scenarios"]),
    ("hulk-deploy", &[]),
    // The command line composes everything.
    (
        "hulk",
        &[
            "hulk-reports",
            "hulk-forecast",
            "hulk-platform",
            "hulk-inject",
            "hulk-watch",
            "hulk-engine",
            "hulk-fleet",
            "hulk-deploy",
        ],
    ),
];

/// The crates above the line, and the sockets, runtimes and clients that they must not reach.
pub(crate) const CORE: &[&str] = &[
    "hulk-record",
    "hulk-settings",
    "hulk-consent",
    "hulk-traffic-models",
    "hulk-chaos",
    "hulk-avatar",
    "hulk-scaling",
    "hulk-scenarios",
    "hulk-reports",
    "hulk-forecast",
];
const NOT_IN_CORE: &[&str] = &["tokio", "hyper", "kube", "goose", "reqwest"];

#[derive(PartialEq)]
enum From {
    Now,
    Later,
}

/// The crates that HULK promises to be built on; one that comes later may be there already.
const PROMISED: &[(&str, From)] = &[
    ("goose", From::Now),
    ("tokio", From::Now),
    ("hdrhistogram", From::Now),
    ("rand", From::Now),
    ("serde", From::Now),
    ("toml", From::Now),
    ("reqwest", From::Later),
    ("tokio-tungstenite", From::Later),
];

/// What `name` may use, with all that its arrows include; `None` if the table does not know it.
fn allowed(name: &str) -> Option<BTreeSet<&'static str>> {
    let (_, direct) = ARROWS.iter().find(|(from, _)| *from == name)?;
    let mut all: BTreeSet<&str> = direct.iter().copied().collect();
    for target in *direct {
        all.extend(allowed(target).unwrap_or_default());
    }
    Some(all)
}

/// Also for dependencies of tests: a test that needs two ends of the house is a whole-program test.
#[test]
fn the_house_has_only_the_arrows_of_its_table() {
    let mut offences = Vec::new();
    for member in house::members() {
        let from = member.name.as_str();
        let Some(allowed) = allowed(from) else {
            offences.push(format!(
                "{from} is not in the table: add it to ARROWS in tests/tidy/crates.rs and to the \
                 arrows in CONTRIBUTING.md"
            ));
            continue;
        };
        for dependency in &member.dependencies {
            let to = dependency.name.as_str();
            let ours = to == "hulk" || to.starts_with("hulk-");
            if ours && to != from && !allowed.contains(to) {
                let list = Vec::from_iter(allowed.iter().copied()).join(", ");
                let list = if list.is_empty() { "nothing: it is a leaf".into() } else { list };
                offences.push(format!("{from} → {to} is not allowed; {from} may use {list}"));
            }
        }
    }
    house::judge("arrows", &offences);
}

#[test]
fn the_table_of_arrows_has_no_unknown_end_and_no_circle() {
    let mut offences = Vec::new();
    for (index, (from, targets)) in ARROWS.iter().enumerate() {
        for target in *targets {
            if !ARROWS[..index].iter().any(|(earlier, _)| earlier == target) {
                offences.push(format!("{from} → {target}: {target} has no row above {from}"));
            }
        }
    }
    house::judge("table of arrows", &offences);
}

/// The way from `id` to a banned crate through normal dependencies, both ends included.
fn way_to_banned(id: &PackageId, seen: &mut HashSet<PackageId>) -> Option<Vec<String>> {
    let name = house::package(id).name.to_string();
    if NOT_IN_CORE.contains(&name.as_str()) {
        return Some(vec![name]);
    }
    if !seen.insert(id.clone()) {
        return None;
    }
    let normal = |dependency: &&cargo_metadata::NodeDep| {
        dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
    };
    for dependency in house::node(id).deps.iter().filter(normal) {
        if let Some(mut way) = way_to_banned(&dependency.pkg, seen) {
            way.insert(0, name);
            return Some(way);
        }
    }
    None
}

#[test]
fn crates_above_the_line_reach_no_runtime_and_no_client() {
    let core = house::members().into_iter().filter(|member| CORE.contains(&member.name.as_str()));
    let ways = core.filter_map(|member| way_to_banned(&member.id, &mut HashSet::new()));
    let offences: Vec<String> = ways.map(|way| way.join(" → ")).collect();
    house::judge("above the line nothing reaches a runtime or a client", &offences);
}

/// The members that name `dependency` in any of their tables.
fn users(dependency: &str) -> Vec<&'static str> {
    let uses = |member: &&cargo_metadata::Package| {
        member.dependencies.iter().any(|used| used.name == dependency)
    };
    house::members().into_iter().filter(uses).map(|member| member.name.as_str()).collect()
}

#[test]
fn goose_is_a_dependency_of_infra_engine_only() {
    let others = users("goose").into_iter().filter(|user| *user != "hulk-engine");
    let offences: Vec<String> =
        others.map(|user| format!("{user} → goose: go through hulk-engine")).collect();
    house::judge("goose only in infra/engine", &offences);
}

#[test]
fn async_nats_is_a_dependency_of_infra_fleet_only() {
    let others = users("async-nats").into_iter().filter(|user| *user != "hulk-fleet");
    let offences: Vec<String> =
        others.map(|user| format!("{user} → async-nats: go through the bus")).collect();
    house::judge("async-nats only in infra/fleet", &offences);
}

#[test]
fn the_promised_crates_are_direct_dependencies() {
    let ships = |name: &str| {
        let direct = house::members().into_iter().flat_map(|member| &member.dependencies);
        direct.filter(|used| used.kind == DependencyKind::Normal).any(|used| used.name == name)
    };
    let due = PROMISED.iter().filter(|(_, from)| *from == From::Now);
    let missing = due.filter(|(name, _)| !ships(name));
    let offences: Vec<String> =
        missing.map(|(name, _)| format!("no member depends on {name}")).collect();
    house::judge("promised crates", &offences);
}
