//! How well supply kept up with demand: figures over two step functions.
//!
//! Demand d(t) is the fewest units (instances, streams) that serve what is asked; supply s(t) is
//! the units that are ready. The accuracy and timeshare figures follow Herbst, Kounev and others;
//! papers differ in what θO is divided by, so both forms are given and ours is the one by demand.

use serde::Serialize;

/// From `at_s` until the next step, demand and supply stay the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Step {
    /// Start of the step, in match seconds.
    pub at_s: f64,
    /// Units needed, at least 0.
    pub demand: f64,
    /// Units ready, at least 0.
    pub supply: f64,
}

impl Step {
    /// Units missing: (d − s)⁺.
    pub fn missing(&self) -> f64 {
        (self.demand - self.supply).max(0.0)
    }

    /// Units too many: (s − d)⁺.
    pub fn spare(&self) -> f64 {
        (self.supply - self.demand).max(0.0)
    }
}

/// How well supply kept up over a window.
///
/// Where d = 0 a share of d has no meaning: such time is left out of `theta_u_pct` and
/// `theta_o_pct`, which are means over the time with d > 0 (and 0 when there is none). All other
/// figures are over the whole window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Elasticity {
    /// Length of the window in match seconds.
    pub window_s: f64,
    /// a_U: mean units missing.
    pub a_u_units: f64,
    /// a_O: mean units too many.
    pub a_o_units: f64,
    /// θU: mean of (d − s)⁺ ÷ d in percent.
    pub theta_u_pct: f64,
    /// θO: mean of (s − d)⁺ ÷ d in percent.
    pub theta_o_pct: f64,
    /// θO by supply: mean of (s − d)⁺ ÷ s in percent; time with s = 0 adds nothing.
    pub theta_o_by_supply_pct: f64,
    /// τU: share of time with s < d in percent.
    pub tau_u_pct: f64,
    /// τO: share of time with s > d in percent.
    pub tau_o_pct: f64,
    /// υ: share of the grid's steps in which d and s moved in different directions, in percent.
    pub instability_pct: f64,
    /// (Σ|Δs| − Σ|Δd|) ÷ window in units per match minute: above 0 supply oscillates, below 0 it
    /// is sluggish.
    pub jitter_per_min: f64,
    /// Capacity debt ∫(d − s)⁺dt in unit-minutes of match time.
    pub debt_unit_min: f64,
    /// Most units missing at once.
    pub debt_peak_units: f64,
}

/// Measures steps in rising order of time, the last of which ends at `end_s` (match seconds).
///
/// The direction of a step function is defined only between two instants, so the instability is
/// counted on a grid of `grid_s` match seconds: the time between two decisions of the scaler.
///
/// None when the window has no length.
pub fn measure(steps: &[Step], end_s: f64, grid_s: f64) -> Option<Elasticity> {
    measure_total(&[(steps, grid_s)], end_s)
}

