//! A whole rehearsal, from its first arrival to its record, as a discrete-event simulation.
//!
//! ```text
//! agenda (time, sequence) ─▶ Viewer ─▶ Platform ─▶ replies ─▶ agenda
//!                              └─▶ Books ─▶ frames ─▶ Record
//! ```
//!
//! Time is match time; only the record's is the wall's. At equal times what was planned first
//! happens first, and a frame is cut after all that happens at its end.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;

use chrono::DateTime;
use hulk_record::{
    LastRequest, Manifest, MatchTime, Offset, Outcome, Record, RunEnd, RunEvent, TargetCounts,
    TargetService, WorkerEnd,
};
use hulk_scenarios::chaos::{Command, Timeline, TimelineEvent};
use hulk_scenarios::scaling::{Body, Event, Platform, Policy, Reply, ServiceStatus};
use hulk_scenarios::traffic::Schedule;
use hulk_scenarios::{Arrival, Ended, Going, Next, Rehearsal, Rendered, Viewer};

use crate::scribe::Scribe;

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
    what: What,
}

enum What {
    /// A viewer comes, by place among the arrivals.
    Arrive(usize),
    /// A viewer sends, unless something has happened since.
    Send(usize, u64),
    /// A leg of a viewer's stay may be over.
    Turn(usize),
    Answer {
        viewer: usize,
        reply: Reply,
    },
    TimeOut {
        viewer: usize,
        id: u64,
    },
    /// Faults begin, are renewed, end.
    Faults,
}

/// A viewer who is there.
struct Here {
    viewer: Viewer,
    /// The edge to which there is a connection.
    connected: Option<usize>,
    /// The request that an answer is awaited for.
    in_flight: Option<(u64, bool)>,
    /// Counts what has happened: a send that was planned before is void.
    version: u64,
    turn: Option<MatchTime>,
}

struct Driver<'a> {
    rehearsal: Arc<Rehearsal>,
    original: &'a Rehearsal,
    platform: Platform,
    agenda: BinaryHeap<Due>,
    sequence: u64,
    arrivals: Vec<Arrival>,
    viewers: Vec<Option<Here>>,
    /// Who sent what the platform has not answered: place, and the names of viewer, send, service.
    asked: HashMap<u64, (usize, LastRequest)>,
    /// Those of them that waited for an edge when it was lost: some are never answered.
    cut: HashSet<u64>,
    /// The edge that each was asked of.
    edges: HashMap<u64, usize>,
    requests: u64,
    replies: Vec<Reply>,
    rendered: Rendered,
    faults: Timeline,
    events: Vec<RunEvent>,
    last: Vec<LastRequest>,
    scribe: Scribe,
}

impl<'a> Driver<'a> {
    fn new(rehearsal: &'a Rehearsal, schedule: &Schedule) -> Self {
        let arrivals = rehearsal.arrivals(schedule);
        let mut driver = Self {
            rehearsal: Arc::new(rehearsal.clone()),
            original: rehearsal,
            platform: platform(rehearsal),
            agenda: BinaryHeap::new(),
            sequence: 0,
            viewers: arrivals.iter().map(|_| None).collect(),
            arrivals,
            asked: HashMap::new(),
            cut: HashSet::new(),
            edges: HashMap::new(),
            requests: 0,
            replies: Vec::new(),
            rendered: Rendered::default(),
            faults: Timeline::new(rehearsal.fault_spans()),
            events: Vec::new(),
            last: Vec::new(),
            scribe: Scribe::new(rehearsal),
        };
        for place in 0..driver.arrivals.len() {
            driver.plan(driver.arrivals[place].arrive, What::Arrive(place));
        }
        driver.plan_faults();
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
        let answers = self.asked.keys().all(|id| self.cut.contains(id));
        assert!(answers, "the platform has answered everyone but those of a lost edge");
        // Answers that were on their way when nobody was there any more.
        let mut pending: Vec<_> = std::mem::take(&mut self.scribe.pending).into_iter().collect();
        pending.sort_by_key(|(id, _)| *id);
        self.last.extend(pending.into_iter().map(|(_, last)| last));
        let started = DateTime::from_timestamp(STARTED_S, 0).expect("a time in range");
        let frames = self.scribe.frames.len() as u64;
        let workers = vec![WorkerEnd { worker: 0, incarnation: 0, frames }];
        let status = self.platform.status();
        Run {
            record: Record {
                // Callers have a world of their own (`infra/avatar/tests/together`).
                manifest: Manifest {
                    callers: None,
                    ..hulk::manifest(self.original, &schedule, started)
                },
                frames: self.scribe.frames,
                capacity: self.scribe.capacity,
                events: self.events,
                callee: Vec::new(),
                end: RunEnd::Completed { workers, lost: Vec::new() },
                target: Some(TargetCounts {
                    services: status.iter().map(counts).collect(),
                    last: self.last,
                }),
            },
            schedule,
            status,
        }
    }

