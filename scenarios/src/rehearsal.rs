//! A rehearsal: everything that a run needs, checked and compiled from its file.

mod audience;
mod check;
mod commentary;
mod executor;
mod generator;
mod gpu_faults;
mod load;
pub(crate) mod named;
mod objective;
mod policies;
mod size;
mod staircase;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hulk_chaos::{Fault, FaultTime};
use hulk_record::{Clock, MatchTime, Objective, Offset, ValidityLimits, hash_of, seed_of, unit_of};
use hulk_settings::{Problems, Source, nearest, read};
use hulk_traffic_models::{Audience, Back, Executor, Schedule, Then, Visit};
use serde::{Deserialize, Serialize};
pub use staircase::{Stair, Staircase};

use crate::files::{Unreadable, expect_kind, read_text};
pub use commentary::Hearing;
pub(crate) use policies::no_moment;

use crate::{
    Callers, Embedded, Proxied, Script, Target, Watched, shipped_rehearsal, shipped_rehearsal_names,
};

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
    pub script: Arc<Script>,
    /// What it is aimed at.
    pub target: Target,
    /// Who calls an avatar backend, where the file says so.
    pub callers: Option<Callers>,
    /// The services of one's own whose capacity is observed.
    pub watched: Vec<Watched>,
    /// How the match's commentary is heard, where the file says so.
    pub commentary: Option<Hearing>,
    /// The fault proxies that stand before parts of the target.
    pub proxies: Vec<Proxied>,
    /// What is done to the target, and when.
    pub faults: Vec<Fault>,
    /// What must hold.
    pub objectives: Vec<Objective>,
    /// At most so many viewers at a time; without it, as many as the audience needs.
    pub users_max: Option<u32>,
    /// Where connections are made from, in turn; where the system says, if there is none.
    pub local_addresses: Vec<IpAddr>,
    /// What the run must have delivered.
    pub limits: ValidityLimits,
}

/// A viewer's coming and going on the run's own clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The viewer.
    pub viewer: u32,
    /// When the viewer comes.
    pub arrive: MatchTime,
    /// When the viewer leaves.
    pub leave: MatchTime,
    /// Whether the viewer was watching before the window, comes in the lead-in and leaves out what
    /// only newcomers do.
    pub already_watching: bool,
    /// The moment whose push brought the viewer, by its place among the audience's.
    pub push: Option<u16>,
    /// Whether the viewer leaves by pressing Back at a moment, and what comes of it.
    pub back: Option<Back>,
    /// When the viewer does something at a moment without leaving, and at which.
    pub acts: Vec<(MatchTime, u16)>,
    /// What comes after the journeys' start.
    pub then: Then,
    /// The end of the window: whoever is still there is cut off.
    pub end: MatchTime,
}

/// A rehearsal that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("{path}: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
        /// What to do about it.
        hint: String,
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
/// An arrival of an open executor is given so much wall time, and its think times, when the pool
/// of users is computed: twice what the engine takes for overdue, so that a target that does not
/// answer has most users waiting for it when the pool is used up.
const ANSWER_S: f64 = 2.0;
/// The fewest and the most users of a pool that is computed so.
const POOL: (u32, u32) = (64, 20_000);

impl Rehearsal {
    /// Loads a rehearsal: a file, or a shipped one by its name.
    ///
    /// # Errors
    /// When it cannot be read, or every problem in it.
    pub fn load(path: &str) -> Result<Self, LoadError> {
        let (source, folder) = source_of(path)?;
        Ok(Self::read(&source, &folder)?)
    }

