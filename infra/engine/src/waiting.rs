//! Waiting in a slot: for something, until a time, while load runs.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll};

use hulk_record::Offset;

use crate::run::{Phase, Shared};
use crate::timers::NEVER;

/// Why a wait was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// The time is over.
    Late,
    /// Load no longer runs.
    NoLoad,
}

/// A slot, as far as it waits.
#[derive(Debug)]
pub(crate) struct Waiting<'a> {
    shared: &'a Shared,
    slot: usize,
    /// The slot is woken then, in µs of the run's clock: for a later time nobody has to be told.
    /// [`NEVER`] where it is not known that it is.
    armed_us: AtomicI64,
}

impl<'a> Waiting<'a> {
    pub(crate) fn new(shared: &'a Shared, slot: usize) -> Self {
        Self { shared, slot, armed_us: AtomicI64::new(NEVER) }
    }

    /// Polls until there is something, at the latest until then.
    pub(crate) async fn within<T>(
        &self,
        until: Offset,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Result<T, Stopped> {
        let mut woken = false;
        poll_fn(|cx| {
            if let Poll::Ready(value) = poll(cx) {
                return Poll::Ready(Ok(value));
            }
            if self.shared.phase() != Phase::Running {
                return Poll::Ready(Err(Stopped::NoLoad));
            }
            // The clock is looked at by who has been woken, and not at the start of each wait.
            if woken && self.shared.now() >= until {
                return Poll::Ready(Err(Stopped::Late));
            }
            if woken || self.armed_us.load(Ordering::Relaxed) > until.0 {
                self.arm(until, cx);
            }
            woken = true;
            Poll::Pending
        })
        .await
    }

    /// Has the slot woken at a time.
    fn arm(&self, at: Offset, cx: &mut Context<'_>) {
        self.shared.timers.wait(self.slot, at.0, cx.waker());
        self.armed_us.store(at.0, Ordering::Relaxed);
    }

    /// What the clock shows: what was armed for before that has happened. To be asked by who has
    /// waited, before there is another wait.
    pub(crate) fn look(&self) -> Offset {
        let now = self.shared.now();
        if self.armed_us.load(Ordering::Relaxed) <= now.0 {
            self.armed_us.store(NEVER, Ordering::Relaxed);
        }
        now
    }

    /// The same of a future.
    pub(crate) async fn future<T>(
        &self,
        until: Offset,
        future: impl Future<Output = T>,
    ) -> Result<T, Stopped> {
        let mut future = pin!(future);
        self.within(until, |cx| future.as_mut().poll(cx)).await
    }

    /// Waits until then.
    pub(crate) async fn sleep_until(&self, until: Offset) -> Result<(), Stopped> {
        if self.shared.phase() == Phase::Running && self.shared.now() >= until {
            return Ok(());
        }
        // Told in any case: what it was armed for, an answer's deadline, would wake it for nothing.
        self.armed_us.store(NEVER, Ordering::Relaxed);
        match self.within(until, |_| Poll::<()>::Pending).await {
            Ok(()) | Err(Stopped::Late) => Ok(()),
            Err(Stopped::NoLoad) => Err(Stopped::NoLoad),
        }
    }

    /// Waits until then whether load runs or is paused, or until the run is over.
    pub(crate) async fn in_any_phase(&self, until: Offset) {
        poll_fn(|cx| {
            if self.shared.phase() == Phase::Over || self.shared.now() >= until {
                return Poll::Ready(());
            }
            self.shared.timers.wait(self.slot, until.0, cx.waker());
            Poll::Pending
        })
        .await;
    }

    /// Waits until there is something, or no more load.
    pub(crate) async fn parked<T>(&self, mut take: impl FnMut() -> Option<T>) -> Option<T> {
        poll_fn(|cx| {
            if let Some(found) = take() {
                return Poll::Ready(Some(found));
            }
            if self.shared.phase() == Phase::Over {
                return Poll::Ready(None);
            }
            self.shared.timers.wait(self.slot, NEVER, cx.waker());
            Poll::Pending
        })
        .await
    }
}
