#![doc = include_str!("../README.md")]

mod attack;
mod call;
mod callers;
mod client;
mod connections;
mod driver;
mod lock;
mod machine;
mod origin;
mod pool;
mod receive;
mod recording;
mod run;
mod timers;
mod trial;
mod visit;
mod waiting;

pub use attack::AttackError;
pub use call::{Called, Callee, Tally};
pub use machine::{Machine, environment, meminfo_kib, raise_open_files};
pub use receive::{Feed, FeedError, Heard, Storm, Stormed, receive};
pub use run::{Assignment, Engine, EngineError, Phase, Switch};
pub use timers::lateness;
pub use trial::TrialLine;
