//! Autoscaling policies, capacity maths and the reference platform as a pure state machine.
//!
//! Everything here takes match time as an argument: `infra/platform` gives the state machine its
//! sockets, and tests and forecasts run the very same one in virtual time.

pub mod elasticity;

mod cache;
mod ladder;
mod ledger;
mod media;
mod platform;
mod policy;
mod provisioning;
mod spec;

pub use ladder::Ladder;
pub use ledger::{Departure, Refused, WorkLedger};
pub use media::MediaSpec;
pub use platform::{Body, Event, Platform, Reply, ScaleEvent, ServiceStatus};
pub use policy::{Observation, Policy};
pub use provisioning::{Provisioning, Scaler};
pub use spec::{Answer, PlatformSpec, RouteSpec, ServiceSpec};
