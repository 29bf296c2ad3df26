//! What waits to be sent to a caller: a short queue that drops the oldest frame.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

/// What is sent next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    Frame(Bytes),
    /// The stream is lost: the connection is closed with this reason.
    Lost(&'static str),
}

/// A caller's queue of frames.
#[derive(Debug)]
pub(crate) struct Outbox {
    waiting: Mutex<Waiting>,
    frames_max: usize,
    more: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    frames: VecDeque<Bytes>,
    lost: Option<&'static str>,
}

impl Outbox {
    pub(crate) fn new(frames_max: usize) -> Self {
        Self { waiting: Mutex::default(), frames_max, more: Notify::new() }
    }

    /// Puts a frame behind the others; whether the oldest had to go for it.
    pub(crate) fn push(&self, frame: Bytes) -> bool {
        let mut waiting = self.waiting();
        let full = waiting.frames.len() >= self.frames_max;
        if full {
            waiting.frames.pop_front();
        }
        waiting.frames.push_back(frame);
        drop(waiting);
        self.more.notify_one();
        full
    }

    /// No frame will come any more.
    pub(crate) fn lose(&self, reason: &'static str) {
        self.waiting().lost = Some(reason);
        self.more.notify_one();
    }

    /// Waits for what is to be sent. What a lost stream has made before is sent before its end.
    pub(crate) async fn next(&self) -> Next {
        loop {
            {
                let mut waiting = self.waiting();
                if let Some(frame) = waiting.frames.pop_front() {
                    return Next::Frame(frame);
                }
                if let Some(reason) = waiting.lost {
                    return Next::Lost(reason);
                }
            }
            self.more.notified().await;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_outbox_drops_its_oldest_frame_and_a_lost_one_ends_after_its_last() {
        let outbox = Outbox::new(2);
        let frame = |number: u8| Bytes::from(vec![number]);
        let dropped: Vec<bool> = (0..3).map(|number| outbox.push(frame(number))).collect();
        assert_eq!(dropped, [false, false, true]);
        outbox.lose("gone");
        assert_eq!(outbox.next().await, Next::Frame(frame(1)));
        assert_eq!(outbox.next().await, Next::Frame(frame(2)));
        assert_eq!(outbox.next().await, Next::Lost("gone"));
        assert_eq!(outbox.next().await, Next::Lost("gone"));
    }
}
