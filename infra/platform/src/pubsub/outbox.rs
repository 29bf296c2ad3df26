//! What waits to be sent to a receiver: a short queue that is never waited for.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Why a receiver gets nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Its queue was full.
    Slow,
    /// Somebody wanted it cut off.
    Cut,
}

/// What is sent next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    Text(Utf8Bytes),
    End(End),
}

/// A receiver's queue. One task takes from it.
#[derive(Debug)]
pub(super) struct Outbox {
    waiting: Mutex<Waiting>,
    texts_max: usize,
    more: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    texts: VecDeque<Utf8Bytes>,
    end: Option<End>,
}

impl Outbox {
    pub(super) fn new(texts_max: usize) -> Self {
        Self { waiting: Mutex::default(), texts_max, more: Notify::new() }
    }

    /// Puts a text behind the others; false where there is no room for it, which is the receiver's
    /// end.
    pub(super) fn push(&self, text: Utf8Bytes) -> bool {
        let mut waiting = self.waiting();
        let fits = waiting.texts.len() < self.texts_max;
        if fits {
            waiting.texts.push_back(text);
        } else {
            waiting.end.get_or_insert(End::Slow);
        }
        drop(waiting);
        self.more.notify_one();
        fits
    }

    /// Nothing is sent any more, not even what waits.
    pub(super) fn end(&self, end: End) {
        self.waiting().end.get_or_insert(end);
        self.more.notify_one();
    }

    /// Waits for what is to be sent.
    pub(super) async fn next(&self) -> Next {
        loop {
            {
                let mut waiting = self.waiting();
                if let Some(end) = waiting.end {
                    return Next::End(end);
                }
                if let Some(text) = waiting.texts.pop_front() {
                    return Next::Text(text);
                }
            }
            self.more.notified().await;
        }
    }

    /// Waits for the end alone.
    pub(super) async fn ended(&self) -> End {
        loop {
            let end = self.waiting().end;
            if let Some(end) = end {
                return end;
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
    async fn a_full_outbox_ends_and_an_end_overtakes_what_waits() {
        let outbox = Outbox::new(2);
        assert!(outbox.push("0".into()) && outbox.push("1".into()));
        assert_eq!(outbox.next().await, Next::Text("0".into()));
        assert!(outbox.push("2".into()));
        assert!(!outbox.push("3".into()), "two wait already");
        outbox.end(End::Cut);
        assert_eq!(outbox.next().await, Next::End(End::Slow), "the first reason counts");
        assert_eq!(outbox.ended().await, End::Slow);
    }
}
