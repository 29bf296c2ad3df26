//! Server-sent events: the same news for all who listen, once a second.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc, watch};
use tokio::time::timeout;

/// Who does not take a piece of news for so long is not waited for any more.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// The body of an answer that goes on.
#[derive(Debug)]
pub(crate) struct Events(mpsc::Receiver<Bytes>);

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|news| news.map(|news| Ok(Frame::data(news))))
    }
}

/// A piece of news as an event.
pub(crate) fn event(json: &str) -> Bytes {
    Bytes::from(format!("data: {json}\n\n"))
}

/// Tells a reader `first` and then the news, always the latest: what a reader misses meanwhile is not
/// kept. One who is too slow is given up by `slow`, for its connection would never end by itself.
/// The place is held until the reader has gone.
pub(crate) fn tell(
    first: Bytes,
    mut news: watch::Receiver<Bytes>,
    slow: Arc<Notify>,
    place: OwnedSemaphorePermit,
) -> Events {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut next = first;
        loop {
            match timeout(PATIENCE, sender.send(next)).await {
                Ok(Ok(())) => {}
                Ok(Err(_gone)) => break,
                Err(_) => {
                    slow.notify_one();
                    break;
                }
            }
            if news.changed().await.is_err() {
                break;
            }
            next = news.borrow_and_update().clone();
        }
        drop(place);
    });
    Events(receiver)
}
