//! A connection that is not encrypted: bytes go between it and the kernel by the shortest way.
//!
//! The runtime knows when there is something to read. To read it through the runtime, its library of
//! sockets and the one of C costs a tenth of a request.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::net::{RecvFlags, SendFlags, recv, send};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// A connection that is not encrypted.
#[derive(Debug)]
pub struct Plain {
    stream: TcpStream,
    /// Whether the last read left something behind, for all that is known.
    more: bool,
}

impl From<TcpStream> for Plain {
    fn from(stream: TcpStream) -> Self {
        Self { stream, more: false }
    }
}

impl Plain {
    /// Resets the connection when it is closed, instead of ending it in good order.
    pub fn reset_at_close(&self) {
        // One that is gone already needs no reset.
        let _best_effort = self.stream.set_zero_linger();
    }

    /// Reads once; none where nothing has come.
    fn try_read(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        let (mut came, room) = (None, into.len());
        let tried = self.stream.try_io(Interest::READABLE, || {
            let (read, _) = recv(&self.stream, into, RecvFlags::empty())?;
            came = Some(read);
            // What does not fill the buffer was all that there was: the runtime need not be asked
            // by a read that finds nothing.
            if 0 < read && read < room { Err(ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        self.more = came == Some(room);
        match tried {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(came),
        }
    }
}

impl AsyncRead for Plain {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.more {
            // It may be without end: the runtime gives others their turn.
            ready!(this.stream.poll_read_ready(cx))?;
        }
        loop {
            match this.try_read(buffer.initialize_unfilled()) {
                Ok(Some(read)) => {
                    buffer.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Ok(None) => ready!(this.stream.poll_read_ready(cx))?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Plain {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        text: &[u8],
    ) -> Poll<io::Result<usize>> {
        let stream = &self.get_mut().stream;
        loop {
            // To who has gone there is an error, and no signal.
            let sent =
                stream.try_io(Interest::WRITABLE, || Ok(send(stream, text, SendFlags::NOSIGNAL)?));
            match sent {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    ready!(stream.poll_write_ready(cx))?;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                sent => return Poll::Ready(sent),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
