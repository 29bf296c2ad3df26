//! Several runs of one rehearsal that differ in their policies: what each cost, and for how long it
//! broke what was promised.

mod page;
mod text;

use std::collections::BTreeSet;

use hulk_record::{Bound, Manifest, Objective, Record};
use serde::Serialize;

use crate::RenderError;
use crate::differences::{Aspect, Difference, differences};
use crate::objectives::latency::{Wanted, intervals_broken};
use crate::sentence::headline;
use crate::supply::{Supply, of_service};
use crate::verdict::{Verdict, VerdictKind};
use crate::view::View;

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
    /// Whether no other run that says anything was both cheaper and broke less.
    pub unbeaten: bool,
}

impl Default for Tournament {
    fn default() -> Self {
        let (file, differences, entries) = (String::new(), Vec::new(), Vec::new());
        Self { version: VERSION, file, seed: 0, differences, entries, first: None }
    }
}

impl Tournament {
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
        self.entries.push(entry(policies, folder, record, verdict));
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

fn entry(policies: &str, folder: &str, record: &Record, verdict: &Verdict) -> Entry {
    let view = View::of(record);
    let supplies: Vec<Supply> = view
        .manifest()
        .services
        .iter()
        .filter_map(|service| Supply::of(&view, service).ok())
        .collect();
    let instance_s: f64 = supplies.iter().map(Supply::unit_s).sum();
    Entry {
        policies: policies.to_owned(),
        folder: folder.to_owned(),
        kind: verdict.kind,
        headline: headline(verdict),
        cost_instance_h: (!supplies.is_empty()).then_some(instance_s / 3600.0),
        violation_match_min: violation_match_min(&view, &supplies),
        debt_instance_min: debt(verdict),
        not_served: verdict.requests.not_served,
        unbeaten: false,
    }
}

fn debt(verdict: &Verdict) -> f64 {
    let figures = verdict.scaling.iter().filter_map(|scaling| scaling.elasticity.as_ref());
    figures.map(|figures| figures.debt_unit_min).sum()
}

/// The match time of all intervals in which the promise of some objective was broken.
fn violation_match_min(view: &View<'_>, supplies: &[Supply]) -> f64 {
    let objectives = &view.manifest().objectives;
    let broken: BTreeSet<i64> =
        objectives.iter().flat_map(|objective| broken(view, supplies, objective)).collect();
    let match_s = |interval: &i64| {
        let [from, to] = [*interval, interval + 1].map(|at| view.match_s(view.start_of(at)));
        to - from
    };
    broken.iter().map(match_s).sum::<f64>() / 60.0
}

/// The intervals in which an objective's promise was broken, each by itself. Of the stream's two only
/// the whole run tells.
fn broken(view: &View<'_>, supplies: &[Supply], objective: &Objective) -> Vec<i64> {
    let service = &objective.service;
    match objective.bound {
        Bound::ServedShare { min } => of_service(view, service)
            .filter(|(_, send)| {
                let asked = send.first.saturating_sub(send.abandoned);
                (asked.saturating_sub(send.not_served()) as f64) < min * asked as f64
            })
            .map(|(due, _)| i64::from(due))
            .collect(),
        Bound::CapacityDebt { .. } => {
            let supply = supplies.iter().find(|supply| supply.service == *service);
            let short =
                |interval: &i64| supply.is_some_and(|supply| supply.short_in(view, *interval));
            (0..view.intervals()).filter(short).collect()
        }
        Bound::Latency { measure, quantile_ppm, max_ms } => {
            intervals_broken(view, service, &Wanted { measure, quantile_ppm, max_ms })
        }
        Bound::Startup { .. } | Bound::StallRatio { .. } => Vec::new(),
    }
}
