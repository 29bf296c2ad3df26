//! A whole rehearsal, from its first arrival to its record, as a discrete-event simulation.
//!
//! ```text
//! agenda (time, sequence) ─▶ viewer's Session ─▶ Platform ─▶ replies ─▶ agenda
//!                                  └─▶ Recorder, Presence ─▶ frames ─▶ Record
//! ```
//!
//! Time is match time; only the record's is the wall's. At equal times what was planned first
//! happens first, and a frame is cut after all that happens at its end.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap, HashSet};

use chrono::DateTime;
use hulk_record::{MatchTime, Offset, Outcome, Record, RunEnd, WorkerEnd};
use hulk_scenarios::scaling::{Body, Event, Platform, Reply, ServiceStatus};
use hulk_scenarios::traffic::Schedule;
use hulk_scenarios::{Arrival, Ended, Rehearsal, Rendered};

use crate::scribe::Scribe;
use crate::viewer::{InFlight, Viewer};

/// An arrival that is sent later than this after it was due is late, in µs of wall time.
const LATE_US: i64 = 10_000;
/// When the run starts, in s since 1970 UTC.
const STARTED_S: i64 = 1_562_769_000;
/// After the run the platform empties its queues for so long, in match seconds.
const EMPTY_S: f64 = 600.0;

/// What a run leaves behind.
pub(crate) struct Run {
    pub(crate) schedule: Schedule,
    pub(crate) record: Record,
    /// What the platform says of itself in the end.
    pub(crate) status: Vec<ServiceStatus>,
    /// The edge's own requests to the origin.
    pub(crate) fills: u64,
}

/// Runs a rehearsal against its embedded platform.
pub(crate) fn run(rehearsal: &Rehearsal) -> Run {
    let schedule = Schedule::generate(&rehearsal.audience);
    let mut driver = Driver::new(rehearsal, &schedule);
    driver.go();
    driver.finish(schedule)
}

struct Due {
    at: MatchTime,
    sequence: u64,
    /// Place among the arrivals.
    viewer: usize,
    what: What,
}

enum What {
    Arrive,
    Send,
    Answer { id: u64, status: u16, body: Body },
    TimeOut { id: u64 },
    Leave,
}

/// A request that the platform has not answered.
struct Asked {
    viewer: usize,
    /// The path, where the edge answers it.
    media: Option<String>,
}

struct Driver<'a> {
    rehearsal: &'a Rehearsal,
    platform: Platform,
    agenda: BinaryHeap<Due>,
    sequence: u64,
    arrivals: Vec<Arrival>,
    viewers: Vec<Option<Viewer>>,
    asked: HashMap<u64, Asked>,
    requests: u64,
    replies: Vec<Reply>,
    /// Fills of the edge that were answered: one for all who waited, so at one time.
    filled: HashSet<(String, MatchTime)>,
    fills_refused: u64,
    rendered: Rendered,
    scribe: Scribe,
}

impl<'a> Driver<'a> {
    fn new(rehearsal: &'a Rehearsal, schedule: &Schedule) -> Self {
        let embedded = rehearsal.platform().expect("virtual time needs the embedded platform");
        let audience = &rehearsal.audience;
        let platform = Platform::new(
            embedded.platform.clone(),
            embedded.policies.clone(),
            (rehearsal.clock.speed, audience.scale),
            rehearsal.clock.match_time(rehearsal.lead_in_from()),
            audience.curve.viewers_at(audience.minute_at(MatchTime(0))),
        );
        let mut arrivals: Vec<Arrival> =
            schedule.visits.iter().map(|visit| rehearsal.arrival(visit)).collect();
        arrivals.sort_by_key(|arrival| (arrival.arrive, arrival.viewer));
        let mut driver = Self {
            rehearsal,
            platform,
            agenda: BinaryHeap::new(),
            sequence: 0,
            viewers: arrivals.iter().map(|_| None).collect(),
            arrivals,
            asked: HashMap::new(),
            requests: 0,
            replies: Vec::new(),
            filled: HashSet::new(),
            fills_refused: 0,
            rendered: Rendered::default(),
            scribe: Scribe::new(rehearsal),
        };
        for viewer in 0..driver.arrivals.len() {
            driver.plan(driver.arrivals[viewer].arrive, viewer, What::Arrive);
        }
        driver
    }

