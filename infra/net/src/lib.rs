//! The only dialler: every connection needs a permit.
//!
//! The rest of the workspace may not connect by itself (clippy's `disallowed-methods`).

mod epoch;
mod http;
mod tls;
mod why;

use std::io;

use tokio::net::TcpStream;

pub use epoch::Epoch;
pub use http::{Connection, HttpError, ask, fetch, fetch_large, post};
pub use hulk_consent::{Permit, Scope};
pub use tls::{Tls, TlsError, Trust};

/// Connects to the permitted address, with Nagle's algorithm off: requests are small and timed.
///
/// # Errors
/// What the operating system says; "too many open files" among it.
pub async fn dial(permit: Permit) -> io::Result<TcpStream> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that dials")]
    let stream = TcpStream::connect(permit.address()).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
