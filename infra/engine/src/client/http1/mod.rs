//! HTTP/1.1 as fast as it goes: requests are written as they are, answers are read in place.

mod chunked;
mod connection;
mod reading;
#[cfg(test)]
mod torture;
mod write;

pub(crate) use connection::Http1;
pub(crate) use reading::Reading;
pub(crate) use write::push_id;

/// What came is no answer of HTTP/1.1 that can be read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("what came is not HTTP/1.1")]
    Head,
    #[error("the head of the answer is too long")]
    HeadTooLong,
    #[error("the answer's content-length is no number, or several")]
    ContentLength,
    #[error("an answer of HTTP/1.0 with a transfer-encoding")]
    TransferEncoding,
    #[error("a chunk's size cannot be read")]
    ChunkSize,
    #[error("a chunk does not end where its size says")]
    Chunk,
    #[error("the trailer of the answer cannot be read")]
    Trailer,
    #[error("the trailer of the answer is too long")]
    TrailerTooLong,
    #[error("the body of the answer is too long")]
    BodyTooLong,
    #[error("the server changes the protocol, which nobody asked for")]
    Upgrade,
    #[error("connection closed before the answer was complete")]
    Incomplete,
}
