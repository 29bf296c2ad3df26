//! The caller's mouth: what is to be sent, and when.

use hulk_record::Offset;

use super::{CallPlan, Up, later};
use crate::adapter::{Marker, Pacing, Uplink, UplinkForm};
use crate::wire::{Code, PIECE_US, bytes};

/// A turn as it is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spoken {
    /// When it is meant to begin.
    pub(super) begin: Offset,
    /// The number of its first piece.
    pub(super) first: u32,
    /// How many pieces it has.
    pieces: u32,
    /// When it is broken off.
    until: Option<Offset>,
}

impl Spoken {
    /// When the piece of this number is meant to be spoken, if it is one of the turn's.
    pub(super) fn piece_at(&self, number: u32) -> Option<Offset> {
        let place = number.checked_sub(self.first).filter(|place| *place < self.pieces)?;
        Some(later(self.begin, u64::from(place) * PIECE_US))
    }

    fn speech_end(&self) -> Offset {
        later(self.begin, u64::from(self.pieces) * PIECE_US)
    }
}

/// What of a turn is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Say {
    Begin,
    Chunk(u32),
    End,
}

/// The schedule of a plan's speech. Its times are those of the plan: being late shifts none.
#[derive(Debug, Clone)]
pub(super) struct Speaker {
    uplink: Uplink,
    code: Code,
    turns: Vec<Spoken>,
    /// The turn that is spoken next, and what of it.
    turn: usize,
    say: Say,
    end: Offset,
}

impl Speaker {
    pub(super) fn new(uplink: &Uplink, plan: &CallPlan, opened: Offset) -> Self {
        let (mut begin, mut first) = (opened, 0_u32);
        let mut turns = Vec::with_capacity(plan.turns.len());
        for (place, turn) in plan.turns.iter().enumerate() {
            let until = plan.cut_us(place).map(|us| later(begin, us));
            turns.push(Spoken { begin, first, pieces: turn.pieces(), until });
            begin = later(begin, plan.lasts_us(place));
            first = first.saturating_add(turn.pieces());
        }
        Self {
            uplink: uplink.clone(),
            code: Code::new(uplink.rate_hz),
            turns,
            turn: 0,
            say: Say::Begin,
            end: begin,
        }
    }

    /// When the last turn's pause is over.
    pub(super) fn end(&self) -> Offset {
        self.end
    }

    /// The turns that have begun.
    pub(super) fn begun(&self) -> &[Spoken] {
        let begun = self.turn + usize::from(self.say != Say::Begin);
        self.turns.get(..begun).unwrap_or_default()
    }

    /// When something is to be sent next.
    pub(super) fn next_due(&self) -> Option<Offset> {
        let spoken = self.turns.get(self.turn)?;
        Some(match (self.say, self.uplink.pacing) {
            (Say::Begin, _) | (_, Pacing::Burst) => spoken.begin,
            (Say::Chunk(place), Pacing::Realtime) => {
                let chunk_us = u64::from(self.uplink.chunk_ms) * 1_000;
                later(spoken.begin, u64::from(place) * chunk_us)
            }
            (Say::End, Pacing::Realtime) => spoken.speech_end(),
        })
    }

    /// Sends what is next; the turn that begins with it by a barge-in, if one does.
    pub(super) fn say(&mut self, out: &mut Vec<Up>) -> Option<Spoken> {
        let spoken = *self.turns.get(self.turn)?;
        let mut barged_in = None;
        match self.say {
            Say::Begin => {
                let before = self.turn.checked_sub(1).and_then(|before| self.turns.get(before));
                if before.is_some_and(|before| before.until.is_some()) {
                    out.extend(self.break_off().map(up));
                    barged_in = Some(spoken);
                }
                out.extend(self.uplink.start_marker.as_ref().map(up));
            }
            Say::Chunk(place) => out.push(self.chunk(&spoken, place)),
            Say::End => out.extend(self.uplink.end_marker.as_ref().map(up)),
        }
        self.go_on(&spoken);
        barged_in
    }

    /// What tells that the speech so far counts no more: all of a burst has had its end already.
    fn break_off(&self) -> Option<&Marker> {
        let end = || self.uplink.end_marker.as_ref();
        let is_open = self.uplink.pacing == Pacing::Realtime;
        self.uplink.interrupt.as_ref().or_else(|| if is_open { end() } else { None })
    }

    fn chunk_samples(&self) -> usize {
        (self.uplink.rate_hz / 1_000 * self.uplink.chunk_ms) as usize
    }

    fn turn_samples(&self, spoken: &Spoken) -> usize {
        spoken.pieces as usize * self.code.piece_samples()
    }

    fn chunk(&self, spoken: &Spoken, place: u32) -> Up {
        let from = place as usize * self.chunk_samples();
        let to = (from + self.chunk_samples()).min(self.turn_samples(spoken));
        let pcm = bytes(&self.code.speech(spoken.first, from..to));
        match &self.uplink.form {
            UplinkForm::PcmBinary => Up::Binary(pcm),
            UplinkForm::JsonBase64(template) => Up::Text(template.message(&pcm)),
        }
    }

    fn go_on(&mut self, spoken: &Spoken) {
        let chunks = self.turn_samples(spoken).div_ceil(self.chunk_samples());
        let next = match self.say {
            Say::Begin => Some(Say::Chunk(0)),
            Say::Chunk(place) if place as usize + 1 < chunks => Some(Say::Chunk(place + 1)),
            Say::Chunk(_) => Some(Say::End),
            Say::End => None,
        };
        self.say = next.unwrap_or(Say::Begin);
        let is_cut = spoken.until.is_some_and(|until| self.next_due() >= Some(until));
        if next.is_none() || is_cut {
            (self.turn, self.say) = (self.turn + 1, Say::Begin);
        }
    }
}

fn up(marker: &Marker) -> Up {
    match marker {
        Marker::Binary(bytes) => Up::Binary(bytes.clone().into_bytes()),
        Marker::Text(text) => Up::Text(text.clone()),
    }
}
