//! Users that wait for arrivals.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use hulk_record::Offset;
use hulk_scenarios::Arrival;

use crate::lock::lock;

/// No request is in flight.
const IDLE: i64 = i64::MIN;
/// An answer that is awaited for longer than this is overdue, in µs of wall time.
const OVERDUE_US: i64 = 1_000_000;

#[derive(Debug)]
struct Slot {
    /// Boxed: most of the time there is none.
    arrival: Mutex<Option<Box<Arrival>>>,
    /// Since when the answer to a request is awaited.
    in_flight: AtomicI64,
}

/// The slots of a worker, shared out to the goose users: each holds one viewer at a time.
#[derive(Debug)]
pub(crate) struct Pool {
    slots: Vec<Slot>,
    free: Mutex<Vec<usize>>,
    /// The next user that goose launches takes its slots from here on.
    joined: AtomicUsize,
}

impl Pool {
    pub(crate) fn new(users: usize) -> Self {
        let slot = || Slot { arrival: Mutex::new(None), in_flight: AtomicI64::new(IDLE) };
        let slots = (0..users).map(|_| slot()).collect();
        Self { slots, free: Mutex::new((0..users).rev().collect()), joined: AtomicUsize::new(0) }
    }

    /// How many slots there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// A user was launched: up to `most` slots that are its own from now on.
    pub(crate) fn join(&self, most: usize) -> Range<usize> {
        let from = self.joined.fetch_add(most, Ordering::Relaxed).min(self.len());
        from..(from + most).min(self.len())
    }

    /// How many slots have their user.
    pub(crate) fn joined(&self) -> usize {
        self.joined.load(Ordering::Relaxed).min(self.len())
    }

    /// Hands an arrival to a free slot, which is to be woken; none where none is free. The slot
    /// that was given back last is the first: its connections are the warmest.
    pub(crate) fn assign(&self, arrival: Arrival) -> Option<usize> {
        let slot = lock(&self.free).pop()?;
        *lock(&self.slots.get(slot)?.arrival) = Some(Box::new(arrival));
        Some(slot)
    }

    /// The arrival that a slot was handed.
    pub(crate) fn take(&self, slot: usize) -> Option<Box<Arrival>> {
        lock(&self.slots.get(slot)?.arrival).take()
    }

    /// The slot's viewer left.
    pub(crate) fn release(&self, slot: usize) {
        self.answered(slot);
        lock(&self.free).push(slot);
    }

    /// How many slots are held: who was assigned one holds it before it knows.
    pub(crate) fn held(&self) -> usize {
        self.slots.len() - lock(&self.free).len()
    }

    /// The slot's viewer waits for an answer since `at`.
    pub(crate) fn awaiting(&self, slot: usize, at: Offset) {
        if let Some(slot) = self.slots.get(slot) {
            slot.in_flight.store(at.0, Ordering::Relaxed);
        }
    }

    /// The answer came.
    pub(crate) fn answered(&self, slot: usize) {
        if let Some(slot) = self.slots.get(slot) {
            slot.in_flight.store(IDLE, Ordering::Relaxed);
        }
    }

    /// Whether most slots wait for overdue answers at `now`: then it is the target that holds them.
    pub(crate) fn held_by_target(&self, now: Offset) -> bool {
        let overdue = |slot: &&Slot| {
            let since = slot.in_flight.load(Ordering::Relaxed);
            since != IDLE && now.0 - since > OVERDUE_US
        };
        self.slots.iter().filter(overdue).count() * 2 > self.slots.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hulk_record::MatchTime;
    use hulk_scenarios::traffic::Then;

    fn arrival(viewer: u32) -> Arrival {
        Arrival {
            viewer,
            arrive: MatchTime(0),
            leave: MatchTime(1),
            already_watching: false,
            push: None,
            back: None,
            acts: Vec::new(),
            then: Then::Watch,
            end: MatchTime(1),
        }
    }

    #[test]
    fn each_arrival_reaches_a_slot_of_its_own_until_none_is_free() {
        let pool = Pool::new(2);
        assert_eq!(pool.held(), 0);
        assert_eq!(pool.assign(arrival(7)), Some(0));
        assert_eq!(pool.assign(arrival(8)), Some(1));
        assert_eq!(pool.held(), 2);
        assert_eq!(pool.assign(arrival(9)), None, "the pool has a limit");
        let got = [pool.take(0), pool.take(1)];
        assert_eq!(got.map(|a| a.map(|a| a.viewer)), [Some(7), Some(8)]);
        pool.release(0);
        assert_eq!(pool.assign(arrival(9)), Some(0));
    }

    #[test]
    fn each_slot_has_one_user_and_a_user_that_comes_again_gets_none() {
        let pool = Pool::new(5);
        assert_eq!([pool.join(2), pool.join(2)], [0..2, 2..4]);
        assert_eq!(pool.joined(), 4);
        assert_eq!(pool.join(2), 4..5, "the last one takes what is left");
        assert_eq!(pool.joined(), 5);
        assert!(pool.join(2).is_empty());
    }

    #[test]
    fn slots_are_held_by_the_target_when_most_answers_are_overdue() {
        let pool = Pool::new(3);
        let now = Offset(5_000_000);
        pool.awaiting(0, Offset(0));
        pool.awaiting(1, Offset(4_900_000));
        assert!(!pool.held_by_target(now));
        pool.awaiting(1, Offset(3_000_000));
        assert!(pool.held_by_target(now));
        pool.answered(0);
        assert!(!pool.held_by_target(now));
    }
}
