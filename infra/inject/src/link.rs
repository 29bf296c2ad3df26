//! A link: a client's connection, the server's, and a pipe for each direction between them.
//!
//! Without toxics bytes go from one socket to the other through a buffer that all links of a thread
//! share; a link owns memory only for what the other side has not taken, and for what its toxics hold.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hulk_net::Epoch;
use hulk_scenarios::chaos::{Item, Pipe, Protocol, Set};
use hulk_scenarios::record::Offset;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Sleep, sleep_until};

use crate::scratch;

/// So much is read at once.
const READ_BYTES: usize = 128 << 10;
/// After so many reads in a row the other links of the thread have their turn.
const TURNS: usize = 32;

/// What is done to the links of a proxy now; they see every change of it.
#[derive(Debug, Default)]
pub(crate) struct Order {
    pub(crate) upstream: Vec<Set>,
    pub(crate) downstream: Vec<Set>,
}

/// Bytes of one direction of a proxy, counted while its links live.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    pub(crate) received: AtomicU64,
    pub(crate) sent: AtomicU64,
}

/// What all links of a proxy share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) protocol: Protocol,
    pub(crate) epoch: Epoch,
    pub(crate) upstream: Arc<Flow>,
    pub(crate) downstream: Arc<Flow>,
}

/// How a link ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Both sides had no more to say.
    Finished,
    /// Closed, with what was on its way: by a toxic, or with its proxy.
    Closed,
    /// Both sides are to be reset: by a toxic, or because one side was.
    Reset,
}

/// Carries bytes between `client` and `server` until one of them, a toxic or the end of the proxy ends it.
/// Who calls it closes, or resets, the two.
pub(crate) async fn carry(
    client: &mut (impl AsyncRead + AsyncWrite + Unpin),
    server: &mut (impl AsyncRead + AsyncWrite + Unpin),
    shared: &Shared,
    seed: u64,
    orders: &mut watch::Receiver<Arc<Order>>,
) -> End {
    let mut link = Link::new(shared, seed, &orders.borrow_and_update(), now(shared.epoch));
    let mut alarm = Alarm { epoch: shared.epoch, sleep: None };
    loop {
        let moved = poll_fn(|cx| {
            loop {
                if let Poll::Ready(end) = link.poll(client, server, now(shared.epoch), cx) {
                    return Poll::Ready(end);
                }
                // A pipe may let something through meanwhile: then all is looked at again.
                ready!(alarm.poll(link.next_wake(), cx));
            }
        });
        tokio::select! {
            biased;
            // What comes after a call of the API has returned meets the toxics that it has set.
            changed = orders.changed() => {
                if changed.is_err() {
                    return End::Closed;
                }
                let order = Arc::clone(&orders.borrow_and_update());
                link.obey(&order, shared, seed, now(shared.epoch));
            }
            end = moved => return end,
        }
    }
}

fn now(epoch: Epoch) -> Offset {
    Offset(epoch.now_us())
}

/// Wakes a link when a pipe of it lets something through.
struct Alarm {
    epoch: Epoch,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// Ready when it is `wake`; never, where there is none.
    fn poll(&mut self, wake: Option<Offset>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(wake) = wake else {
            self.sleep = None;
            return Poll::Pending;
        };
        let at = self.epoch.at_us(wake.0);
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if sleep.deadline() != at {
            sleep.as_mut().reset(at);
        }
        sleep.as_mut().poll(cx)
    }
}

/// Both directions of a link. Time comes in as an argument.
struct Link {
    up: Half,
    down: Half,
}

/// One direction of a link.
struct Half {
    /// None where bytes go through as they are.
    pipe: Option<Box<Pipe>>,
    /// What was taken and the other side has no room for yet.
    rest: Bytes,
    source_ended: bool,
    finished: bool,
    flow: Arc<Flow>,
}

impl Link {
    fn new(shared: &Shared, seed: u64, order: &Order, now: Offset) -> Self {
        let half = |flow| Half::new(Arc::clone(flow));
        let mut link = Self { up: half(&shared.upstream), down: half(&shared.downstream) };
        link.obey(order, shared, seed, now);
        link
    }

    fn obey(&mut self, order: &Order, shared: &Shared, seed: u64, now: Offset) {
        self.up.obey(&order.upstream, shared, seed, now);
        self.down.obey(&order.downstream, shared, seed, now);
    }

    /// Carries what can be carried at `now`; ready where the link has ended.
    fn poll(
        &mut self,
        client: &mut (impl AsyncRead + AsyncWrite + Unpin),
        server: &mut (impl AsyncRead + AsyncWrite + Unpin),
        now: Offset,
        cx: &mut Context<'_>,
    ) -> Poll<End> {
        if let Poll::Ready(end) = self.up.poll(client, server, now, cx) {
            return Poll::Ready(end);
        }
        if let Poll::Ready(end) = self.down.poll(server, client, now, cx) {
            return Poll::Ready(end);
        }
        let finished = self.up.finished && self.down.finished;
        if finished { Poll::Ready(End::Finished) } else { Poll::Pending }
    }

    /// When a pipe lets something through next.
    fn next_wake(&self) -> Option<Offset> {
        [&self.up, &self.down].into_iter().filter_map(Half::next_wake).min()
    }
}

impl Half {
    fn new(flow: Arc<Flow>) -> Self {
        Self { pipe: None, rest: Bytes::new(), source_ended: false, finished: false, flow }
    }

