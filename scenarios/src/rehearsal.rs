//! A rehearsal: everything that a run needs, checked and compiled from its file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hulk_record::{
    Bound, Clock, MatchTime, Measure, Objective, Offset, ValidityLimits, hash_of, seed_of, unit_of,
};
use hulk_scaling::{PlatformSpec, Policy};
use hulk_settings::{Problems, Section, Source, read};
use hulk_traffic_models::{Audience, Model, Visit};
use serde::{Deserialize, Serialize};

use crate::{Embedded, Journey, Target, shipped, shipped_rehearsal};

/// A checked rehearsal. It cannot be invalid, never changes, and travels to the workers whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// Its name.
    pub name: String,
    /// Its file, as the user gave it.
    pub file: String,
    /// Its seed.
    pub seed: u64,
    /// The match clock.
    pub clock: Clock,
    /// Who watches when.
    pub audience: Audience,
    /// For how long before the window its first viewers are brought in, in µs of wall time.
    pub lead_in_us: i64,
    /// What viewers do.
    pub journey: Arc<Journey>,
    /// What it is aimed at.
    pub target: Target,
    /// What must hold.
    pub objectives: Vec<Objective>,
    /// At most so many viewers at a time; without it, as many as the audience needs.
    pub users_max: Option<u32>,
    /// What the run must have delivered.
    pub limits: ValidityLimits,
}

/// A viewer's coming and going on the run's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The viewer.
    pub viewer: u32,
    /// When the viewer comes.
    pub arrive: MatchTime,
    /// When the viewer leaves.
    pub leave: MatchTime,
    /// Whether the viewer was watching before the window: comes in the lead-in.
    pub already_watching: bool,
}

/// A rehearsal that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The file has problems.
    #[error("{0}")]
    Invalid(Problems),
}

impl From<Problems> for LoadError {
    fn from(problems: Problems) -> Self {
        Self::Invalid(problems)
    }
}

/// Length of an interval of the record, in µs of wall time.
const INTERVAL_US: u64 = 1_000_000;

impl Rehearsal {
    /// Loads a rehearsal: a file, or a shipped one by its name.
    ///
    /// # Errors
    /// When it cannot be read, or every problem in it.
    pub fn load(path: &str) -> Result<Self, LoadError> {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let folder = Path::new(path).parent().unwrap_or(Path::new(".")).to_owned();
                Ok(Self::read(&Source::new(path, text), &folder)?)
            }
            Err(source) => match shipped_rehearsal(path) {
                Some(shipped) => Ok(Self::read(&shipped, Path::new("scenarios"))?),
                None => Err(LoadError::Unreadable { path: path.into(), source }),
            },
        }
    }

    /// Reads a rehearsal's text; files that it names are looked for in `folder`.
    ///
    /// # Errors
    /// Every problem in it.
    pub fn read(source: &Arc<Source>, folder: &Path) -> Result<Self, Problems> {
        let mut inner = Problems::default();
        let result = read(source, |root| read_root(root, source, folder, &mut inner));
        match result {
            Ok(rehearsal) if inner.list.is_empty() => Ok(rehearsal),
            Ok(_) => Err(inner),
            // What the named files lack explains why this one could not be read: both are shown.
            Err(mut problems) => {
                if !inner.list.is_empty() {
                    problems.list.retain(|problem| problem.span != (0..0));
                }
                inner.list.extend(problems.list);
                inner.sort();
                Err(inner)
            }
        }
    }

    /// Start of the lead-in on the wall.
    pub fn lead_in_from(&self) -> Offset {
        Offset(-self.lead_in_us)
    }

    /// End of the window on the wall.
    pub fn until(&self) -> Offset {
        self.clock.wall(self.audience.until())
    }

    /// Length of an interval of the record, in µs of wall time.
    pub fn interval_us(&self) -> u64 {
        INTERVAL_US
    }

    /// A visit on the run's clock: who is already watching comes at a time of their own within
    /// the lead-in.
    pub fn arrival(&self, visit: &Visit) -> Arrival {
        let Visit { viewer, arrive, leave, already_watching } = *visit;
        let arrive = if already_watching {
            let share = unit_of(hash_of(seed_of(self.seed, "lead-in"), viewer.into()));
            // The last tenth stays quiet, so that all have come when the window starts.
            let wall = Offset(-self.lead_in_us + (self.lead_in_us as f64 * 0.9 * share) as i64);
            self.clock.match_time(wall)
        } else {
            arrive
        };
        Arrival { viewer, arrive, leave, already_watching }
    }

    /// The platform's description, where the target is the embedded one.
    pub fn platform(&self) -> Option<&Embedded> {
        match &self.target {
            Target::Embedded(embedded) => Some(embedded),
            Target::Url { .. } => None,
        }
    }
}

