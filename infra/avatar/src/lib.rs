#![doc = include_str!("../README.md")]

mod adapter;
mod backend;
mod call;
mod quality;
mod stats;
mod verdict;
mod wire;

pub use adapter::{Adapter, AdmissionRequest, Names, Phase, Step, Told};
pub use backend::{
    Admission, Backend, BackendSpec, BackendStatus, BackendTotals, FaultError, GpuFault, GpuSpec,
    GpuStatus, HpaSpec, Joined, LoadSample, LostReason, Made, Out, PHASES, Pool, PoolSample,
    PriceSpec, RefusalStyle, Refused, RefusedReason, Region, Regions, Replicas, RollBack, Rollout,
    ScaleUp, Scales, StreamId, Trigger, ZoneSpec, bucket, scale_up,
};
pub use call::{Call, CallPlan, CallerSettings, Down, Leave, Opened, Turn, Up};
pub use quality::{
    AvSync, Freezes, Jitter, Miss, Playout, PlayoutRule, Quality, Rate, SessionObjectives, Stalls,
    Trend, misses, sync_class,
};
pub use stats::{
    Knee, Level, carried_at, erlang_b, expected_streams, knee, ratio_interval, wilson,
};
pub use verdict::{Figure, Limit, RunObjectives, figures};
pub use wire::{FrameMessage, PIECE_BYTES, PIECE_SAMPLES, PIECE_US, SAMPLE_RATE_HZ};
