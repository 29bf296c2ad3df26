//! A stream that plays a server's side.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{AGAIN, End};

/// A stream that plays a server's side: nothing comes before there is a request, each read gives
/// at most one piece.
#[derive(Debug)]
pub(super) struct Script {
    pieces: VecDeque<Vec<u8>>,
    end: End,
    /// Ends of request heads that were written.
    requests: usize,
    written: Vec<u8>,
    answered_again: bool,
    /// Who waits for something to read.
    reader: Option<Waker>,
}

impl Script {
    pub(super) fn new(pieces: Vec<Vec<u8>>, end: End) -> Self {
        let pieces = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
        Self { pieces, end, requests: 0, written: Vec::new(), answered_again: false, reader: None }
    }

    fn next(&mut self) -> Poll<io::Result<Option<Vec<u8>>>> {
        if self.requests == 0 {
            return Poll::Pending;
        }
        if let Some(piece) = self.pieces.pop_front() {
            return Poll::Ready(Ok(Some(piece)));
        }
        match self.end {
            End::Close => Poll::Ready(Ok(None)),
            End::Reset => Poll::Ready(Err(ErrorKind::ConnectionReset.into())),
            End::Stay if self.requests == 2 && !self.answered_again => {
                self.answered_again = true;
                Poll::Ready(Ok(Some(AGAIN.into())))
            }
            End::Stay => Poll::Pending,
        }
    }
}

impl AsyncRead for Script {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.reader = Some(cx.waker().clone());
        this.next().map_ok(|piece| {
            let mut piece = piece.unwrap_or_default();
            let rest = piece.split_off(piece.len().min(buffer.remaining()));
            if !rest.is_empty() {
                this.pieces.push_front(rest);
            }
            buffer.put_slice(&piece);
        })
    }
}

impl AsyncWrite for Script {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        text: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.written.extend_from_slice(text);
        let ends = self.written.windows(4).filter(|window| window == b"\r\n\r\n").count();
        self.requests = ends;
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(text.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
