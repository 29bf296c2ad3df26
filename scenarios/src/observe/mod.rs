//! `[observe.SERVICE]`: who is asked what capacity a service of one's own has. A feed is a file.

mod haproxy;
mod json;
mod kubernetes;
mod openmetrics;
mod place;
mod prometheus;

use hulk_settings::{At, Section};
use serde::{Deserialize, Serialize};

pub use haproxy::HaproxyFeed;
pub use json::JsonFeed;
pub use kubernetes::KubernetesFeed;
pub use openmetrics::{MetricSelector, OpenMetricsFeed};
pub use place::FeedPlace;
pub use prometheus::PrometheusFeed;

use crate::{Rehearsal, Target};

/// A service of one's own whose capacity is observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    /// The service, by the name that steps use.
    pub service: String,
    /// What one of its instances carries, in real requests a second.
    pub rated_rps: f64,
    /// Over how long its demand is counted, in s.
    pub decision_window_s: f64,
    /// Older figures are stale, and as good as none, in ms.
    pub age_max_ms: f64,
    /// Who knows its capacity.
    pub feed: Feed,
}

/// Who knows a service's capacity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feed {
    /// The statistics of a load balancer.
    Haproxy(HaproxyFeed),
    /// Any JSON document.
    Json(JsonFeed),
    /// A Kubernetes API server.
    Kubernetes(KubernetesFeed),
    /// Metrics as text.
    Openmetrics(OpenMetricsFeed),
    /// A Prometheus server.
    Prometheus(PrometheusFeed),
}

/// What a feed tells of a service, each told in the feed's own way; `None` is not told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Figures<T> {
    /// Instances that serve.
    pub ready: T,
    /// Instances ordered and not yet serving.
    pub pending: Option<T>,
    /// Instances that the scaler wants.
    pub desired: Option<T>,
    /// Requests that the service has received since its start.
    pub requests_total: Option<T>,
    /// Requests that it turned away since its start.
    pub rejected_total: Option<T>,
    /// How old the others are, in s: some go on to tell the last that they heard.
    pub age_s: Option<T>,
}

impl<T> Figures<T> {
    /// Reads each from its key; only `ready` must be there.
    fn read(
        section: &Section<'_>,
        read: impl Fn(&Section<'_>, &'static str, String) -> Option<T>,
    ) -> Option<Self> {
        let ready = section.text("ready").and_then(|text| read(section, "ready", text));
        let optional = |key: &'static str| match section.has(key) {
            true => section.text(key).and_then(|text| read(section, key, text)).map(Some),
            false => Some(None),
        };
        let (pending, desired) = (optional("pending"), optional("desired"));
        let requests_total = optional("requests_total");
        let (rejected_total, age_s) = (optional("rejected_total"), optional("age_s"));
        Some(Self {
            ready: ready?,
            pending: pending?,
            desired: desired?,
            requests_total: requests_total?,
            rejected_total: rejected_total?,
            age_s: age_s?,
        })
    }

    /// The same figures, each made by `of`.
    ///
    /// # Errors
    /// The first that `of` gives.
    pub fn try_map<U, E>(&self, mut of: impl FnMut(&T) -> Result<U, E>) -> Result<Figures<U>, E> {
        Ok(Figures {
            ready: of(&self.ready)?,
            pending: self.pending.as_ref().map(&mut of).transpose()?,
            desired: self.desired.as_ref().map(&mut of).transpose()?,
            requests_total: self.requests_total.as_ref().map(&mut of).transpose()?,
            rejected_total: self.rejected_total.as_ref().map(&mut of).transpose()?,
            age_s: self.age_s.as_ref().map(&mut of).transpose()?,
        })
    }
}

impl Feed {
    /// Where it is asked.
    pub fn place(&self) -> &FeedPlace {
        match self {
            Self::Haproxy(feed) => &feed.place,
            Self::Json(feed) => &feed.place,
            Self::Kubernetes(feed) => &feed.place,
            Self::Openmetrics(feed) => &feed.place,
            Self::Prometheus(feed) => &feed.place,
        }
    }

