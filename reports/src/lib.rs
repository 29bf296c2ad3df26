#![doc = include_str!("../README.md")]

mod hlog;
mod html;
mod judge;
mod objectives;
mod responses;
mod sentence;
mod summary;
mod supply;
mod target;
mod timeline;
mod validity;
mod verdict;
mod view;
mod when;
mod words;

pub use hlog::hlog;
pub use html::{html, html_static};
pub use judge::judge;
pub use sentence::{headline, sentence};
pub use summary::summary;
pub use verdict::{
    Check, ObjectiveResult, ObjectiveStatus, RequestTotals, ServiceScaling, Shortage, Verdict,
    VerdictKind,
};

/// A report that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The histogram log's writer failed.
    #[error("the histogram log cannot be written: {0}")]
    Log(String),
    /// The summary has no JSON form.
    #[error("the summary cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}
