//! The fault proxy: toxics on real sockets, each of them a lease.
//!
//! ```text
//!  client ══► accept ─┬─ up:   pipe of toxics ──► server
//!             (proxy) └─ down: pipe of toxics ◄── (dialled for each client)
//!                 ▲ orders: every change reaches the links that live
//!  API ──► desk ──┘ leases: what is not renewed heals
//! ```
//!
//! What a toxic does is a pure state machine of `hulk-chaos`; here it gets sockets, and a desk that
//! lends it. [`serve`] answers Toxiproxy's clients, and ours below `/v1`.

mod api;
mod desk;
mod embedded;
mod error;
#[cfg(test)]
mod fuzz;
mod http;
mod link;
mod proxy;
mod scratch;
mod settings;
mod spec;
mod udp;

pub use api::{read_proxies, serve};
pub use desk::{Desk, ProxyShown, ToxicAsked, ToxicShown};
pub use embedded::{EmbeddedError, ProxyClient, ProxyError, ProxyPlan, ProxyPorts, serve_plan};
pub use error::ApiError;
pub use settings::{Settings, settings};
pub use spec::{ANY_PORT, ProxySpec};
