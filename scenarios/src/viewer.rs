//! A viewer between a session and its record: what a shell must tell, and nothing that it must
//! decide. Live and in virtual time it is the same.

use std::sync::Arc;

use hulk_record::{MatchTime, Measure, Offset, Outcome, Presence, Recorder, RequestSample};

use crate::{Arrival, Ended, Method, Note, Planned, Rehearsal, Rendered, Session};

/// An arrival that is sent later than this after it was due is late, in µs of wall time.
const LATE_US: i64 = 10_000;

/// What a worker writes down.
#[derive(Debug)]
pub struct Books {
    /// Requests, arrivals, answers to moments.
    pub recorder: Recorder,
    /// Who is there.
    pub presence: Presence,
}

/// A viewer's connection, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Going {
    /// Goes on with the connection that there is.
    On,
    /// The connection is to be closed; the viewer goes on.
    Disconnected,
    /// Nothing more: close it.
    Over,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Next {
    /// Send this when it is due.
    Send(Planned),
    /// Nothing until the leg is over: then [`Viewer::turn`].
    Wait,
}

#[derive(Debug, Clone, Copy)]
struct InFlight {
    planned: Planned,
    possible: Offset,
    sent: Offset,
    /// When it went out: something of it may have been received.
    written: Option<Offset>,
    /// When the first byte of the answer came.
    answer_began: Option<Offset>,
}

/// What becomes of the arrival in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Nothing has been sent.
    Open,
    /// Its first request is on its way; whether it was sent late.
    Sent { late: bool },
    /// It is in the ledger.
    Counted,
}

/// A viewer who is to be moved through a stay.
#[derive(Debug, Clone)]
pub struct Viewer {
    rehearsal: Arc<Rehearsal>,
    session: Session,
    /// Since when the viewer watches, on the wall; none while not in the video.
    came: Option<Offset>,
    /// Since when nothing of this viewer's own is in the way of a send.
    free_since: Offset,
    in_flight: Option<InFlight>,
    fate: Fate,
}

impl Viewer {
    /// A viewer who comes at `now`.
    pub fn come(
        rehearsal: &Arc<Rehearsal>,
        arrival: &Arrival,
        now: Offset,
        books: &mut Books,
    ) -> Self {
        let session = Session::new(Arc::clone(&rehearsal.script), rehearsal.seed, arrival);
        let mut viewer = Self {
            session,
            came: None,
            free_since: rehearsal.clock.wall(arrival.arrive),
            in_flight: None,
            fate: Fate::Open,
            rehearsal: Arc::clone(rehearsal),
        };
        viewer.write_notes(now, books);
        viewer
    }

    /// What to do next.
    pub fn next(&self) -> Next {
        match self.session.next() {
            Some(planned) if planned.due < self.session.until() => Next::Send(planned),
            _ => Next::Wait,
        }
    }

    /// The end of the present leg on the wall.
    pub fn until(&self) -> Offset {
        self.rehearsal.clock.wall(self.session.until())
    }

    /// The same in match time.
    pub fn until_match(&self) -> MatchTime {
        self.session.until()
    }

    /// When a request is due on the wall.
    pub fn due(&self, planned: &Planned) -> Offset {
        self.rehearsal.clock.wall(planned.due)
    }

    /// The edge that is asked, by its place.
    pub fn edge(&self) -> usize {
        self.session.edge()
    }

    /// Number of the viewer and of the last send: they name a request.
    pub fn send_id(&self) -> (u32, u32) {
        (self.session.viewer(), self.session.sends())
    }

    /// Sends at `now`. Until when the answer is waited for, at the latest.
    pub fn send(&mut self, planned: Planned, now: Offset) -> Offset {
        let possible = self.due(&planned).max(self.free_since);
        if self.fate == Fate::Open {
            self.fate = Fate::Sent { late: now.since(possible) > LATE_US };
        }
        self.in_flight =
            Some(InFlight { planned, possible, sent: now, written: None, answer_began: None });
        let timeout_us = self.rehearsal.script.parts[usize::from(planned.journey)].timeout_ms * 1e3;
        now.plus(timeout_us as i64).min(self.until())
    }

    /// Writes the request that is in flight to `out`. It goes out at `now`: from here on, if
    /// nothing comes, it may have arrived. The same request may be written again.
    pub fn render(&mut self, now: Offset, unix_ms: i64, out: &mut Rendered) -> Method {
        let Some(in_flight) = &mut self.in_flight else { return Method::Get };
        let planned = in_flight.planned;
        if in_flight.written.replace(now).is_some() {
            self.session.take_back_send();
        }
        self.session.render(&planned, unix_ms, out)
    }

    /// The first byte of the answer came at `now`.
    pub fn answer_began(&mut self, now: Offset) {
        if let Some(in_flight) = &mut self.in_flight {
            in_flight.answer_began = Some(now);
        }
    }

    /// A part of the way to the answer of the request in flight took so long.
    pub fn took(&self, phase: Measure, us: i64, books: &mut Books) {
        if let Some(InFlight { planned, .. }) = &self.in_flight {
            let us = us.max(0) as u64;
            books.recorder.phase(planned.journey, planned.step, phase, us);
        }
    }

    /// Something about the request in flight that its outcome does not say, to be told to the user.
    pub fn trouble(&self, what: &str, books: &mut Books) {
        if let Some(InFlight { planned, .. }) = &self.in_flight {
            books.recorder.trouble(planned.journey, planned.step, what);
        }
    }

