//! A connection that messages are read from.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::body::Body;
use super::head::{Head, Kind, NotHttp};
use crate::scratch;

/// So much is read at once.
const READ_BYTES: usize = 64 << 10;
/// No head is longer.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// Why a message does not go on.
#[derive(Debug)]
pub(super) enum Cut {
    /// Its source has no more.
    Ended,
    /// What comes is no message.
    NotHttp,
    /// Its source has failed.
    Source(io::Error),
    /// Nobody takes it.
    Sink(io::Error),
}

impl From<NotHttp> for Cut {
    fn from(_: NotHttp) -> Self {
        Self::NotHttp
    }
}

/// A connection that messages are read from; it owns no memory while it waits for the next.
pub(super) struct Source<R> {
    stream: R,
    /// What has come and was not taken yet.
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> Source<R> {
    pub(super) fn new(stream: R) -> Self {
        Self { stream, buffer: BytesMut::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Whether more may be read ahead.
    pub(super) fn has_room(&self) -> bool {
        self.buffer.len() < HEAD_BYTES_MAX
    }

    /// What was taken comes next again.
    pub(super) fn put_back(&mut self, bytes: &[u8]) {
        let behind = self.buffer.split();
        self.buffer.extend_from_slice(bytes);
        self.buffer.extend_from_slice(&behind);
    }

    /// Waits for more; false where there is none.
    pub(super) async fn fill(&mut self) -> Result<bool, Cut> {
        let (stream, buffer) = (&mut self.stream, &mut self.buffer);
        let read = poll_fn(|cx| {
            scratch::with(READ_BYTES, |scratch| {
                let mut came = ReadBuf::new(scratch);
                if buffer.is_empty() && buffer.capacity() > 0 {
                    *buffer = BytesMut::new();
                }
                ready!(Pin::new(&mut *stream).poll_read(cx, &mut came))?;
                buffer.extend_from_slice(came.filled());
                Poll::Ready(Ok(!came.filled().is_empty()))
            })
        });
        read.await.map_err(Cut::Source)
    }

    /// The head of the next message.
    pub(super) async fn head<K: Kind>(&mut self) -> Result<(K, Head), Cut> {
        loop {
            if let Some(head) = Head::take(&mut self.buffer)? {
                return Ok(head);
            }
            if !self.has_room() {
                return Err(Cut::NotHttp);
            }
            if !self.fill().await? {
                return Err(Cut::Ended);
            }
        }
    }

    /// Hands a body on, as it comes.
    pub(super) async fn relay(
        &mut self,
        body: &mut Body,
        into: &mut (impl AsyncWrite + Unpin),
    ) -> Result<(), Cut> {
        loop {
            let own = body.take(&self.buffer)?;
            into.write_all(&self.buffer[..own]).await.map_err(Cut::Sink)?;
            self.buffer.advance(own);
            if body.is_done() {
                return Ok(());
            }
            if !self.fill().await? {
                return body.at_end();
            }
        }
    }

    /// Reads a body away; false where it is longer than `bytes_max`.
    pub(super) async fn drop_body(&mut self, body: &mut Body, bytes_max: u64) -> Result<bool, Cut> {
        let mut dropped = 0;
        loop {
            let own = body.take(&self.buffer)?;
            self.buffer.advance(own);
            dropped += own as u64;
            if body.is_done() {
                return Ok(true);
            }
            if dropped > bytes_max {
                return Ok(false);
            }
            if !self.fill().await? {
                return body.at_end().map(|()| true);
            }
        }
    }

    /// Hands on what has come already.
    pub(super) async fn hand_on(
        &mut self,
        into: &mut (impl AsyncWrite + Unpin),
    ) -> Result<(), Cut> {
        let bytes: Bytes = self.buffer.split().freeze();
        into.write_all(&bytes).await.map_err(Cut::Sink)
    }

    /// Hands on everything that comes, to its end.
    pub(super) async fn hand_on_all(
        &mut self,
        into: &mut (impl AsyncWrite + Unpin),
    ) -> Result<(), Cut> {
        loop {
            self.hand_on(into).await?;
            if !self.fill().await? {
                return Ok(());
            }
        }
    }
}
