//! The virtual caller once its socket is open: times and messages in, messages out.

mod listener;
mod plan;
mod speaker;

use std::sync::Arc;

use hulk_record::{Cause, Offset, Samples, Session, SessionEnd, Setup};

pub use listener::Brought;
pub use plan::{CallPlan, CallerSettings, Leave, Turn};

use crate::adapter::{Adapter, FrameError, Phase, Told};

use listener::Listener;
use speaker::Speaker;

/// Close codes of RFC 6455.
const NORMAL: u16 = 1000;
const GOING_AWAY: u16 = 1001;

/// What is sent to the backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Up {
    /// A binary message.
    Binary(Vec<u8>),
    /// A text message.
    Text(String),
    /// A close frame of this code; nothing comes after it.
    Close(u16),
    /// The connection is dropped without a word; nothing comes after it.
    Vanish,
}

/// What comes from the backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Down<'a> {
    /// A binary message.
    Binary(&'a [u8]),
    /// A text message.
    Text(&'a str),
    /// A close frame.
    Close {
        /// Its code; 1005 where it has none.
        code: u16,
        /// Its reason.
        reason: &'a str,
    },
    /// The connection is gone without a word.
    Gone,
}

/// How a session came to be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Whose.
    pub caller: u32,
    /// When its admission was to begin.
    pub intended_at: Offset,
    /// When the socket was open.
    pub at: Offset,
    /// The parts of the setup.
    pub setup: Setup,
}

/// What is due next.
enum Due {
    Say,
    Leave,
    GiveUp,
}

/// A caller in its session.
///
/// ```text
///               due(now) ---> Up ... to the socket
///   plan --> Call
///               received(now, Down) <--- from the socket
///               finish(now) --> Session
/// ```
///
/// Whoever drives it calls [`Self::due`] at each [`Self::next_due`], but hands over first what
/// came until then. Each piece of speech has a time at which it is meant to be spoken, the turn's
/// begin and 40 ms for each piece before it: latency counts from there, however late it was sent
/// and in whatever chunks.
#[derive(Debug, Clone)]
pub struct Call {
    adapter: Arc<Adapter>,
    plan: CallPlan,
    opened: Opened,
    speaker: Speaker,
    listener: Listener,
    ended: Option<(Offset, SessionEnd)>,
    trouble: Option<String>,
    lag_us_max: u64,
}

impl Call {
    /// A caller whose socket has just been opened.
    pub fn new(adapter: &Arc<Adapter>, plan: CallPlan, opened: Opened) -> Self {
        Self {
            adapter: Arc::clone(adapter),
            speaker: Speaker::new(&adapter.uplink, &plan, opened.at),
            listener: Listener::new(&adapter.downlink),
            plan,
            opened,
            ended: None,
            trouble: None,
            lag_us_max: 0,
        }
    }

    /// When [`Self::due`] is to be called next; never again once the session has ended.
    pub fn next_due(&self) -> Option<Offset> {
        self.next().map(|(at, _)| at)
    }

    /// Pushes what must be sent by `now`, all of it in its order, and how late each was into `lags`.
    /// A session that has waited too long for a frame ends as lost.
    pub fn due(&mut self, now: Offset, out: &mut Vec<Up>, lags: &mut Samples) {
        while let Some((at, due)) = self.next().filter(|(at, _)| *at <= now) {
            if matches!(due, Due::GiveUp) {
                out.push(Up::Close(GOING_AWAY));
                self.trouble = Some("no frame came for too long".to_owned());
                self.end(now, SessionEnd::Lost(Cause::Server));
                return;
            }
            let lag_us = now.since(at).unsigned_abs();
            self.lag_us_max = self.lag_us_max.max(lag_us);
            lags.record(lag_us);
            if matches!(due, Due::Leave) {
                self.leave(now, out);
            } else if let Some(turn) = self.speaker.say(out) {
                self.listener.barged_in(&turn);
            }
        }
    }

