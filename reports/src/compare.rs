//! Two runs side by side: whether they can be compared, and every number of both.
//!
//! One run a side cannot tell a change from noise, so nothing here is judged: a difference is a
//! difference, and the text says what a judgement would need.

mod rows;
mod text;

use hulk_record::Record;
use serde::Serialize;

use crate::RenderError;
use crate::bite::sentence;
use crate::differences::{Aspect, Difference, differences};
use crate::judge::judge;
use crate::responses::moments;
use crate::sentence::headline;
use crate::verdict::{ObjectiveStatus, ServiceScaling, Verdict, VerdictKind};
use crate::view::View;
use crate::windows::{Kind, spans};
use rows::{Row, rows};

/// The version of the comparison's format.
const VERSION: u32 = 1;
/// No judgement with fewer runs a side, however little they differ among themselves.
const RUNS_MIN: u64 = 5;
/// 5 % false alarms, one-sided, and 80 % of such changes found.
const Z_SUM: f64 = 1.6449 + 0.8416;
/// What a small number of runs costs beyond the normal formula.
const SMALL_SAMPLE: f64 = 1.6449 * 1.6449 / 4.0;

/// Two runs side by side.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    version: u32,
    a: Side,
    b: Side,
    /// Whether both were asked for the same load.
    same_load: bool,
    /// Whether both ran in the same kind of place.
    same_place: bool,
    differences: Vec<Difference>,
    /// What a judgement would need.
    note: String,
    objectives: Vec<ObjectivePair>,
    rows: Vec<Row>,
    scaling: Vec<ScalingPair>,
    moments: Vec<MomentPair>,
    faults: Vec<FaultPair>,
}

/// One of the runs.
#[derive(Debug, Clone, Serialize)]
struct Side {
    name: String,
    file: String,
    started_unix_s: u64,
    kind: VerdictKind,
    headline: String,
    exit_code: i32,
    requests: u64,
    not_served: u64,
}

/// A number of both runs; none where a run does not have it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Pair {
    a: Option<f64>,
    b: Option<f64>,
    /// (b − a) ÷ a in percent; none where a is 0 or one is not known.
    change_pct: Option<f64>,
}

impl Pair {
    fn of(a: Option<f64>, b: Option<f64>) -> Self {
        let change_pct = match (a, b) {
            (Some(a), Some(b)) if a == b => Some(0.0),
            (Some(a), Some(b)) if a != 0.0 => Some((b - a) / a * 100.0),
            _ => None,
        };
        Self { a, b, change_pct }
    }
}

/// An objective of both runs.
#[derive(Debug, Clone, Serialize)]
struct ObjectivePair {
    name: String,
    service: String,
    what: String,
    unit: &'static str,
    /// None where a run does not have it.
    status_a: Option<ObjectiveStatus>,
    status_b: Option<ObjectiveStatus>,
    measured: Pair,
    limit: Pair,
    /// Whether it has another status in each.
    changed: bool,
}

/// How a service kept up in both runs.
#[derive(Debug, Clone, Serialize)]
struct ScalingPair {
    service: String,
    debt_instance_min: Pair,
    missing_max: Pair,
    lag_longest_match_s: Pair,
    rises_not_followed: Pair,
    spare_pct: Pair,
}

/// What viewers did at a moment in both runs.
#[derive(Debug, Clone, Serialize)]
struct MomentPair {
    moment: String,
    acted: Pair,
    came: Pair,
    pressed_back: Pair,
    gone: Pair,
    back_in_video: Pair,
}

/// What a fault did in both runs, in words; none where a run did not have it.
#[derive(Debug, Clone, Serialize)]
struct FaultPair {
    fault: String,
    a: Option<String>,
    b: Option<String>,
}

/// Lays two runs side by side.
pub fn compare(a: &Record, b: &Record) -> Comparison {
    let views = [a, b].map(View::of);
    let verdicts = [a, b].map(judge);
    let found = differences(&a.manifest, &b.manifest);
    let same = |aspect| found.iter().all(|difference| difference.aspect != aspect);
    let [side_a, side_b] = [(a, &verdicts[0]), (b, &verdicts[1])].map(|(r, v)| side(r, v));
    Comparison {
        version: VERSION,
        a: side_a,
        b: side_b,
        same_load: same(Aspect::Load),
        same_place: same(Aspect::Place),
        differences: found,
        note: note(),
        objectives: objectives(&verdicts),
        rows: rows(&views),
        scaling: scaling(&verdicts),
        moments: moment_pairs(&views),
        faults: fault_pairs(&views),
    }
}

impl Comparison {
    /// For a terminal, ending in a line feed.
    pub fn text(&self) -> String {
        text::text(self)
    }

