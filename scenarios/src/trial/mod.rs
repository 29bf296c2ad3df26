//! A trial: one viewer of a rehearsal goes through everything once, and tells what happens.
//!
//! What is sent is what the rehearsal sends: it is a [`Session`] that renders and judges. Only the
//! waiting is left out, and what would go on for the whole match ends after a few times: grids
//! after two points, the stream after three segments, what fails after three attempts. Pure: the
//! shell sends, measures and prints.

mod advice;
mod capacity;
mod inspect;
mod print;
mod reach;
mod redact;
mod showing;
mod shown;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use hulk_record::{MatchTime, Outcome};
use hulk_traffic_models::{Back, Then};

use crate::session::{Focus, What};
use crate::steps::HlsRequest;
use crate::{
    Arrival, Ended, Method, Note, Origin, Planned, Rehearsal, Rendered, Script, Session, Target,
};
pub use capacity::CapacityLook;
pub use print::{Paint, Printer};
use redact::Redactor;
pub use shown::{
    Answer, Body, Cut, Ending, Exchange, Failure, Look, Opening, Row, Timing, Unreached,
};

/// What fails is tried so often.
const ATTEMPTS_MAX: u32 = 3;
/// A grid is followed for so many points.
const POINTS: u32 = 2;
/// The stream is watched for so many segments.
const SEGMENTS: u32 = 3;
/// The stream is asked for no more than so often, whatever comes.
const STREAM_REQUESTS_MAX: u32 = 12;
/// When the viewer answers a moment: after everything else of watching, in match seconds.
const ACT_S: f64 = 86_400.0 * 30.0;

/// Whom and what to try.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrialOptions {
    /// The viewer who is drawn.
    pub viewer: u32,
    /// Choices that are not drawn but given, with their values.
    pub forced: Vec<(String, String)>,
    /// Names the trial in the requests' ids.
    pub run_id: u32,
    /// How much of a body is shown, in bytes.
    pub body_bytes: usize,
    /// Whether the shell waits as a viewer does.
    pub think: bool,
}

/// What comes next, and how long a viewer waits before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Upcoming {
    /// In µs of wall time, at the rehearsal's speed.
    pub wait_us: u64,
    /// The origin that is asked, by its place in [`Target::origins`].
    pub origin: usize,
    /// How long the answer may take, in ms of wall time.
    pub timeout_ms: f64,
    planned: Planned,
}

/// What came of a request, as the shell saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// An answer: status, headers with names in lower case, body as far as it was kept, and its
    /// whole length.
    Answer(u16, Vec<(String, String)>, Vec<u8>, u64),
    /// None.
    Failed(Broke),
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broke {
    /// Nobody listens there.
    Refused(String),
    /// There is no connection, for another reason.
    NoConnection(String),
    /// The connection broke before the answer was whole.
    Broken(String),
    /// The answer took too long; whether its head had come.
    TimedOut(bool),
    /// A phase took longer than the target's `timeouts` give it.
    Overlong(crate::Phase),
    /// It could not be written as HTTP.
    Unwritable(String),
}

impl Broke {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Refused(_) | Self::NoConnection(_) => Outcome::ConnectError,
            Self::Broken(_) => Outcome::Broken,
            Self::TimedOut(_) | Self::Overlong(_) => Outcome::Timeout,
            Self::Unwritable(_) => Outcome::CheckFailed,
        }
    }
}

/// Where the trial is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Start,
    Stream,
    Grids,
    Act,
    Home,
    Over,
}

/// A trial.
#[derive(Debug)]
pub struct Trial {
    script: Arc<Script>,
    opening: Opening,
    options: TrialOptions,
    target: Target,
    /// Where requests go.
    origins: Vec<Origin>,
    file: String,
    session: Session,
    redactor: Redactor,
    phase: Phase,
    /// Match time as the viewer has it: what is skipped has passed.
    now: MatchTime,
    number: u32,
    /// What failed last, and how often in a row.
    failed: Option<(What, u32)>,
    points: Vec<u32>,
    stream_requests: u32,
    segments: u32,
    playlists: u32,
    reached: BTreeSet<(u16, u16)>,
    shown: BTreeSet<(u16, u16)>,
    /// Why the viewer went no further.
    stopped: Option<String>,
    ending: Ending,
    in_flight: Option<(Planned, Exchange)>,
}

