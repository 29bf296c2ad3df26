//! Several runs of one rehearsal that differ in their policies: what each cost, and for how long it
//! broke what was promised.

mod page;
mod speed_up;
mod text;

use std::collections::BTreeMap;

use hulk_record::{Manifest, Record};
use serde::Serialize;

use self::speed_up::Figures;
pub use self::speed_up::SpeedUp;
use crate::RenderError;
use crate::differences::{Aspect, Difference, differences};
use crate::sentence::headline;
use crate::verdict::{Verdict, VerdictKind};

/// The version of the tournament's format.
const VERSION: u32 = 1;

/// Several runs, by cost and violation.
#[derive(Debug, Clone, Serialize)]
pub struct Tournament {
    version: u32,
    /// The rehearsal's file and seed, as the first run has them.
    file: String,
    seed: u64,
    /// What was not the same in a run as in the first, though all were to have the same load.
    differences: Vec<Difference>,
    /// The policies that the elastic speed-up is against; the first that were run where none are named.
    against: Option<String>,
    /// In the order in which they were run.
    entries: Vec<Entry>,
    /// Of the first run.
    #[serde(skip)]
    first: Option<Manifest>,
}

/// A run with its policies.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// The policies' name.
    pub policies: String,
    /// The run's folder, as the user sees it.
    pub folder: String,
    /// Its verdict.
    pub kind: VerdictKind,
    /// What was found, as a sentence.
    pub headline: String,
    /// ∫ supply dt over all services whose capacity is known, in instance-hours of match time at
    /// full scale; none where no capacity is known.
    pub cost_instance_h: Option<f64>,
    /// Match minutes of intervals in which a promise of an objective was broken.
    pub violation_match_min: f64,
    /// Capacity debt of all services, in instance-minutes of match time.
    pub debt_instance_min: f64,
    /// First attempts that were neither served nor given up.
    pub not_served: u64,
    /// The elastic speed-up of all services together.
    pub speed_up: SpeedUp,
    /// The elastic speed-up of each service whose capacity is known.
    pub speed_up_services: BTreeMap<String, SpeedUp>,
    /// What it is made of.
    #[serde(skip)]
    figures: Figures,
    /// Whether no other run that says anything was both cheaper and broke less.
    pub unbeaten: bool,
}

impl Default for Tournament {
    fn default() -> Self {
        let (file, differences, entries) = (String::new(), Vec::new(), Vec::new());
        Self { version: VERSION, file, seed: 0, differences, against: None, entries, first: None }
    }
}

impl Tournament {
    /// One whose elastic speed-up is against the policies of this name, or against the first that are
    /// added.
    pub fn against(policies: Option<String>) -> Self {
        Self { against: policies, ..Self::default() }
    }

    /// Lays a run beside the others: the name of its policies, its folder, its record and what came of it.
    pub fn add(&mut self, policies: &str, folder: &str, record: &Record, verdict: &Verdict) {
        match &self.first {
            None => {
                let manifest = record.manifest.clone();
                (self.file, self.seed) = (manifest.file.clone(), manifest.seed);
                self.first = Some(manifest);
            }
            Some(first) => {
                let found = differences(first, &record.manifest).into_iter();
                self.differences.extend(found.filter(|found| found.aspect == Aspect::Load));
            }
        }
        self.against.get_or_insert_with(|| policies.to_owned());
        self.entries.push(entry(policies, folder, verdict));
        let base = self.entries.iter().find(|entry| self.against.as_ref() == Some(&entry.policies));
        if let Some(base) = base.map(|entry| entry.figures.clone()) {
            for entry in &mut self.entries {
                (entry.speed_up, entry.speed_up_services) = entry.figures.against(&base);
            }
        }
        let beaten = |entry: &Entry| self.entries.iter().any(|other| beats(other, entry));
        let unbeaten: Vec<bool> =
            self.entries.iter().map(|entry| says_something(entry) && !beaten(entry)).collect();
        for (entry, unbeaten) in self.entries.iter_mut().zip(unbeaten) {
            entry.unbeaten = unbeaten;
        }
    }

    /// For a terminal, ending in a line feed.
    pub fn text(&self) -> String {
        text::text(self)
    }

    /// One self-contained HTML page: the table, and cost against violation.
    pub fn html(&self) -> Vec<u8> {
        page::page(self).into_bytes()
    }

    /// For machines: every number in full, ending in a line feed.
    ///
    /// # Errors
    /// When a value has no JSON form; none of a tournament's has.
    pub fn json(&self) -> Result<Vec<u8>, RenderError> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// PASS where some policies held, FAIL where none did, INVALID where a run says nothing and
    /// the comparison is not whole.
    pub fn kind(&self) -> VerdictKind {
        if !self.entries.iter().all(says_something) {
            return VerdictKind::Invalid;
        }
        let held = self.entries.iter().any(|entry| entry.kind == VerdictKind::Pass);
        if held { VerdictKind::Pass } else { VerdictKind::Fail }
    }
}

fn says_something(entry: &Entry) -> bool {
    matches!(entry.kind, VerdictKind::Pass | VerdictKind::Fail)
}

/// Whether a run is at least as good in both figures, and better in one.
fn beats(a: &Entry, b: &Entry) -> bool {
    let (Some(cost_a), Some(cost_b)) = (a.cost_instance_h, b.cost_instance_h) else { return false };
    let (broke_a, broke_b) = (a.violation_match_min, b.violation_match_min);
    says_something(a)
        && cost_a <= cost_b
        && broke_a <= broke_b
        && (cost_a < cost_b || broke_a < broke_b)
}

fn entry(policies: &str, folder: &str, verdict: &Verdict) -> Entry {
    let total = &verdict.scaling_total;
    Entry {
        policies: policies.to_owned(),
        folder: folder.to_owned(),
        kind: verdict.kind,
        headline: headline(verdict),
        cost_instance_h: total.cost_instance_h,
        violation_match_min: total.violation_match_min,
        debt_instance_min: total.elasticity.map_or(0.0, |figures| figures.debt_unit_min),
        not_served: verdict.requests.not_served,
        speed_up: SpeedUp::default(),
        speed_up_services: BTreeMap::new(),
        figures: Figures::of(verdict),
        unbeaten: false,
    }
}