    fn plan(&mut self, at: MatchTime, what: What) {
        self.sequence += 1;
        self.agenda.push(Due { at, sequence: self.sequence, what });
    }

    fn wall(&self, at: MatchTime) -> Offset {
        self.rehearsal.clock.wall(at)
    }

    /// Wall time as match time, in µs.
    fn match_us(&self, wall_ms: f64) -> i64 {
        (wall_ms * 1e3 * self.rehearsal.clock.speed).round() as i64
    }

    fn happen(&mut self, Due { at, what, .. }: Due) {
        match what {
            What::Arrive(place) => self.arrive(at, place),
            What::Send(place, version) => self.send(at, place, version),
            What::Turn(place) => self.turn(at, place),
            What::Answer { viewer, reply } => self.answer(at, viewer, &reply),
            What::TimeOut { viewer, id } => self.time_out(at, viewer, id),
            What::Faults => self.fault(at, TimelineEvent::Tick),
        }
    }

    fn arrive(&mut self, now: MatchTime, place: usize) {
        let at = self.wall(now);
        self.scribe.books.recorder.arrivals.intended += 1;
        let arrival = &self.arrivals[place];
        let viewer = Viewer::come(&self.rehearsal, arrival, at, &mut self.scribe.books);
        self.viewers[place] =
            Some(Here { viewer, connected: None, in_flight: None, version: 0, turn: None });
        self.go_on(now, place);
    }

    /// Plans what the viewer does next.
    fn go_on(&mut self, now: MatchTime, place: usize) {
        let Some(here) = &mut self.viewers[place] else { return };
        here.version += 1;
        let (version, until) = (here.version, here.viewer.until_match());
        let next = here.viewer.next();
        let turn = (here.turn != Some(until)).then_some(until);
        here.turn = Some(until);
        let waits = here.in_flight.is_some();
        // At the same time the end of a leg comes first: what is due then is not sent any more.
        if let Some(until) = turn {
            self.plan(until.max(now), What::Turn(place));
        }
        if let (Next::Send(planned), false) = (next, waits) {
            self.plan(planned.due.max(now), What::Send(place, version));
        }
    }

    fn send(&mut self, now: MatchTime, place: usize, version: u64) {
        let sent = self.wall(now);
        let Some(here) = self.viewers[place].as_mut().filter(|here| here.version == version) else {
            return;
        };
        let Next::Send(planned) = here.viewer.next() else { return };
        let deadline = here.viewer.send(planned, sent);
        let edge = here.viewer.edge();
        if let Some(other) = here.connected.take_if(|connected| *connected != edge) {
            self.step(now, Event::Disconnected { edge: other });
        }
        let Some(here) = &mut self.viewers[place] else { return };
        if self.platform.is_lost(edge) {
            return self.end(now, place, Ended::Failed(Outcome::ConnectError), 0);
        }
        self.requests += 1;
        let id = self.requests;
        here.in_flight = Some((id, planned.wants_body));
        here.viewer.render(sent, STARTED_S * 1000 + sent.0 / 1000, &mut self.rendered);
        let fresh = here.connected.replace(edge).is_none();
        let (viewer, send) = here.viewer.send_id();
        let until = here.viewer.until();
        let service = self.rehearsal.script.services[usize::from(planned.service)].clone();
        self.asked.insert(id, (place, LastRequest { viewer, send, service, status: None }));
        self.edges.insert(id, edge);
        if fresh {
            self.step(now, Event::Connected { edge });
        }
        let path = std::mem::take(&mut self.rendered.path);
        self.step(now, Event::Request { id, edge, path: &path });
        self.rendered.path = path;
        if deadline < until {
            let at = self.rehearsal.clock.match_time(deadline);
            self.plan(at, What::TimeOut { viewer: place, id });
        }
    }

