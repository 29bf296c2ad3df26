//! The reference platform's metrics.

use std::collections::BTreeMap;

use hulk_net::fetch;
use hulk_record::{CapacitySample, Offset};
use hulk_scenarios::Permit;
use hulk_scenarios::scaling::{EDGE, MID_TIER};

use crate::ObserveError;
use crate::openmetrics::{Metric, parse};
use crate::own::LIMIT;

/// What a look saw.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed {
    /// The services' capacity, in the order of their names.
    pub samples: Vec<CapacitySample>,
    /// The panic switches, and whether each is on, in the platform's order.
    pub switches: Vec<(String, bool)>,
    /// Questions to the chat endpoints of policies since the start, by service and by what came of
    /// them.
    pub advice: BTreeMap<(String, String), f64>,
    /// Services whose policy wants instances that cannot be had: the service, how many, and why
    /// (`capacity` or `quota`).
    pub lacking: Vec<(String, f64, String)>,
    /// What load balancers, or the ceiling of bandwidth of the edges, have turned away so far: who is
    /// counted for it, and how many requests.
    pub turned_away: BTreeMap<String, f64>,
}

/// What the platform says of itself `at` this time. The edges and the mid tier have no capacity
/// and are left out.
///
/// # Errors
/// When there is no answer in time, or it is not one.
pub async fn observe(control: Permit, at: Offset) -> Result<Observed, ObserveError> {
    let text = fetch(control, "/metrics", LIMIT).await?;
    Ok(observed(&parse(&text)?, at))
}

fn observed(metrics: &[Metric], at: Offset) -> Observed {
    let mut samples: BTreeMap<&str, CapacitySample> = BTreeMap::new();
    let (mut switches, mut advice) = (Vec::new(), BTreeMap::new());
    let (mut lacking, mut turned_away) = (Vec::new(), BTreeMap::new());
    let stalled = metrics.iter().find(|m| m.name == "hulk_platform_stalled_seconds_total");
    let stalled_ms_total = stalled.map(|metric| metric.value * 1e3);
    for metric in metrics {
        let label = |name: &str| metric.labels.get(name).map(String::as_str);
        if metric.name == "hulk_platform_switch" {
            switches.extend(label("name").map(|name| (name.to_owned(), metric.value != 0.0)));
        }
        if let ("hulk_platform_turned_away_total", Some(who)) =
            (metric.name.as_str(), label("service"))
        {
            *turned_away.entry(who.to_owned()).or_default() += metric.value;
        }
        let Some(service) = label("service").filter(|name| ![EDGE, MID_TIER].contains(name)) else {
            continue;
        };
        if let ("hulk_platform_advice_total", Some(outcome)) =
            (metric.name.as_str(), label("outcome"))
        {
            advice.insert((service.to_owned(), outcome.to_owned()), metric.value);
        }
        let sample = samples.entry(service).or_insert_with(|| CapacitySample {
            at,
            service: service.to_owned(),
            // Without an answer that was turned away nobody counts any.
            rejected_total: Some(0.0),
            stalled_ms_total,
            ..CapacitySample::default()
        });
        match (metric.name.as_str(), label("status")) {
            ("hulk_platform_instances_ready", _) => sample.ready = metric.value,
            ("hulk_platform_instances_pending", _) => sample.pending = Some(metric.value),
            ("hulk_platform_instances_desired", _) => sample.desired = Some(metric.value),
            // Viewers' and other services'.
            ("hulk_platform_requests_total" | "hulk_platform_internal_requests_total", _) => {
                *sample.requests_total.get_or_insert_default() += metric.value;
            }
            ("hulk_platform_wait_match_seconds", _) => {
                sample.wait_match_s = Some(metric.value);
            }
            ("hulk_platform_instances_lacking", _) if metric.value > 0.0 => {
                let why = label("why").unwrap_or_default().to_owned();
                lacking.push((service.to_owned(), metric.value, why));
            }
            ("hulk_platform_responses_total", Some("429" | "503")) => {
                *sample.rejected_total.get_or_insert_default() += metric.value;
            }
            _ => {}
        }
    }
    let samples = samples.into_values().collect();
    Observed { samples, switches, advice, lacking, turned_away }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_summed_and_what_has_no_capacity_is_left_out() {
        let text = "hulk_platform_instances_ready{service=\"edge\",edge=\"north\"} 1\n\
                    hulk_platform_instances_ready{service=\"mid-tier\"} 1\n\
                    hulk_platform_instances_ready{service=\"home\"} 3\n\
                    hulk_platform_instances_ready{service=\"chat\"} 2\n\
                    hulk_platform_requests_total{service=\"home\"} 100\n\
                    hulk_platform_internal_requests_total{service=\"home\"} 20\n\
                    hulk_platform_responses_total{service=\"home\",status=\"200\"} 90\n\
                    hulk_platform_responses_total{service=\"home\",status=\"429\"} 4\n\
                    hulk_platform_responses_total{service=\"home\",status=\"503\"} 6\n\
                    hulk_platform_responses_total{service=\"home\",status=\"504\"} 2\n\
                    hulk_platform_wait_match_seconds{service=\"home\"} 1.5\n\
                    hulk_platform_instances_lacking{service=\"home\",why=\"capacity\"} 0\n\
                    hulk_platform_instances_lacking{service=\"home\",why=\"quota\"} 5\n\
                    hulk_platform_turned_away_total{service=\"edge\",edge=\"north\"} 3\n\
                    hulk_platform_turned_away_total{service=\"edge\",edge=\"south\"} 4\n\
                    hulk_platform_turned_away_total{service=\"home\"} 0\n\
                    hulk_platform_switch{name=\"slow_refresh\"} 1\n\
                    hulk_platform_switch{name=\"no_recommendations\"} 0\n\
                    hulk_platform_advice_total{service=\"home\",outcome=\"bad_json\"} 3\n\
                    hulk_platform_fault{id=\"1\",kind=\"latency\",at=\"home\"} 1\n# EOF\n";
        let seen = observed(&parse(text).unwrap(), Offset(7));
        let names: Vec<&str> = seen.samples.iter().map(|sample| sample.service.as_str()).collect();
        assert_eq!(names, ["chat", "home"]);
        let home = &seen.samples[1];
        assert_eq!((home.at, home.ready, home.wait_match_s), (Offset(7), 3.0, Some(1.5)));
        assert_eq!((home.requests_total, home.rejected_total), (Some(120.0), Some(10.0)));
        let switches =
            [("slow_refresh".to_owned(), true), ("no_recommendations".to_owned(), false)];
        assert_eq!(seen.switches, switches);
        let advice = [(("home".to_owned(), "bad_json".to_owned()), 3.0)];
        assert_eq!(seen.advice, advice.into());
        assert_eq!(seen.lacking, [("home".to_owned(), 5.0, "quota".to_owned())]);
        assert_eq!(seen.turned_away, [("edge".to_owned(), 7.0), ("home".to_owned(), 0.0)].into());
    }
}