    /// The request came to its end at `now`, with a body of so many bytes.
    pub fn ended(&mut self, ended: Ended<'_>, bytes: u64, now: Offset, books: &mut Books) {
        let Some(in_flight) = self.in_flight.take() else { return };
        let at = self.rehearsal.clock.match_time(now);
        let took_ms = now.since(in_flight.sent) as f64 / 1e3;
        let told = self.session.answered(&in_flight.planned, at, took_ms, ended);
        let status = match ended {
            Ended::Answer { status, .. } => Some(status),
            Ended::Failed(_) => None,
        };
        self.free_since = now;
        self.count(books);
        let sample = RequestSample {
            service_failed_first: told.service_failed_first,
            status,
            bytes,
            ..self.sample(&in_flight, told.outcome, now)
        };
        books.recorder.request(&sample);
        self.write_notes(now, books);
    }

    /// This leg is over at `now`: what is in flight is given up.
    pub fn turn(&mut self, now: Offset, books: &mut Books) -> Going {
        let was_in_flight = self.abandon(now, books);
        if self.fate == Fate::Open {
            // The viewer left before anything was due: nothing is missing.
            self.fate = Fate::Sent { late: false };
        }
        self.count(books);
        // The next leg begins when this one was meant to be over: what the generator is late by is
        // its own lag.
        self.free_since = self.free_since.max(self.until());
        let goes_on = self.session.turn(self.session.until());
        let disconnected = self.write_notes(now, books);
        match goes_on {
            false => Going::Over,
            true if disconnected || was_in_flight => Going::Disconnected,
            true => Going::On,
        }
    }

    /// The run stops, or pauses: the viewer is taken out.
    pub fn stop(&mut self, now: Offset, books: &mut Books) {
        self.abandon(now, books);
        self.count(books);
        self.session.stop(self.rehearsal.clock.match_time(now));
        self.write_notes(now, books);
        if let Some(came) = self.came.take() {
            books.presence.left(came, now);
        }
    }

    /// The machine is out of descriptors or ports: if this was the first send, the arrival was
    /// dropped by the generator. The viewer is taken out.
    pub fn give_back(&mut self, now: Offset, books: &mut Books) {
        if self.fate != Fate::Counted {
            self.in_flight = None;
            self.fate = Fate::Counted;
            books.recorder.arrivals.dropped_descriptors += 1;
        }
        if let Some(in_flight) = self.in_flight.take() {
            books.recorder.request(&self.sample(&in_flight, Outcome::ConnectError, now));
        }
        self.stop(now, books);
    }

    /// Whether something was in flight.
    fn abandon(&mut self, now: Offset, books: &mut Books) -> bool {
        let Some(in_flight) = self.in_flight.take() else { return false };
        books.recorder.request(&self.sample(&in_flight, Outcome::Abandoned, now));
        true
    }

    /// Enters the arrival into the ledger, once.
    fn count(&mut self, books: &mut Books) {
        let counts = &mut books.recorder.arrivals;
        match std::mem::replace(&mut self.fate, Fate::Counted) {
            Fate::Open => counts.lost += 1,
            Fate::Sent { late: true } => counts.late += 1,
            Fate::Sent { late: false } => counts.on_time += 1,
            Fate::Counted => {}
        }
    }

    fn sample(&self, in_flight: &InFlight, outcome: Outcome, done: Offset) -> RequestSample {
        let InFlight { planned, possible, sent, written, answer_began } = *in_flight;
        let (viewer, send) = self.send_id();
        RequestSample {
            journey: planned.journey,
            step: planned.step,
            outcome,
            due: self.due(&planned),
            possible,
            sent,
            done,
            retry: planned.retry,
            bytes: 0,
            service_failed_first: false,
            status: None,
            viewer,
            send,
            written,
            answer_began,
        }
    }

    /// Writes down what happened at `now`; whether the connection is to be closed.
    fn write_notes(&mut self, now: Offset, books: &mut Books) -> bool {
        let mut disconnected = false;
        let (recorder, presence) = (&mut books.recorder, &mut books.presence);
        if let Some(qoe) = self.session.take_qoe(self.rehearsal.clock.match_time(now)) {
            recorder.qoe.add(&qoe);
        }
        for note in self.session.notes() {
            match note {
                Note::Came => {
                    self.came = Some(now);
                    presence.came(now);
                }
                Note::LeftVideo => {
                    if let Some(came) = self.came.take() {
                        presence.left(came, now);
                    }
                }
                Note::GaveUp => presence.gave_up(1),
                Note::GaveUpOver => presence.gave_up(-1),
                Note::AtHome => presence.at_home(1),
                Note::LeftHome => presence.at_home(-1),
                Note::Started { since: None } => {}
                Note::Started { since: Some(since) } => {
                    let took_us = now.since(self.rehearsal.clock.wall(since)).max(0) as u64;
                    recorder.journey(0, Outcome::Ok, took_us);
                }
                Note::CameByPush(moment) => recorder.response(moment, now, |c| c.came += 1),
                Note::Acted(moment) => recorder.response(moment, now, |c| c.acted += 1),
                Note::Woken(moment) => recorder.response(moment, now, |c| c.woken += 1),
                Note::LeftAtOnce(moment) => {
                    recorder.response(moment, now, |c| c.left_at_once += 1);
                }
                Note::Loaded(moment) => recorder.response(moment, now, |c| c.loaded += 1),
                Note::Abandoned(moment) => recorder.response(moment, now, |c| c.abandoned += 1),
                Note::Left(moment) => recorder.response(moment, now, |c| c.left += 1),
                Note::Returned(moment) => recorder.response(moment, now, |c| c.returned += 1),
                Note::FirstFrame { journey, since, outcome } => {
                    let took_us = now.since(self.rehearsal.clock.wall(since)).max(0) as u64;
                    recorder.first_frame(journey, outcome, took_us);
                }
                Note::Disconnect => disconnected = true,
                Note::Trouble { journey, step, what } => recorder.trouble(journey, step, &what),
            }
        }
        disconnected
    }
}
