//! Records made by hand, judged and rendered.
#![cfg(test)]

mod builder;
mod callers;
mod commentary;
mod compare;
mod hlog_js;
mod judge;
mod ledgers;
mod load;
mod playback;
mod raw;
mod render;
mod scale_out;
mod scaling;
mod sections;
mod target;
mod tournament;
mod windows;
mod workers;
