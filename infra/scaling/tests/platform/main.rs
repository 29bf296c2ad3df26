//! The reference platform in virtual time.

#![cfg(test)]

mod bought;
mod cascade;
mod counters;
mod edges;
mod file;
mod panic;
mod scaling;
mod world;