    /// For machines: every number in full, ending in a line feed.
    ///
    /// # Errors
    /// When a value has no JSON form; none of a comparison's has.
    pub fn json(&self) -> Result<Vec<u8>, RenderError> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

fn side(record: &Record, verdict: &Verdict) -> Side {
    Side {
        name: record.manifest.name.clone(),
        file: record.manifest.file.clone(),
        started_unix_s: record.manifest.started_unix_s,
        kind: verdict.kind,
        headline: headline(verdict),
        exit_code: verdict.kind.exit_code(),
        requests: verdict.requests.first,
        not_served: verdict.requests.not_served,
    }
}

/// How many runs a side a change needs to be told from noise, where runs of one side differ by
/// `spread` (standard deviation ÷ mean) among themselves.
fn runs_a_side(spread: f64, change: f64) -> u64 {
    let runs = 2.0 * (Z_SUM * spread / change.ln_1p()).powi(2) + SMALL_SAMPLE;
    (runs.ceil() as u64).max(RUNS_MIN)
}

fn note() -> String {
    format!(
        "One run a side cannot tell a change from noise: what follows is shown, not judged. A \
         judgement needs at least {RUNS_MIN} runs a side, made in turns (A B A B …): to tell a change \
         of 5 %, about {} where runs of one side differ by 3 % among themselves, and about {} where \
         they differ by 6 %.",
        runs_a_side(0.03, 0.05),
        runs_a_side(0.06, 0.05),
    )
}

/// The names of both, those of the first in its order, then what only the second has.
fn names<T: Clone + PartialEq>(a: impl Iterator<Item = T>, b: impl Iterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = Vec::new();
    for name in a.chain(b) {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

fn objectives([a, b]: &[Verdict; 2]) -> Vec<ObjectivePair> {
    let keys = |of: &Verdict| {
        let all = of.objectives.iter();
        all.map(|o| (o.name.clone(), o.service.clone(), o.what.clone(), o.unit)).collect::<Vec<_>>()
    };
    let pair = |(name, service, what, unit): (String, String, String, &'static str)| {
        let [own, other] = [a, b].map(|verdict| {
            let mut all = verdict.objectives.iter();
            all.find(|o| (&o.name, &o.service, &o.what) == (&name, &service, &what))
        });
        let [status_a, status_b] = [own, other].map(|found| found.map(|o| o.status));
        ObjectivePair {
            unit,
            status_a,
            status_b,
            measured: Pair::of(own.and_then(|o| o.measured), other.and_then(|o| o.measured)),
            limit: Pair::of(own.map(|o| o.limit), other.map(|o| o.limit)),
            changed: status_a != status_b,
            name,
            service,
            what,
        }
    };
    names(keys(a).into_iter(), keys(b).into_iter()).into_iter().map(pair).collect()
}

fn scaling([a, b]: &[Verdict; 2]) -> Vec<ScalingPair> {
    let services = |of: &Verdict| {
        let judged = of.scaling.iter().filter(|s| s.elasticity.is_some());
        judged.map(|s| s.service.clone()).collect::<Vec<_>>()
    };
    let pair = |service: String| {
        let sides = [a, b].map(|v| v.scaling.iter().find(|s| s.service == service));
        let of = |value: &dyn Fn(&ServiceScaling) -> Option<f64>| {
            let [a, b] = sides.map(|side| side.and_then(value));
            Pair::of(a, b)
        };
        ScalingPair {
            debt_instance_min: of(&|s| s.elasticity.map(|e| e.debt_unit_min)),
            missing_max: of(&|s| s.elasticity.map(|e| e.debt_peak_units)),
            lag_longest_match_s: of(&|s| s.lag_longest_match_s),
            rises_not_followed: of(&|s| s.elasticity.map(|_| s.rises_not_followed as f64)),
            spare_pct: of(&|s| s.elasticity.map(|e| e.theta_o_pct)),
            service,
        }
    };
    names(services(a).into_iter(), services(b).into_iter()).into_iter().map(pair).collect()
}

fn moment_pairs(views: &[View<'_>; 2]) -> Vec<MomentPair> {
    let [a, b] = [&views[0], &views[1]].map(moments);
    let known = |of: &[crate::responses::MomentSummary]| {
        of.iter().map(|moment| moment.counts.moment.clone()).collect::<Vec<_>>()
    };
    let pair = |moment: String| {
        let sides = [&a, &b].map(|all| all.iter().find(|known| known.counts.moment == moment));
        let of = |value: &dyn Fn(&hulk_record::ResponseCount) -> u64| {
            let [a, b] = sides.map(|side| side.map(|found| value(&found.counts) as f64));
            Pair::of(a, b)
        };
        MomentPair {
            acted: of(&|counts| counts.acted),
            came: of(&|counts| counts.came),
            pressed_back: of(&|counts| counts.woken),
            gone: of(&|counts| counts.left),
            back_in_video: of(&|counts| counts.returned),
            moment,
        }
    };
    names(known(&a).into_iter(), known(&b).into_iter()).into_iter().map(pair).collect()
}

fn fault_pairs(views: &[View<'_>; 2]) -> Vec<FaultPair> {
    let [a, b] = [&views[0], &views[1]].map(|view| {
        let faults = spans(view).into_iter().filter(|span| span.kind == Kind::Fault);
        faults.map(|span| (span.name.clone(), sentence(&span))).collect::<Vec<_>>()
    });
    let known =
        |of: &[(String, String)]| of.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let pair = |fault: String| {
        let [a, b] = [&a, &b].map(|all| {
            all.iter().find(|(name, _)| *name == fault).map(|(_, sentence)| sentence.clone())
        });
        FaultPair { fault, a, b }
    };
    names(known(&a).into_iter(), known(&b).into_iter()).into_iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runs_that_a_judgement_needs() {
        // 2 (2.4865 × 0.03 ÷ ln 1.05)² + 0.68 = 5.4, and four times the first part + 0.68 = 19.4.
        assert_eq!([0.001, 0.03, 0.06].map(|spread| runs_a_side(spread, 0.05)), [5, 6, 20]);
    }

    #[test]
    fn a_change_is_in_percent_of_the_first() {
        let of = |a, b| Pair::of(Some(a), Some(b)).change_pct;
        assert_eq!([of(4.0, 5.0), of(0.0, 0.0), of(0.0, 1.0)], [Some(25.0), Some(0.0), None]);
        assert_eq!(Pair::of(None, Some(1.0)).change_pct, None);
    }
}
