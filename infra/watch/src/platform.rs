//! The reference platform's metrics.

use std::collections::BTreeMap;
use std::time::Duration;

use hulk_net::{HttpError, fetch};
use hulk_record::{CapacitySample, Offset};
use hulk_scenarios::Permit;

use crate::openmetrics::{MetricsError, parse};

/// An answer that takes longer is a lost one.
const LIMIT: Duration = Duration::from_millis(900);

/// A look that saw nothing.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// No answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// An answer of something else.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
}

/// What the platform's services say of their capacity `at` this time. The edge does not scale and
/// is left out.
///
/// # Errors
/// When there is no answer in time, or it is not one.
pub async fn observe(control: Permit, at: Offset) -> Result<Vec<CapacitySample>, ObserveError> {
    let text = fetch(control, "/metrics", LIMIT).await?;
    let mut samples: BTreeMap<String, CapacitySample> = BTreeMap::new();
    for metric in parse(&text)? {
        let Some(service) = metric.labels.get("service").filter(|name| *name != "edge") else {
            continue;
        };
        let sample = samples.entry(service.clone()).or_insert_with(|| CapacitySample {
            at,
            service: service.clone(),
            ready: 0.0,
            pending: 0.0,
            desired: 0.0,
            requests_total: 0.0,
            rejected_total: 0.0,
            wait_match_s: 0.0,
        });
        let status = metric.labels.get("status").map(String::as_str);
        match (metric.name.as_str(), status) {
            ("hulk_platform_instances_ready", _) => sample.ready = metric.value,
            ("hulk_platform_instances_pending", _) => sample.pending = metric.value,
            ("hulk_platform_instances_desired", _) => sample.desired = metric.value,
            ("hulk_platform_requests_total", _) => sample.requests_total = metric.value,
            ("hulk_platform_wait_match_seconds", _) => sample.wait_match_s = metric.value,
            ("hulk_platform_responses_total", Some("429" | "503")) => {
                sample.rejected_total += metric.value;
            }
            _ => {}
        }
    }
    Ok(samples.into_values().collect())
}
