//! Iterations: what an executor's viewers do after the journeys' start.

use hulk_record::MatchTime;
use hulk_traffic_models::Then;

use super::legs::Leg;
use super::sequence::{Cursor, Reached, Who};
use super::{Note, Session, micros};

/// After an iteration that came to nothing the next one waits for so long, in s of wall time: a
/// target that refuses at once must not be asked in a circle.
const PAUSE_S: f64 = 0.1;

impl Session {
    /// All steps of the start are done at `now`, by a viewer who does not stay for it.
    pub(super) fn iterated(&mut self, now: MatchTime) {
        self.notes.push(Note::Started { since: Some(self.since) });
        self.settled = true;
        if self.goes_again() {
            self.memory.visit += 1;
            self.begin(Who::Returner, now);
        } else {
            self.done(now);
        }
    }

    /// An iteration came to nothing at `at`: a step failed for the last time, or the journey has
    /// the viewer give up.
    pub(super) fn iteration_failed(&mut self, at: MatchTime) {
        if !self.goes_again() {
            return self.done(at);
        }
        self.cursor = None;
        self.leg = Leg::Between;
        self.until = at.plus(micros(PAUSE_S * self.script.speed)).min(self.arrival.leave);
    }

    /// The pause after such an iteration is over. Whether there is another one.
    pub(super) fn pause_over(&mut self, now: MatchTime) -> bool {
        self.leg = Leg::Video { second: false };
        self.until = self.arrival.leave;
        if now >= self.until {
            self.notes.push(Note::LeftVideo);
            self.leg = Leg::Gone;
            return false;
        }
        self.memory.visit += 1;
        // What is done once is only left out by those who have done it.
        self.begin(if self.settled { Who::Returner } else { Who::Newcomer }, now);
        true
    }

    /// Where an iteration begins with nothing to be sent: none of this viewer's ever sends more.
    pub(super) fn begins_empty(&mut self, cursor: Cursor, reached: Reached, start: MatchTime) {
        match (self.arrival.then, reached) {
            // Stays without a request, as long as a viewer of this executor is meant to.
            (Then::Again { times: None }, Reached::End) => self.cursor = None,
            (Then::Again { times: Some(_) }, Reached::End) => self.done(start),
            (_, reached) => self.reached(cursor, reached, start),
        }
    }

    fn goes_again(&self) -> bool {
        match self.arrival.then {
            Then::Again { times } => times.is_none_or(|times| self.memory.visit < times),
            Then::Watch | Then::Leave => false,
        }
    }

    /// The viewer leaves before it is time to, with nothing left to do.
    pub(super) fn done(&mut self, at: MatchTime) {
        self.cursor = None;
        self.until = self.until.min(at);
    }
}
