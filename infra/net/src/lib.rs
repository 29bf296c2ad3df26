//! The only dialler: every connection needs a permit.
//!
//! The rest of the workspace may not connect by itself (clippy's `disallowed-methods`).

mod dns;
mod epoch;
mod http;
mod line;
mod listen;
mod tls;
mod why;

pub use dns::{DnsError, Found, Name, NotAName};
pub use epoch::Epoch;
pub use http::{Connection, HttpError, answer_to, ask, fetch, fetch_large, post, post_json};
pub use hulk_consent::{Permit, Refusal, Scope};
pub use hyper::Method;
pub use line::{Line, Plain, dial, dial_from, dial_udp};
pub use listen::{begin as begin_to_listen, listen, reserve};
pub use tls::{Speaks, Tls, TlsError, Trust};
pub use why::{why_hyper, why_io};
