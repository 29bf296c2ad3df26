//! Messages as bytes between two ends. The in-process bus carries the same bytes that a network
//! would.

use std::marker::PhantomData;

use hulk_record::{CodecError, decode, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

/// Messages that may wait in each direction; a sender waits when there are more.
const QUEUE: usize = 256;

/// A message that did not get through.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The other end is gone.
    #[error("the other end of the bus is gone")]
    Gone,
    /// The message has no wire form, or came damaged.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

/// One end of a bus: sends `S`, receives `R`.
#[derive(Debug)]
pub struct Link<S, R> {
    to: mpsc::Sender<Vec<u8>>,
    from: mpsc::Receiver<Vec<u8>>,
    kinds: PhantomData<fn(S) -> R>,
}

impl<S: Serialize, R: DeserializeOwned> Link<S, R> {
    /// Sends a message; waits while the queue is full.
    ///
    /// # Errors
    /// When the other end is gone.
    pub async fn send(&self, message: &S) -> Result<(), BusError> {
        self.to.send(encode(message)?).await.map_err(|_| BusError::Gone)
    }

    /// The next message.
    ///
    /// # Errors
    /// When the other end is gone, or the message is damaged.
    pub async fn receive(&mut self) -> Result<R, BusError> {
        Ok(decode(&self.from.recv().await.ok_or(BusError::Gone)?)?)
    }
}

/// A bus within this process: its two ends.
pub fn in_process<A, B>() -> (Link<A, B>, Link<B, A>) {
    let (to_right, from_left) = mpsc::channel(QUEUE);
    let (to_left, from_right) = mpsc::channel(QUEUE);
    (
        Link { to: to_right, from: from_right, kinds: PhantomData },
        Link { to: to_left, from: from_left, kinds: PhantomData },
    )
}