    /// Its name in a file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Haproxy(_) => "haproxy",
            Self::Json(_) => "json",
            Self::Kubernetes(_) => "kubernetes",
            Self::Openmetrics(_) => "openmetrics",
            Self::Prometheus(_) => "prometheus",
        }
    }
}

const FEEDS: [&str; 5] = ["haproxy", "json", "kubernetes", "openmetrics", "prometheus"];

impl Watched {
    /// Reads `[observe]`.
    pub(crate) fn read_all(root: &Section<'_>) -> Option<Vec<Self>> {
        let sections = root.named_sections("observe");
        let read = |(service, section): (String, Section<'_>)| Self::read(service, &section);
        let watched: Vec<Option<Self>> = sections.into_iter().map(read).collect();
        watched.into_iter().collect()
    }

    fn read(service: String, section: &Section<'_>) -> Option<Self> {
        let rated_rps = section.number("rated_rps", 1e-3..=1e9);
        let decision_window_s = section.number_or("decision_window_s", 0.1..=3600.0, 60.0);
        let age_max_ms = section.number_or("age_max_ms", 100.0..=3_600_000.0, 30_000.0);
        let feed = section.variant(&FEEDS).and_then(|(which, inner)| match which {
            0 => HaproxyFeed::read(&inner).map(Feed::Haproxy),
            1 => JsonFeed::read(&inner).map(Feed::Json),
            2 => KubernetesFeed::read(&inner).map(Feed::Kubernetes),
            3 => OpenMetricsFeed::read(&inner).map(Feed::Openmetrics),
            _ => PrometheusFeed::read(&inner).map(Feed::Prometheus),
        });
        Some(Self {
            service,
            rated_rps: rated_rps?,
            decision_window_s: decision_window_s?,
            age_max_ms: age_max_ms?,
            feed: feed?,
        })
    }

    /// Notes what does not fit to the rest of the rehearsal.
    pub(crate) fn check_all(rehearsal: &Rehearsal, root: &Section<'_>) {
        if rehearsal.watched.is_empty() {
            return;
        }
        if matches!(rehearsal.target, Target::Embedded(_)) {
            let hint = "remove `[observe]`: the embedded platform is observed by itself";
            let message = "only a target of your own needs an observer";
            root.problem_at("observe", message, Some(hint.to_owned()));
            return;
        }
        if rehearsal.clock.speed != 1.0 {
            let message = "a target of your own does not run at the match clock's speed: its \
                           scaling cannot be judged";
            let hint = Some("set `clock.speed = 1`, or remove `[observe]`".to_owned());
            root.problem_at("observe", message, hint);
        }
        let services: Vec<&str> = rehearsal.script.services.iter().map(String::as_str).collect();
        for Self { service, .. } in &rehearsal.watched {
            if !services.contains(&service.as_str()) {
                let hint = Some(hulk_settings::nearest_or_all(service, &services));
                let message = format!("no step asks a service `{service}`");
                root.problem_in(&[At::Key("observe"), At::Key(service)], message, hint);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use hulk_settings::Source;

    use crate::{Rehearsal, shipped_rehearsal};

    #[test]
    fn the_embedded_platform_is_observed_by_itself() {
        let shipped = shipped_rehearsal("match-day").unwrap();
        let observe = "[observe.login]\nrated_rps = 10\n\
                       json = { url = \"http://127.0.0.1:80/status\", ready = \"/ready\" }\n";
        let source = Source::new("own.toml", format!("{}\n{observe}", shipped.text));
        let problems = Rehearsal::read(&source, Path::new("scenarios")).unwrap_err().to_string();
        assert!(problems.contains("only a target of your own needs an observer"), "{problems}");
        assert_eq!(problems.matches("own.toml:").count(), 1, "{problems}");
    }
}
