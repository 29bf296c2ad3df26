//! Autoscaling policies, capacity maths and the reference platform as a pure state machine.
//!
//! Everything here takes match time as an argument: `infra/platform` gives the state machine its
//! sockets, and tests and forecasts run the very same one in virtual time.

pub mod elasticity;
pub mod pubsub;

mod balancers;
mod bandwidth;
mod cache;
mod ledger;
mod limit;
mod media;
mod platform;
mod policy;
mod provisioning;
mod scaler;
mod spec;
mod template;
mod zones;

pub use hulk_chaos as chaos;
pub use ledger::{Departure, Refused, WorkLedger};
pub use media::MediaSpec;
pub use platform::{
    Body, Event, PanicFlags, PanicSwitch, Platform, PlatformEvent, Reply, ScaleEvent,
    ServiceStatus, SwitchEvent,
};
pub use policy::{
    Advice, Ahead, Bounds, Breach, By, Chat, CloudGroup, Commentary, Direction, Hpa, Known, Ladder,
    Limit, Measured, Memory, NoAdvice, Observation, Policy, Requests, Role, Rules, ScaleRule,
    Scheduled, StepScaling, TargetTracking,
};
pub use provisioning::Provisioning;
pub use scaler::{Lack, Scaler};
pub use spec::{
    Answer, BalancerSpec, CallSpec, EDGE, EdgeSpec, MID_TIER, PanicSpec, PlatformSpec, RouteSpec,
    ServiceSpec, SizeBy, TierSpec, WhenStatic,
};
pub use zones::{ZoneSpec, Zones};
