//! The reference avatar backend and what surrounds it, as pure state machines with a known truth.
//!
//! ```text
//! session ─▶ affinity ─▶ least-loaded GPU ─▶ seats ─▶ frames due ─▶ batches ─▶ frames made
//! ```

mod admission;
mod faults;
mod gpu;
mod machine;
mod regions;
mod rollout;
mod routing;
mod scaler;
mod spec;
mod status;
#[cfg(test)]
mod tests;

pub use faults::{FaultError, GpuFault, LostReason};
pub use gpu::{Made, StreamId};
pub use machine::{Backend, Joined, Out, Refused, RefusedReason};
pub use regions::{Region, Regions};
pub use rollout::{PHASES, Pool, PoolSample, RollBack, Rollout, Trigger, bucket};
pub use scaler::{HpaSpec, LoadSample, Replicas, ScaleUp, Scales, scale_up};
pub use spec::{Admission, BackendSpec, GpuSpec, PriceSpec, RefusalStyle, ZoneSpec};
pub use status::{BackendStatus, BackendTotals, GpuStatus};
