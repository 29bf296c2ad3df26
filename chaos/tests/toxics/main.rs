//! Toxics in virtual time.

#![cfg(test)]

mod attributes;
mod chains;
mod changes;
mod datagrams;
mod delays;
mod effects;
mod ends;
mod links;
mod ramps;
mod rates;
mod spreads;
mod world;
