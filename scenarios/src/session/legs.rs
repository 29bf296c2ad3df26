//! The legs of a stay: the video, the home page, away, and the video again.

use std::sync::Arc;

use hulk_record::{MatchTime, Outcome};
use hulk_traffic_models::{Stay, Then};

use super::sequence::{Cursor, Reached, Who};
use super::watch::Watch;
use super::{Session, micros};
use crate::Placed;

/// Where a viewer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leg {
    /// In the video, or on the way to it.
    Video { second: bool },
    /// Closed the app before the stay was over.
    Idle { second: bool },
    /// On the home page, in answer to a moment; whether all of it is there.
    Home { moment: u16, loaded: bool },
    /// Out of the app, until coming back.
    Away { moment: u16, stay: Stay },
    /// Waits a little before the next iteration.
    Between,
    /// Out of the app for good, and counted as present until the stay would have been over.
    GaveUp,
    /// Gone for good.
    Gone,
}

/// Something that happened to a viewer, to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// Came to watch.
    Came,
    /// It was this moment's push that brought the viewer.
    CameByPush(u16),
    /// Left the video.
    LeftVideo,
    /// Closed the app before the stay was over by schedule.
    GaveUp,
    /// The stay of one who had given up is over.
    GaveUpOver,
    /// The start is over: watching begins, or an iteration is done.
    Started {
        /// When it began; none where its time is no measure: of one who was watching already, or
        /// who comes back.
        since: Option<MatchTime>,
    },
    /// Did something at this moment.
    Acted(u16),
    /// Pressed Back at this moment.
    Woken(u16),
    /// … and is on the home page.
    AtHome,
    /// … and is there no more.
    LeftHome,
    /// … and left the app at once.
    LeftAtOnce(u16),
    /// … and has the home page with all its trays.
    Loaded(u16),
    /// … and left while the home page was loading.
    Abandoned(u16),
    /// … and is gone for good.
    Left(u16),
    /// … and came back to the video.
    Returned(u16),
    /// A player's start came to its end: with a first frame, or abandoned.
    FirstFrame {
        /// The journey's place in the record.
        journey: u16,
        /// When the player started.
        since: MatchTime,
        /// How it ended.
        outcome: Outcome,
    },
    /// The connection is to be closed.
    Disconnect,
    /// Something was not as the journey needs it.
    Trouble {
        /// The journey's place in the record.
        journey: u16,
        /// The step's place in the journey.
        step: u16,
        /// What, in words.
        what: String,
    },
}

impl Session {
    /// A visit begins.
    pub(super) fn begin(&mut self, who: Who, start: MatchTime) {
        let script = Arc::clone(&self.script);
        let mut cursor = Cursor::new(who, start);
        let reached = cursor.enter(&script.start, start, &self.memory, self.flags);
        self.failed = 0;
        self.since = start;
        self.begins_empty(cursor, reached, start);
    }

    /// The steps of the start, or of the home page, are done.
    pub(super) fn sequence_over(&mut self, now: MatchTime) {
        self.cursor = None;
        if let Leg::Home { loaded, .. } = &mut self.leg {
            *loaded = true;
            self.until = now;
            return;
        }
        if self.arrival.then != Then::Watch {
            return self.iterated(now);
        }
        let second = self.leg == Leg::Video { second: true };
        let start = match self.arrival.back.and_then(|back| back.returns) {
            Some(stay) if second => stay.arrive,
            _ => self.arrival.arrive,
        };
        let script = Arc::clone(&self.script);
        // Those of a mass action came at about one time, too: they stand anywhere on the grids.
        let massed = self.arrival.arrive < MatchTime(0) && !self.arrival.acts.is_empty();
        let early = self.arrival.already_watching || massed;
        let resumed = early && !second;
        let seed = self.seed;
        let acts = std::mem::take(&mut self.arrival.acts);
        self.watch =
            Some(Watch::new(&script, &mut self.memory, seed, (start, now), (resumed, &acts)));
        let acts_too = !acts.is_empty();
        self.arrival.acts = acts;
        let timed = !self.arrival.already_watching && !second;
        self.notes.push(Note::Started { since: timed.then_some(self.since) });
        script.every.iter().for_each(|placed| self.tell_dry(placed));
        script.act.iter().filter(|_| acts_too).for_each(|placed| self.tell_dry(placed));
    }

    /// Says what this viewer will not do while watching, for want of data.
    fn tell_dry<T>(&mut self, placed: &Placed<T>) {
        let dry = self.memory.dry(&placed.feeders).filter(|_| self.memory.is(&placed.when));
        if let Some(what) = dry.map(|feeder| format!("feeder {feeder} ran dry")) {
            self.trouble_at(placed, what);
        }
    }

