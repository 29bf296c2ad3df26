#![doc = include_str!("../README.md")]

mod audience;
mod commentary;
mod curve;
mod executors;
mod model;
mod read;
mod responses;
mod schedule;
mod shipped;
mod spikes;
mod sweep;
mod view_length;

pub use audience::Audience;
pub use commentary::{Ball, Commentary};
pub use curve::{Curve, Decay, Grade, Point};
pub use executors::{
    ConstantArrivalRate, ConstantUsers, Executor, Iterations, MassAction, Nobody,
    RampingArrivalRate, RampingUsers, Replay, Stage, Then,
};
pub use hulk_settings::Delay;
pub use model::{Day, Model, Moment};
pub use responses::{Act, Exit, Push, Response};
pub use schedule::{ACTION_BYTES, Action, Back, Schedule, Stay, VISIT_BYTES, Visit};
pub use shipped::{shipped, shipped_names};
pub use spikes::Spikes;
pub use view_length::ViewLength;
