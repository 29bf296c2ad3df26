//! Messages as bytes between two ends. The in-process bus carries the same bytes that a pipe or a
//! network would.

use std::marker::PhantomData;
use std::task::{Context, Poll, ready};

use hulk_record::{CodecError, decode, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

/// Messages that may wait in each direction; a sender waits when there are more.
const QUEUE: usize = 256;
/// No message is larger: a length above it is damage, or a rehearsal whose rows are too many.
pub const MESSAGE_BYTES_MAX: usize = 256 << 20;

/// A message that did not get through.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The other end is gone.
    #[error("the other end of the bus is gone")]
    Gone,
    /// The process at the other end has ended; how, in words.
    #[error("{0}")]
    Ended(String),
    /// The message has no wire form, or came damaged.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The message is too large.
    #[error(
        "a message of {0} bytes, and at most {MESSAGE_BYTES_MAX} are carried: use smaller feeders, \
         or one worker"
    )]
    TooLarge(usize),
}

/// A message on its way, or why it cannot be read.
pub(crate) type Parcel = Result<Vec<u8>, BusError>;

/// One end of a bus: sends `S`, receives `R`.
#[derive(Debug)]
pub struct Link<S, R> {
    to: mpsc::Sender<Parcel>,
    from: mpsc::Receiver<Parcel>,
    kinds: PhantomData<fn(S) -> R>,
}

impl<S: Serialize, R: DeserializeOwned> Link<S, R> {
    /// Sends a message; waits while the queue is full.
    ///
    /// # Errors
    /// When the other end is gone, or the message is too large.
    pub async fn send(&self, message: &S) -> Result<(), BusError> {
        let bytes = encode(message)?;
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(BusError::TooLarge(bytes.len()));
        }
        self.to.send(Ok(bytes)).await.map_err(|_| BusError::Gone)
    }

    /// The next message.
    ///
    /// # Errors
    /// When the other end is gone, or the message is damaged.
    pub async fn receive(&mut self) -> Result<R, BusError> {
        std::future::poll_fn(|context| self.poll_receive(context)).await
    }

    /// The next message, for those who listen to several links. Nothing is lost between two calls.
    pub(crate) fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<R, BusError>> {
        let parcel = ready!(self.from.poll_recv(context));
        let read = |bytes: Vec<u8>| Ok(decode(&bytes)?);
        Poll::Ready(parcel.unwrap_or(Err(BusError::Gone)).and_then(read))
    }
}

/// A bus within this process: its two ends.
pub fn in_process<A, B>() -> (Link<A, B>, Link<B, A>) {
    let (left, to_right, from_right) = end();
    let right = Link { to: from_right, from: to_right, kinds: PhantomData };
    (left, right)
}

/// An end whose messages somebody else carries: what it sends comes out of the one queue, and it
/// receives what goes into the other.
pub(crate) fn end<S, R>() -> (Link<S, R>, mpsc::Receiver<Parcel>, mpsc::Sender<Parcel>) {
    let (to, outgoing) = mpsc::channel(QUEUE);
    let (incoming, from) = mpsc::channel(QUEUE);
    (Link { to, from, kinds: PhantomData }, outgoing, incoming)
}
