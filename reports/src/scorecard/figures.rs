//! The scorecard's figures as texts: a row each, for all services together and for each.

use hulk_scaling::elasticity::Elasticity;

use super::Total;
use crate::verdict::{ServiceScaling, Verdict};
use crate::words::{count, minute, number};

/// A figure.
pub(crate) struct Row {
    /// What it is, with its unit.
    pub(crate) what: &'static str,
    /// Of all services together; empty where that has no meaning.
    pub(crate) total: String,
    /// Of each service that was judged, in their order.
    pub(crate) services: Vec<String>,
}

type Judged<'a> = (&'a ServiceScaling, &'a Elasticity);

/// The services that were judged.
pub(crate) fn judged(verdict: &Verdict) -> Vec<Judged<'_>> {
    verdict.scaling.iter().filter_map(|s| s.elasticity.as_ref().map(|e| (s, e))).collect()
}

/// All figures; none where no service was judged.
pub(crate) fn rows(verdict: &Verdict) -> Vec<Row> {
    let judged = judged(verdict);
    let Some(figures) = &verdict.scaling_total.elasticity else { return Vec::new() };
    if judged.is_empty() {
        return Vec::new();
    }
    let all = &verdict.scaling_total;
    let mut rows = counted(&judged, all, figures);
    rows.extend(measured(&judged, figures));
    rows
}

fn row(
    what: &'static str,
    total: String,
    judged: &[Judged<'_>],
    of: fn(&Judged<'_>) -> String,
) -> Row {
    Row { what, total, services: judged.iter().map(of).collect() }
}

/// What is counted in instances, minutes and requests.
fn counted(judged: &[Judged<'_>], all: &Total, figures: &Elasticity) -> Vec<Row> {
    let row = |what, total, of: fn(&Judged<'_>) -> String| row(what, total, judged, of);
    let none = String::new;
    let first = judged.iter().filter_map(|(s, _)| s.shortage.map(|s| s.first_match_min));
    let short = judged.iter().map(|(s, _)| s.shortage.map_or(0, |s| s.not_served));
    let missing = judged.iter().map(|(s, _)| s.scale_outs.len() + s.scale_outs_left_out);
    vec![
        row("Instances needed, at most", number(all.demand_peak), |(s, _)| number(s.demand_peak)),
        row("Instances ready, at most", number(all.supply_peak), |(s, _)| number(s.supply_peak)),
        row("Capacity debt in instance-minutes", number(figures.debt_unit_min), |(_, e)| {
            number(e.debt_unit_min)
        }),
        row("Instances missing, at most", number(figures.debt_peak_units), |(_, e)| {
            number(e.debt_peak_units)
        }),
        row("First short at match minute", or_dash(first.reduce(f64::min), minute), |(s, _)| {
            or_dash(s.shortage.map(|s| s.first_match_min), minute)
        }),
        row("Worst at match minute", none(), |(s, _)| {
            or_dash(s.shortage.map(|s| s.worst_match_min), minute)
        }),
        row("Requests not served while short", count(short.sum()), |(s, _)| {
            count(s.shortage.map_or(0, |s| s.not_served))
        }),
        row("Scale-outs that fell behind", count(missing.sum::<usize>() as u64), |(s, _)| {
            count((s.scale_outs.len() + s.scale_outs_left_out) as u64)
        }),
        row(
            "Longest lag behind a rise in match seconds",
            or_dash(all.lag_longest_match_s, number),
            |(s, _)| or_dash(s.lag_longest_match_s, number),
        ),
        row("Rises never followed", count(all.rises_not_followed as u64), |(s, _)| {
            count(s.rises_not_followed as u64)
        }),
        row("A promise broken, match minutes", number(all.violation_match_min), |(s, _)| {
            number(s.violation_match_min)
        }),
        row("Cost in instance-hours", or_dash(all.cost_instance_h, number), |(s, _)| {
            or_dash(s.cost_instance_h, number)
        }),
        row("Decision window in match seconds", none(), |(s, _)| number(s.window_match_s)),
    ]
}

fn or_dash(of: Option<f64>, told: fn(f64) -> String) -> String {
    of.map_or_else(|| "–".to_owned(), told)
}

/// The measures of elasticity.
fn measured(judged: &[Judged<'_>], all: &Elasticity) -> Vec<Row> {
    let row = |what, of: fn(&Elasticity) -> String| Row {
        what,
        total: of(all),
        services: judged.iter().map(|(_, figures)| of(figures)).collect(),
    };
    fn pct(of: f64) -> String {
        format!("{} %", number(of))
    }
    vec![
        row("Time with too few instances, τU", |e| pct(e.tau_u_pct)),
        row("Time with too many, τO", |e| pct(e.tau_o_pct)),
        row("Instances missing on average, aU", |e| number(e.a_u_units)),
        row("Instances too many on average, aO", |e| number(e.a_o_units)),
        row("Missing ÷ needed, θU", |e| pct(e.theta_u_pct)),
        row("Too many ÷ needed, θO", |e| pct(e.theta_o_pct)),
        row("Too many ÷ ready", |e| pct(e.theta_o_by_supply_pct)),
        row("Instability, υ", |e| pct(e.instability_pct)),
        row("Jitter in changes a match minute", |e| number(e.jitter_per_min)),
    ]
}
