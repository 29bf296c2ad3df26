#![doc = include_str!("../README.md")]

mod audience;
mod curve;
mod model;
mod read;
mod schedule;
mod shipped;
mod sweep;
mod view_length;

pub use audience::Audience;
pub use curve::{Curve, Decay, Grade, Point};
pub use model::{Day, Model, Moment};
pub use schedule::{Schedule, VISIT_BYTES, Visit};
pub use shipped::{shipped, shipped_names};
pub use view_length::ViewLength;
