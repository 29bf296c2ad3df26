//! What is given up when too many watch.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::no_service;

/// Panic switches: each goes on at a share of the forecast audience, and off again below 0.9 of
/// that share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PanicSpec {
    /// Viewers that were expected, at full scale.
    pub forecast_viewers: f64,
    /// Share of the forecast from which clients refresh more slowly.
    pub slow_refresh: f64,
    /// Share of the forecast from which recommendations are not asked for any more.
    pub no_recommendations: f64,
    /// Share of the forecast from which everyone gets the same home page, from the edge.
    pub static_home: f64,
    /// Share of the forecast from which clients spread their start at random.
    pub funnel_jitter: f64,
    /// The service whose answers become static.
    pub home: String,
    /// The service that is not asked any more.
    pub recommendation: String,
    /// With the static home page, the master playlist shows only renditions up to so many kbit/s.
    pub bitrate_cap_kbps: Option<f64>,
}

impl PanicSpec {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let share = |key| section.number(key, 1e-6..=1e6);
        let forecast_viewers = section.number("forecast_viewers", 1.0..=1e10);
        let shares =
            ["slow_refresh", "no_recommendations", "static_home", "funnel_jitter"].map(share);
        let home = section.text("home");
        let recommendation = section.text("recommendation");
        let capped = section.has("bitrate_cap_kbps");
        let cap = if capped { section.number("bitrate_cap_kbps", 1.0..=1e6) } else { None };
        let [slow_refresh, no_recommendations, static_home, funnel_jitter] = shares;
        Some(Self {
            forecast_viewers: forecast_viewers?,
            slow_refresh: slow_refresh?,
            no_recommendations: no_recommendations?,
            static_home: static_home?,
            funnel_jitter: funnel_jitter?,
            home: home?,
            recommendation: recommendation?,
            bitrate_cap_kbps: cap,
        })
    }

    /// The shares at which the switches go on, in their order.
    pub(crate) fn shares(&self) -> [f64; 4] {
        [self.slow_refresh, self.no_recommendations, self.static_home, self.funnel_jitter]
    }

    pub(super) fn check(&self, section: &Section<'_>, services: &[&str]) {
        for (key, name) in [("home", &self.home), ("recommendation", &self.recommendation)] {
            no_service(section, key, name, services);
        }
        if !self.shares().is_sorted() {
            let hint = "slow_refresh ≤ no_recommendations ≤ static_home ≤ funnel_jitter";
            section.problem("the switches must go on in their order", Some(hint.to_owned()));
        }
    }
}
