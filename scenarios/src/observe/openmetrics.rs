//! Metrics as text: of Prometheus or OpenMetrics.

use std::collections::BTreeMap;

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::{FeedPlace, Figures};

/// A page of metrics, and which of them the numbers are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenMetricsFeed {
    /// The page.
    pub place: FeedPlace,
    /// Which metrics.
    pub figures: Figures<MetricSelector>,
}

/// Metrics of a name that have these labels, among others; they are summed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MetricSelector {
    /// The name.
    pub name: String,
    /// The labels that it must have.
    pub labels: BTreeMap<String, String>,
}

impl OpenMetricsFeed {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let place = FeedPlace::read(section, "/metrics");
        let figures = Figures::read(section, |section, key, text| {
            let selector = MetricSelector::parse(&text);
            if selector.is_none() {
                let hint = "for example `ready = \"instances_ready{service=\\\"home\\\"}\"`";
                let message = format!("`{text}` is no metric with labels");
                section.problem_at(key, message, Some(hint.to_owned()));
            }
            selector
        });
        Some(Self { place: place?, figures: figures? })
    }
}

impl MetricSelector {
    /// `name` or `name{label="value",other="value"}`; values have no quotes in them.
    fn parse(text: &str) -> Option<Self> {
        let (name, rest) = text.trim().split_at(text.trim().find('{').unwrap_or(text.trim().len()));
        let mut labels = BTreeMap::new();
        if !rest.is_empty() {
            let inner = rest.strip_prefix('{')?.strip_suffix('}')?;
            for pair in inner.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
                let (label, value) = pair.split_once('=')?;
                let value = value.trim().strip_prefix('"')?.strip_suffix('"')?;
                if value.contains(['"', '\\']) || !is_name(label.trim()) {
                    return None;
                }
                labels.insert(label.trim().to_owned(), value.to_owned());
            }
        }
        is_name(name).then(|| Self { name: name.to_owned(), labels })
    }
}

fn is_name(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    !text.is_empty() && text.chars().all(inner) && !text.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_selected_by_name_and_labels() {
        let parsed = MetricSelector::parse(" up{job = \"a b\", zone=\"1\"} ").unwrap();
        assert_eq!((parsed.name.as_str(), parsed.labels["job"].as_str()), ("up", "a b"));
        assert_eq!(parsed.labels.len(), 2);
        assert!(MetricSelector::parse("up").unwrap().labels.is_empty());
        assert!(MetricSelector::parse("up{}").unwrap().labels.is_empty());
        for wrong in ["", "9up", "up{", "up{a}", "up{a=b}", "up{a=\"b\"", "sum(up)", "{a=\"b\"}"] {
            assert_eq!(MetricSelector::parse(wrong), None, "{wrong}");
        }
    }
}