    /// Reads a rehearsal's text; files that it names are looked for in `folder`.
    ///
    /// # Errors
    /// Every problem in it.
    pub fn read(source: &Arc<Source>, folder: &Path) -> Result<Self, Problems> {
        expect_kind(source, "rehearsal")?;
        let mut inner = Problems::default();
        let result = read(source, |root| load::read_root(root, source, folder, &mut inner));
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

    /// Everybody's coming and going on the run's clock, in the order of their coming.
    pub fn arrivals(&self, schedule: &Schedule) -> Vec<Arrival> {
        let mut acts: HashMap<u32, Vec<(MatchTime, u16)>> = HashMap::new();
        for action in &schedule.actions {
            acts.entry(action.viewer).or_default().push((action.at, action.moment));
        }
        let mut arrivals: Vec<Arrival> = schedule
            .visits
            .iter()
            .map(|visit| self.arrival(visit, acts.remove(&visit.viewer).unwrap_or_default()))
            .collect();
        arrivals.sort_by_key(|arrival| (arrival.arrive, arrival.viewer));
        arrivals
    }

    /// A visit on the run's clock: who is already watching comes at a time of their own within
    /// the lead-in.
    fn arrival(&self, visit: &Visit, acts: Vec<(MatchTime, u16)>) -> Arrival {
        let Visit { viewer, arrive, leave, already_watching, push, back } = *visit;
        let arrive = if already_watching {
            let share = unit_of(hash_of(seed_of(self.seed, "lead-in"), viewer.into()));
            // The last tenth stays quiet, so that all have come when the window starts.
            let wall = Offset(-self.lead_in_us + (self.lead_in_us as f64 * 0.9 * share) as i64);
            self.clock.match_time(wall)
        } else {
            arrive
        };
        let (then, end) = (self.audience.then(), self.audience.until());
        // An executor's users do the whole of the journeys.
        let already_watching = already_watching && self.audience.executor.is_none();
        Arrival { viewer, arrive, leave, already_watching, push, back, acts, then, end }
    }

    /// How many viewers are held at one time: in the video, on the home page or away for a while.
    /// Of an open executor, whose arrivals stay as long as the target lets them: the pool of users.
    pub fn users_peak(&self, schedule: &Schedule) -> u32 {
        if !self.is_open() {
            return schedule.peak_held(self.script.exit_patience_s);
        }
        if schedule.visits.is_empty() {
            return 0;
        }
        let think_s: f64 = self.script.start.iter().map(|placed| placed.what.think.mean_s()).sum();
        let pool = schedule.peak_within(ANSWER_S * self.clock.speed + think_s);
        self.users_max.unwrap_or(pool.clamp(POOL.0, POOL.1))
    }

    /// Whether arrivals come however the target answers, and leave when they are done.
    pub fn is_open(&self) -> bool {
        self.audience.executor.as_ref().is_some_and(Executor::is_open)
    }

    /// Whether users begin again as soon as they are answered, so that no arrival waits for one.
    pub fn is_closed_loop(&self) -> bool {
        matches!(self.audience.then(), Then::Again { .. })
    }

    /// Whether the run is over as soon as everybody has left, which may be before its end.
    pub fn ends_early(&self) -> bool {
        self.audience.executor.as_ref().is_some_and(Executor::ends_early)
    }

    /// From when to when each fault is meant to last, on the wall.
    pub fn fault_spans(&self) -> Vec<(Offset, Offset)> {
        self.faults
            .iter()
            .map(|fault| {
                let (from, until) = fault.window(self.fault_from(fault), self.clock);
                (from, until.min(self.until()))
            })
            .collect()
    }

    fn fault_from(&self, fault: &Fault) -> MatchTime {
        match &fault.at {
            FaultTime::Minute(minute) => self.audience.time_of(*minute),
            FaultTime::Moment { name, after_s } => {
                let minute = self.audience.moment(name).map_or(0.0, |moment| moment.minute);
                self.audience.time_of(minute).plus((after_s * 1e6) as i64)
            }
        }
    }

    /// Names of the audience's moments, by their places.
    pub fn moments(&self) -> Vec<String> {
        self.audience.moments.iter().map(|moment| moment.name.clone()).collect()
    }

    /// The platform's description, where the target is the embedded one.
    pub fn platform(&self) -> Option<&Embedded> {
        match &self.target {
            Target::Embedded(embedded) => Some(embedded),
            Target::Url(_) => None,
        }
    }
}

/// The text of a file, or of a shipped rehearsal by its name, and the folder in which files that it names are
/// looked for.
fn source_of(path: &str) -> Result<(Arc<Source>, PathBuf), LoadError> {
    match read_text(Path::new(path)) {
        Ok(text) => {
            let folder = Path::new(path).parent().unwrap_or(Path::new(".")).to_owned();
            Ok((Source::new(path, text), folder))
        }
        Err(Unreadable { reason, hint, missing }) => {
            // A folder that is called as a shipped rehearsal is not what was meant.
            let nameless = missing || !path.ends_with(".toml");
            match shipped_rehearsal(path).filter(|_| nameless) {
                Some(shipped) => Ok((shipped, PathBuf::from("scenarios"))),
                None => {
                    let hint = if missing { shipped_hint(path, &hint) } else { hint };
                    Err(LoadError::Unreadable { path: path.into(), reason, hint })
                }
            }
        }
    }
}

/// What to do where there is no file of that name: the nearest shipped one, or file, and all names.
fn shipped_hint(path: &str, of_file: &str) -> String {
    let shipped: Vec<&str> = shipped_rehearsal_names().collect();
    let name = Path::new(path).file_stem().unwrap_or_default().to_string_lossy();
    let near = nearest(&name, &shipped).unwrap_or_else(|| of_file.to_owned());
    let names: Vec<String> = shipped.iter().map(|name| format!("`{name}`")).collect();
    format!("{near}\nshipped rehearsals, by their names: {}", names.join(", "))
}

#[cfg(test)]
mod mutations;
#[cfg(test)]
mod tests;
