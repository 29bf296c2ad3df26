//! The proxy over real sockets: what comes out is what its toxics make of what goes in, and they say so.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests too may fail their test")]

#[path = "proxy/api.rs"]
mod api;
#[path = "proxy/http.rs"]
mod http;
#[path = "proxy/tcp.rs"]
mod tcp;
#[path = "proxy/udp.rs"]
mod udp;
#[path = "proxy/world.rs"]
mod world;
