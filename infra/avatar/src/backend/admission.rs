//! Who is let in: the seats of one worker.

use std::collections::BTreeMap;

use hulk_record::Offset;

use super::gpu::StreamId;

/// The streams that a worker has taken, each with the time from which on it is counted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seats {
    limit: usize,
    /// How long after its check a stream is not counted; 0 where check and act are one step.
    open_us: i64,
    taken: BTreeMap<StreamId, Offset>,
}

impl Seats {
    pub(crate) fn new(limit: usize, open_us: i64) -> Self {
        Self { limit, open_us, taken: BTreeMap::new() }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Streams that are there, counted or not.
    pub(crate) fn taken(&self) -> usize {
        self.taken.len()
    }

    /// Streams that a check sees.
    pub(crate) fn counted(&self, now: Offset) -> usize {
        self.taken.values().filter(|from| **from <= now).count()
    }

    /// Whether a check lets another stream in.
    pub(crate) fn has_room(&self, now: Offset) -> bool {
        self.counted(now) < self.limit
    }

    /// Streams above the limit.
    pub(crate) fn over(&self) -> usize {
        self.taken().saturating_sub(self.limit)
    }

    /// Takes a stream whose check was passed at `now`.
    pub(crate) fn take(&mut self, now: Offset, stream: StreamId) {
        self.taken.insert(stream, now.plus(self.open_us));
    }

    /// Takes a stream that another worker had: it is counted at once.
    pub(crate) fn take_over(&mut self, now: Offset, stream: StreamId) {
        self.taken.insert(stream, now);
    }

    pub(crate) fn release(&mut self, stream: StreamId) {
        self.taken.remove(&stream);
    }

    pub(crate) fn clear(&mut self) {
        self.taken.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How many of those who come at these times are let in.
    fn admitted(open_us: i64, times_us: &[i64]) -> usize {
        let mut seats = Seats::new(5, open_us);
        for (n, us) in times_us.iter().enumerate() {
            if seats.has_room(Offset(*us)) {
                seats.take(Offset(*us), StreamId(n as u64));
            }
        }
        seats.taken()
    }

    #[test]
    fn seven_come_in_where_five_should() {
        // Counted are those of 0, 10, 20, 30 and 40 ms from 50, 60, 70, 80 and 90 ms on: at 55 and
        // 65 ms less than five are, at 95 ms all.
        let times = [0, 10, 20, 30, 40, 55, 65, 95].map(|ms| ms * 1_000);
        assert_eq!((admitted(50_000, &times), admitted(0, &times)), (7, 5));
    }

    #[test]
    fn a_seat_that_is_released_is_free_again() {
        let mut seats = Seats::new(1, 0);
        seats.take(Offset(0), StreamId(1));
        assert!(!seats.has_room(Offset(0)));
        seats.release(StreamId(2));
        assert!(!seats.has_room(Offset(0)), "another one's seat stays taken");
        seats.release(StreamId(1));
        assert!(seats.has_room(Offset(0)));
        seats.take(Offset(1), StreamId(3));
        seats.take(Offset(1), StreamId(4));
        assert_eq!((seats.over(), seats.limit()), (1, 1));
        seats.clear();
        assert_eq!((seats.over(), seats.taken(), seats.counted(Offset(9))), (0, 0, 0));
    }

    proptest! {
        #[test]
        fn a_burst_within_the_window_is_let_in_whole_unless_check_and_take_are_one(
            mut times in prop::collection::vec(0_i64..50_000, 10..40),
        ) {
            times.sort_unstable();
            prop_assert_eq!(admitted(0, &times), 5);
            prop_assert_eq!(admitted(50_000, &times), times.len());
        }

        #[test]
        fn one_step_is_never_over_the_limit(
            mut times in prop::collection::vec(0_i64..10_000_000, 0..60),
        ) {
            times.sort_unstable();
            prop_assert_eq!(admitted(0, &times), times.len().min(5));
        }
    }
}