fn read_root(
    root: &Section<'_>,
    source: &Arc<Source>,
    folder: &Path,
    inner: &mut Problems,
) -> Option<Rehearsal> {
    let name = root.text("name");
    let seed = root.integer_or("seed", 0..=u64::MAX, 0);
    let speed = root.section("clock").and_then(|clock| clock.number("speed", 0.01..=1000.0));
    let audience = root.section("audience");
    let audience = audience.and_then(|section| read_audience(&section, seed?, folder, inner));
    let journey = read_named(root, "journey", folder, inner, shipped::journey, Journey::read);
    let policies = root.named_sections("policy");
    let policies: Vec<PolicySection<'_>> = policies
        .into_iter()
        .map(|(name, section)| PolicySection { name, policy: Policy::read(&section), section })
        .collect();
    let target =
        root.section("target").and_then(|section| match section.variant(&["embedded", "url"])? {
            (0, embedded) => read_embedded(root, &embedded, &policies, folder, inner),
            (_, url) => {
                if !policies.is_empty() {
                    let hint = Some("remove `[policy]`, or aim at `embedded`".to_owned());
                    root.problem_at("policy", "only the embedded platform takes policies", hint);
                }
                Target::read_url(&url)
            }
        });
    let objectives: Vec<Option<Objective>> =
        root.sections("objective").iter().map(read_objective).collect();
    let users_max = root
        .section_optional("generator")
        .map(|section| section.integer("users_max", 1..=10_000_000).map(|n| n as u32));
    let (audience, lead_in_us) = audience?;
    let rehearsal = Rehearsal {
        name: name?,
        file: source.name.clone(),
        seed: seed?,
        clock: Clock { speed: speed? },
        audience,
        lead_in_us,
        journey: Arc::new(journey?),
        target: target?,
        objectives: objectives.into_iter().collect::<Option<_>>()?,
        users_max: users_max.map_or(Some(None), |given| given.map(Some))?,
        limits: LIMITS,
    };
    check_together(&rehearsal, root);
    Some(rehearsal)
}

/// What a run must have delivered; docs/verdict.md says why so much.
const LIMITS: ValidityLimits = ValidityLimits {
    lag_p99_max_ms: 10.0,
    generator_share_max: 0.05,
    cpu_share_max: 0.75,
    presence_off_share_max: 0.05,
    steal_share_max: 0.2,
    sleeper_late_max_ms: 500.0,
    little_max: 0.01,
};

fn read_audience(
    section: &Section<'_>,
    seed: u64,
    folder: &Path,
    inner: &mut Problems,
) -> Option<(Audience, i64)> {
    let find = hulk_traffic_models::shipped;
    let model = read_named(section, "model", folder, inner, find, Model::read);
    let day = section.text("day");
    let from_min = section.number("from_min", 0.0..=100_000.0);
    let to_min = section.number("to_min", 0.0..=100_000.0);
    let scale = section.number("scale", 1e-9..=1.0);
    let lead_in_ms = section.number("lead_in_ms", 0.0..=600_000.0);
    let (model, day, from_min, to_min) = (model?, day?, from_min?, to_min?);
    let Some(mut audience) = model.audience(&day, scale?, seed_of(seed, "audience")) else {
        let known: Vec<String> = model.days.iter().map(|day| format!("`{}`", day.name)).collect();
        let hint = Some(format!("it has {}", known.join(", ")));
        section.problem_at("day", format!("`{}` has no day `{day}`", model.name), hint);
        return None;
    };
    if from_min >= to_min || from_min < audience.from_min || to_min > audience.to_min {
        let message = format!(
            "the window from minute {from_min} to {to_min} is not inside the day, which goes from \
             {} to {}",
            audience.from_min, audience.to_min
        );
        section.problem_at("to_min", message, None);
        return None;
    }
    (audience.from_min, audience.to_min) = (from_min, to_min);
    Some((audience, (lead_in_ms? * 1e3) as i64))
}

/// A `[policy.name]`: its policy, where that could be read.
struct PolicySection<'a> {
    name: String,
    policy: Option<Policy>,
    section: Section<'a>,
}

