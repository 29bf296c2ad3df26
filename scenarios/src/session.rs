//! A viewer, as a pure state machine: what to send when, and what the answers change.
//!
//! ```text
//!            start ──▶ watching ──Back──▶ home page ──▶ away ──▶ start ──▶ watching ──▶ gone
//!              └─ gives up                   └─ abandons    └─ gone
//! ```
//!
//! An executor's viewer does not watch: after the start it leaves, or starts again.
//!
//! One request at a time: [`Session::next`] says what is due and when,
//! the shell waits, sends, and hands the end of it to [`Session::answered`]. At [`Session::until`]
//! a leg of the stay is over: what is in flight is given up, and [`Session::turn`] goes on.

mod iteration;
mod legs;
mod memory;
mod sequence;
mod trial;
mod watch;
mod writing;

use std::sync::Arc;

use hulk_record::{MatchTime, Outcome, QoeCounts};

use crate::extract::{AnswerView, Headers};
use crate::retry::{Attempt, Failure, Pace, RetryState};
use crate::steps::{FLAGS_HEADER, Flag, Flags, HlsRequest, RequestSpec};
use crate::{Arrival, Part, Placed, Script};
use legs::Leg;
pub use legs::Note;
pub(crate) use memory::Memory;
use sequence::{Cursor, Reached, Who};
pub(crate) use trial::Focus;
use watch::{Felt, Watch};
pub use writing::Rendered;

/// While the door is a funnel, whoever comes waits for up to so long, in match seconds.
const FUNNEL_S: f64 = 30.0;

/// What is due next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// Intended send time.
    pub due: MatchTime,
    /// The journey's place in the record.
    pub journey: u16,
    /// The step's place in the journey.
    pub step: u16,
    /// The service's place in the script.
    pub service: u16,
    /// Whether it repeats something that failed.
    pub retry: bool,
    /// Whether the answer's body must be handed to [`Session::answered`].
    pub wants_body: bool,
    pub(crate) what: What,
}

/// Which step is due, by its place in the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Start(usize),
    Exit(usize),
    Act(usize),
    Every(usize),
    Hls(HlsRequest),
}

/// How a request ended, as the shell saw it.
#[derive(Clone, Copy)]
pub enum Ended<'a> {
    /// An answer.
    Answer {
        /// HTTP status.
        status: u16,
        /// Its headers.
        headers: &'a dyn Headers,
        /// The body, empty where it was not wanted.
        body: &'a [u8],
    },
    /// No answer.
    Failed(Outcome),
}

/// What the end of a request means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// How it is to be counted.
    pub outcome: Outcome,
    /// Whether it is the first failure of this service that the viewer meets in this visit.
    pub service_failed_first: bool,
}

/// A viewer.
#[derive(Debug, Clone)]
pub struct Session {
    script: Arc<Script>,
    seed: u64,
    memory: Memory,
    leg: Leg,
    until: MatchTime,
    arrival: Arrival,
    /// The start of a visit, or what is done on the home page.
    cursor: Option<Cursor>,
    watch: Option<Watch>,
    flags: Flags,
    edge: usize,
    retry: RetryState,
    pace: Pace,
    /// Services that have failed the viewer in this visit, by their places.
    failed: u64,
    /// When this visit or iteration began.
    since: MatchTime,
    /// Whether an iteration has been done to its end.
    settled: bool,
    notes: Vec<Note>,
    /// What the viewer felt of the stream since that was last taken.
    /// None before there was anything.
    qoe: Option<Box<QoeCounts>>,
    felt: Felt,
}

impl Session {
    /// A viewer who arrives.
    pub fn new(script: Arc<Script>, seed: u64, arrival: &Arrival) -> Self {
        let memory = Memory::new(Arc::clone(&script), seed, arrival.viewer, arrival.push.is_some());
        let who = if arrival.already_watching { Who::Resumer } else { Who::Newcomer };
        let mut session = Self {
            seed,
            leg: Leg::Video { second: false },
            until: arrival.leave,
            arrival: arrival.clone(),
            cursor: None,
            watch: None,
            flags: Flags::default(),
            edge: memory.home_edge(),
            retry: RetryState::default(),
            pace: Pace::default(),
            failed: 0,
            since: arrival.arrive,
            settled: false,
            notes: vec![Note::Came],
            qoe: None,
            felt: Felt::default(),
            memory,
            script,
        };
        if let Some(moment) = arrival.push {
            session.notes.push(Note::CameByPush(moment));
        }
        session.begin(who, arrival.arrive);
        session
    }

    /// What is due next in this leg; nothing when there is nothing more to do in it.
    pub fn next(&self) -> Option<Planned> {
        if let Some(cursor) = &self.cursor {
            let what = match self.leg {
                Leg::Home { .. } => What::Exit(cursor.place),
                _ => What::Start(cursor.place),
            };
            return Some(self.planned(cursor.due, what, cursor.attempt > 0));
        }
        let (due, what, retry) = self.watch.as_ref()?.next(&self.script)?;
        Some(self.planned(due, what, retry))
    }

