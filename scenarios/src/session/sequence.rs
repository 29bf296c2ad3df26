//! A viewer's place in a sequence of steps.

use hulk_record::MatchTime;

use super::memory::Memory;
use crate::Placed;
use crate::steps::{Does, Flags, SequenceStep};

/// Who goes through a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// Somebody who comes.
    Newcomer,
    /// Somebody who watches already when the window starts.
    Resumer,
    /// Somebody who comes back.
    Returner,
}

/// A place in a sequence.
#[derive(Debug, Clone)]
pub(super) struct Cursor {
    who: Who,
    pub(super) place: usize,
    /// Repetitions of the step so far.
    pub(super) repetition: u32,
    /// When the next request is due.
    pub(super) due: MatchTime,
    /// Failures of the step in a row.
    pub(super) attempt: u32,
}

/// What comes next in a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reached {
    /// A request.
    Request,
    /// The viewer closes the app then.
    GiveUp(MatchTime),
    /// A step needs data that a feeder does not have.
    Dry { step: usize, feeder: String },
    /// Nothing more.
    End,
}

impl Cursor {
    pub(super) fn new(who: Who, start: MatchTime) -> Self {
        Self { who, place: 0, repetition: 0, due: start, attempt: 0 }
    }

    /// Goes to the next step that this viewer does, from the present place on.
    pub(super) fn enter(
        &mut self,
        steps: &[Placed<SequenceStep>],
        now: MatchTime,
        memory: &Memory,
        flags: Flags,
    ) -> Reached {
        (self.repetition, self.attempt) = (0, 0);
        let skips = |placed: &&Placed<SequenceStep>| {
            let step = &placed.what;
            let not_his = match self.who {
                Who::Newcomer => false,
                Who::Resumer => !step.on_resume,
                Who::Returner => step.once,
            };
            not_his || flags.any(&step.unless) || !memory.is(&placed.when)
        };
        self.place += steps.iter().skip(self.place).take_while(skips).count();
        let Some(placed) = steps.get(self.place) else { return Reached::End };
        if let Some(feeder) = memory.dry(&placed.feeders) {
            return Reached::Dry { step: self.place, feeder: feeder.to_owned() };
        }
        let think = &placed.what.think;
        let think_s =
            think.draw_s(memory.draw("think", (self.place as u64) << 32 | u64::from(memory.visit)));
        self.due = now.plus_s(think_s);
        match placed.what.does {
            Does::Request(_) => Reached::Request,
            Does::GiveUp { .. } => Reached::GiveUp(self.due),
        }
    }

    /// A request was answered as expected: goes on, within the step or to the next.
    pub(super) fn go_on(
        &mut self,
        steps: &[Placed<SequenceStep>],
        now: MatchTime,
        memory: &Memory,
        flags: Flags,
    ) -> Reached {
        self.attempt = 0;
        self.repetition += 1;
        let step = steps.get(self.place).and_then(|placed| placed.what.request());
        if step.is_some_and(|step| self.repetition < step.repeat) {
            self.due = now;
            return Reached::Request;
        }
        self.place += 1;
        self.enter(steps, now, memory, flags)
    }
}
