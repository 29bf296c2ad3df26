//! The arithmetic behind a verdict: intervals, Erlang's loss formula, the knee of a capacity curve.

mod erlang;
mod interval;
mod knee;
mod line;

pub use erlang::{carried_at, erlang_b};
pub use interval::{ratio_interval, wilson};
pub use knee::{Knee, Level, expected_streams, knee};

pub(crate) use interval::t_95;
pub(crate) use line::Line;