impl Trial {
    /// A trial of a rehearsal's script.
    ///
    /// # Errors
    /// What is wrong with the options, in words.
    pub fn new(rehearsal: &Rehearsal, options: TrialOptions) -> Result<Self, Vec<String>> {
        let mut script = Script::clone(&rehearsal.script);
        reach::force(&mut script, &options.forced)?;
        let script = Arc::new(script);
        let (arrive, leave) = (MatchTime(0), MatchTime::from_s(3.0 * ACT_S));
        let arrival = Arrival {
            viewer: options.viewer,
            arrive,
            leave,
            already_watching: false,
            push: None,
            back: Some(Back { moment: 0, to_home: true, returns: None }),
            acts: vec![(MatchTime::from_s(ACT_S), 0)],
            then: Then::Watch,
            end: leave.plus(leave.0),
        };
        let session = Session::new(Arc::clone(&script), rehearsal.seed, &arrival);
        let mut redactor = Redactor::default();
        for (_, value, _) in &script.values {
            value.key().into_iter().for_each(|key| redactor.hide(key));
        }
        let opening = Opening {
            rehearsal: rehearsal.name.clone(),
            target: rehearsal.target.name(),
            viewer: options.viewer,
            drawn: reach::drawn(&script, &session),
        };
        Ok(Self {
            points: vec![0; script.every.len()],
            target: rehearsal.target.clone(),
            origins: Vec::new(),
            file: rehearsal.file.clone(),
            phase: Phase::Start,
            now: arrive,
            number: 0,
            failed: None,
            stream_requests: 0,
            segments: 0,
            playlists: 0,
            reached: BTreeSet::new(),
            shown: BTreeSet::new(),
            stopped: None,
            ending: Ending::default(),
            in_flight: None,
            script,
            opening,
            options,
            session,
            redactor,
        })
    }

    /// Who is sent where.
    pub fn opening(&self) -> &Opening {
        &self.opening
    }

    /// Where requests go; `edges` are the addresses of the embedded platform's edges. No value of a
    /// target's header is ever shown.
    pub fn aim(&mut self, edges: &[SocketAddr]) {
        self.origins = self.target.origins(edges);
        for (_, value) in self.origins.iter().flat_map(|origin| &origin.headers) {
            self.redactor.hide(value.reveal());
        }
    }

    /// What comes next; nothing when the viewer is done.
    pub fn upcoming(&mut self) -> Option<Upcoming> {
        let planned = self.planned()?;
        let part = &self.script.parts[usize::from(planned.journey)];
        let wait_us = planned.due.since(self.before(&planned)).max(0) as f64 / self.script.speed;
        let origin = self.target.destination(self.session.edge(), planned.service);
        let timeout_ms = part.timeout_ms;
        Some(Upcoming { wait_us: wait_us as u64, origin, timeout_ms, planned })
    }

    fn planned(&mut self) -> Option<Planned> {
        loop {
            let (found, then) = match self.phase {
                Phase::Start if self.session.is_watching() => (None, Phase::Stream),
                Phase::Start => (self.session.next_of(Focus::Sequence), Phase::Over),
                Phase::Stream => (self.next_of_stream(), Phase::Grids),
                Phase::Grids => {
                    (self.session.next_of(Focus::Grids(&self.points, POINTS)), Phase::Act)
                }
                Phase::Act => (self.session.next_of(Focus::Act), Phase::Home),
                Phase::Home => (self.session.next_of(Focus::Sequence), Phase::Over),
                Phase::Over => return None,
            };
            if let Some(planned) = found {
                if self.may_try(&planned) {
                    return Some(planned);
                }
                self.stop_at(&planned, "failed as often as a trial tries");
            } else if then == Phase::Over && self.phase == Phase::Start && self.stopped.is_none() {
                self.stopped = Some(self.given_up());
            }
            self.phase = then;
            if then == Phase::Home && !self.script.exit.is_empty() {
                self.session.turn(self.now);
                self.take_notes(None);
            }
        }
    }