/// Measures several services as one: the steps of each with its grid, over the same window.
///
/// Units missing and units too many are summed over the services at each instant, and do not make up
/// for each other: an instance of one service cannot serve another. So time is short when any
/// service is, each service's moves count by themselves in the jitter, and the instability is over
/// all services' grids.
///
/// None when the window has no length.
pub fn measure_total(services: &[(&[Step], f64)], end_s: f64) -> Option<Elasticity> {
    let sums = summed(services);
    let window_s = end_s - sums.first()?.at_s;
    if window_s.is_nan() || window_s <= 0.0 {
        return None;
    }
    let integral = |value: &dyn Fn(&Sum) -> f64| -> f64 {
        let ends = sums.iter().skip(1).map(|next| next.at_s).chain([end_s]);
        sums.iter().zip(ends).map(|(sum, to_s)| value(sum) * (to_s - sum.at_s).max(0.0)).sum()
    };
    let truth = |holds: bool| if holds { 1.0 } else { 0.0 };
    let share = |part: f64, of: f64| if of > 0.0 { part / of } else { 0.0 };
    let asked_s = integral(&|sum| truth(sum.demand > 0.0));
    let by_demand = |units: fn(&Sum) -> f64| {
        let total = integral(&|sum| share(units(sum), sum.demand));
        100.0 * share(total, asked_s)
    };
    let missing = integral(&|sum| sum.missing);
    let moved = |of: fn(&Step) -> f64| -> f64 {
        let pairs = services.iter().flat_map(|(steps, _)| steps.windows(2));
        pairs.map(|pair| (of(&pair[1]) - of(&pair[0])).abs()).sum()
    };
    Some(Elasticity {
        window_s,
        a_u_units: missing / window_s,
        a_o_units: integral(&|sum| sum.spare) / window_s,
        theta_u_pct: by_demand(|sum| sum.missing),
        theta_o_pct: by_demand(|sum| sum.spare),
        theta_o_by_supply_pct: 100.0 * integral(&|sum| share(sum.spare, sum.supply)) / window_s,
        tau_u_pct: 100.0 * integral(&|sum| truth(sum.missing > 0.0)) / window_s,
        tau_o_pct: 100.0 * integral(&|sum| truth(sum.spare > 0.0)) / window_s,
        instability_pct: instability_pct(services, end_s),
        jitter_per_min: (moved(|step| step.supply) - moved(|step| step.demand)) / window_s * 60.0,
        debt_unit_min: missing / 60.0,
        debt_peak_units: sums.iter().map(|sum| sum.missing).fold(0.0, f64::max),
    })
}

/// The most units that several services needed, and had, together at one time.
pub fn peaks(services: &[(&[Step], f64)]) -> (f64, f64) {
    let sums = summed(services);
    let peak = |of: fn(&Sum) -> f64| sums.iter().map(of).fold(0.0, f64::max);
    (peak(|sum| sum.demand), peak(|sum| sum.supply))
}

/// All services together, from `at_s` until the next.
struct Sum {
    at_s: f64,
    demand: f64,
    supply: f64,
    missing: f64,
    spare: f64,
}

fn summed(services: &[(&[Step], f64)]) -> Vec<Sum> {
    let steps = services.iter().flat_map(|(steps, _)| steps.iter());
    let mut instants: Vec<f64> = steps.map(|step| step.at_s).collect();
    instants.sort_by(f64::total_cmp);
    instants.dedup();
    let mut known = vec![0_usize; services.len()];
    let mut sum_at = |at_s: f64| {
        let mut sum = Sum { at_s, demand: 0.0, supply: 0.0, missing: 0.0, spare: 0.0 };
        for ((steps, _), known) in services.iter().zip(&mut known) {
            *known += steps[*known..].iter().take_while(|step| step.at_s <= at_s).count();
            let Some(step) = known.checked_sub(1).map(|last| &steps[last]) else { continue };
            sum.demand += step.demand;
            sum.supply += step.supply;
            sum.missing += step.missing();
            sum.spare += step.spare();
        }
        sum
    };
    instants.into_iter().map(&mut sum_at).collect()
}

/// Each step with its length in match seconds; the last ends at `end_s`.
pub fn lengths(steps: &[Step], end_s: f64) -> impl Iterator<Item = (&Step, f64)> {
    let ends = steps.iter().skip(1).map(|next| next.at_s).chain([end_s]);
    steps.iter().zip(ends).map(|(step, to_s)| (step, (to_s - step.at_s).max(0.0)))
}

fn instability_pct(services: &[(&[Step], f64)], end_s: f64) -> f64 {
    let counts = services.iter().map(|(steps, grid_s)| moves(steps, end_s, *grid_s));
    let (differ, all) = counts.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    if all == 0 { 0.0 } else { 100.0 * differ as f64 / all as f64 }
}

