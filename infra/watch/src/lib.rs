//! Observers of capacity.
//!
//! An observer asks somebody else's system, again and again, what capacity it has, and hands on
//! what it heard with the time at which it asked. A feed that is lost or stale is missing in the
//! record: nothing is filled in. A feed of a new kind is a file here and one in `scenarios/src/observe`.

mod error;
mod haproxy;
mod json;
mod kubernetes;
mod openmetrics;
mod own;
mod platform;
mod prometheus;

pub use error::ObserveError;
pub use openmetrics::{Metric, MetricsError, parse};
pub use own::Observer;
pub use platform::{Observed, observe};
