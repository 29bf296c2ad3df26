//! A viewer's visit, as a pure state machine: what to send when, and what the answers change.
//!
//! One connection a viewer, so one request at a time: [`Session::next`] says what is due and when,
//! the shell waits, sends, and hands the end of it to [`Session::answered`].

use std::sync::Arc;

use hulk_record::{MatchTime, Outcome, hash_of, seed_of, unit_of};

use crate::Journey;
use crate::steps::{HlsRequest, HlsState, Method, RequestSpec};
use crate::template::Slots;

/// What is due next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// Intended send time.
    pub due: MatchTime,
    /// The step's number in the journey's [`crate::Journey::info`].
    pub step: u16,
    /// Whether it repeats something that failed.
    pub retry: bool,
    /// Whether the answer's body must be handed to [`Session::answered`].
    pub wants_body: bool,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    After(usize),
    Every(usize),
    Hls(HlsRequest),
}

/// Where a request is written to: kept by the shell and used again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// Path and query.
    pub path: String,
    /// The body; empty for none.
    pub body: String,
}

/// How a request ended, as the shell saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended<'a> {
    /// An answer: its status and, where it was wanted, its body.
    Answer {
        /// HTTP status.
        status: u16,
        /// The body, empty where it was not wanted.
        body: &'a [u8],
    },
    /// No answer.
    Failed(Outcome),
}

/// A visit in progress.
#[derive(Debug, Clone)]
pub struct Session {
    journey: Arc<Journey>,
    viewer: u32,
    already_watching: bool,
    /// Place among the `after` steps, and among a step's repetitions.
    place: usize,
    repetition: u32,
    after_due: MatchTime,
    attempt: u32,
    variables: Vec<Option<Box<str>>>,
    every_due: Vec<MatchTime>,
    hls: Option<HlsState>,
    started: MatchTime,
    watching_since: Option<MatchTime>,
}

impl Session {
    /// A viewer who arrives at `start`. Those who are `already_watching` do only the steps marked
    /// for them, and their grids have been running for a while.
    pub fn new(
        journey: Arc<Journey>,
        seed: u64,
        viewer: u32,
        start: MatchTime,
        already_watching: bool,
    ) -> Self {
        let every_due = journey
            .every
            .iter()
            .map(|step| {
                let seed = seed_of(seed, &step.request.name);
                let phase =
                    if already_watching { unit_of(hash_of(seed, viewer.into())) } else { 1.0 };
                start.plus((step.period_s * phase * 1e6) as i64)
            })
            .collect();
        let mut session = Self {
            viewer,
            already_watching,
            place: 0,
            repetition: 0,
            after_due: start,
            attempt: 0,
            variables: vec![None; journey.variables.len()],
            every_due,
            hls: None,
            started: start,
            watching_since: None,
            journey,
        };
        session.enter_step(start);
        session
    }

    /// What is due next; nothing when the journey has nothing more to do.
    pub fn next(&self) -> Option<Planned> {
        if self.place < self.journey.after.len() {
            return Some(self.planned(self.after_due, What::After(self.place)));
        }
        let every = self.every_due.iter().enumerate().min_by_key(|(_, due)| **due);
        let every = every.map(|(index, due)| (*due, What::Every(index)));
        let hls = self.journey.hls.as_ref().zip(self.hls.as_ref()).map(|(step, state)| {
            let (due, request) = state.next(step);
            (due, What::Hls(request))
        });
        let (due, what) = match (every, hls) {
            (Some(every), Some(hls)) if hls.0 < every.0 => hls,
            (Some(every), _) => every,
            (None, hls) => hls?,
        };
        Some(self.planned(due, what))
    }

    /// Writes path and body of what is due.
    pub fn render(&self, planned: &Planned, out: &mut Rendered) -> Method {
        out.path.clear();
        out.body.clear();
        if let What::Hls(request) = planned.what {
            if let Some((step, state)) = self.journey.hls.as_ref().zip(self.hls.as_ref()) {
                out.path.push_str(state.path(step, request));
            }
            return Method::Get;
        }
        let Some(request) = request_of(&self.journey, planned.what) else { return Method::Get };
        let index = if matches!(planned.what, What::After(_)) { self.repetition } else { 0 };
        let slots = Slots { viewer: self.viewer, index, variables: &self.variables };
        request.render(&slots, &mut out.path, &mut out.body);
        request.method
    }

    /// What was due came to its end at `now`: how it is to be counted.
    pub fn answered(&mut self, planned: &Planned, now: MatchTime, ended: Ended<'_>) -> Outcome {
        match planned.what {
            What::After(index) => self.after_answered(index, now, ended),
            What::Every(index) => {
                // The grid goes on from its own point; what a slow answer made impossible is
                // still due, and late.
                let period_s = self.journey.every.get(index).map_or(0.0, |step| step.period_s);
                if let Some(due) = self.every_due.get_mut(index) {
                    *due = due.plus((period_s * 1e6) as i64);
                }
                self.judge(planned.what, ended)
            }
            What::Hls(request) => self.hls_answered(request, now, ended),
        }
    }