/// The grid's steps in which demand and supply moved in different directions, and all of them.
fn moves(steps: &[Step], end_s: f64, grid_s: f64) -> (u64, u64) {
    let Some(first) = steps.first() else { return (0, 0) };
    if grid_s.is_nan() || grid_s <= 0.0 {
        return (0, 0);
    }
    let mut current = first;
    let mut rest = steps.iter().skip(1).peekable();
    let (mut differ, mut all) = (0_u64, 0_u64);
    let mut previous = first;
    // Times are products of the grid, never sums: a sum drifts off the steps' own times.
    let points = (1_u64..).map(|n| first.at_s + n as f64 * grid_s).take_while(|at| *at < end_s);
    for at_s in points {
        while let Some(step) = rest.next_if(|step| step.at_s <= at_s + grid_s * 1e-9) {
            current = step;
        }
        let demand = direction(previous.demand, current.demand);
        differ += u64::from(direction(previous.supply, current.supply) != demand);
        all += 1;
        previous = current;
    }
    (differ, all)
}

fn direction(from: f64, to: f64) -> i8 {
    i8::from(to > from) - i8::from(to < from)
}

/// A rise of demand and how long supply took to follow.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Lag {
    /// When demand rose, in match seconds.
    pub at_s: f64,
    /// Demand before, in units.
    pub from: f64,
    /// Demand after, in units.
    pub to: f64,
    /// From the rise to the first instant with s ≥ the new demand, in match seconds; none when the
    /// window ended before.
    pub lag_s: Option<f64>,
}

/// The lag of every rise of demand, in the order of time. Supply that was there already has lag 0.
pub fn lags(steps: &[Step]) -> Vec<Lag> {
    let rises = steps.windows(2).enumerate().filter(|(_, pair)| pair[1].demand > pair[0].demand);
    rises
        .map(|(index, pair)| {
            let [before, rise] = [pair[0], pair[1]];
            let follows = &steps[index + 1..];
            let reached = follows.iter().find(|step| step.supply >= rise.demand);
            Lag {
                at_s: rise.at_s,
                from: before.demand,
                to: rise.demand,
                lag_s: reached.map(|step| step.at_s - rise.at_s),
            }
        })
        .collect()
}

/// The four figures of which the elastic speed-up is made, all in percent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SpeedUpFigures {
    /// θU.
    pub theta_u_pct: f64,
    /// θO, divided by demand on both sides of a comparison or by supply on both.
    pub theta_o_pct: f64,
    /// τU.
    pub tau_u_pct: f64,
    /// τO.
    pub tau_o_pct: f64,
}

impl SpeedUpFigures {
    fn all(&self) -> [f64; 4] {
        [self.theta_u_pct, self.theta_o_pct, self.tau_u_pct, self.tau_o_pct]
    }
}

impl From<&Elasticity> for SpeedUpFigures {
    fn from(of: &Elasticity) -> Self {
        Self {
            theta_u_pct: of.theta_u_pct,
            theta_o_pct: of.theta_o_pct,
            tau_u_pct: of.tau_u_pct,
            tau_o_pct: of.tau_o_pct,
        }
    }
}

/// Elastic speed-up ε = Π(base ÷ measured)^w, over θU, θO, τU, τO with these weights, brought to a
/// sum of 1: above 1 the measured run followed demand better than the base.
///
/// None when a figure of either run is 0 (a ratio to perfection is unbounded) or the weights do not
/// have a sum above 0.
pub fn speed_up(
    base: &SpeedUpFigures,
    measured: &SpeedUpFigures,
    weights: [f64; 4],
) -> Option<f64> {
    let total: f64 = weights.iter().sum();
    let figures = || base.all().into_iter().zip(measured.all());
    if total.is_nan() || total <= 0.0 || !figures().all(|(base, own)| base > 0.0 && own > 0.0) {
        return None;
    }
    let logarithm: f64 = figures()
        .zip(weights)
        .map(|((base, own), weight)| (base / own).ln() * weight / total)
        .sum();
    Some(logarithm.exp())
}

#[cfg(test)]
mod tests;
