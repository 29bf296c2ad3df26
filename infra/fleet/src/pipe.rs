//! A bus over a pipe or a socket between two processes: each message as its length in 4 bytes,
//! little-endian, and its wire form.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::bus::{BusError, Link, MESSAGE_BYTES_MAX, Parcel, end};

/// What carries an end's messages.
#[derive(Debug)]
pub struct Carrier {
    reader: JoinHandle<()>,
    writer: JoinHandle<()>,
}

impl Carrier {
    /// Waits until the other end is gone.
    pub async fn closed(&mut self) {
        // A task that failed reads nothing more either.
        let _ended = (&mut self.reader).await;
    }

    /// Waits until all that was sent is handed over; the end that sends must be gone.
    pub async fn flushed(self) {
        let _ended = self.writer.await;
    }
}

/// One end of a bus whose other end is at the other end of `stream`. When the link is dropped, what
/// it sent is written out, and the other end sees the close.
pub fn carry<S, R>(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> (Link<S, R>, Carrier) {
    let (from, to) = split(stream);
    let (link, outgoing, incoming) = end();
    let reader = tokio::spawn(async move {
        // The close is told by the queue's end.
        read_all(from, &incoming).await;
    });
    let writer = tokio::spawn(write_all(to, outgoing));
    (link, Carrier { reader, writer })
}

/// The same towards a process: when the other end is gone, `why` says how that came.
pub fn carry_of<S, R>(
    stream: impl AsyncRead + AsyncWrite + Send + 'static,
    why: impl Future<Output = String> + Send + 'static,
) -> Link<S, R> {
    let (from, to) = split(stream);
    let (link, outgoing, incoming) = end();
    tokio::spawn(write_all(to, outgoing));
    tokio::spawn(async move {
        if read_all(from, &incoming).await {
            // Nobody asks any more when the link is gone.
            let _asked = incoming.send(Err(BusError::Ended(why.await))).await;
        }
    });
    link
}

/// Reads until the other end or the link is gone; whether it is the other end.
async fn read_all(mut from: impl AsyncRead + Unpin, to: &mpsc::Sender<Parcel>) -> bool {
    loop {
        let parcel = read(&mut from).await;
        if matches!(parcel, Err(BusError::Gone)) {
            return true;
        }
        let over = parcel.is_err();
        if to.send(parcel).await.is_err() || over {
            return false;
        }
    }
}

/// The next message; a pipe that breaks within one is gone.
async fn read(from: &mut (impl AsyncRead + Unpin)) -> Parcel {
    let mut length = [0; 4];
    from.read_exact(&mut length).await.map_err(|_| BusError::Gone)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MESSAGE_BYTES_MAX {
        return Err(BusError::TooLarge(length));
    }
    // Grows with what comes: a length that lies takes no memory.
    let mut bytes = Vec::new();
    let read = from.take(length as u64).read_to_end(&mut bytes).await;
    match read {
        Ok(read) if read == length => Ok(bytes),
        _ => Err(BusError::Gone),
    }
}

async fn write_all(mut to: impl AsyncWrite + Unpin, mut from: mpsc::Receiver<Parcel>) {
    while let Some(parcel) = from.recv().await {
        let Ok(bytes) = parcel else { continue };
        let length = (bytes.len() as u32).to_le_bytes();
        if to.write_all(&length).await.is_err() || to.write_all(&bytes).await.is_err() {
            // The reader sees the same close, and says so.
            return;
        }
    }
    let _closed = to.shutdown().await;
}
