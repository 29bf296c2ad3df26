#![doc = include_str!("../README.md")]

mod bus;
mod controller;
mod member;
mod message;
mod pipe;
mod shell;
mod worker;

pub use bus::{BusError, Link, MESSAGE_BYTES_MAX, in_process};
pub use controller::{Controller, ControllerCommand, ControllerEvent};
pub use message::{Plan, ToController, ToWorker};
pub use pipe::{Carrier, carry, carry_of};
pub use shell::{FleetError, Load, LoadOrder, LoadReport, Notice, run_controller, run_worker};
pub use worker::{Worker, WorkerCommand, WorkerEvent};
