//! Elastic speed-up: how much better one run followed its demand than another.

use std::collections::BTreeMap;

use hulk_scaling::elasticity::{SpeedUpFigures, speed_up};
use serde::Serialize;

use crate::verdict::Verdict;
use crate::words::number;

/// The elastic speed-up ε = (θU₀/θU · θO₀/θO · τU₀/τU · τO₀/τO)^¼ against a base: above 1 this run followed
/// its demand better.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct SpeedUp {
    /// ε; none where it is not defined.
    pub value: Option<f64>,
    /// Why it is not defined.
    pub not_defined: Option<String>,
}

impl SpeedUp {
    /// "1.27", or "not defined".
    pub(super) fn words(&self) -> String {
        self.value.map_or_else(|| "not defined".to_owned(), number)
    }
}

/// What the speed-ups of a run are made of: of all services together, and of each.
#[derive(Debug, Clone, Default)]
pub(super) struct Figures {
    all: Option<SpeedUpFigures>,
    services: BTreeMap<String, SpeedUpFigures>,
}

impl Figures {
    pub(super) fn of(verdict: &Verdict) -> Self {
        let known = verdict.scaling.iter().filter_map(|service| {
            let figures = SpeedUpFigures::from(service.elasticity.as_ref()?);
            Some((service.service.clone(), figures))
        });
        Self {
            all: verdict.scaling_total.elasticity.as_ref().map(SpeedUpFigures::from),
            services: known.collect(),
        }
    }

    /// Of all services together and of each.
    pub(super) fn against(&self, base: &Self) -> (SpeedUp, BTreeMap<String, SpeedUp>) {
        let services = self
            .services
            .iter()
            .map(|(service, own)| (service.clone(), of(base.services.get(service), Some(own))));
        (of(base.all.as_ref(), self.all.as_ref()), services.collect())
    }
}

fn of(base: Option<&SpeedUpFigures>, own: Option<&SpeedUpFigures>) -> SpeedUp {
    let (Some(base), Some(own)) = (base, own) else {
        let not_defined = Some("the capacity is not known in both runs".to_owned());
        return SpeedUp { value: None, not_defined };
    };
    let value = speed_up(base, own, [1.0; 4]);
    let none = |of: &SpeedUpFigures| {
        let all = [
            ("θU", of.theta_u_pct),
            ("θO", of.theta_o_pct),
            ("τU", of.tau_u_pct),
            ("τO", of.tau_o_pct),
        ];
        let none: Vec<&str> =
            all.iter().filter(|(_, of)| *of <= 0.0).map(|(name, _)| *name).collect();
        none.join(", ")
    };
    let not_defined = value.is_none().then(|| match (none(base), none(own)) {
        (base, own) if own.is_empty() => format!("0 in the base: {base}"),
        (base, own) if base.is_empty() => format!("0 here: {own}"),
        (base, own) => format!("0 in the base: {base}; 0 here: {own}"),
    });
    SpeedUp { value, not_defined }
}
