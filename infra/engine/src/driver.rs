//! Hands arrivals to slots, on the schedule's absolute clock.

use std::sync::Arc;

use hulk_record::Offset;
use hulk_scenarios::Arrival;
use tokio::task::yield_now;

use crate::run::{Phase, Shared};
use crate::waiting::Waiting;

/// So many arrivals that are late are handed out before the users have their turn again.
const BATCH: u32 = 64;
/// So long it holds that the target has the slots, in µs: to find out takes a look at all of them.
const HELD_US: i64 = 10_000;

/// Goes through the arrivals, which are in order of their times, until the last or until the run
/// is over. While the run is paused, what is due is lost. Late ones are caught up with: none is
/// ever skipped.
pub(crate) async fn drive(shared: Arc<Shared>, arrivals: Vec<Arrival>) {
    // The first slot after those of the users.
    let waiting = Waiting::new(&shared, shared.pool.len());
    let mut held = Held { until: Offset(i64::MIN), by_target: false };
    let mut batch = 0;
    for arrival in arrivals {
        let due = shared.offset(arrival.arrive);
        batch = if shared.now() < due { 0 } else { batch + 1 };
        if batch == 0 {
            waiting.in_any_phase(due).await;
        } else if batch % BATCH == 0 {
            yield_now().await;
        }
        match shared.phase() {
            Phase::Over => return,
            Phase::Paused => {
                let counts = &mut shared.recording.books().recorder.arrivals;
                counts.intended += 1;
                counts.lost += 1;
            }
            Phase::Running => {
                shared.recording.books().recorder.arrivals.intended += 1;
                match shared.pool.assign(arrival) {
                    Some(slot) => shared.timers.wake(slot),
                    None => held.count(&shared),
                }
            }
        }
        shared.reached(due);
    }
    shared.reached(shared.until);
}

/// Who has the slots, when there is none left.
struct Held {
    until: Offset,
    by_target: bool,
}

impl Held {
    /// Counts an arrival for which there was no slot.
    fn count(&mut self, shared: &Shared) {
        let now = shared.now();
        if now >= self.until {
            *self = Self { until: now.plus(HELD_US), by_target: shared.pool.held_by_target(now) };
        }
        let counts = &mut shared.recording.books().recorder.arrivals;
        *(if self.by_target { &mut counts.dropped_target } else { &mut counts.dropped_pool }) += 1;
    }
}
