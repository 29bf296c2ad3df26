//! The platform behind its sockets, on this machine's loopback.

#![expect(clippy::unwrap_used, reason = "helpers of tests too may fail their test")]

mod alone;
mod answers;
mod chat;
mod control;
mod counts;
mod lost_edge;
mod stage;
