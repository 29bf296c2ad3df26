//! In what two runs were not the same, before anything that they measured is compared.

use hulk_record::{FaultInfo, JourneyInfo, Manifest, MomentInfo, ServiceInfo};
use serde::Serialize;

use crate::words::{count, minute, number};

/// What a difference is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// What was asked of the target: the numbers are not of the same load.
    Load,
    /// Where it ran: the numbers are not of the same machine.
    Place,
    /// What had to hold: the verdicts are not by the same rules.
    Rules,
    /// How it is called: nothing that matters to the numbers.
    Name,
}

/// Something that was not the same in both runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What it is about.
    pub aspect: Aspect,
    /// What differs.
    pub what: &'static str,
    /// In the first run.
    pub a: String,
    /// In the second run.
    pub b: String,
}

impl Difference {
    /// What differs, and how, in one line.
    pub(crate) fn words(&self) -> String {
        format!("{}: {} | {}", self.what, self.a, self.b)
    }
}

/// Every difference, what matters most first.
pub(crate) fn differences(a: &Manifest, b: &Manifest) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut tell = |aspect, what, of: &dyn Fn(&Manifest) -> String| {
        let (a, b) = (of(a), of(b));
        if a != b {
            found.push(Difference { aspect, what, a, b });
        }
    };
    let exact = |value: f64| value.to_string();
    tell(Aspect::Load, "seed", &|m| m.seed.to_string());
    tell(Aspect::Load, "clock speed v", &|m| exact(m.clock.speed));
    tell(Aspect::Load, "scale k", &|m| exact(m.scale));
    tell(Aspect::Load, "match minutes", &|m| {
        format!("{} to {}", minute(m.from_match_min), minute(m.match_minute(m.until)))
    });
    tell(Aspect::Load, "executor", &|m| match &m.load {
        Some(load) => load.in_words(),
        None => "an audience".to_owned(),
    });
    tell(Aspect::Load, "planned arrivals", &|m| count(m.arrivals_planned));
    // Old records do not tell.
    if a.script.is_some() && b.script.is_some() {
        let id = |m: &Manifest| m.script.clone().unwrap_or_default();
        tell(Aspect::Load, "what viewers do, by its hash", &id);
    }
    tell(Aspect::Load, "regions", &|m| m.regions.join(", "));
    tell(Aspect::Place, "target", &|m| m.environment.target.clone());
    tell(Aspect::Place, "HULK", &|m| m.environment.hulk.clone());
    tell(Aspect::Place, "processor", &|m| m.environment.cpu.clone());
    tell(Aspect::Place, "cores", &|m| m.environment.cores.to_string());
    tell(Aspect::Place, "memory", &|m| format!("{} MiB", count(m.environment.memory_mib)));
    tell(Aspect::Place, "kernel", &|m| m.environment.kernel.clone());
    tell(Aspect::Name, "name", &|m| m.name.clone());
    tell(Aspect::Name, "file", &|m| m.file.clone());
    let inside = [
        lists("journeys", &a.journeys, &b.journeys, |of| of.iter().map(journey).collect()),
        lists("services", &a.services, &b.services, |of| of.iter().map(service).collect()),
        lists("moments", &a.moments, &b.moments, |of| of.iter().map(moment).collect()),
        lists("faults", &a.faults, &b.faults, |of| of.iter().map(fault).collect()),
    ];
    found.extend(inside.into_iter().flatten());
    found.extend(rules(a, b));
    found.sort_by_key(|difference| difference.aspect);
    found
}

/// What had to hold, and what a valid run must deliver.
fn rules(a: &Manifest, b: &Manifest) -> Vec<Difference> {
    let objectives = lists("objectives", &a.objectives, &b.objectives, |of| {
        of.iter().map(|objective| objective.name.clone()).collect()
    });
    let limits = (a.limits != b.limits).then(|| Difference {
        aspect: Aspect::Rules,
        what: "limits of a valid run",
        a: "its own".to_owned(),
        b: "other ones".to_owned(),
    });
    let as_rule = |of: Difference| Difference { aspect: Aspect::Rules, ..of };
    objectives.map(as_rule).into_iter().chain(limits).collect()
}

/// Two lists that differ; where their names do not tell how, that is said.
fn lists<T: PartialEq>(
    what: &'static str,
    a: &[T],
    b: &[T],
    names: impl Fn(&[T]) -> Vec<String>,
) -> Option<Difference> {
    if a == b {
        return None;
    }
    let [own, other] = [a, b].map(|list| match names(list) {
        names if names.is_empty() => "none".to_owned(),
        names => names.join(", "),
    });
    let other = if own == other { "the same names, other settings".to_owned() } else { other };
    Some(Difference { aspect: Aspect::Load, what, a: own, b: other })
}

fn journey(of: &JourneyInfo) -> String {
    format!("{} ({} steps)", of.name, of.steps.len())
}

fn service(of: &ServiceInfo) -> String {
    let rated = of.rated_rps.map_or_else(String::new, |rps| format!(" ({} /s)", number(rps)));
    format!("{}{rated}", of.name)
}

fn moment(of: &MomentInfo) -> String {
    format!("{} at {} s", of.name, number(of.at.as_s()))
}

fn fault(of: &FaultInfo) -> String {
    let [from, until] = [of.from, of.until].map(|at| number(at.as_s()));
    format!("{} at {from} s to {until} s", of.name)
}
