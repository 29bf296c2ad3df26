//! When somebody is to be woken, to the microsecond.
//!
//! The runtime's own timers go by the millisecond, and cost as much as a request to set and to
//! take back. Here each slot has one time at which it is woken at the latest. It is told again for
//! each wait, and costs nothing unless it is earlier than what is known: a slot that is woken too
//! early is put back when its time comes up. A timer of the kernel's, to the nanosecond and
//! without slack, wakes whoever is first, and with him whose time has come since.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::task::{Poll, Waker};
use std::time::Duration;

use hulk_net::Epoch;
use hulk_record::Samples;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;
use tokio::runtime::Builder;
use tokio::time::Instant;

use crate::lock::lock;

/// So long after slots were woken the next ones are, in µs. To set the kernel's timer and to sleep in
/// between costs as much as half a request: with ten thousands of due times a second, those of so
/// short a while are woken together.
const TOGETHER_US: i64 = 50;

/// Never.
pub(crate) const NEVER: i64 = i64::MAX;

/// The times of all slots, in µs of the run's clock.
#[derive(Debug)]
pub(crate) struct Timers {
    epoch: OnceLock<Epoch>,
    timer: OwnedFd,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    slots: Vec<Slot>,
    /// Times and slots; those that no longer hold are left out when they come up.
    queue: BinaryHeap<Reverse<(i64, u32)>>,
    /// For when the kernel's timer is set.
    armed_us: i64,
    /// When slots were last woken.
    woken_us: i64,
}

#[derive(Debug)]
struct Slot {
    /// When it is to be woken.
    due_us: i64,
    /// The earliest time at which it is in the queue.
    queued_us: i64,
    waker: Option<Waker>,
}

impl Timers {
    /// For slots 0..`slots`.
    ///
    /// # Errors
    /// When the kernel has no timer left.
    pub(crate) fn new(slots: usize) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let slot = || Slot { due_us: NEVER, queued_us: NEVER, waker: None };
        let slots = (0..slots).map(|_| slot()).collect();
        let state = State { slots, queue: BinaryHeap::new(), armed_us: NEVER, woken_us: i64::MIN };
        Ok(Self { epoch: OnceLock::new(), timer, state: Mutex::new(state) })
    }

    /// The run's clock starts: before, there is nothing to wait for.
    pub(crate) fn start(&self, epoch: Epoch) {
        // Set once: a run is started once.
        let _first = self.epoch.set(epoch);
    }

    /// The run's clock; before the start, one that starts now.
    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch.get().copied().unwrap_or_else(|| Epoch(Instant::now()))
    }

    /// A slot waits: it is woken at `due_us`, or when somebody [wakes](Self::wake) it.
    pub(crate) fn wait(&self, slot: usize, due_us: i64, waker: &Waker) {
        let mut state = self.state();
        let Some(own) = state.slots.get_mut(slot) else { return };
        own.due_us = due_us;
        if !own.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            own.waker = Some(waker.clone());
        }
        if due_us < own.queued_us {
            own.queued_us = due_us;
            state.queue.push(Reverse((due_us, slot as u32)));
            self.set(&mut state, due_us);
        }
    }

    /// Wakes a slot that waits.
    pub(crate) fn wake(&self, slot: usize) {
        let waker = self.state().slots.get(slot).and_then(|slot| slot.waker.clone());
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Wakes every slot that waits.
    pub(crate) fn wake_all(&self) {
        let wakers: Vec<_> =
            self.state().slots.iter().filter_map(|slot| slot.waker.clone()).collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Wakes whose time has come, for ever.
    pub(crate) async fn run(&self) -> io::Result<()> {
        #[expect(deprecated, reason = "it is sound of an OwnedFd, and its successor is unsafe")]
        let timer = AsyncFd::new(self.timer.try_clone()?)?;
        let mut due = Vec::new();
        loop {
            timer.readable().await?.clear_ready();
            self.collect(&mut due);
            due.drain(..).for_each(Waker::wake);
        }
    }

    /// Whose time has come; the kernel's timer is set for the next.
    fn collect(&self, due: &mut Vec<Waker>) {
        let now = self.now_us();
        let mut state = self.state();
        let State { slots, queue, .. } = &mut *state;
        while let Some(Reverse((at, slot))) = queue.peek().copied() {
            if at > now {
                break;
            }
            queue.pop();
            let Some(own) = slots.get_mut(slot as usize).filter(|own| own.queued_us == at) else {
                continue;
            };
            own.queued_us = NEVER;
            if own.due_us <= now {
                own.due_us = NEVER;
                due.extend(own.waker.clone());
            } else if own.due_us < NEVER {
                own.queued_us = own.due_us;
                queue.push(Reverse((own.due_us, slot)));
            }
        }
        (state.armed_us, state.woken_us) = (NEVER, now);
        if let Some(Reverse((next, _))) = state.queue.peek().copied() {
            self.set(&mut state, next);
        }
    }

    /// Has the kernel tell when a time has come, unless it tells before.
    fn set(&self, state: &mut State, at_us: i64) {
        let at_us = at_us.max(state.woken_us.saturating_add(TOGETHER_US));
        if at_us >= state.armed_us {
            return;
        }
        state.armed_us = at_us;
        // 0 would take the timer back.
        let in_us = at_us.saturating_sub(self.now_us()).max(0);
        let it_value =
            Timespec { tv_sec: in_us / 1_000_000, tv_nsec: (in_us % 1_000_000 * 1000).max(1) };
        let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
        let setting = Itimerspec { it_interval, it_value };
        // It fails only for what is no timer and for times that are none.
        let _before = timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &setting);
    }

    fn now_us(&self) -> i64 {
        self.epoch.get().map_or(i64::MIN, |epoch| epoch.now_us())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// How late a sleeper of the engine's wakes for each due time of `wall`, in µs: due times are
/// absolute, one each `each`, and who wakes late is late for the next ones too.
///
/// # Errors
/// When the kernel has no timer left.
pub fn lateness(each: Duration, wall: Duration) -> io::Result<Samples> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let timers = Arc::new(Timers::new(1)?);
    let epoch = Epoch(Instant::now());
    timers.start(epoch);
    let waking = Arc::clone(&timers);
    runtime.spawn(async move { waking.run().await });
    Ok(runtime.block_on(wakings(timers, epoch, each, wall)))
}

async fn wakings(timers: Arc<Timers>, epoch: Epoch, each: Duration, wall: Duration) -> Samples {
    let mut samples = Samples::new();
    let count = (wall.as_nanos() / each.as_nanos().max(1)) as i64;
    for number in 1..=count {
        let due_us = each.as_micros() as i64 * number;
        let late_us = poll_fn(|cx| {
            let late_us = epoch.now_us() - due_us;
            if late_us >= 0 {
                return Poll::Ready(late_us as u64);
            }
            timers.wait(0, due_us, cx.waker());
            Poll::Pending
        });
        samples.record(late_us.await);
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleeper_wakes_for_each_due_time_and_never_early() {
        let each = Duration::from_micros(500);
        let (wall, started) = (Duration::from_millis(100), Instant::now());
        let samples = lateness(each, wall).unwrap();
        assert_eq!(samples.count(), 200);
        assert!(started.elapsed() >= wall);
        // The runtime's own timers would be late by up to a millisecond nearly each time.
        assert!(samples.quantile_us(500_000) < 500, "{} us", samples.quantile_us(500_000));
    }
}
