//! The scorecard: how well scaling kept up, for each service and for all of them together.

pub(crate) mod figures;
mod text;

use hulk_record::ServiceInfo;
use hulk_scaling::elasticity::{Elasticity, Step, lags, measure, measure_total, peaks};
use serde::Serialize;

pub use text::scorecard;

use crate::scale_out::{Enough, ScaleOut, scale_outs};
use crate::supply::{Supply, known, of_service, window_requests_max, window_s};
use crate::verdict::ServiceScaling;
use crate::view::View;
use crate::violation::{Violations, match_minutes};

/// Rises of demand of a service whose lag is told: the longest.
const LAGS_MAX: usize = 50;
/// Scale-outs of a service that are told: those that missed most.
const SCALE_OUTS_MAX: usize = 20;

/// All services whose capacity is known, as one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Total {
    /// How many they are.
    pub services: usize,
    /// Most instances needed at one time.
    pub demand_peak: f64,
    /// Most instances ready at one time.
    pub supply_peak: f64,
    /// The figures. An instance too many at one service does not make up for one that is missing at
    /// another.
    pub elasticity: Option<Elasticity>,
    /// The longest time that supply of a service took to follow a rise, in match seconds.
    pub lag_longest_match_s: Option<f64>,
    /// Rises of demand that supply had not followed when the window ended.
    pub rises_not_followed: usize,
    /// Match minutes of intervals in which a promise of some objective was broken, those of services
    /// without a known capacity included.
    pub violation_match_min: f64,
    /// ∫ supply dt, in instance-hours of match time at full scale; none where no capacity is known.
    pub cost_instance_h: Option<f64>,
}

/// All services together.
pub(crate) fn total_of(
    view: &View<'_>,
    supplies: &[Result<Supply, String>],
    scaling: &[ServiceScaling],
    violations: &Violations<'_>,
) -> Total {
    let known: Vec<&Supply> = known(supplies).collect();
    let end_s = view.match_s(view.end);
    let steps: Vec<(&[Step], f64)> =
        known.iter().map(|supply| (supply.steps.as_slice(), supply.window_s)).collect();
    let costs = scaling.iter().filter_map(|service| service.cost_instance_h);
    let (demand_peak, supply_peak) = peaks(&steps);
    Total {
        services: known.len(),
        demand_peak,
        supply_peak,
        elasticity: measure_total(&steps, end_s),
        lag_longest_match_s: scaling
            .iter()
            .filter_map(|of| of.lag_longest_match_s)
            .reduce(f64::max),
        rises_not_followed: scaling.iter().map(|of| of.rises_not_followed).sum(),
        violation_match_min: match_minutes(view, &violations.all()),
        cost_instance_h: (!known.is_empty()).then(|| costs.sum()),
    }
}

/// How well a service's supply kept up, or why that is not judged.
pub(crate) fn scaling_of(
    view: &View<'_>,
    service: &ServiceInfo,
    supply: &Result<Supply, String>,
    violations: &Violations<'_>,
) -> ServiceScaling {
    let broken = violations.of_service(&service.name);
    let unknown = not_judged(view, service, match_minutes(view, &broken));
    let supply = match supply {
        Ok(supply) => supply,
        Err(why) => return ServiceScaling { not_judged: Some(why.clone()), ..unknown },
    };
    if let Some(blind) = supply.blindness(view) {
        return ServiceScaling { not_judged: Some(blind), ..unknown };
    }
    let lags = lags(&supply.steps);
    let lag_longest_match_s = lags.iter().filter_map(|lag| lag.lag_s).reduce(f64::max);
    let rises_not_followed = lags.iter().filter(|lag| lag.lag_s.is_none()).count();
    let all_scale_outs = scale_outs(view, supply, &broken);
    let enough = Enough::for_all(&all_scale_outs);
    // Where nobody tells what is wanted, nobody knows at which stage it was late.
    let told = if supply.tells_wanted { all_scale_outs } else { Vec::new() };
    let (lags, lags_left_out) =
        largest(lags, LAGS_MAX, |lag| lag.lag_s.unwrap_or(f64::INFINITY), |lag| lag.at_s);
    let (scale_outs, scale_outs_left_out) =
        largest(told, SCALE_OUTS_MAX, ScaleOut::debt_instance_min, |scale_out| {
            scale_out.from_match_min
        });
    let peak = |of: fn(&Step) -> f64| supply.steps.iter().map(of).fold(0.0, f64::max);
    ServiceScaling {
        elasticity: measure(&supply.steps, supply.end_s, supply.window_s),
        demand_peak: peak(|step| step.demand),
        supply_peak: peak(|step| step.supply),
        shortage: supply.shortage(view),
        lag_longest_match_s,
        rises_not_followed,
        lags,
        lags_left_out,
        cost_instance_h: Some(supply.unit_s() / 3600.0),
        scale_outs,
        scale_outs_left_out,
        enough,
        ..unknown
    }
}

/// What is known of a service without its capacity.
fn not_judged(view: &View<'_>, service: &ServiceInfo, violation_match_min: f64) -> ServiceScaling {
    let sends = || of_service(view, &service.name);
    let onset = sends().find(|(_, send)| send.not_served() > 0);
    let onset = onset.map(|(due, _)| view.when_interval(i64::from(due)));
    let viewers = sends().map(|(_, send)| send.viewers_not_served).sum();
    ServiceScaling {
        service: service.name.clone(),
        not_judged: None,
        window_requests_max: window_requests_max(view, service),
        not_served: sends().map(|(_, send)| send.not_served()).sum(),
        viewers_not_served: view.tells_viewers().then_some(viewers),
        not_served_first_match_min: onset.as_ref().map(|when| when.minute),
        moment: onset.and_then(|when| when.moment()),
        window_match_s: window_s(view, service),
        elasticity: None,
        demand_peak: 0.0,
        supply_peak: 0.0,
        shortage: None,
        lag_longest_match_s: None,
        rises_not_followed: 0,
        lags: Vec::new(),
        lags_left_out: 0,
        violation_match_min,
        cost_instance_h: None,
        scale_outs: Vec::new(),
        scale_outs_left_out: 0,
        enough: None,
    }
}

/// The largest of them, in the order of time, and how many are left out.
fn largest<T>(
    mut all: Vec<T>,
    most: usize,
    size: impl Fn(&T) -> f64,
    at: impl Fn(&T) -> f64,
) -> (Vec<T>, usize) {
    let left_out = all.len().saturating_sub(most);
    if left_out > 0 {
        all.sort_by(|a, b| size(b).total_cmp(&size(a)));
        all.truncate(most);
        all.sort_by(|a, b| at(a).total_cmp(&at(b)));
    }
    (all, left_out)
}

impl ServiceScaling {
    /// When it fell behind, at which stage it was late, and what would have been enough, as a
    /// sentence; none where nothing was ever missing.
    pub(crate) fn fell_behind(&self) -> Option<String> {
        let size = ScaleOut::debt_instance_min;
        let enough = self.enough?.words();
        let worst = self.scale_outs.iter().reduce(|a, b| if size(b) > size(a) { b } else { a });
        let Some(worst) = worst else {
            return Some(format!("{} fell behind; {enough}.", self.service));
        };
        let all = self.scale_outs.len() + self.scale_outs_left_out;
        Some(format!("{}; {enough}.", worst.words(&self.service, all)))
    }
}