fn read_embedded(
    root: &Section<'_>,
    section: &Section<'_>,
    policies: &[PolicySection<'_>],
    folder: &Path,
    inner: &mut Problems,
) -> Option<Target> {
    let read_platform = |source: &Arc<Source>| read(source, PlatformSpec::read);
    let platform =
        read_named(section, "platform", folder, inner, shipped::platform, read_platform)?;
    for PolicySection { name, section, .. } in policies {
        if !platform.services.iter().any(|service| service.name == *name) {
            section.problem(format!("there is no service `{name}` to scale"), None);
        }
    }
    let mut chosen = Vec::with_capacity(platform.services.len());
    for service in &platform.services {
        match policies.iter().find(|known| known.name == service.name) {
            // What it lacks has been noted; the others are still looked at.
            Some(known) => chosen.extend(known.policy.clone()),
            None => {
                let name = &service.name;
                let hint = Some(format!("add `[policy.{name}]` with `ladder = {{ … }}`"));
                root.problem_at("policy", format!("service `{name}` has no policy"), hint);
            }
        }
    }
    (chosen.len() == platform.services.len())
        .then(|| Target::Embedded(Box::new(Embedded { platform, policies: chosen })))
}

fn read_objective(section: &Section<'_>) -> Option<Objective> {
    let name = section.text("name");
    let service = section.text("service");
    let bound = match section.variant(&["latency", "served_share", "capacity_debt"]) {
        Some((0, inner)) => {
            let measures = [("response", Measure::Response), ("service", Measure::Service)];
            let measure = inner.word("measure", &measures);
            let quantile = inner.number("quantile", 0.001..=0.999_999);
            let max_ms = inner.number("max_ms", 0.001..=3_600_000.0);
            let quantile_ppm = (quantile? * 1e6).round() as u32;
            Some(Bound::Latency { measure: measure?, quantile_ppm, max_ms: max_ms? })
        }
        Some((1, inner)) => inner.number("min", 0.0..=1.0).map(|min| Bound::ServedShare { min }),
        Some((_, inner)) => inner
            .number("max_instance_min", 0.0..=1e9)
            .map(|max_instance_min| Bound::CapacityDebt { max_instance_min }),
        None => None,
    };
    Some(Objective { name: name?, service: service?, bound: bound? })
}

/// Reads the file that `key` names: a shipped one by its name, or a path beside this file.
fn read_named<T>(
    section: &Section<'_>,
    key: &'static str,
    folder: &Path,
    inner: &mut Problems,
    find: impl Fn(&str) -> Option<Arc<Source>>,
    build: impl Fn(&Arc<Source>) -> Result<T, Problems>,
) -> Option<T> {
    let name = section.text(key)?;
    let source = if name.ends_with(".toml") {
        let path = folder.join(&name);
        std::fs::read_to_string(&path)
            .map(|text| Source::new(path.display().to_string(), text))
            .map_err(|error| (format!("{}: {error}", path.display()), None))
    } else {
        find(&name).ok_or_else(|| {
            let hint = match key {
                "model" => hulk_traffic_models::shipped_names().collect::<Vec<_>>().join(", "),
                kind => shipped::names(kind),
            };
            let hint = format!("shipped are {hint}; a file of your own is named by its path.toml");
            (format!("there is no shipped {key} `{name}`"), Some(hint))
        })
    };
    match source.map(|source| build(&source)) {
        Ok(Ok(value)) => Some(value),
        Ok(Err(problems)) => {
            inner.list.extend(problems.list);
            section.problem_at(key, format!("the {key} `{name}` has problems"), None);
            None
        }
        Err((message, hint)) => {
            section.problem_at(key, message, hint);
            None
        }
    }
}

/// What only shows when all parts are there.
fn check_together(rehearsal: &Rehearsal, root: &Section<'_>) {
    let mut services: Vec<String> =
        rehearsal.journey.info().steps.into_iter().map(|step| step.service).collect();
    if let Some(embedded) = rehearsal.platform() {
        let known = |name: &str| {
            name == "edge" || embedded.platform.services.iter().any(|known| known.name == name)
        };
        for service in services.iter().filter(|name| !known(name)) {
            root.problem_at(
                "journey",
                format!("the journey asks `{service}`, which the platform does not have"),
                None,
            );
        }
    }
    services.sort_unstable();
    services.dedup();
    for objective in &rehearsal.objectives {
        if !services.contains(&objective.service) {
            let message = format!(
                "`{}` is about `{}`, which no step asks",
                objective.name, objective.service
            );
            let hint = Some(format!("the steps ask {}", services.join(", ")));
            root.problem_at("objective", message, hint);
        }
        let scaling = matches!(objective.bound, Bound::CapacityDebt { .. });
        let own = matches!(rehearsal.target, Target::Url { .. });
        if own && scaling && rehearsal.clock.speed != 1.0 {
            let message = "a target of your own does not run at the match clock's speed: its \
                           scaling cannot be judged";
            let hint = Some("set `clock.speed = 1`, or drop the objective".to_owned());
            root.problem_at("objective", message, hint);
        }
    }
}

#[cfg(test)]
mod tests;
