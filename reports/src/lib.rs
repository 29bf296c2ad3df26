#![doc = include_str!("../README.md")]

mod bite;
mod calibration;
mod callers;
mod changes;
mod commentary;
mod compare;
mod differences;
mod generator;
mod hlog;
mod html;
mod judge;
mod objectives;
mod percentiles;
mod platform;
mod qoe;
mod raw;
mod responses;
mod scale_out;
mod scorecard;
mod sentence;
mod stretches;
mod summary;
mod supply;
mod target;
mod timeline;
mod tournament;
mod validity;
mod verdict;
mod view;
mod violation;
mod when;
mod windows;
pub mod words;

pub use calibration::{Calibrated, Calibration, StairSeen, calibrate};
pub use callers::{CallTimes, CallersVerdict, figure_json, figure_line, session_ends};
pub use compare::{Comparison, compare};
pub use differences::{Aspect, Difference};
pub use hlog::hlog;
pub use html::{html, html_static};
pub use judge::judge;
pub use raw::raw;
pub use scale_out::{Enough, Late, ScaleOut};
pub use scorecard::{Total, scorecard};
pub use sentence::{headline, sentence};
pub use summary::summary;
pub use tournament::{Entry, SpeedUp, Tournament};
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