    /// The end of this leg of the stay.
    pub fn until(&self) -> MatchTime {
        self.until
    }

    /// The edge that the viewer asks now, by its place.
    pub fn edge(&self) -> usize {
        self.edge
    }

    /// The viewer's number.
    pub fn viewer(&self) -> u32 {
        self.memory.viewer
    }

    /// Requests so far: the last one's number.
    pub fn sends(&self) -> u32 {
        self.memory.sends
    }

    /// What has happened since the last call.
    pub fn notes(&mut self) -> impl Iterator<Item = Note> {
        // Its room is kept: one who starts again and again has a note each time.
        self.notes.drain(..)
    }

    /// What was due came to its end at `now`, after `took_ms` of wall time.
    pub fn answered(
        &mut self,
        planned: &Planned,
        now: MatchTime,
        took_ms: f64,
        ended: Ended<'_>,
    ) -> Told {
        let retry_after_s = self.learn(&ended, took_ms, planned);
        let outcome = self.judge(planned, now, &ended);
        let bit = 1_u64 << planned.service.min(63);
        let fails = outcome.is_failure() && !planned.retry;
        let service_failed_first = fails && self.failed & bit == 0;
        self.failed |= if fails { bit } else { 0 };
        let failure = (outcome != Outcome::Ok).then_some(match outcome {
            Outcome::Timeout => Failure::TimeOut,
            Outcome::Rejected => Failure::Rejected,
            _ => Failure::Error,
        });
        if failure.is_none() {
            let again = planned.retry;
            self.retry.succeeded(if again { Attempt::Again } else { Attempt::First });
        }
        match planned.what {
            What::Start(_) | What::Exit(_) => self.sequence_answered(now, failure, retry_after_s),
            What::Act(_) | What::Every(_) | What::Hls(_) => {
                self.watch_answered(planned, now, failure, retry_after_s, &ended);
            }
        }
        Told { outcome, service_failed_first }
    }

    /// What a client learns from any answer; the wait that it asks for, in match seconds.
    fn learn(&mut self, ended: &Ended<'_>, took_ms: f64, planned: &Planned) -> Option<f64> {
        let slow_down = self.part(planned).slow_down.clone();
        let (rejected, retry_after_s) = match ended {
            Ended::Answer { status, headers, .. } => {
                self.flags = headers.get(FLAGS_HEADER).map(Flags::parse).unwrap_or_default();
                let dropped = self.memory.cookies.take(*headers);
                if dropped > 0 {
                    self.trouble(planned, "a cookie was too large or one too many".to_owned());
                }
                let seconds = headers.get("retry-after").and_then(|text| text.trim().parse().ok());
                let seconds = seconds.map(|wall_s: f64| wall_s * self.script.speed);
                (matches!(status, 429 | 503), seconds)
            }
            Ended::Failed(outcome) => {
                if *outcome == Outcome::CheckFailed {
                    self.trouble(planned, "the request could not be written".to_owned());
                }
                // The edge does not answer: the viewer goes to the next one.
                if matches!(outcome, Outcome::ConnectError | Outcome::Broken) {
                    self.edge = (self.edge + 1) % self.script.edges.len().max(1);
                }
                (false, None)
            }
        };
        if let Some(slow_down) = &slow_down {
            self.pace.saw(slow_down, took_ms, rejected);
        }
        retry_after_s
    }

    fn judge(&mut self, planned: &Planned, now: MatchTime, ended: &Ended<'_>) -> Outcome {
        let script = Arc::clone(&self.script);
        let Some(request) = request_of(&script, planned.what) else {
            let What::Hls(request) = planned.what else { return Outcome::CheckFailed };
            return match (judge_status(ended, 200), ended) {
                (Outcome::Ok, Ended::Answer { body, .. }) => {
                    self.judge_hls((planned, request), now, body)
                }
                (outcome, _) => outcome,
            };
        };
        let keeps = keeps_of(&script, planned.what);
        match (judge_status(ended, request.expect_status), ended) {
            (Outcome::Ok, Ended::Answer { status, headers, body }) => {
                let answer = AnswerView::new(*status, *headers, body);
                let memory = &mut self.memory;
                let looked = request.look(&answer, |place, value| {
                    if let Some(variable) = keeps.get(place) {
                        memory.keep(*variable, value);
                    }
                });
                match looked {
                    Ok(()) => Outcome::Ok,
                    Err(what) => {
                        self.trouble(planned, what);
                        Outcome::CheckFailed
                    }
                }
            }
            (outcome, _) => outcome,
        }
    }

    /// The wait before something that failed is tried again; nothing when it is given up.
    fn wait_s(
        &mut self,
        planned_part: usize,
        failure: Failure,
        attempt: u32,
        retry_after_s: Option<f64>,
    ) -> Option<f64> {
        let script = Arc::clone(&self.script);
        let policy = &script.parts.get(planned_part)?.retry;
        let draw = self.memory.draw_unit("retry", self.memory.sends.into());
        policy.wait_s(failure, attempt, &mut self.retry, draw, retry_after_s)
    }

