//! One viewer: the virtual twin of the engine's visit. It decides nothing either.

use std::sync::Arc;

use hulk_record::{Offset, Outcome, RequestSample};
use hulk_scenarios::{Arrival, Planned, Rehearsal, Session};

/// A viewer who is present.
pub(crate) struct Viewer {
    pub(crate) arrival: Arrival,
    pub(crate) session: Session,
    /// When the viewer came, on the wall.
    pub(crate) came: Offset,
    /// Since when nothing of this viewer's own is in the way of a send.
    pub(crate) free_since: Offset,
    pub(crate) connected: bool,
    pub(crate) started: bool,
    pub(crate) in_flight: Option<InFlight>,
}

/// A request that waits for its answer.
#[derive(Clone, Copy)]
pub(crate) struct InFlight {
    /// Its number at the platform.
    pub(crate) id: u64,
    pub(crate) planned: Planned,
    pub(crate) possible: Offset,
    pub(crate) sent: Offset,
}

impl Viewer {
    pub(crate) fn new(rehearsal: &Rehearsal, arrival: Arrival) -> Self {
        let came = rehearsal.clock.wall(arrival.arrive);
        let session = Session::new(
            Arc::clone(&rehearsal.journey),
            rehearsal.seed,
            arrival.viewer,
            arrival.arrive,
            arrival.already_watching,
        );
        Self {
            arrival,
            session,
            came,
            free_since: came,
            connected: false,
            started: false,
            in_flight: None,
        }
    }

    /// Takes the request of that number out of flight, if it still is.
    pub(crate) fn landed(&mut self, id: u64) -> Option<InFlight> {
        self.in_flight.take_if(|in_flight| in_flight.id == id)
    }
}

impl InFlight {
    /// What the record says of it.
    pub(crate) fn sample(
        &self,
        due: Offset,
        done: Offset,
        outcome: Outcome,
        bytes: u64,
    ) -> RequestSample {
        RequestSample {
            journey: 0,
            step: self.planned.step,
            outcome,
            due,
            possible: self.possible,
            sent: self.sent,
            done,
            retry: self.planned.retry,
            bytes,
        }
    }
}