    fn obey(&mut self, toxics: &[Set], shared: &Shared, seed: u64, now: Offset) {
        match &mut self.pipe {
            Some(pipe) => pipe.change(toxics, now),
            None if toxics.is_empty() => {}
            None => {
                let mut pipe = Box::new(Pipe::new(shared.protocol, seed, toxics, now));
                if self.source_ended {
                    pipe.push(now, Item::Finish);
                }
                self.pipe = Some(pipe);
            }
        }
        // A pipe that passes on what comes as it is is not needed.
        if self.pipe.as_ref().is_some_and(|pipe| pipe.is_idle()) {
            self.pipe = None;
        }
    }

    fn next_wake(&self) -> Option<Offset> {
        // What the other side has no room for is waited for first.
        let pipe = self.pipe.as_ref()?;
        if self.rest.is_empty() { pipe.next_wake() } else { pipe.next_ending() }
    }

    /// Carries what can be carried now; ready where the link has ended.
    fn poll(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        now: Offset,
        cx: &mut Context<'_>,
    ) -> Poll<End> {
        for _ in 0..TURNS {
            let carried = match self.poll_once(from, to, now, cx) {
                Ok(Step::Again) => continue,
                Ok(Step::Wait) => return Poll::Pending,
                Ok(Step::End(end)) => end,
                Err(error) => match error.kind() {
                    ErrorKind::ConnectionReset => End::Reset,
                    _ => End::Closed,
                },
            };
            return Poll::Ready(carried);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_once(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        now: Offset,
        cx: &mut Context<'_>,
    ) -> io::Result<Step> {
        if let Some(pipe) = &mut self.pipe {
            pipe.advance(now);
        }
        if !self.rest.is_empty() {
            let written = self.write_rest(to, cx)?;
            let ended = self.pipe.as_ref().and_then(|pipe| pipe.ended());
            // What had left the toxics before goes first, but nobody waits for it.
            return Ok(match (written, ended) {
                (Step::Wait, Some(Item::Reset)) => Step::End(End::Reset),
                (Step::Wait, Some(_)) => Step::End(End::Closed),
                (written, _) => written,
            });
        }
        if self.finished {
            return Ok(Step::Wait);
        }
        match self.pipe.as_mut().and_then(|pipe| pipe.pop()) {
            Some(Item::Data(bytes)) => {
                self.rest = bytes;
                return Ok(Step::Again);
            }
            Some(Item::Finish) => return self.finish(to, cx),
            Some(Item::Close) => return Ok(Step::End(End::Closed)),
            Some(Item::Reset) => return Ok(Step::End(End::Reset)),
            None => {}
        }
        if self.source_ended {
            // Without a pipe nothing holds its end back.
            return if self.pipe.is_none() { self.finish(to, cx) } else { Ok(Step::Wait) };
        }
        if self.pipe.as_ref().is_some_and(|pipe| !pipe.wants()) {
            return Ok(Step::Wait);
        }
        self.read(from, to, now, cx)
    }

    fn write_rest(
        &mut self,
        to: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> io::Result<Step> {
        let Poll::Ready(written) = Pin::new(to).poll_write(cx, &self.rest) else {
            return Ok(Step::Wait);
        };
        self.sent(written?);
        Ok(Step::Again)
    }

    fn sent(&mut self, written: usize) {
        self.flow.sent.fetch_add(written as u64, Ordering::Relaxed);
        if written >= self.rest.len() {
            // The memory goes back, too.
            self.rest = Bytes::new();
        } else {
            let _done = self.rest.split_to(written);
        }
    }

    fn finish(
        &mut self,
        to: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> io::Result<Step> {
        match Pin::new(to).poll_shutdown(cx) {
            Poll::Pending => {
                // It goes on where it stands.
                self.source_ended = true;
                self.pipe = None;
                return Ok(Step::Wait);
            }
            // Who is gone already needs not be told.
            Poll::Ready(Err(error)) if error.kind() == ErrorKind::NotConnected => {}
            Poll::Ready(done) => done?,
        }
        self.finished = true;
        Ok(Step::Again)
    }

    fn read(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        now: Offset,
        cx: &mut Context<'_>,
    ) -> io::Result<Step> {
        scratch::with(READ_BYTES, |scratch| {
            let mut buffer = ReadBuf::new(scratch);
            let Poll::Ready(came) = Pin::new(from).poll_read(cx, &mut buffer) else {
                return Ok(Step::Wait);
            };
            came?;
            let bytes = buffer.filled();
            if bytes.is_empty() {
                self.source_ended = true;
                if let Some(pipe) = &mut self.pipe {
                    pipe.push(now, Item::Finish);
                }
                return Ok(Step::Again);
            }
            self.flow.received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            if let Some(pipe) = &mut self.pipe {
                pipe.push(now, Item::Data(Bytes::copy_from_slice(bytes)));
                return Ok(Step::Again);
            }
            let written = match Pin::new(to).poll_write(cx, bytes) {
                Poll::Ready(written) => written?,
                Poll::Pending => 0,
            };
            self.flow.sent.fetch_add(written as u64, Ordering::Relaxed);
            self.rest = Bytes::copy_from_slice(&bytes[written..]);
            Ok(Step::Again)
        })
    }
}

enum Step {
    Again,
    /// The other side, the source or the time wakes it.
    Wait,
    End(End),
}

#[cfg(test)]
mod tests;
