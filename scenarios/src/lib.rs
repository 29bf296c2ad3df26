#![doc = include_str!("../README.md")]

mod estimate;
mod journey;
mod playlist;
mod rehearsal;
mod session;
mod shipped;
mod steps;
mod target;
mod template;

pub use estimate::{Estimate, ServiceEstimate};
pub use hulk_consent::{Permit, Scope};
pub use hulk_record as record;
pub use hulk_scaling as scaling;
pub use hulk_settings::{Problem, Problems, Source};
pub use hulk_traffic_models as traffic;
pub use journey::Journey;
pub use rehearsal::{Arrival, LoadError, Rehearsal};
pub use session::{Ended, Planned, Rendered, Session};
pub use shipped::{shipped_rehearsal, shipped_rehearsal_names};
pub use steps::{AfterStep, EveryStep, HlsStep, Method, RequestSpec, Step};
pub use target::{Embedded, Target};
