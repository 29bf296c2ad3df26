//! Watching: the grids, the stream, and what a viewer does at moments without leaving.

use std::sync::Arc;

use hulk_record::{MatchTime, Outcome, QoeCounts, hash_of, seed_of, unit_of};

use super::memory::{Memory, render};
use super::sequence::{Cursor, Reached, Who};
use super::{Ended, Note, Planned, Session, What, micros};
use crate::Script;
use crate::retry::Failure;
use crate::steps::{Flag, HlsRequest, HlsState, Leaves, Started, stall_min_us};

/// A viewer who asked to refresh slowly does so half as often.
const SLOW_REFRESH: f64 = 2.0;

/// A viewer's watching.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    /// The next point of each grid; none where the step is not this viewer's.
    every_due: Vec<Option<MatchTime>>,
    hls: Option<Box<HlsState>>,
    /// What the viewer does at a moment now, and whether anything of it has been sent.
    act: Option<Act>,
    /// The answers to moments that are still to come, the next one last.
    acts: Vec<(MatchTime, u16)>,
}

/// What a viewer is counted among already, each once.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Felt {
    watched: bool,
    stalled: bool,
}

#[derive(Debug, Clone)]
struct Act {
    cursor: Cursor,
    moment: u16,
    begun: bool,
}

impl Watch {
    /// Watching begins at `now`; the visit began at `start`, and the grids with it.
    pub(super) fn new(
        script: &Arc<Script>,
        memory: &mut Memory,
        seed: u64,
        (start, now): (MatchTime, MatchTime),
        (resumed, acts): (bool, &[(MatchTime, u16)]),
    ) -> Self {
        let every_due = script.every.iter().map(|placed| {
            if !memory.is(&placed.when) || memory.dry(&placed.feeders).is_some() {
                return None;
            }
            let step = &placed.what;
            let seed = seed_of(seed, &step.request.name);
            let phase = if resumed { unit_of(hash_of(seed, memory.viewer.into())) } else { 1.0 };
            let mut due = start.plus(micros(step.period_s * phase));
            // The grid stands since the visit's start; its points before the watching were not
            // meant.
            while due < now {
                due = due.plus(micros(step.period_s));
            }
            Some(due)
        });
        let every_due = every_due.collect();
        let hls = script.hls.as_ref().filter(|placed| memory.is(&placed.when)).map(|placed| {
            let master = render(memory, &placed.what.master, 0);
            let device = script.devices.as_ref().zip(memory.device());
            let kbps_max = device.and_then(|(devices, place)| devices.kbps_max(place));
            let kbps_max = placed.what.kbps_max.min(kbps_max.unwrap_or(f64::INFINITY));
            HlsState::new(now, master.into(), kbps_max, stall_min_us(script.speed))
        });
        let mut acts: Vec<_> = acts.iter().copied().filter(|(at, _)| *at >= now).collect();
        acts.sort_unstable_by(|a, b| b.cmp(a));
        let mut watch = Self { every_due, hls: hls.map(Box::new), act: None, acts };
        watch.next_act(script, memory);
        watch
    }

    /// The answer to the next moment, if this viewer does anything then.
    fn next_act(&mut self, script: &Script, memory: &Memory) {
        self.act = None;
        while let Some((at, moment)) = self.acts.pop() {
            let mut cursor = Cursor::new(Who::Newcomer, at);
            let reached = cursor.enter(&script.act, at, memory, Default::default());
            if reached == Reached::Request {
                self.act = Some(Act { cursor, moment, begun: false });
                return;
            }
        }
    }

    /// Repetitions of the act's step.
    pub(super) fn repetition(&self) -> u32 {
        self.act.as_ref().map_or(0, |act| act.cursor.repetition)
    }

    pub(super) fn hls_path(&self, request: HlsRequest) -> &str {
        self.hls.as_ref().map_or("", |hls| hls.path(request))
    }