    /// A step failed for the last time.
    pub(super) fn gave_up(&mut self, now: MatchTime) {
        match self.leg {
            Leg::Home { .. } => self.until = now,
            _ => self.gave_up_by_will(now),
        }
    }

    /// A viewer on the way to the video closes the app.
    pub(super) fn gave_up_by_will(&mut self, at: MatchTime) {
        match self.arrival.then {
            Then::Watch => self.leave_app_at(at),
            Then::Leave | Then::Again { .. } => self.iteration_failed(at),
        }
    }

    /// There is no data for what this viewer would send, now or later.
    pub(super) fn ran_dry(&mut self, now: MatchTime) {
        match (self.leg, self.arrival.then) {
            (Leg::Home { .. }, _) | (_, Then::Watch) => self.gave_up(now),
            (_, Then::Again { times: None }) => self.leave_app_at(now),
            (_, Then::Leave | Then::Again { .. }) => self.done(now),
        }
    }

    /// The viewer closes the app at a time before the stay is over, if it comes to that.
    pub(super) fn leave_app_at(&mut self, at: MatchTime) {
        self.cursor = None;
        self.stop_watching(at);
        if let Leg::Video { second } = self.leg
            && at < self.until
        {
            self.leg = Leg::Idle { second };
            self.until = at;
        }
    }

    /// This leg is over at `now`. Whether there is another one.
    pub fn turn(&mut self, now: MatchTime) -> bool {
        self.cursor = None;
        self.stop_watching(now);
        let end = self.arrival.end;
        match self.leg {
            Leg::Idle { second } => {
                self.notes.extend([Note::GaveUp, Note::Disconnect]);
                // Stays away for as long as the schedule has it here.
                let stay = self.arrival.back.and_then(|back| back.returns);
                let leave = stay.filter(|_| second).map_or(self.arrival.leave, |stay| stay.leave);
                (self.leg, self.until) = (Leg::GaveUp, leave.max(now));
                true
            }
            Leg::GaveUp => {
                self.notes.extend([Note::GaveUpOver, Note::LeftVideo]);
                self.leg = Leg::Gone;
                false
            }
            Leg::Gone => false,
            Leg::Between => self.pause_over(now),
            Leg::Video { second } => {
                self.notes.push(Note::LeftVideo);
                let Some(back) = self.arrival.back.filter(|_| !second && now < end) else {
                    return false;
                };
                self.notes.push(Note::Woken(back.moment));
                if back.to_home && !self.script.exit.is_empty() {
                    self.go_home(now, back.moment);
                    return true;
                }
                self.notes.push(Note::LeftAtOnce(back.moment));
                self.go_away(back.moment, back.returns)
            }
            Leg::Home { moment, loaded } => {
                self.notes.push(Note::LeftHome);
                if !loaded && now >= end {
                    // Cut off by the end of the run: nobody knows what would have come of it.
                    self.notes.push(Note::Disconnect);
                    self.leg = Leg::Gone;
                    return false;
                }
                let fate = if loaded { Note::Loaded } else { Note::Abandoned };
                self.notes.push(fate(moment));
                let returns = self.arrival.back.and_then(|back| back.returns);
                self.go_away(moment, returns)
            }
            Leg::Away { moment, stay } => {
                self.notes.extend([Note::Came, Note::Returned(moment)]);
                self.memory.visit += 1;
                (self.leg, self.until) = (Leg::Video { second: true }, stay.leave);
                self.begin(Who::Returner, stay.arrive);
                true
            }
        }
    }

    fn go_home(&mut self, now: MatchTime, moment: u16) {
        let script = Arc::clone(&self.script);
        self.notes.push(Note::AtHome);
        self.leg = Leg::Home { moment, loaded: false };
        self.until = now.plus(micros(script.exit_patience_s)).min(self.arrival.end);
        let mut cursor = Cursor::new(Who::Newcomer, now);
        match cursor.enter(&script.exit, now, &self.memory, self.flags) {
            Reached::GiveUp(at) => self.until = at.min(self.until),
            reached => self.reached(cursor, reached, now),
        }
    }

    fn go_away(&mut self, moment: u16, returns: Option<Stay>) -> bool {
        self.notes.push(Note::Disconnect);
        match returns {
            Some(stay) => {
                (self.leg, self.until) = (Leg::Away { moment, stay }, stay.arrive);
                true
            }
            None => {
                self.notes.push(Note::Left(moment));
                self.leg = Leg::Gone;
                false
            }
        }
    }
}
