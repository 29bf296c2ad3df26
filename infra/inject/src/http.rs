//! HTTP/1: requests are told apart, and what is done to them is done one by one.
//!
//! ```text
//!            link: toxics of bytes          hop: toxics of requests
//!  client ══► up:   pipe ──► near ┄┄ far ──► requests ══► server
//!         ◄══ down: pipe ◄── near ┄┄ far ◄── answers  ◄══
//!                                            ▲ each request is due an answer, in its turn
//! ```
//!
//! Messages are only looked at: what no toxic changes goes on byte by byte as it came, with its
//! framing. So whatever the two say to each other, about their connection too, they still say.

use std::io::{self, ErrorKind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hulk_net::Plain;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, copy, duplex, sink, split};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::timeout;

use crate::link::{self, End, Order};
use crate::proxy::{House, gone};

mod answers;
mod body;
mod head;
mod requests;
mod source;
mod toxics;

use answers::{Answers, Over};
use requests::Requests;
use source::Source;
use toxics::Toxics;

/// So much is on its way between link and hop at most, in each direction.
const BETWEEN_BYTES: usize = 64 << 10;
/// So many requests may wait for their answers; then no more are read.
const DUE_MAX: usize = 128;
/// A body that nobody is given is read away up to here; a longer one costs its connection.
const READ_AWAY_BYTES_MAX: u64 = 16 << 20;
/// So long a client that is still sending may go on after the last answer: else it would not see it.
const LINGER: Duration = Duration::from_secs(5);

/// What the hop tells the link.
#[derive(Default)]
struct State {
    /// A part of a request has come, and not yet all of it.
    in_request: AtomicBool,
    /// The server's connection was reset.
    reset: AtomicBool,
    /// The client has been told that nothing more comes.
    told: Notify,
}

impl State {
    fn is_reset(&self) -> bool {
        self.reset.load(Ordering::Relaxed)
    }

    /// The server's connection has failed.
    fn failed(&self, error: &io::Error) {
        // To write to who has gone in good order breaks nothing that was said before.
        if error.kind() != ErrorKind::BrokenPipe {
            self.reset.store(true, Ordering::Relaxed);
        }
    }

    fn set_in_request(&self, in_request: bool) {
        self.in_request.store(in_request, Ordering::Relaxed);
    }
}

/// Carries requests and answers until one of the two, a toxic or the end of the proxy ends it.
/// Who calls it closes, or resets, the client's connection.
pub(crate) async fn carry(
    client: &mut Plain,
    mut server: Plain,
    house: &House,
    seed: u64,
    orders: &mut watch::Receiver<Arc<Order>>,
) -> End {
    let state = State::default();
    let toxics = Toxics::new(seed, orders.clone());
    let (near, far) = duplex(BETWEEN_BYTES);
    let mut near = Near { stream: near, state: &state };
    let mut facing = Facing { stream: client, state: &state };
    let end = tokio::select! {
        biased;
        end = link::carry(&mut facing, &mut near, &house.shared, seed, orders) => end,
        end = finish(far, &mut server, &toxics, &state) => end,
        never = toxics.count() => match never {},
    };
    match end {
        End::Reset => server.reset_at_close(),
        End::Finished if state.in_request.load(Ordering::Relaxed) => linger(client, orders).await,
        End::Finished | End::Closed => {}
    }
    end
}

/// Hops until nothing more can come from the server, and the client knows it.
async fn finish(far: DuplexStream, server: &mut Plain, toxics: &Toxics, state: &State) -> End {
    hop(far, server, toxics, state).await;
    state.told.notified().await;
    End::Finished
}

/// Hands requests to the server and answers to the client until there can be no more answers.
async fn hop(
    far: DuplexStream,
    server: &mut (impl AsyncRead + AsyncWrite + Unpin),
    toxics: &Toxics,
    state: &State,
) {
    let (from_client, to_client) = split(far);
    let (from_server, to_server) = split(server);
    let (due, awaited) = mpsc::channel(DUE_MAX);
    let (from_client, from_server) = (Source::new(from_client), Source::new(from_server));
    let requests =
        Requests { client: from_client, server: to_server, due, toxics, state, asked: 0 };
    let answers = Answers { server: from_server, client: to_client, due: awaited, toxics, state };
    let (mut requests, mut answers) = (pin!(requests.carry()), pin!(answers.carry()));
    let mut asking = true;
    let over = loop {
        tokio::select! {
            biased;
            over = &mut answers => break over,
            () = &mut requests, if asking => asking = false,
        }
    };
    if asking && over == Over::Bytes {
        // Of what is not HTTP each direction has an end of its own.
        requests.await;
    }
}

/// Reads what a client still sends, so that it gets to read what it was answered.
async fn linger(client: &mut Plain, orders: &watch::Receiver<Arc<Order>>) {
    let mut nowhere = sink();
    tokio::select! {
        _read = timeout(LINGER, copy(client, &mut nowhere)) => {}
        () = gone(orders.clone()) => {}
    }
}

/// The link's end of what is between it and the hop.
struct Near<'a> {
    stream: DuplexStream,
    state: &'a State,
}

impl AsyncRead for Near<'_> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() == before && this.state.is_reset() {
            // Without it an answer that ends with its connection would look whole.
            return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Near<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match ready!(Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)) {
            // Nobody answers any more; the answers that are on their way still arrive.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Poll::Ready(Ok(bytes.len())),
            written => Poll::Ready(written),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// The client's connection, which notes when it was told that nothing more comes.
struct Facing<'a> {
    stream: &'a mut Plain,
    state: &'a State,
}

impl AsyncRead for Facing<'_> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.get_mut().stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Facing<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let done = ready!(Pin::new(&mut *this.stream).poll_shutdown(cx));
        this.state.told.notify_one();
        Poll::Ready(done)
    }
}

#[cfg(test)]
mod tests;
