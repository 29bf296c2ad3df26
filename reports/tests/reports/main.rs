//! Records made by hand, judged and rendered.
#![cfg(test)]

mod builder;
mod judge;
mod render;
mod scaling;