    /// What is due next, and whether it repeats something that failed.
    pub(super) fn next(&self, script: &Script) -> Option<(MatchTime, What, bool)> {
        self.next_of(script, |_| true)
    }

    /// The same of some steps alone.
    pub(super) fn next_of(
        &self,
        script: &Script,
        wanted: impl Fn(What) -> bool,
    ) -> Option<(MatchTime, What, bool)> {
        let every = self.every_due.iter().enumerate();
        let every = every.filter_map(|(place, due)| Some(((*due)?, What::Every(place), false)));
        let act = self
            .act
            .iter()
            .map(|act| (act.cursor.due, What::Act(act.cursor.place), act.cursor.attempt > 0));
        let hls = script.hls.iter().zip(&self.hls).map(|(placed, state)| {
            let (due, request) = state.next(&placed.what);
            (due, What::Hls(request), state.is_retry(request))
        });
        // At the same time: what was asked for by a moment, then the grids, then the stream.
        let all = act.chain(every).chain(hls);
        all.filter(|(_, what, _)| wanted(*what)).min_by_key(|(due, ..)| *due)
    }
}

impl Session {
    /// The end of a request of watching.
    pub(super) fn watch_answered(
        &mut self,
        planned: &Planned,
        now: MatchTime,
        failure: Option<Failure>,
        retry_after_s: Option<f64>,
        ended: &Ended<'_>,
    ) {
        let Some(mut watch) = self.watch.take() else { return };
        match planned.what {
            What::Every(place) => self.every_answered(&mut watch, place),
            What::Hls(request) => {
                self.hls_answered(
                    &mut watch,
                    (planned, request),
                    now,
                    (failure, retry_after_s),
                    ended,
                );
            }
            What::Act(_) => self.act_answered(&mut watch, now, failure, retry_after_s),
            What::Start(_) | What::Exit(_) => {}
        }
        self.watch = Some(watch);
    }

    /// The grid goes on from its own point; what a slow answer made impossible is still due, and
    /// late.
    fn every_answered(&mut self, watch: &mut Watch, place: usize) {
        let Some(step) = self.script.every.get(place).map(|placed| &placed.what) else { return };
        let slow = if self.flags.has(Flag::SlowRefresh) { SLOW_REFRESH } else { 1.0 };
        if let Some(Some(due)) = watch.every_due.get_mut(place) {
            *due = due.plus(micros(step.period_s * slow * self.pace.factor()));
        }
    }

    fn act_answered(
        &mut self,
        watch: &mut Watch,
        now: MatchTime,
        failure: Option<Failure>,
        retry_after_s: Option<f64>,
    ) {
        let script = Arc::clone(&self.script);
        let Some(act) = &mut watch.act else { return };
        if !std::mem::replace(&mut act.begun, true) {
            self.notes.push(Note::Acted(act.moment));
        }
        let goes_on = match failure {
            None => {
                act.cursor.go_on(&script.act, now, &self.memory, self.flags) == Reached::Request
            }
            Some(failure) => {
                act.cursor.attempt += 1;
                let part = script.act.get(act.cursor.place).map_or(0, |p| usize::from(p.journey));
                let wait_s = self.wait_s(part, failure, act.cursor.attempt, retry_after_s);
                act.cursor.due = now.plus(micros(wait_s.unwrap_or(0.0)));
                wait_s.is_some()
            }
        };
        if !goes_on {
            watch.next_act(&script, &self.memory);
        }
    }

