//! The caller's ear: what comes down, measured against what was said.

use hulk_record::{Offset, TURNS_MAX};

use super::speaker::Spoken;
use crate::adapter::{Downlink, Heard};
use crate::quality::{PlayoutRule, Quality};
use crate::wire::{Code, Finder, level};

/// Sound of this level is a voice: that of the callers has 8,000.
const VOICED_LEVEL: f64 = 500.0;

/// A barge-in whose effect is not known yet.
#[derive(Debug, Clone, Copy)]
struct BargeIn {
    /// When it was meant to be.
    at: Offset,
    /// The first number of what was said from then on.
    first: u32,
    /// When the last came of what was said before.
    last_old: Offset,
}

/// The measures of a session that is under way.
#[derive(Debug, Clone)]
pub(super) struct Listener {
    quality: Quality,
    rate_hz: u32,
    finder: Finder,
    first_frame: Option<Offset>,
    last_frame: Option<Offset>,
    /// Sound that came without a frame, for the next one.
    waiting_us: u64,
    /// The highest number that came back.
    newest: Option<u32>,
    /// Whether a voice is heard, and since when if no number was found in it yet.
    is_voiced: bool,
    voice_began: Option<Offset>,
    /// Turns up to the last one that was answered.
    answered: usize,
    turn_us: Vec<u64>,
    barge_in: Option<BargeIn>,
    barge_ins: u32,
    barge_in_us: Vec<u64>,
    /// When sound began and the mouth opened, until the other came too.
    sound: Option<Offset>,
    picture: Option<Offset>,
    mouth_open: bool,
    /// Turns that had begun when the last message came.
    begun: usize,
    brought: Brought,
}

/// What the last message brought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Brought {
    /// Whether it was a frame.
    pub is_frame: bool,
    /// The latency from audio to frame of each piece of speech that came back in it, in µs.
    pub latency_us: Vec<u64>,
}

impl Listener {
    pub(super) fn new(downlink: &Downlink) -> Self {
        Self {
            quality: Quality::new(downlink.fps, PlayoutRule::default()),
            rate_hz: downlink.rate_hz,
            finder: Finder::new(Code::new(downlink.rate_hz)),
            first_frame: None,
            last_frame: None,
            waiting_us: 0,
            newest: None,
            is_voiced: false,
            voice_began: None,
            answered: 0,
            turn_us: Vec::new(),
            barge_in: None,
            barge_ins: 0,
            barge_in_us: Vec::new(),
            sound: None,
            picture: None,
            mouth_open: false,
            begun: 0,
            brought: Brought::default(),
        }
    }

    /// What the last message brought.
    pub(super) fn brought(&self) -> &Brought {
        &self.brought
    }

    /// A message comes: what the one before brought is told.
    pub(super) fn message(&mut self) {
        self.brought.is_frame = false;
        self.brought.latency_us.clear();
    }

    pub(super) fn first_frame(&self) -> Option<Offset> {
        self.first_frame
    }

    pub(super) fn last_frame(&self) -> Option<Offset> {
        self.last_frame
    }

    pub(super) fn turn_us(&self) -> &[u64] {
        &self.turn_us
    }

    pub(super) fn barge_ins(&self) -> u32 {
        self.barge_ins
    }

    pub(super) fn barge_in_us(&self) -> &[u64] {
        &self.barge_in_us
    }

    pub(super) fn quality(&mut self) -> &mut Quality {
        &mut self.quality
    }

    /// The caller broke off, and a turn began.
    pub(super) fn barged_in(&mut self, turn: &Spoken) {
        self.barge_ins += 1;
        self.barge_in = Some(BargeIn { at: turn.begin, first: turn.first, last_old: turn.begin });
    }

    /// A message came; these turns have begun so far.
    pub(super) fn hear(&mut self, now: Offset, heard: &Heard, turns: &[Spoken]) {
        if self.begun != turns.len() {
            self.begun = turns.len();
            (self.sound, self.picture) = (None, None);
        }
        let audio_us = heard.samples.len() as u64 * 1_000_000 / u64::from(self.rate_hz);
        self.waiting_us = self.waiting_us.saturating_add(audio_us);
        if heard.is_frame {
            self.brought.is_frame = true;
            self.first_frame = self.first_frame.or(Some(now));
            self.last_frame = Some(now);
            self.quality.frame(now, std::mem::take(&mut self.waiting_us));
        }
        self.voice(now, heard);
        for found in self.finder.push(&heard.samples) {
            self.piece(now, found.number, turns);
        }
        self.without_numbers(now, turns);
        self.mouth(now, heard);
        self.is_voiced &= !heard.end_speech;
    }

    fn voice(&mut self, now: Offset, heard: &Heard) {
        let is_loud = level(&heard.samples) >= VOICED_LEVEL;
        let goes_on = heard.samples.is_empty() && self.is_voiced;
        let is_voiced = heard.start_speech || is_loud || goes_on;
        if is_voiced && !self.is_voiced {
            (self.voice_began, self.sound) = (Some(now), Some(now));
        }
        self.is_voiced = is_voiced;
    }

    /// A piece came back.
    fn piece(&mut self, now: Offset, number: u32, turns: &[Spoken]) {
        let Some(place) = turns.partition_point(|turn| turn.first <= number).checked_sub(1) else {
            return;
        };
        let Some(spoken) = turns.get(place) else { return };
        let Some(intended) = spoken.piece_at(number) else { return };
        // What comes twice is late once.
        if self.newest.is_none_or(|newest| number > newest) {
            self.newest = Some(number);
            let us = micros_since(now, intended);
            self.quality.latency(now, us);
            self.brought.latency_us.push(us);
        }
        if let Some(barge_in) = &mut self.barge_in {
            if number < barge_in.first {
                barge_in.last_old = now;
            } else {
                let us = micros_since(barge_in.last_old, barge_in.at);
                keep(&mut self.barge_in_us, us);
                self.barge_in = None;
            }
        }
        // A voice that began with the turn's first piece began before that piece was whole.
        let began = self.voice_began.take().filter(|began| *began >= spoken.begin);
        if place >= self.answered {
            self.answered = place + 1;
            keep(&mut self.turn_us, micros_since(began.unwrap_or(now), spoken.begin));
        }
    }

    /// A backend that does not give back what it hears answers with any voice.
    fn without_numbers(&mut self, now: Offset, turns: &[Spoken]) {
        let begins = self.newest.is_none() && self.voice_began == Some(now);
        if let Some(spoken) = turns.last().filter(|_| begins && turns.len() > self.answered) {
            self.answered = turns.len();
            keep(&mut self.turn_us, micros_since(now, spoken.begin));
        }
    }

    fn mouth(&mut self, now: Offset, heard: &Heard) {
        if let Some(is_open) = heard.mouth_open {
            if is_open && !self.mouth_open {
                self.picture = Some(now);
            }
            self.mouth_open = is_open;
        }
        if let (Some(sound), Some(picture)) = (self.sound, self.picture) {
            self.quality.av(now, picture.since(sound) as f64 / 1e3);
            (self.sound, self.picture) = (None, None);
        }
    }
}

/// The first of them are kept.
fn keep(list: &mut Vec<u64>, us: u64) {
    if list.len() < TURNS_MAX {
        list.push(us);
    }
}

/// From one time to a later one, in µs; 0 where it is not later.
fn micros_since(later: Offset, earlier: Offset) -> u64 {
    u64::try_from(later.since(earlier)).unwrap_or(0)
}