    /// The stream, as long as there is something new to see.
    fn next_of_stream(&self) -> Option<Planned> {
        let planned = self.session.next_of(Focus::Stream)?;
        let seen = match planned.what {
            What::Hls(HlsRequest::Playlist) => self.playlists > 0,
            _ => self.segments >= SEGMENTS,
        };
        (!seen && self.stream_requests < STREAM_REQUESTS_MAX).then_some(planned)
    }

    fn may_try(&self, planned: &Planned) -> bool {
        !self.failed.is_some_and(|(what, times)| what == planned.what && times >= ATTEMPTS_MAX)
    }

    fn stop_at(&mut self, planned: &Planned, why: &str) {
        let (journey, step) = self.names(planned);
        self.stopped.get_or_insert(format!("`{journey}/{step}` {why}"));
    }

    fn names(&self, planned: &Planned) -> (String, String) {
        let part = &self.script.parts[usize::from(planned.journey)];
        (part.name.clone(), part.steps[usize::from(planned.step)].name.clone())
    }

    /// Writes the next request; how it is sent, and how it is shown.
    pub fn send(
        &mut self,
        upcoming: &Upcoming,
        unix_ms: i64,
        out: &mut Rendered,
    ) -> (Method, &Exchange) {
        let planned = upcoming.planned;
        for secret in self.session.secrets(&planned, unix_ms, redact::is_secret) {
            self.redactor.hide(&secret);
        }
        let warnings = self.missing(&planned);
        let wait = self.wait(&planned);
        self.now = self.now.max(planned.due);
        let method = self.session.render(&planned, unix_ms, out);
        self.number += 1;
        let key = (planned.journey, planned.step);
        self.reached.insert(key);
        let (journey, step) = self.names(&planned);
        let origin = self.origins.get(upcoming.origin);
        let base = origin.map_or_else(String::new, |origin| origin.base.clone());
        for (name, value) in origin.iter().flat_map(|origin| &origin.headers) {
            // A step's own header goes before the target's.
            if !out.headers.iter().any(|(own, _)| own == name) {
                out.headers.push((name.clone(), value.reveal().to_owned()));
            }
        }
        // Twice: what a later part gives away is hidden in an earlier one too.
        let _learns = self.sent(out);
        let (sent_headers, sent_body) = self.sent(out);
        let part = &self.script.parts[usize::from(planned.journey)];
        let exchange = Exchange {
            number: self.number,
            service: part.steps[usize::from(planned.step)].service.clone(),
            place: part.places.get(usize::from(planned.step)).cloned().unwrap_or_default(),
            again: !self.shown.insert(key),
            wait,
            method: method.name(),
            url: self.redactor.line(&format!("{base}{}", out.path)),
            sent_headers,
            sent_body,
            warnings,
            journey,
            step,
            ..Exchange::default()
        };
        self.in_flight = None;
        (method, &self.in_flight.insert((planned, exchange)).1)
    }

    /// The id of the last request, as a rehearsal writes it.
    fn request_id(&self) -> String {
        let (viewer, send) = self.send_id();
        format!("{:08x}-{viewer}-{send}", self.options.run_id)
    }

    /// Number of the viewer and of the last send: they name a request.
    pub fn send_id(&self) -> (u32, u32) {
        (self.session.viewer(), self.session.sends())
    }

    /// What marks the requests of this trial.
    pub fn run_id(&self) -> u32 {
        self.options.run_id
    }