    fn hls_answered(
        &mut self,
        watch: &mut Watch,
        (planned, request): (&Planned, HlsRequest),
        now: MatchTime,
        (failure, retry_after_s): (Option<Failure>, Option<f64>),
        ended: &Ended<'_>,
    ) {
        let script = Arc::clone(&self.script);
        let Some((placed, state)) = script.hls.as_ref().zip(watch.hls.as_mut()) else { return };
        let step = &placed.what;
        // What was answered as expected is with the player already.
        let Some(failure) = failure else { return };
        state.tell(now, self.qoe.get_or_insert_default());
        if matches!(ended, Ended::Answer { status: 404 | 410, .. })
            && request == HlsRequest::Segment
        {
            return state.give_up_segment(self.qoe.get_or_insert_default());
        }
        let attempt = state.failed(request);
        match self.player_wait_s(failure, attempt, retry_after_s) {
            Some(wait_s) => state.wait_until(now.plus(micros(wait_s))),
            None => {
                self.trouble(planned, "the player gave up".to_owned());
                let again = now.plus(micros(step.restart_s));
                let ended = state.gave_up(now, again, self.qoe.get_or_insert_default());
                self.start_over(ended);
            }
        }
    }

    /// The player's own policy where the device has one.
    fn player_wait_s(
        &mut self,
        failure: Failure,
        attempt: u32,
        retry_after_s: Option<f64>,
    ) -> Option<f64> {
        let script = Arc::clone(&self.script);
        let device = script.devices.as_ref().zip(self.memory.device());
        let player = device.and_then(|(devices, place)| devices.retry(place));
        let part = script.hls.as_ref().map_or(0, |placed| usize::from(placed.journey));
        let policy = player.or_else(|| script.parts.get(part).map(|part| &part.retry))?;
        let draw = self.memory.draw_unit("player", self.memory.sends.into());
        policy.wait_s(failure, attempt, &mut self.retry, draw, retry_after_s)
    }

    /// Hands an answer to the player; one that is no playlist where one was asked for is a failed
    /// check.
    pub(super) fn judge_hls(
        &mut self,
        (planned, request): (&Planned, HlsRequest),
        now: MatchTime,
        body: &[u8],
    ) -> Outcome {
        let placed = self.script.hls.as_ref();
        let state = self.watch.as_mut().and_then(|watch| watch.hls.as_mut());
        let Some((placed, state)) = placed.zip(state) else { return Outcome::Ok };
        match state.answered(&placed.what, request, now, body, self.qoe.get_or_insert_default()) {
            Ok(ended) => {
                self.start_over(ended);
                Outcome::Ok
            }
            Err(what) => {
                self.trouble(planned, what.to_owned());
                Outcome::CheckFailed
            }
        }
    }

    /// Writes down the end of a player's start.
    fn start_over(&mut self, ended: Option<Started>) {
        let Some(Started { since, outcome }) = ended else { return };
        let journey = self.script.hls.as_ref().map_or(0, |placed| placed.journey);
        self.notes.push(Note::FirstFrame { journey, since, outcome });
    }

    /// The watching ends, by the viewer or with the run.
    pub(super) fn stop_watching(&mut self, at: MatchTime) {
        let who = if at >= self.arrival.end { Leaves::Run } else { Leaves::Viewer };
        self.leave_stream(at, who);
    }

    /// The run takes the viewer out.
    pub fn stop(&mut self, at: MatchTime) {
        self.leave_stream(at, Leaves::Run);
    }

    fn leave_stream(&mut self, at: MatchTime, who: Leaves) {
        let Some(mut state) = self.watch.take().and_then(|watch| watch.hls) else { return };
        let ended = state.leave(at, who, self.qoe.get_or_insert_default());
        self.start_over(ended);
    }

    /// What was felt of the stream since the last call, at `now`; none where that was nothing.
    pub fn take_qoe(&mut self, now: MatchTime) -> Option<QoeCounts> {
        let own = self.qoe.as_deref_mut().filter(|own| **own != QoeCounts::default())?;
        let mut qoe = std::mem::take(own);
        if now >= MatchTime(0) {
            let first = |count: u64, known: &mut bool| {
                u64::from(count > 0 && !std::mem::replace(known, true))
            };
            qoe.viewers_watched = first(qoe.watched_us, &mut self.felt.watched);
            qoe.viewers_stalled = first(qoe.stalls, &mut self.felt.stalled);
        }
        Some(qoe)
    }
}