    fn sequence_answered(
        &mut self,
        now: MatchTime,
        failure: Option<Failure>,
        retry_after_s: Option<f64>,
    ) {
        let script = Arc::clone(&self.script);
        let Some(mut cursor) = self.cursor.take() else { return };
        let steps = self.steps(&script);
        let Some(failure) = failure else {
            let reached = cursor.go_on(steps, now, &self.memory, self.flags);
            if self.flags.has(Flag::FunnelJitter) && cursor.place == 1 && self.memory.visit == 1 {
                let wait_s = FUNNEL_S * self.memory.draw_unit("funnel", 0);
                cursor.due = cursor.due.plus(micros(wait_s));
            }
            self.reached(cursor, reached, now);
            return;
        };
        cursor.attempt += 1;
        let part = steps.get(cursor.place).map_or(0, |placed| usize::from(placed.journey));
        match self.wait_s(part, failure, cursor.attempt, retry_after_s) {
            Some(wait_s) => {
                cursor.due = now.plus(micros(wait_s));
                self.cursor = Some(cursor);
            }
            None => self.gave_up(now),
        }
    }

    fn steps<'a>(&self, script: &'a Script) -> &'a [Placed<crate::SequenceStep>] {
        match self.leg {
            Leg::Home { .. } => &script.exit,
            _ => &script.start,
        }
    }

    /// Goes to where the cursor has come.
    fn reached(&mut self, cursor: Cursor, reached: Reached, now: MatchTime) {
        match reached {
            Reached::Request => self.cursor = Some(cursor),
            Reached::GiveUp(at) => self.gave_up_by_will(at),
            Reached::Dry { step, feeder } => {
                let script = Arc::clone(&self.script);
                if let Some(placed) = self.steps(&script).get(step) {
                    self.trouble_at(placed, format!("feeder {feeder} ran dry"));
                }
                self.ran_dry(now);
            }
            Reached::End => self.sequence_over(now),
        }
    }

    fn planned(&self, due: MatchTime, what: What, retry: bool) -> Planned {
        let script = &self.script;
        let sequence = |placed: Option<&Placed<crate::SequenceStep>>| {
            placed.map_or((0, 0, 0), |placed| (placed.journey, placed.step, placed.service))
        };
        let (journey, step, service) = match what {
            What::Start(place) => sequence(script.start.get(place)),
            What::Exit(place) => sequence(script.exit.get(place)),
            What::Act(place) => sequence(script.act.get(place)),
            What::Every(place) => {
                script.every.get(place).map_or((0, 0, 0), |p| (p.journey, p.step, p.service))
            }
            What::Hls(request) => script
                .hls
                .as_ref()
                .map_or((0, 0, 0), |p| (p.journey, p.step + request as u16, p.service)),
        };
        let wants_body = match what {
            What::Hls(request) => request != HlsRequest::Segment,
            other => request_of(script, other).is_some_and(RequestSpec::wants_body),
        };
        Planned { due, journey, step, service, retry, wants_body, what }
    }

    fn part(&self, planned: &Planned) -> &Part {
        // A planned request is of a part that is there.
        &self.script.parts[usize::from(planned.journey)]
    }

    fn trouble(&mut self, planned: &Planned, what: String) {
        let Planned { journey, step, .. } = *planned;
        self.notes.push(Note::Trouble { journey, step, what });
    }

    fn trouble_at<T>(&mut self, placed: &Placed<T>, what: String) {
        let (journey, step) = (placed.journey, placed.step);
        self.notes.push(Note::Trouble { journey, step, what });
    }
}

pub(crate) fn request_of(script: &Script, what: What) -> Option<&RequestSpec> {
    let sequence = match what {
        What::Start(place) => script.start.get(place),
        What::Exit(place) => script.exit.get(place),
        What::Act(place) => script.act.get(place),
        What::Every(place) => return script.every.get(place).map(|placed| &placed.what.request),
        What::Hls(_) => None,
    };
    Some(&sequence?.what.request()?.request)
}

fn keeps_of(script: &Script, what: What) -> &[u16] {
    let keeps = match what {
        What::Start(place) => script.start.get(place).map(|placed| &placed.keeps),
        What::Exit(place) => script.exit.get(place).map(|placed| &placed.keeps),
        What::Act(place) => script.act.get(place).map(|placed| &placed.keeps),
        What::Every(place) => script.every.get(place).map(|placed| &placed.keeps),
        What::Hls(_) => None,
    };
    keeps.map_or(&[], Vec::as_slice)
}

fn judge_status(ended: &Ended<'_>, expected: u16) -> Outcome {
    match ended {
        Ended::Failed(outcome) => *outcome,
        Ended::Answer { status, .. } if *status == expected => Outcome::Ok,
        Ended::Answer { status: 429 | 503, .. } => Outcome::Rejected,
        Ended::Answer { .. } => Outcome::HttpError,
    }
}

fn micros(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}

#[cfg(test)]
mod iteration_tests;
#[cfg(test)]
mod legs_tests;
#[cfg(test)]
mod shipped_tests;
#[cfg(test)]
mod tests;