    /// The exchange came to its end.
    pub fn ended(&mut self, came: Came, timing: Timing) -> Exchange {
        let Some((planned, mut exchange)) = self.in_flight.take() else {
            return Exchange::default();
        };
        exchange.timing = timing;
        let took_us = timing.total_us as f64;
        self.now = self.now.plus((took_us * self.script.speed) as i64);
        let outcome = match &came {
            Came::Answer(status, headers, body, bytes) => {
                self.show(&planned, (*status, headers, body, *bytes), &mut exchange);
                let body = if planned.wants_body { &body[..] } else { b"" };
                let ended = Ended::Answer { status: *status, headers, body };
                self.session.answered(&planned, self.now, took_us / 1e3, ended).outcome
            }
            Came::Failed(broke) => {
                let ended = Ended::Failed(broke.outcome());
                self.session.answered(&planned, self.now, took_us / 1e3, ended).outcome
            }
        };
        exchange.outcome = outcome.name();
        self.count(&planned, outcome);
        let troubles = self.take_notes(Some(&planned));
        if outcome == Outcome::Ok {
            let odd = |text| Look { holds: false, text };
            exchange.looks.extend(troubles.into_iter().map(odd));
        } else {
            exchange.failure = Some(self.advice(&planned, &came, &exchange, outcome, troubles));
            self.ending.first_failure.get_or_insert(exchange.number);
        }
        self.row(&exchange);
        exchange
    }

    fn count(&mut self, planned: &Planned, outcome: Outcome) {
        let good = outcome == Outcome::Ok;
        let before = self.failed.filter(|(what, _)| *what == planned.what).map_or(0, |(_, n)| n);
        self.failed = (!good).then_some((planned.what, before + 1));
        match planned.what {
            What::Every(place) => self.points[place] += 1,
            What::Hls(request) => {
                self.stream_requests += 1;
                self.playlists += u32::from(good && request == HlsRequest::Playlist);
                self.segments += u32::from(good && request == HlsRequest::Segment);
            }
            _ => {}
        }
    }

    /// What the session has noted of a step, in words; what it noted of others is kept for the end.
    fn take_notes(&mut self, planned: Option<&Planned>) -> Vec<String> {
        let mut here = Vec::new();
        for note in self.session.notes().collect::<Vec<_>>() {
            let Note::Trouble { journey, step, what } = note else { continue };
            let what = self.redactor.line(&what);
            if planned.is_some_and(|p| (p.journey, p.step) == (journey, step)) {
                here.push(what);
            } else {
                let part = &self.script.parts[usize::from(journey)];
                let step = part.steps.get(usize::from(step)).map_or("", |step| &step.name);
                self.ending.troubles.push(format!("{}/{step}: {what}", part.name));
            }
        }
        here
    }

    fn row(&mut self, exchange: &Exchange) {
        let rows = &mut self.ending.steps;
        let known = |row: &Row| row.journey == exchange.journey && row.step == exchange.step;
        let place = rows.iter().position(known).unwrap_or_else(|| {
            let (journey, step) = (exchange.journey.clone(), exchange.step.clone());
            rows.push(Row { journey, step, ..Row::default() });
            rows.len() - 1
        });
        let row = &mut rows[place];
        row.requests += 1;
        row.failed += u32::from(exchange.failure.is_some());
        row.outcome = exchange.outcome;
        row.total_us += exchange.timing.total_us;
        if let Some(status) = exchange.answer.as_ref().map(|answer| answer.status)
            && !row.statuses.contains(&status)
        {
            row.statuses.push(status);
        }
    }

    /// The end, whether the viewer came to it or not.
    pub fn finish(mut self, cut: Option<Cut>) -> Ending {
        self.take_notes(None);
        self.ending.unreached = self.unreached(cut);
        let mut ending = self.ending;
        ending.cut = cut;
        ending.passed =
            ending.first_failure.is_none() && ending.troubles.is_empty() && cut.is_none();
        ending
    }
}

#[cfg(test)]
mod tests;
