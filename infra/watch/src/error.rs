//! Why a look saw nothing.

use hulk_net::HttpError;
use hulk_scenarios::Figures;

use crate::openmetrics::MetricsError;

/// A look that saw nothing.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// No answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// An answer of something else than metrics.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// An answer that is no JSON, or other JSON than it should be.
    #[error("the answer is not the JSON that was expected: {0}")]
    Json(#[from] serde_json::Error),
    /// An answer that is no CSV.
    #[error("the answer is not the CSV that was expected: {0}")]
    Csv(#[from] csv::Error),
    /// The Kubernetes API said no, or something else.
    #[error("the Kubernetes API: {0}")]
    Kubernetes(#[from] Box<kube::Error>),
    /// The answer has not what was asked for.
    #[error("{0}")]
    Missing(String),
    /// The figures are old.
    #[error("its figures are {age_s:.1} s old (at most {max_s} s)")]
    Stale {
        /// How old.
        age_s: f64,
        /// How old they may be.
        max_s: f64,
    },
}

impl ObserveError {
    pub(crate) fn missing(what: impl Into<String>) -> Self {
        Self::Missing(what.into())
    }
}

/// Figures that are numbers of something, or the first that is none.
pub(crate) fn checked(figures: Figures<f64>, max_s: f64) -> Result<Figures<f64>, ObserveError> {
    figures.try_map(|value| match value.is_finite() && *value >= 0.0 {
        true => Ok(*value),
        false => Err(ObserveError::missing(format!("{value} is no number of anything"))),
    })?;
    match figures.age_s.filter(|age_s| *age_s > max_s) {
        Some(age_s) => Err(ObserveError::Stale { age_s, max_s }),
        None => Ok(figures),
    }
}
