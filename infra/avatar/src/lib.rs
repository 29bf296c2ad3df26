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
    Admission, Backend, BackendSpec, BackendStatus, BackendTotals, Entered, FaultError, GpuFault,
    GpuSpec, GpuStatus, HpaSpec, Joined, LoadSample, Lobby, LostReason, Made, NoRegion, Out,
    PHASES, Pool, PoolSample, PriceSpec, RefusalStyle, Refused, RefusedReason, Region, Regions,
    Replicas, RollBack, Rollout, RolloutSpec, RolloutStatus, ScaleRule, ScaleUp, ScalerSpec,
    Scales, ScalingStatus, Skipped, StreamId, Trigger, ZoneSpec, bucket, scale_up,
};
pub use call::{Brought, Call, CallPlan, CallerSettings, Down, Leave, Opened, Turn, Up};
pub use quality::{
    AvSync, Freezes, Jitter, Miss, Playout, PlayoutRule, Quality, Rate, Stalls, Trend, misses,
    sync_class,
};
pub use stats::{
    Knee, Level, carried_at, erlang_b, expected_streams, knee, ratio_interval, wilson,
};
pub use verdict::{FaultSpan, Figure, Limit, RunTold, figures, run_figures};
pub use wire::{FrameMessage, PIECE_BYTES, PIECE_SAMPLES, PIECE_US, SAMPLE_RATE_HZ};
