//! What the target says of itself, as observers heard it, beside what HULK saw of it.

use hulk_record::{CapacitySample, Measure, Offset, Outcome};
use serde::Serialize;

use crate::supply::of_service;
use crate::view::View;

/// One service from t = 0 on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ServiceSeen {
    pub(crate) service: String,
    /// How often somebody looked.
    pub(crate) looks: u64,
    pub(crate) ready_min: f64,
    pub(crate) ready_max: f64,
    /// Here and in the next four: none where nobody told.
    pub(crate) desired_max: Option<f64>,
    pub(crate) pending_max: Option<f64>,
    pub(crate) wait_match_s_max: Option<f64>,
    /// By its own counters, from the first to the last look.
    pub(crate) requests: Option<f64>,
    pub(crate) rejected: Option<f64>,
    /// Requests due by the record: first attempts and retries.
    pub(crate) requests_of_record: u64,
    /// Answers 429 and 503 by the record.
    pub(crate) rejected_of_record: u64,
    /// Events of kind `scale` that name it.
    pub(crate) scale_events: u64,
}

/// What was observed.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub(crate) struct PlatformSeen {
    pub(crate) services: Vec<ServiceSeen>,
    /// For how long the embedded platform had no CPU when it needed it; none where nobody told.
    pub(crate) stalled_ms: Option<f64>,
    /// Feeds that were lost and came back: match minute and what happened.
    pub(crate) feeds: Vec<(f64, String)>,
    /// Panic switches: match minute and what changed.
    pub(crate) switches: Vec<(f64, String)>,
}

/// What observers heard from t = 0 on; nothing where nobody looked.
pub(crate) fn platform(view: &View<'_>) -> PlatformSeen {
    let mut samples: Vec<&CapacitySample> =
        view.record.capacity.iter().filter(|sample| sample.at >= Offset(0)).collect();
    samples.sort_by(|a, b| (a.at, &a.service).cmp(&(b.at, &b.service)));
    let mut names: Vec<&str> = samples.iter().map(|sample| sample.service.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let events = |kind: &'static str| {
        let of_kind = view.record.events.iter().filter(move |event| event.kind == kind);
        of_kind.map(|event| (view.manifest().match_minute(event.at), event.text.clone())).collect()
    };
    PlatformSeen {
        services: names.into_iter().map(|name| service(view, &samples, name)).collect(),
        stalled_ms: grown(samples.iter().filter_map(|sample| sample.stalled_ms_total)),
        feeds: events("observer"),
        switches: events("switch"),
    }
}

fn service(view: &View<'_>, samples: &[&CapacitySample], name: &str) -> ServiceSeen {
    let own = || samples.iter().filter(|sample| sample.service == name);
    let most = |of: fn(&CapacitySample) -> Option<f64>| {
        own().filter_map(|sample| of(sample)).filter(|value| value.is_finite()).reduce(f64::max)
    };
    let least = own().map(|sample| sample.ready).filter(|ready| ready.is_finite());
    let start = format!("{name}: ");
    let scaled = view.record.events.iter().filter(|event| event.kind == "scale");
    let turned_away = view.judged().flat_map(|frame| &frame.series).filter(|(key, _)| {
        key.measure == Measure::Response
            && key.outcome == Outcome::Rejected
            && view.service_of(&key.journey, &key.step) == Some(name)
    });
    ServiceSeen {
        service: name.to_owned(),
        looks: own().count() as u64,
        ready_min: least.reduce(f64::min).unwrap_or(0.0),
        ready_max: most(|sample| Some(sample.ready)).unwrap_or(0.0),
        desired_max: most(|sample| sample.desired),
        pending_max: most(|sample| sample.pending),
        wait_match_s_max: most(|sample| sample.wait_match_s),
        requests: grown(own().filter_map(|sample| sample.requests_total)),
        rejected: grown(own().filter_map(|sample| sample.rejected_total)),
        requests_of_record: of_service(view, name).map(|(_, send)| send.first + send.retries).sum(),
        rejected_of_record: turned_away
            .flat_map(|(_, samples)| samples.counts.iter().map(|&(_, count)| count))
            .sum(),
        scale_events: scaled.filter(|event| event.text.starts_with(&start)).count() as u64,
    }
}

/// How much a counter grew: from its first value to its last, over restarts from 0 too.
fn grown(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut last: Option<f64> = None;
    let mut sum = None;
    for value in values.filter(|value| value.is_finite()) {
        let more = last.map_or(0.0, |last| if value >= last { value - last } else { value });
        sum = Some(sum.unwrap_or(0.0) + more);
        last = Some(value);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::grown;

    #[test]
    fn a_counter_that_starts_again_keeps_what_it_counted() {
        assert_eq!(grown([10.0, 25.0, 5.0, 8.0].into_iter()), Some(15.0 + 5.0 + 3.0));
        assert_eq!(grown(std::iter::empty()), None);
    }
}
