//! Protocols that requests go out by. A journey does not know which.

pub(crate) mod answer;
pub(crate) mod decode;
pub(crate) mod http1;
pub(crate) mod http2;
pub(crate) mod scratch;

use std::io::{self, ErrorKind};
use std::task::{Context, Poll};

use hulk_net::{why_hyper, why_io};
use hulk_scenarios::{Method, Rendered};

use crate::origin::{Destination, TargetHeader};
use answer::Answer;
use http1::Malformed;

/// A request that is to go out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    pub(crate) to: &'a Destination,
    pub(crate) method: Method,
    pub(crate) rendered: &'a Rendered,
    pub(crate) id: RequestId,
    /// Whether a step looks into the body of the answer.
    pub(crate) keep_body: bool,
}

impl<'a> Outgoing<'a> {
    /// The target's headers of which the request has none of its own.
    fn target_headers(&self) -> impl Iterator<Item = &'a TargetHeader> {
        let own = &self.rendered.headers;
        self.to.headers().iter().filter(|header| own.iter().all(|(own, _)| own != header.name()))
    }
}

/// What marks a request: it is sent as `x-hulk-request: <run, 8 hex digits>-<viewer>-<send>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestId {
    pub(crate) run: u32,
    pub(crate) viewer: u32,
    pub(crate) send: u32,
}

/// A connection to an origin: one request at a time.
///
/// [`begin`](Self::begin), then [`poll_first_byte`](Self::poll_first_byte) until something of the
/// answer is there, then [`poll_rest`](Self::poll_rest) until it is whole.
pub(crate) trait Client: Send + std::fmt::Debug {
    /// Whether another request may be sent, for all that is known.
    fn is_usable(&self) -> bool;

    /// The same, after a look at what the other side has done meanwhile.
    fn is_open(&mut self, cx: &mut Context<'_>) -> bool;

    /// Sends a request, or begins to.
    ///
    /// # Errors
    /// When it cannot be written.
    fn begin(&mut self, cx: &mut Context<'_>, request: &Outgoing<'_>) -> Result<(), Broke>;

    /// Waits for the first byte of the answer.
    fn poll_first_byte(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broke>>;

    /// Waits for the last byte of the answer.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Result<Box<Answer>, Broke>>;
}

/// Why there is no whole answer. The connection cannot be used any more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broke {
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It was closed before the first byte of the answer.
    #[error("connection closed before the answer began")]
    Closed,
    /// It was reset before the first byte of the answer.
    #[error(transparent)]
    Reset(io::Error),
    /// What came is no answer.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// HTTP/2 broke.
    #[error("HTTP/2 broke: {0}")]
    Http2(#[from] hyper::Error),
    /// The journey made something of the request that cannot be sent.
    #[error("the request cannot be written: {0}")]
    Unwritable(&'static str),
}

impl Broke {
    /// A failure before the first byte of the answer.
    pub(crate) fn early(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Self::Reset(error),
            _ => Self::Io(error),
        }
    }

    /// Whether the server may have closed a connection that waited before the request came.
    pub(crate) fn is_of_idle(&self) -> bool {
        matches!(self, Self::Closed | Self::Reset(_))
    }

    /// Why, in words of which there are few: they are counted.
    pub(crate) fn why(&self) -> String {
        match self {
            Self::Io(error) | Self::Reset(error) => why_io(error).to_owned(),
            Self::Closed => "connection closed before the answer was complete".to_owned(),
            Self::Http2(error) => why_hyper(error).to_owned(),
            other => other.to_string(),
        }
    }
}
