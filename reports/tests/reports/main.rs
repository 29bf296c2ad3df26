//! Records made by hand, judged and rendered.
#![cfg(test)]

mod builder;
mod judge;
mod ledgers;
mod render;
mod scaling;
mod target;
