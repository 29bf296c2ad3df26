//! Observers of capacity.
//!
//! An observer asks somebody else's system, again and again, what capacity it has, and hands on
//! what it heard with the time at which it asked. A feed that is lost is missing in the record:
//! nothing is filled in.

mod openmetrics;
mod platform;

pub use openmetrics::{Metric, MetricsError, parse};
pub use platform::{ObserveError, Observed, observe};
