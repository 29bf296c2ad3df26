#![doc = include_str!("../README.md")]

mod alone;
mod avatar;
mod chat;
mod client;
mod control;
mod counts;
mod desk;
mod door;
mod edge;
mod events;
mod faults;
mod guard;
mod last;
mod metrics;
mod pace;
mod page;
mod plan;
mod pubsub;
mod server;
mod view;
mod viewer;

pub use alone::Alone;
pub use avatar::{AvatarPlan, serve_avatar};
pub use client::{AvatarControlClient, ControlClient, ControlError};
pub use counts::Counts;
pub use plan::{Plan, Ports};
pub use pubsub::{PubSubPlan, serve_pubsub};
pub use server::{ServeError, serve, stand_alone};
