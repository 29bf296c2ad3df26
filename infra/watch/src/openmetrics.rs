//! The text form of metrics.

use std::collections::BTreeMap;

use hulk_scenarios::{Figures, MetricSelector, OpenMetricsFeed};

use crate::ObserveError;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
}

/// A text that is not of metrics.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricsError {
    /// A line is not a metric.
    #[error("line {line} is not a metric: {text}")]
    Line {
        /// From 1.
        line: usize,
        /// The line.
        text: String,
    },
    /// The text was cut short.
    #[error("the text does not end with `# EOF`: it was cut short")]
    Cut,
}

/// Reads OpenMetrics text.
///
/// # Errors
/// When a line is none, or the end is missing.
pub fn parse(text: &str) -> Result<Vec<Metric>, MetricsError> {
    let ended = text.lines().last() == Some("# EOF");
    let metrics = parse_open(text)?;
    if ended { Ok(metrics) } else { Err(MetricsError::Cut) }
}

/// What a page of somebody else's says: the sums of the metrics that are selected.
pub(crate) fn figures(feed: &OpenMetricsFeed, text: &str) -> Result<Figures<f64>, ObserveError> {
    let metrics = parse_open(text)?;
    feed.figures.try_map(|selector| {
        let found = metrics.iter().filter(|metric| selects(selector, metric));
        let sum = found.map(|metric| metric.value).reduce(|sum, value| sum + value);
        sum.ok_or_else(|| {
            let MetricSelector { name, labels } = selector;
            let labels = labels.iter().map(|(key, value)| format!("{key}=\"{value}\""));
            let labels = labels.collect::<Vec<_>>().join(",");
            ObserveError::missing(format!("there is no metric `{name}{{{labels}}}`"))
        })
    })
}

fn selects(selector: &MetricSelector, metric: &Metric) -> bool {
    let has = |(key, value): (&String, &String)| metric.labels.get(key) == Some(value);
    metric.name == selector.name && selector.labels.iter().all(has)
}

/// Reads text that need not end with `# EOF`: that of Prometheus does not, and HTTP tells where
/// it is cut short.
fn parse_open(text: &str) -> Result<Vec<Metric>, MetricsError> {
    let mut metrics = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        let metric = metric(line);
        let wrong = || MetricsError::Line { line: index + 1, text: line.to_owned() };
        metrics.push(metric.ok_or_else(wrong)?);
    }
    Ok(metrics)
}

fn metric(line: &str) -> Option<Metric> {
    let (name, mut rest) = line.split_at(line.find(['{', ' '])?);
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (key, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            labels.insert(key.trim_start_matches(',').to_owned(), value);
            rest = after;
        }
        rest = &rest[1..];
    }
    let value = rest.split_whitespace().next()?.parse().ok()?;
    (!name.is_empty()).then(|| Metric { name: name.to_owned(), labels, value })
}

/// The text up to the closing quote, unescaped, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_labels_and_values_are_read() {
        let text =
            "# TYPE a gauge\na{service=\"ho\\\"me\",zone=\"1\"} 3.5\nb_total 7 1600000000\n# EOF\n";
        let metrics = parse(text).unwrap();
        assert_eq!(metrics[0].labels["service"], "ho\"me");
        assert_eq!(metrics[0].labels["zone"], "1");
        assert_eq!((metrics[0].value, metrics[1].value), (3.5, 7.0));
        assert_eq!(metrics[1].name, "b_total");
    }

    #[test]
    fn a_text_that_was_cut_short_is_refused() {
        assert_eq!(parse("a 1\n"), Err(MetricsError::Cut));
        assert!(matches!(parse("a{b=\"c} 1\n# EOF\n"), Err(MetricsError::Line { line: 1, .. })));
        assert!(matches!(parse("a b\n# EOF\n"), Err(MetricsError::Line { .. })));
    }
}
