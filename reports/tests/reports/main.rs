//! Records made by hand, judged and rendered.
#![cfg(test)]

mod builder;
mod judge;
mod ledgers;
mod playback;
mod raw;
mod render;
mod scaling;
mod target;
