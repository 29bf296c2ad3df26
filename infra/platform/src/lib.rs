#![doc = include_str!("../README.md")]

mod chat;
mod child;
mod client;
mod control;
mod counts;
mod door;
mod edge;
mod faults;
mod last;
mod metrics;
mod plan;
mod server;
mod viewer;

pub use child::{Child, ChildError};
pub use client::{ControlClient, ControlError};
pub use counts::Counts;
pub use plan::{Plan, Ports};
pub use server::{ServeError, serve, serve_embedded};
