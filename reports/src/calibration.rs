//! What one instance serves, from a run with rising stairs of load against a fixed number of them.
//!
//! A stair holds when at least 98 % of the first attempts that were due in it were answered as expected
//! within it, and every objective of the service that is about its answers held. A queue that grows is
//! seen by that long before anybody is turned away. What holds is asked of the stairs in their order: above
//! the first that does not hold, none does.

use hulk_record::{Bound, Measure, Outcome, Record};
use serde::Serialize;

use crate::RenderError;
use crate::objectives::latency::{Wanted, intervals_broken};
use crate::supply::of_service;
use crate::verdict::{Verdict, VerdictKind};
use crate::view::View;
use crate::words::{clean, number};

/// Of what was due in a stair, so much is answered in it.
const ANSWERED_MIN: f64 = 0.98;

/// What the services of a run serve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// The run's verdict: only an INVALID run says nothing, for a staircase goes on until it breaks.
    pub kind: VerdictKind,
    /// Instances of each service.
    pub instances: u32,
    /// Each service that was asked, in the order of the manifest.
    pub services: Vec<Calibrated>,
}

/// What an instance of a service serves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibrated {
    /// The service.
    pub service: String,
    /// Requests per match second an instance at the highest stair that held; none where none did.
    pub held_rps: Option<f64>,
    /// The same at the first stair that did not hold; none where all did.
    pub broke_rps: Option<f64>,
    /// What the file says; none where it says nothing.
    pub rated_rps: Option<f64>,
    /// Each stair.
    pub stairs: Vec<StairSeen>,
}

/// A stair as a service saw it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StairSeen {
    /// First attempts due per match second.
    pub due_per_s: f64,
    /// First attempts answered as expected per match second.
    pub answered_per_s: f64,
    /// Whether it held.
    pub holds: bool,
}

/// Reads a run with a staircase: each stair from when to when, in match seconds, and how many instances
/// each service had.
pub fn calibrate(
    record: &Record,
    verdict: &Verdict,
    stairs: &[(f64, f64)],
    instances: u32,
) -> Calibration {
    let view = View::of(record);
    let each = f64::from(instances.max(1));
    let services = view.manifest().services.iter().filter_map(|service| {
        let seen: Vec<StairSeen> =
            stairs.iter().filter_map(|stair| seen(&view, &service.name, *stair)).collect();
        let held = seen.iter().take_while(|stair| stair.holds).last();
        let broke = seen.iter().find(|stair| !stair.holds);
        let asked = seen.iter().any(|stair| stair.due_per_s > 0.0);
        asked.then(|| Calibrated {
            service: service.name.clone(),
            held_rps: held.map(|stair| stair.due_per_s / each),
            broke_rps: broke.map(|stair| stair.due_per_s / each),
            rated_rps: service.rated_rps,
            stairs: seen.clone(),
        })
    });
    Calibration { kind: verdict.kind, instances, services: services.collect() }
}

/// What happened in the whole intervals of a stair; none where it has none.
fn seen(view: &View<'_>, service: &str, (from_s, to_s): (f64, f64)) -> Option<StairSeen> {
    let interval_s = view.manifest().interval_match_s();
    let first = (from_s / interval_s - 1e-6).ceil() as i64;
    let end = ((to_s / interval_s + 1e-6).floor() as i64).min(view.intervals());
    if end <= first {
        return None;
    }
    let length_s = (end - first) as f64 * interval_s;
    let inside = |interval: i64| (first..end).contains(&interval);
    let due: u64 = of_service(view, service)
        .filter(|(due, _)| inside(i64::from(*due)))
        .map(|(_, send)| send.asked())
        .sum();
    let frames = || view.judged().filter(|frame| inside(view.interval_at(frame.to.plus(-1))));
    let answered: u64 = frames()
        .flat_map(|frame| &frame.series)
        .filter(|(key, _)| {
            key.measure == Measure::Response
                && key.outcome == Outcome::Ok
                && view.service_of(&key.journey, &key.step) == Some(service)
        })
        .flat_map(|(_, samples)| &samples.counts)
        .map(|(_, count)| count)
        .sum();
    // An arrival that found no free user was never due at a service.
    let kept_out = frames().any(|frame| frame.arrivals.dropped() > 0);
    let holds = answered as f64 >= ANSWERED_MIN * due as f64
        && !kept_out
        && objectives_hold(view, service, first..end);
    Some(StairSeen {
        due_per_s: due as f64 / length_s,
        answered_per_s: answered as f64 / length_s,
        holds,
    })
}

/// Whether the objectives of a service that are about its answers hold in these intervals.
fn objectives_hold(view: &View<'_>, service: &str, intervals: std::ops::Range<i64>) -> bool {
    let mut own = view.manifest().objectives.iter().filter(|of| of.service == service);
    own.all(|objective| match objective.bound {
        Bound::ServedShare { min } => {
            let (mut asked, mut missed) = (0, 0);
            for (_, send) in
                of_service(view, service).filter(|(due, _)| intervals.contains(&i64::from(*due)))
            {
                asked += send.asked();
                missed += send.not_served();
            }
            asked.saturating_sub(missed) as f64 >= min * asked as f64
        }
        Bound::Latency { measure, quantile_ppm, max_ms } => {
            let wanted = Wanted { measure, quantile_ppm, max_ms };
            !intervals_broken(view, service, &wanted).iter().any(|at| intervals.contains(at))
        }
        Bound::CapacityDebt { .. } | Bound::Startup { .. } | Bound::StallRatio { .. } => true,
    })
}

impl Calibration {
    /// For a terminal: a line a service, and what to put into the file. Ends in a line feed.
    pub fn text(&self) -> String {
        let told = |of: Option<f64>| of.map_or_else(|| "-".to_owned(), number);
        let mut out = format!(
            "{:<20} {:>12} {:>12} {:>12}  requests/s an instance, of {}\n",
            "service", "held", "broke", "rated_rps", self.instances
        );
        for of in &self.services {
            let note = match (of.held_rps, of.broke_rps) {
                (None, _) => "the first stair was too high already",
                (_, None) => "the last stair held: go higher",
                _ => "",
            };
            let line = format!(
                "{:<20} {:>12} {:>12} {:>12}  {note}",
                clean(&of.service),
                told(of.held_rps),
                told(of.broke_rps),
                told(of.rated_rps)
            );
            out += &format!("{}\n", line.trim_end());
        }
        let found: Vec<String> = self
            .services
            .iter()
            .filter_map(|of| Some((of, of.broke_rps.and(of.held_rps)?)))
            .map(|(of, held)| {
                format!("[service.{}]\nrated_rps = {:.3}\n", clean(&of.service), held)
            })
            .collect();
        if self.kind != VerdictKind::Invalid && !found.is_empty() {
            out += &format!("\nfor the platform's file:\n{}", found.concat());
        }
        out
    }

    /// For machines, ending in a line feed.
    ///
    /// # Errors
    /// When a value has no JSON form; none of a calibration's has.
    pub fn json(&self) -> Result<Vec<u8>, RenderError> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}
