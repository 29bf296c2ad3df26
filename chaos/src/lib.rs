#![doc = include_str!("../README.md")]

mod attributes;
mod effect;
mod fault;
mod kinds;
mod lease;
mod pipe;
mod ramp;
mod timeline;
mod toxic;
pub mod toxics;

pub use attributes::{AttributeError, Attributes};
pub use effect::{DelayShown, Effect, EffectCounts};
pub use fault::{Fault, FaultTime};
pub use kinds::{EdgeLost, FaultKind, Given, GpuFault, Latency, NoCapacity, ToxicFault, ZoneLost};
pub use lease::{LEASE_MS, Leases, RENEW_MS};
pub use pipe::{HELD_BYTES_MAX, Item, Pipe, Set};
pub use ramp::Ramp;
pub use timeline::{Command, Ending, FaultState, Timeline, TimelineEvent};
pub use toxic::{Protocol, Stream, Toxic, ToxicError};
pub use toxics::{TOXIC_TYPES, ToxicKind};
