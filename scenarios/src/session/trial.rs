//! What a trial sees of a viewer and chooses for it; a rehearsal's viewers go by
//! [`Session::next`] alone.

use super::watch::Watch;
use super::{Planned, Session, What};
use crate::steps::{Flag, Flags};
use crate::template::Template;

/// Of what a viewer could do, this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Focus<'a> {
    /// The start, or what is done on the home page.
    Sequence,
    /// The stream.
    Stream,
    /// The grids that have been asked for less often than this, by how often each has been.
    Grids(&'a [u32], u32),
    /// What is done at a moment.
    Act,
}

impl Session {
    /// What is due next of this alone.
    pub(crate) fn next_of(&self, focus: Focus<'_>) -> Option<Planned> {
        if focus == Focus::Sequence {
            return self.cursor.is_some().then(|| self.next()).flatten();
        }
        let wanted = |what: What| match (focus, what) {
            (Focus::Stream, What::Hls(_)) | (Focus::Act, What::Act(_)) => true,
            (Focus::Grids(done, most), What::Every(place)) => {
                done.get(place).is_some_and(|times| *times < most)
            }
            _ => false,
        };
        let (due, what, retry) = self.watch.as_ref()?.next_of(&self.script, wanted)?;
        Some(self.planned(due, what, retry))
    }

    /// Whether the start is over and the viewer watches.
    pub(crate) fn is_watching(&self) -> bool {
        self.watch.is_some()
    }

    /// What was drawn, by choice; traits of the device after the choices.
    pub(crate) fn drawn(&self) -> &[u8] {
        self.memory.drawn()
    }

    /// The first of these feeders that has nothing for the viewer.
    pub(crate) fn dry(&self, feeders: &[u16]) -> Option<&str> {
        self.memory.dry(feeders)
    }

    /// Whether the target asks for one of these now.
    pub(crate) fn is_asked_for(&self, flags: &[Flag]) -> bool {
        Flags::any(self.flags, flags)
    }

    /// Repetitions of a step so far.
    pub(crate) fn repetition(&self, planned: &Planned) -> u32 {
        match planned.what {
            What::Start(_) | What::Exit(_) => self.cursor.as_ref().map_or(0, |c| c.repetition),
            What::Act(_) => self.watch.as_ref().map_or(0, Watch::repetition),
            What::Every(_) | What::Hls(_) => 0,
        }
    }

    /// The names of a template's slots for which no answer has given a value yet.
    pub(crate) fn missing(&self, template: &Template) -> Vec<String> {
        self.memory.missing(template)
    }

    /// Every secret that a request may hold; to be asked before it is rendered.
    pub(crate) fn secrets(
        &self,
        planned: &Planned,
        unix_ms: i64,
        is_secret: fn(&str) -> bool,
    ) -> Vec<String> {
        self.memory.secrets(self.repetition(planned), unix_ms, is_secret)
    }
}