    /// Takes what came.
    ///
    /// # Errors
    /// How the session has ended, by this or before: nothing more is taken, and the connection is to
    /// be dropped.
    pub fn received(&mut self, now: Offset, down: Down<'_>) -> Result<(), SessionEnd> {
        self.listener.message();
        if self.ended.is_none() {
            let told = match down {
                Down::Binary(bytes) => self.message(now, bytes),
                Down::Text(text) if self.adapter.downlink.reads_texts() => {
                    self.message(now, text.as_bytes())
                }
                // What such a backend says in texts is no part of its pictures and sound.
                Down::Text(_) => None,
                Down::Close { code, reason } => {
                    self.trouble = Some(format!("close {code} {reason}").trim_end().to_owned());
                    Some(self.adapter.classify(&Told::closed(code, reason)))
                }
                Down::Gone => Some(self.adapter.classify(&Told::nothing(Phase::Open))),
            };
            if let Some(cause) = told {
                self.end(now, SessionEnd::Lost(cause));
            }
        }
        self.ended().map_or(Ok(()), Err)
    }

    /// What the last message brought.
    pub fn brought(&self) -> &Brought {
        self.listener.brought()
    }

    /// How the session has ended, once it has.
    pub fn ended(&self) -> Option<SessionEnd> {
        self.ended.map(|(_, end)| end)
    }

    /// Why the session was lost, in words, where there is more to say than its end.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// The record of the session; one that has not ended is abandoned now.
    pub fn finish(mut self, now: Offset) -> Session {
        self.end(now, SessionEnd::Abandoned);
        let end = self.ended().unwrap_or(SessionEnd::Abandoned);
        let felt = self.listener.quality().felt();
        let Opened { caller, intended_at, at, setup } = self.opened;
        let first_frame = self.listener.first_frame();
        Session {
            caller,
            intended_at,
            wanted_us: self.plan.wanted_us(),
            end,
            setup,
            setup_us: Some(at.since(intended_at).max(0).unsigned_abs()),
            first_frame_us: first_frame.map(|first| first.since(at).max(0).unsigned_abs()),
            turn_us: self.listener.turn_us().to_vec(),
            barge_ins: self.listener.barge_ins(),
            barge_in_us: self.listener.barge_in_us().to_vec(),
            served_us: felt.served_us(),
            lag_us_max: self.lag_us_max,
            felt,
            attempt: 0,
        }
    }

    fn next(&self) -> Option<(Offset, Due)> {
        if self.ended.is_some() {
            return None;
        }
        let patience = match self.listener.last_frame() {
            Some(last) => later(last, self.plan.silence_us_max),
            None => later(self.opened.at, self.plan.first_frame_us_max),
        };
        let say = self.speaker.next_due().map(|at| (at, Due::Say));
        let others = [(self.speaker.end(), Due::Leave), (patience, Due::GiveUp)];
        // The first of those that are due together.
        say.into_iter().chain(others).min_by_key(|(at, _)| *at)
    }

    fn leave(&mut self, now: Offset, out: &mut Vec<Up>) {
        if self.listener.first_frame().is_none() {
            out.push(Up::Close(GOING_AWAY));
            self.trouble = Some("no frame came at all".to_owned());
            self.end(now, SessionEnd::Lost(Cause::Server));
            return;
        }
        let (up, end) = match self.plan.leave {
            Leave::Close => (Up::Close(NORMAL), SessionEnd::Completed),
            Leave::Vanish => (Up::Vanish, SessionEnd::Vanished),
        };
        out.push(up);
        self.end(now, end);
    }

    /// What a message brings; whose fault it is where it cannot be read.
    fn message(&mut self, now: Offset, message: &[u8]) -> Option<Cause> {
        match self.adapter.downlink.heard(message) {
            Ok(heard) => {
                if let Some(heard) = heard {
                    self.listener.hear(now, &heard, self.speaker.begun());
                }
                None
            }
            Err(error) => Some(self.unreadable(&error)),
        }
    }

    fn unreadable(&mut self, error: &FrameError) -> Cause {
        self.trouble = Some(error.to_string());
        Cause::Server
    }

    /// The first end counts.
    fn end(&mut self, now: Offset, end: SessionEnd) {
        if self.ended.is_none() {
            self.ended = Some((now, end));
            self.listener.quality().end(now);
        }
    }
}

/// A time that is `us` µs later.
fn later(at: Offset, us: u64) -> Offset {
    at.plus(i64::try_from(us).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