    fn go(&mut self) {
        loop {
            let due = self.agenda.peek().map(|due| due.at);
            let wake = self.platform.next_wake();
            let write_at = self.scribe.next();
            let write = self.rehearsal.clock.match_time(write_at);
            if due.into_iter().chain(wake).all(|next| write < next) {
                self.step(write, Event::Wake);
                if self.scribe.write(write_at, self.platform.status()) {
                    return;
                }
            } else if let Some(wake) = wake.filter(|wake| due.is_none_or(|due| *wake < due)) {
                self.step(wake, Event::Wake);
            } else if let Some(due) = self.agenda.pop() {
                self.happen(due);
            }
        }
    }

    fn finish(mut self, schedule: Schedule) -> Run {
        let left = self.viewers.iter().all(Option::is_none);
        assert!(left, "everyone has left before the last frame");
        let empty = self.rehearsal.audience.until().plus((EMPTY_S * 1e6) as i64);
        self.step(empty, Event::Wake);
        assert!(self.asked.is_empty(), "the platform has answered everyone");
        let started = DateTime::from_timestamp(STARTED_S, 0).expect("a time in range");
        let frames = self.scribe.frames.len() as u64;
        let workers = vec![WorkerEnd { worker: 0, incarnation: 0, frames }];
        Run {
            record: Record {
                manifest: hulk::manifest(self.rehearsal, &schedule, started),
                frames: self.scribe.frames,
                capacity: self.scribe.capacity,
                events: Vec::new(),
                end: RunEnd::Completed { workers },
            },
            schedule,
            status: self.platform.status(),
            fills: self.filled.len() as u64 + self.fills_refused,
        }
    }

    fn plan(&mut self, at: MatchTime, viewer: usize, what: What) {
        self.sequence += 1;
        self.agenda.push(Due { at, sequence: self.sequence, viewer, what });
    }

    fn wall(&self, at: MatchTime) -> Offset {
        self.rehearsal.clock.wall(at)
    }

    /// Wall time as match time, in µs.
    fn match_us(&self, wall_ms: f64) -> i64 {
        (wall_ms * 1e3 * self.rehearsal.clock.speed).round() as i64
    }

    fn happen(&mut self, Due { at, viewer, what, .. }: Due) {
        match what {
            What::Arrive => self.arrive(at, viewer),
            What::Send => self.send(at, viewer),
            What::Answer { id, status, body } => self.answer(at, viewer, id, (status, &body)),
            What::TimeOut { id } => self.time_out(at, viewer, id),
            What::Leave => self.leave(at, viewer),
        }
    }

    fn arrive(&mut self, now: MatchTime, viewer: usize) {
        let arrival = self.arrivals[viewer];
        self.scribe.recorder.arrivals.intended += 1;
        self.scribe.presence.came(self.wall(now));
        self.viewers[viewer] = Some(Viewer::new(self.rehearsal, arrival));
        self.plan(arrival.leave, viewer, What::Leave);
        self.go_on(now, viewer);
    }

    /// Plans what the viewer does next, unless the viewer leaves before.
    fn go_on(&mut self, now: MatchTime, viewer: usize) {
        let Some(known) = &self.viewers[viewer] else { return };
        let leave = self.wall(known.arrival.leave);
        if let Some(planned) = known.session.next().filter(|next| self.wall(next.due) < leave) {
            self.plan(planned.due.max(now), viewer, What::Send);
        }
    }

    fn send(&mut self, now: MatchTime, viewer: usize) {
        let (sent, clock) = (self.wall(now), self.rehearsal.clock);
        let Some(known) = &mut self.viewers[viewer] else { return };
        let planned = known.session.next().expect("what was planned is still due");
        let possible = clock.wall(planned.due).max(known.free_since);
        if !std::mem::replace(&mut known.started, true) {
            let late = sent.since(possible) > LATE_US;
            let counts = &mut self.scribe.recorder.arrivals;
            *(if late { &mut counts.late } else { &mut counts.on_time }) += 1;
        }
        self.requests += 1;
        let id = self.requests;
        known.in_flight = Some(InFlight { id, planned, possible, sent });
        let fresh = !std::mem::replace(&mut known.connected, true);
        let leave = known.arrival.leave;
        known.session.render(&planned, &mut self.rendered);
        let rendered = std::mem::take(&mut self.rendered);
        let path = rendered.path.split('?').next().unwrap_or_default();
        let media = path.starts_with("/live/").then(|| path.to_owned());
        self.asked.insert(id, Asked { viewer, media });
        if fresh {
            self.step(now, Event::Connected);
        }
        self.step(now, Event::Request { id, path });
        self.rendered = rendered;
        let time_out = now.plus(self.match_us(self.rehearsal.journey.timeout_ms));
        if time_out < leave {
            self.plan(time_out, viewer, What::TimeOut { id });
        }
    }

