//! The reference avatar backend and what surrounds it, as pure state machines with a known truth.
//!
//! ```text
//! session ─▶ affinity ─▶ least-loaded GPU ─▶ seats ─▶ frames due ─▶ batches ─▶ frames made
//! ```

mod adaptive;
mod admission;
mod faults;
mod gpu;
mod lobby;
mod machine;
mod regions;
mod rollout;
mod routing;
mod scaler;
mod spec;
mod spec_rollout;
mod spec_scaler;
mod status;
#[cfg(test)]
mod tests;

pub use faults::{FaultError, GpuFault, LostReason};
pub use gpu::{Made, Skipped, StreamId};
pub use lobby::{Entered, Lobby, NoRegion};
pub use machine::{Backend, Joined, Out, Refused, RefusedReason};
pub use regions::{Region, Regions};
pub use rollout::{PHASES, Pool, PoolSample, RollBack, Rollout, Trigger, bucket};
pub use scaler::{HpaSpec, LoadSample, Replicas, ScaleUp, Scales, scale_up};
pub use spec::{Admission, BackendSpec, GpuSpec, PriceSpec, RefusalStyle, ZoneSpec};
pub use spec_rollout::RolloutSpec;
pub use spec_scaler::{ScaleRule, ScalerSpec};
pub use status::{BackendStatus, BackendTotals, GpuStatus, RolloutStatus, ScalingStatus};
