#![doc = include_str!("../README.md")]

mod fault;
mod kinds;
mod lease;
mod timeline;

pub use fault::{Fault, FaultTime};
pub use kinds::{EdgeLost, FaultKind, Latency, NoCapacity, ZoneLost};
pub use lease::{LEASE_MS, Leases, RENEW_MS};
pub use timeline::{Command, Ending, FaultState, Timeline, TimelineEvent};
