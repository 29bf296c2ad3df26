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
    let first = steps.first()?;
    let window_s = end_s - first.at_s;
    if window_s.is_nan() || window_s <= 0.0 {
        return None;
    }
    let integral = |value: &dyn Fn(&Step) -> f64| -> f64 {
        lengths(steps, end_s).map(|(step, length_s)| value(step) * length_s).sum()
    };
    let truth = |holds: bool| if holds { 1.0 } else { 0.0 };
    let share = |part: f64, of: f64| if of > 0.0 { part / of } else { 0.0 };
    let asked_s = integral(&|step| truth(step.demand > 0.0));
    let by_demand = |units: fn(&Step) -> f64| {
        let sum = integral(&|step| share(units(step), step.demand));
        100.0 * share(sum, asked_s)
    };
    let missing = integral(&Step::missing);
    let moved = |of: fn(&Step) -> f64| -> f64 {
        steps.windows(2).map(|pair| (of(&pair[1]) - of(&pair[0])).abs()).sum()
    };
    Some(Elasticity {
        window_s,
        a_u_units: missing / window_s,
        a_o_units: integral(&Step::spare) / window_s,
        theta_u_pct: by_demand(Step::missing),
        theta_o_pct: by_demand(Step::spare),
        theta_o_by_supply_pct: 100.0 * integral(&|step| share(step.spare(), step.supply))
            / window_s,
        tau_u_pct: 100.0 * integral(&|step| truth(step.supply < step.demand)) / window_s,
        tau_o_pct: 100.0 * integral(&|step| truth(step.supply > step.demand)) / window_s,
        instability_pct: instability_pct(steps, end_s, grid_s),
        jitter_per_min: (moved(|step| step.supply) - moved(|step| step.demand)) / window_s * 60.0,
        debt_unit_min: missing / 60.0,
        debt_peak_units: steps.iter().map(Step::missing).fold(0.0, f64::max),
    })
}

/// Each step with its length in match seconds; the last ends at `end_s`.
pub fn lengths(steps: &[Step], end_s: f64) -> impl Iterator<Item = (&Step, f64)> {
    let ends = steps.iter().skip(1).map(|next| next.at_s).chain([end_s]);
    steps.iter().zip(ends).map(|(step, to_s)| (step, (to_s - step.at_s).max(0.0)))
}

fn instability_pct(steps: &[Step], end_s: f64, grid_s: f64) -> f64 {
    let Some(first) = steps.first() else { return 0.0 };
    if grid_s.is_nan() || grid_s <= 0.0 {
        return 0.0;
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
    if all == 0 { 0.0 } else { 100.0 * differ as f64 / all as f64 }
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