    /// Since when the viewer watches: the start of the visit is over.
    pub fn watching_since(&self) -> Option<MatchTime> {
        self.watching_since
    }

    /// When the visit began.
    pub fn started(&self) -> MatchTime {
        self.started
    }

    /// Whether the viewer was watching before the window.
    pub fn already_watching(&self) -> bool {
        self.already_watching
    }

    fn after_answered(&mut self, index: usize, now: MatchTime, ended: Ended<'_>) -> Outcome {
        let outcome = self.judge(What::After(index), ended);
        if outcome != Outcome::Ok {
            self.attempt += 1;
            self.after_due = now.plus(micros(self.journey.backoff_s(self.attempt)));
            return outcome;
        }
        self.attempt = 0;
        self.repetition += 1;
        if self.journey.after.get(index).is_some_and(|step| self.repetition < step.repeat) {
            self.after_due = now;
        } else {
            self.place += 1;
            self.repetition = 0;
            self.enter_step(now);
        }
        outcome
    }

    fn hls_answered(&mut self, request: HlsRequest, now: MatchTime, ended: Ended<'_>) -> Outcome {
        let outcome = judge_status(ended, 200);
        let journey = Arc::clone(&self.journey);
        let Some((step, state)) = journey.hls.as_ref().zip(self.hls.as_mut()) else {
            return outcome;
        };
        let backoff = |attempt| journey.backoff_s(attempt);
        match (ended, outcome) {
            (Ended::Answer { body, .. }, Outcome::Ok) => {
                if state.answered(step, request, now, body) {
                    return Outcome::Ok;
                }
                state.failed(request, now, backoff);
                Outcome::CheckFailed
            }
            (Ended::Answer { status: 404 | 410, .. }, _) if request == HlsRequest::Segment => {
                state.give_up_segment();
                outcome
            }
            _ => {
                state.failed(request, now, backoff);
                outcome
            }
        }
    }

    /// Goes to the next step that this viewer does; after the last one the watching begins.
    fn enter_step(&mut self, now: MatchTime) {
        let skip = |step: &&crate::AfterStep| self.already_watching && !step.on_resume;
        self.place += self.journey.after.iter().skip(self.place).take_while(skip).count();
        if let Some(step) = self.journey.after.get(self.place) {
            self.after_due = now.plus(micros(step.think_s));
            return;
        }
        self.watching_since = Some(now);
        self.hls = self.journey.hls.as_ref().map(|_| HlsState::new(now));
        // The grid stands since the visit's start; its points before the watching were not meant.
        for (step, due) in self.journey.every.iter().zip(&mut self.every_due) {
            while *due < now {
                *due = due.plus(micros(step.period_s));
            }
        }
    }

    fn judge(&mut self, what: What, ended: Ended<'_>) -> Outcome {
        let journey = Arc::clone(&self.journey);
        let Some(request) = request_of(&journey, what) else { return judge_status(ended, 200) };
        match (judge_status(ended, request.expect_status), ended) {
            (Outcome::Ok, Ended::Answer { body, .. }) => {
                if request.keep(body, &mut self.variables) {
                    Outcome::Ok
                } else {
                    Outcome::CheckFailed
                }
            }
            (outcome, _) => outcome,
        }
    }

    fn planned(&self, due: MatchTime, what: What) -> Planned {
        let (steps, every) = (self.journey.after.len(), self.journey.every.len());
        let (step, retry) = match what {
            What::After(index) => (index, self.attempt > 0),
            What::Every(index) => (steps + index, false),
            What::Hls(request) => (
                steps + every + request as usize,
                self.hls.as_ref().is_some_and(|state| state.is_retry(request)),
            ),
        };
        let wants_body = match what {
            What::Hls(request) => request != HlsRequest::Segment,
            other => request_of(&self.journey, other).is_some_and(RequestSpec::wants_body),
        };
        Planned { due, step: step as u16, retry, wants_body, what }
    }
}

fn request_of(journey: &Journey, what: What) -> Option<&RequestSpec> {
    match what {
        What::After(index) => journey.after.get(index).map(|step| &step.request),
        What::Every(index) => journey.every.get(index).map(|step| &step.request),
        What::Hls(_) => None,
    }
}

fn judge_status(ended: Ended<'_>, expected: u16) -> Outcome {
    match ended {
        Ended::Failed(outcome) => outcome,
        Ended::Answer { status, .. } if status == expected => Outcome::Ok,
        Ended::Answer { status: 429 | 503, .. } => Outcome::Rejected,
        Ended::Answer { .. } => Outcome::HttpError,
    }
}

fn micros(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}

#[cfg(test)]
mod tests;