    /// Lets the platform go on, and plans the arrival of its replies.
    fn step(&mut self, now: MatchTime, event: Event<'_>) {
        let mut replies = std::mem::take(&mut self.replies);
        self.platform.step(now, event, &mut replies);
        for reply in replies.drain(..) {
            self.edges.remove(&reply.id);
            let (viewer, mut last) = self.asked.remove(&reply.id).expect("answered once");
            let at = reply.at.plus(self.match_us(reply.latency_ms)).max(now);
            let waits = |here: &Here| here.in_flight.is_some_and(|(id, _)| id == reply.id);
            if self.viewers[viewer].as_ref().is_some_and(waits) {
                // Until it arrives the viewer may still give it up: then it becomes the last one.
                last.status = Some(reply.status);
                self.scribe.pending.insert(reply.id, last);
                self.plan(at, What::Answer { viewer, reply });
            } else {
                last.status = Some(reply.status);
                self.last.push(last);
            }
        }
        self.replies = replies;
    }

    fn answer(&mut self, now: MatchTime, place: usize, reply: &Reply) {
        let last = self.scribe.pending.remove(&reply.id);
        let here = self.viewers[place].as_mut();
        let Some((_, wants_body)) =
            here.and_then(|here| here.in_flight.take_if(|(id, _)| *id == reply.id))
        else {
            self.last.extend(last);
            return;
        };
        let nothing;
        let (text, length): (&[u8], u64) = match &reply.body {
            Body::Empty => (&[], 0),
            Body::Text(text) => (text.as_bytes(), text.len() as u64),
            Body::Bytes(size) if wants_body => {
                nothing = vec![0; *size as usize];
                (&nothing, u64::from(*size))
            }
            Body::Bytes(size) => (&[], u64::from(*size)),
        };
        let body = if wants_body { text } else { &[] };
        let headers = headers(reply, self.rehearsal.clock.speed);
        let ended = Ended::Answer { status: reply.status, headers: &headers, body };
        self.end(now, place, ended, length);
    }

    fn time_out(&mut self, now: MatchTime, place: usize, id: u64) {
        let here = self.viewers[place].as_mut();
        let Some(here) = here.filter(|here| here.in_flight.is_some_and(|(known, _)| known == id))
        else {
            return;
        };
        here.in_flight = None;
        self.disconnect(now, place);
        self.end(now, place, Ended::Failed(Outcome::Timeout), 0);
    }

    fn disconnect(&mut self, now: MatchTime, place: usize) {
        let here = self.viewers[place].as_mut();
        if let Some(edge) = here.and_then(|here| here.connected.take()) {
            self.step(now, Event::Disconnected { edge });
        }
    }

    /// The request in flight came to its end.
    fn end(&mut self, now: MatchTime, place: usize, ended: Ended<'_>, bytes: u64) {
        let done = self.wall(now);
        let Some(here) = &mut self.viewers[place] else { return };
        here.viewer.ended(ended, bytes, done, &mut self.scribe.books);
        self.go_on(now, place);
    }

