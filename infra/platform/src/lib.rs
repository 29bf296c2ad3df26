#![doc = include_str!("../README.md")]

mod child;
mod control;
mod door;
mod plan;
mod server;

pub use child::{Child, ChildError};
pub use plan::{Plan, Ports};
pub use server::{ServeError, serve_embedded};
