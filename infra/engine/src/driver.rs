//! Hands arrivals to slots, on the schedule's absolute clock.

use std::sync::Arc;

use hulk_scenarios::Arrival;
use tokio::sync::watch;

use crate::run::{Phase, Shared};

/// Goes through the arrivals, which are in order of their times, until the last or until the run
/// is over. While the run is paused, what is due is lost.
pub(crate) async fn drive(
    shared: Arc<Shared>,
    arrivals: Vec<Arrival>,
    mut phase: watch::Receiver<Phase>,
) {
    for arrival in arrivals {
        let due = shared.offset(arrival.arrive);
        tokio::select! {
            // Already due is the common case under load: no timer for it.
            biased;
            () = std::future::ready(()), if shared.now() >= due => {}
            _ = phase.wait_for(|phase| *phase == Phase::Over) => return,
            () = tokio::time::sleep_until(shared.instant(due)) => {}
        }
        let now = *phase.borrow_and_update();
        if now == Phase::Over {
            return;
        }
        shared.recording.books().recorder.arrivals.intended += 1;
        if now == Phase::Paused {
            shared.recording.books().recorder.arrivals.lost += 1;
        } else if !shared.pool.assign(arrival) {
            let target = shared.pool.held_by_target(shared.now());
            let counts = &mut shared.recording.books().recorder.arrivals;
            *(if target { &mut counts.dropped_target } else { &mut counts.dropped_pool }) += 1;
        }
        shared.reached(due);
    }
    shared.reached(shared.until);
}
