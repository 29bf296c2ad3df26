//! One connection, and the request that is on it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hulk_net::Line;
use hulk_scenarios::Method;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Malformed, Reading, write};
use crate::client::answer::Answer;
use crate::client::scratch::{take_answer, with_read_buffer, with_wire};
use crate::client::{Broke, Client, Outgoing};

/// A connection that speaks HTTP/1.1.
#[derive(Debug)]
pub(crate) struct Http1<S = Line> {
    stream: S,
    /// Of the request, what could not be written at once.
    unsent: Vec<u8>,
    /// Whether the stream keeps back some of what was written.
    unflushed: bool,
    reading: Reading,
    answer: Option<Box<Answer>>,
    /// Whether another request may follow.
    usable: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Http1<S> {
    /// Over a stream that is open.
    pub(crate) fn new(stream: S) -> Self {
        let reading = Reading::new(false, false);
        Self { stream, unsent: Vec::new(), unflushed: false, reading, answer: None, usable: true }
    }

    /// Writes as much as goes; what was not written. A server may answer before it has read
    /// everything: that it reads no further is no failure yet.
    fn write(&mut self, cx: &mut Context<'_>, mut text: &[u8]) -> usize {
        while !text.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, text) {
                Poll::Ready(Ok(written)) if written > 0 => text = &text[written..],
                Poll::Ready(_) => {
                    self.usable = false;
                    return 0;
                }
                Poll::Pending => return text.len(),
            }
        }
        self.flush(cx);
        0
    }

    /// Goes on with what has not been written.
    fn write_on(&mut self, cx: &mut Context<'_>) {
        let unsent = std::mem::take(&mut self.unsent);
        let left = self.write(cx, &unsent);
        if left > 0 {
            self.unsent = unsent;
            self.unsent.drain(..self.unsent.len() - left);
        }
    }

    /// An encrypted stream may keep back what it was given.
    fn flush(&mut self, cx: &mut Context<'_>) {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.unflushed = flushed.is_pending();
        self.usable &= !matches!(flushed, Poll::Ready(Err(_)));
    }

    /// Reads once; how much of the answer there is then.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broke>> {
        if !self.unsent.is_empty() || self.unflushed {
            self.write_on(cx);
        }
        with_read_buffer(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
            let came = buffer.filled();
            Poll::Ready(match read {
                Ok(()) if came.is_empty() => self.closed(),
                Ok(()) => self.take(came),
                Err(error) => {
                    self.usable = false;
                    Err(if self.answer.is_none() { Broke::early(error) } else { error.into() })
                }
            })
        })
    }

    fn take(&mut self, came: &[u8]) -> Result<(), Broke> {
        let answer = self.answer.get_or_insert_with(take_answer);
        match self.reading.take(came, answer) {
            Ok(taken) => {
                // What nobody asked for belongs to no later answer.
                self.usable &= taken == came.len();
                Ok(())
            }
            Err(malformed) => {
                self.usable = false;
                Err(malformed.into())
            }
        }
    }

    /// The other side has closed its end.
    fn closed(&mut self) -> Result<(), Broke> {
        self.usable = false;
        match self.reading.end() {
            Err(Malformed::Incomplete) if self.answer.is_none() => Err(Broke::Closed),
            Err(malformed) => Err(malformed.into()),
            Ok(()) => Ok(()),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug> Client for Http1<S> {
    fn is_usable(&self) -> bool {
        self.usable
    }

    fn is_open(&mut self, cx: &mut Context<'_>) -> bool {
        if self.usable {
            // Something before a request was sent, be it the end: the connection is over.
            let mut one = [0; 1];
            let read = Pin::new(&mut self.stream).poll_read(cx, &mut ReadBuf::new(&mut one));
            self.usable = read.is_pending();
        }
        self.usable
    }

    fn begin(&mut self, cx: &mut Context<'_>, request: &Outgoing<'_>) -> Result<(), Broke> {
        self.reading = Reading::new(request.method == Method::Head, request.keep_body);
        self.answer = None;
        self.unsent.clear();
        self.unflushed = false;
        with_wire(|wire| {
            write::request(request, wire)?;
            let left = self.write(cx, wire.as_bytes());
            self.unsent.extend_from_slice(&wire.as_bytes()[wire.len() - left..]);
            Ok(())
        })
    }

    fn poll_first_byte(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broke>> {
        self.poll_read(cx)
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Result<Box<Answer>, Broke>> {
        while !self.reading.is_over() {
            ready!(self.poll_read(cx))?;
        }
        self.usable &= self.reading.keeps_alive() && self.unsent.is_empty() && !self.unflushed;
        let answer = self.answer.take().unwrap_or_default();
        Poll::Ready(Ok(answer))
    }
}