    fn turn(&mut self, now: MatchTime, place: usize) {
        let at = self.wall(now);
        let Some(here) = self.viewers[place].as_mut().filter(|h| h.viewer.until_match() <= now)
        else {
            return;
        };
        here.in_flight = None;
        let going = here.viewer.turn(at, &mut self.scribe.books);
        if going != Going::On {
            self.disconnect(now, place);
        }
        if going == Going::Over {
            self.viewers[place] = None;
        } else {
            self.go_on(now, place);
        }
    }

    fn plan_faults(&mut self) {
        if let Some(next) = self.faults.next_wake() {
            let at = self.rehearsal.clock.match_time(next);
            self.plan(at, What::Faults);
        }
    }

    fn fault(&mut self, now: MatchTime, event: TimelineEvent) {
        let at = self.wall(now);
        for command in self.faults.step(at, event) {
            let fault = match command {
                Command::Inject { fault } | Command::Heal { fault } => fault,
                Command::Renew { fault } => {
                    self.faults.step(at, TimelineEvent::Renewed { fault });
                    continue;
                }
                Command::Tell { text, .. } => panic!("nothing fails here: {text}"),
            };
            let known = self.rehearsal.faults[fault].clone();
            let (from, until) = self.rehearsal.fault_spans()[fault];
            let (intended, what, done) = match command {
                Command::Inject { .. } => {
                    self.step(now, Event::Inject(&known.kind));
                    (from, known.kind.describe(), TimelineEvent::Injected { fault })
                }
                _ => {
                    self.step(now, Event::Heal(&known.kind));
                    (until, "healed".to_owned(), TimelineEvent::Healed { fault })
                }
            };
            let text = format!("{}: {what}", known.name);
            self.events.push(RunEvent { at, intended: Some(intended), kind: "fault".into(), text });
            self.faults.step(at, done);
            self.reset_lost(now);
        }
        self.plan_faults();
    }

    /// Connections to an edge that is lost are reset.
    fn reset_lost(&mut self, now: MatchTime) {
        let waiting = self.edges.iter().filter(|(_, edge)| self.platform.is_lost(**edge));
        self.cut.extend(waiting.map(|(id, _)| *id));
        for place in 0..self.viewers.len() {
            let Some(here) = &mut self.viewers[place] else { continue };
            let Some(edge) = here.connected.filter(|edge| self.platform.is_lost(*edge)) else {
                continue;
            };
            here.connected = None;
            let was_in_flight = here.in_flight.take().is_some();
            self.step(now, Event::Disconnected { edge });
            if was_in_flight {
                self.end(now, place, Ended::Failed(Outcome::Broken), 0);
            }
        }
    }
}

fn platform(rehearsal: &Rehearsal) -> Platform {
    let embedded = rehearsal.platform().expect("virtual time needs the embedded platform");
    let audience = &rehearsal.audience;
    let mut policies = embedded.policies.clone();
    // Nobody can be asked in virtual time.
    policies.iter_mut().for_each(Policy::without_chat);
    Platform::new(
        embedded.platform.clone(),
        policies,
        (rehearsal.clock.speed, audience.scale),
        rehearsal.clock.match_time(rehearsal.lead_in_from()),
        audience.curve.viewers_at(audience.minute_at(MatchTime(0))),
        rehearsal.seed,
    )
    .hearing(rehearsal.feed().messages)
}

fn counts(status: &ServiceStatus) -> TargetService {
    TargetService {
        service: status.name.clone(),
        edge: status.edge.clone(),
        requests: status.requests,
        internal: status.internal,
        answers: status.answers.clone(),
    }
}

/// The headers that the platform's shell makes of a reply.
fn headers(reply: &Reply, speed: f64) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    if let Some(wait_s) = reply.retry_after_s {
        let wall_s = (wait_s / speed).ceil().max(1.0);
        headers.push(("retry-after".to_owned(), wall_s.to_string()));
    }
    let panic: Vec<&str> = reply.panic.names().collect();
    if !panic.is_empty() {
        headers.push(("x-panic".to_owned(), panic.join(",")));
    }
    headers
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
