#![doc = include_str!("../README.md")]

mod attack;
mod driver;
mod machine;
mod origin;
mod pool;
mod recording;
mod run;
mod trial;
mod visit;

pub use attack::AttackError;
pub use machine::{Machine, environment, raise_open_files};
pub use run::{Assignment, Engine, EngineError, Phase};
pub use trial::TrialLine;
