#![doc = include_str!("../README.md")]

mod avatars;
mod callers;
mod checks;
mod choice;
mod devices;
mod estimate;
mod extract;
mod feeder;
mod feeds;
mod files;
mod journey;
mod observe;
mod playlist;
mod proxied;
mod rehearsal;
mod retry;
mod schema;
mod script;
mod session;
mod shipped;
mod steps;
mod target;
mod template;
mod trial;
mod values;
mod viewer;

pub use avatars::{avatar_adapter, avatar_backend};
pub use callers::{CalledBackend, Callers, Come, ComeTime, PlannedCall};
pub use estimate::{
    BandwidthEstimate, CallersEstimate, Estimate, Given, MachineEstimate, PortsEstimate,
    ServiceEstimate, WORKERS_MAX,
};
pub use extract::{Headers, is_token_byte};
pub use feeds::{MessageFields, MessageRead, StampUnit, feed_service};
pub use hulk_avatar as avatar;
pub use hulk_chaos as chaos;
pub use hulk_consent::{Permit, Scope};
pub use hulk_record as record;
pub use hulk_scaling as scaling;
pub use hulk_settings as settings;
pub use hulk_settings::{Delay, Problem, Problems, Source};
pub use hulk_traffic_models as traffic;
pub use journey::Journey;
pub use observe::{
    Feed, FeedPlace, Figures, HaproxyFeed, JsonFeed, KubernetesFeed, MetricSelector,
    OpenMetricsFeed, PrometheusFeed, Watched,
};
pub use proxied::Proxied;
pub use rehearsal::{Arrival, Hearing, LoadError, Rehearsal, Stair, Staircase};
pub use schema::{SCHEMAS, schema};
pub use script::{Misfit, Part, Placed, Script, Spot};
pub use session::{Ended, Note, Planned, Rendered, Session, Told};
pub use shipped::{TEMPLATES, shipped_rehearsal, shipped_rehearsal_names};
pub use steps::{
    AfterStep, Does, EveryStep, Flag, HlsStep, Method, RequestSpec, SequenceStep, Step,
};
pub use target::{
    Certificates, Embedded, Http, LookUp, Origin, Own, Phase, Target, Timeouts, TlsSettings, Way,
};
pub use trial::{
    Answer, Body, Broke, Came, CapacityLook, Cut, Ending, Exchange, Failure, Look, Opening, Paint,
    Printer, Row, Timing, Trial, TrialOptions, Unreached, Upcoming,
};
pub use values::Secret;
pub use viewer::{Books, Going, Next, Viewer};