    /// Lets the platform go on, and plans the arrival of its replies.
    fn step(&mut self, now: MatchTime, event: Event<'_>) {
        let mut replies = std::mem::take(&mut self.replies);
        self.platform.step(now, event, &mut replies);
        for Reply { id, at, status, body, latency_ms } in replies.drain(..) {
            let asked = self.asked.remove(&id).expect("each request is answered once");
            if let Some(path) = asked.media {
                match status {
                    503 => self.fills_refused += 1,
                    // What the edge has itself takes no longer than the edge.
                    _ if latency_ms > self.edge_latency_ms() => {
                        self.filled.insert((path, at));
                    }
                    _ => {}
                }
            }
            let at = at.plus(self.match_us(latency_ms)).max(now);
            self.plan(at, asked.viewer, What::Answer { id, status, body });
        }
        self.replies = replies;
    }

    fn edge_latency_ms(&self) -> f64 {
        self.rehearsal.platform().map_or(0.0, |embedded| embedded.platform.edge_latency_ms)
    }

    fn answer(&mut self, now: MatchTime, viewer: usize, id: u64, (status, body): (u16, &Body)) {
        let known = self.viewers[viewer].as_mut();
        let Some(planned) = known.and_then(|v| v.in_flight.filter(|f| f.id == id)) else { return };
        let nothing;
        let (text, length): (&[u8], u64) = match body {
            Body::Empty => (&[], 0),
            Body::Text(text) => (text.as_bytes(), text.len() as u64),
            Body::Bytes(size) if planned.planned.wants_body => {
                nothing = vec![0; *size as usize];
                (&nothing, u64::from(*size))
            }
            Body::Bytes(size) => (&[], u64::from(*size)),
        };
        let body = if planned.planned.wants_body { text } else { &[] };
        self.end(now, viewer, id, Ended::Answer { status, body }, length);
    }

    fn time_out(&mut self, now: MatchTime, viewer: usize, id: u64) {
        let known = self.viewers[viewer].as_mut();
        let Some(known) = known.filter(|v| v.in_flight.is_some_and(|f| f.id == id)) else { return };
        known.connected = false;
        self.step(now, Event::Disconnected);
        self.end(now, viewer, id, Ended::Failed(Outcome::Timeout), 0);
    }

    /// The request in flight came to its end.
    fn end(&mut self, now: MatchTime, viewer: usize, id: u64, ended: Ended<'_>, bytes: u64) {
        let (done, clock) = (self.wall(now), self.rehearsal.clock);
        let Some(known) = &mut self.viewers[viewer] else { return };
        let Some(in_flight) = known.landed(id) else { return };
        let watching = known.session.watching_since().is_some();
        let outcome = known.session.answered(&in_flight.planned, now, ended);
        known.free_since = done;
        let due = clock.wall(in_flight.planned.due);
        self.scribe.recorder.request(&in_flight.sample(due, done, outcome, bytes));
        let starts = !watching && known.session.watching_since().is_some();
        if starts && !known.arrival.already_watching {
            self.scribe.recorder.journey(0, Outcome::Ok, done.since(known.came).max(0) as u64);
        }
        self.go_on(now, viewer);
    }

    fn leave(&mut self, now: MatchTime, viewer: usize) {
        let (at, clock) = (self.wall(now), self.rehearsal.clock);
        let Some(known) = self.viewers[viewer].take() else { return };
        if let Some(in_flight) = known.in_flight {
            let due = clock.wall(in_flight.planned.due);
            let sample = in_flight.sample(due, at, Outcome::Abandoned, 0);
            self.scribe.recorder.request(&sample);
        }
        if !known.started {
            // The viewer left before anything was due: nothing is missing.
            self.scribe.recorder.arrivals.on_time += 1;
        }
        self.scribe.presence.left(known.came, at);
        if known.connected {
            self.step(now, Event::Disconnected);
        }
    }
}

impl Ord for Due {
    /// The earliest is the greatest: a heap gives its greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Due {}
