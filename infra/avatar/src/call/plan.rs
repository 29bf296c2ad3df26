//! What a caller is going to do, drawn before it does anything.

use hulk_record::{Cause, Felt, Offset, Session, SessionEnd, Setup, hash_of, seed_of, unit_of};
use hulk_settings::{Delay, Section};
use serde::{Deserialize, Serialize};

use crate::wire::PIECE_US;

/// The most turns of a call.
const TURNS_MAX: u64 = 1_000;
/// The longest that somebody speaks in a turn, whatever is drawn, in s.
const SPEAK_S_MAX: f64 = 300.0;
/// The longest pause, whatever is drawn, in s.
const PAUSE_S_MAX: f64 = 3_600.0;
/// A barge-in falls into this part of a turn's speech: from a fifth to four fifths.
const BARGE_IN_FROM: f64 = 0.2;
const BARGE_IN_WIDTH: f64 = 0.6;

/// How callers behave; seconds are those of the wall.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallerSettings {
    /// How often a caller speaks.
    pub turns: u32,
    /// How long, each time; at most 300 s.
    pub speak_s: Delay,
    /// How long it then listens; at most an hour.
    pub pause_s: Delay,
    /// The share of turns, but for the last, in whose middle the caller begins anew, 0 to 1.
    pub barge_in_share: f64,
    /// The share of callers that go away without closing, 0 to 1.
    pub vanish_share: f64,
    /// A session is lost when no frame comes for so long.
    pub silence_ms_max: u32,
    /// A session is lost when its first frame does not come for so long.
    pub first_frame_ms_max: u32,
    /// So often a caller calls again whose call broke off.
    pub calls_again: u32,
    /// Each time after so long.
    pub again_after_ms: u32,
}

impl Default for CallerSettings {
    fn default() -> Self {
        Self {
            turns: 3,
            speak_s: Delay::Fixed { s: 4.0 },
            pause_s: Delay::Fixed { s: 4.0 },
            barge_in_share: 0.0,
            vanish_share: 0.0,
            silence_ms_max: 30_000,
            first_frame_ms_max: 10_000,
            calls_again: 0,
            again_after_ms: 1_000,
        }
    }
}

impl CallerSettings {
    /// Reads a table; what is absent is as in the default.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let usual = Self::default();
        let delay = |key: &'static str, s_max: f64, absent: Delay| {
            if section.has(key) { Delay::read_at(section, key, s_max) } else { Some(absent) }
        };
        let limit = |key: &'static str, absent: u32| {
            section.integer_or(key, 100..=600_000, u64::from(absent)).map(|ms| ms as u32)
        };
        let turns = section.integer_or("turns", 1..=TURNS_MAX, u64::from(usual.turns));
        let speak_s = delay("speak_s", SPEAK_S_MAX, usual.speak_s);
        let pause_s = delay("pause_s", PAUSE_S_MAX, usual.pause_s);
        let barge_in_share = section.number_or("barge_in_share", 0.0..=1.0, usual.barge_in_share);
        let vanish_share = section.number_or("vanish_share", 0.0..=1.0, usual.vanish_share);
        let silence_ms_max = limit("silence_ms_max", usual.silence_ms_max);
        let first_frame_ms_max = limit("first_frame_ms_max", usual.first_frame_ms_max);
        let calls_again = section.integer_or("calls_again", 0..=100, usual.calls_again.into());
        let again_after_ms = limit("again_after_ms", usual.again_after_ms);
        Some(Self {
            turns: turns? as u32,
            speak_s: speak_s?,
            pause_s: pause_s?,
            barge_in_share: barge_in_share?,
            vanish_share: vanish_share?,
            silence_ms_max: silence_ms_max?,
            first_frame_ms_max: first_frame_ms_max?,
            calls_again: calls_again? as u32,
            again_after_ms: again_after_ms?,
        })
    }
}

/// The caller speaks, and listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// How long it speaks, in µs; rounded up to whole pieces of 40 ms, at least one.
    pub speak_us: u64,
    /// How long it then listens, in µs.
    pub pause_us: u64,
    /// So long after the turn's begin, in µs, the caller breaks off and begins the next turn. It
    /// means nothing in the last turn, and once the speech is over.
    pub barge_in_after_us: Option<u64>,
}

impl Turn {
    /// Pieces of its speech.
    pub(super) fn pieces(&self) -> u32 {
        u32::try_from(self.speak_us.div_ceil(PIECE_US).max(1)).unwrap_or(u32::MAX)
    }

    /// How long its speech is, in µs.
    pub(super) fn speech_us(&self) -> u64 {
        u64::from(self.pieces()) * PIECE_US
    }
}

/// How a caller leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leave {
    /// With a closing handshake.
    Close,
    /// Its connection just ends.
    Vanish,
}

/// What a caller is going to do once its socket is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallPlan {
    /// One after another; the first begins when the socket opens.
    pub turns: Vec<Turn>,
    /// After the last turn.
    pub leave: Leave,
    /// The session is lost when no frame comes for so long, in µs.
    pub silence_us_max: u64,
    /// The session is lost when its first frame does not come for so long, in µs.
    pub first_frame_us_max: u64,
}

impl CallPlan {
    /// What this caller draws: the same from the same seed, whatever the others draw.
    pub fn draw(settings: &CallerSettings, seed: u64, caller: u32) -> Self {
        let stream = |label: &str| hash_of(seed_of(seed, label), u64::from(caller));
        let (speak, pause) = (stream("avatar-speak"), stream("avatar-pause"));
        let (barge_in, when) = (stream("avatar-barge-in"), stream("avatar-barge-in-when"));
        let turn = |turn: u64| {
            let speak_us = micros(settings.speak_s.draw_s(hash_of(speak, turn)), SPEAK_S_MAX);
            let barges_in = unit_of(hash_of(barge_in, turn)) < settings.barge_in_share;
            let part = BARGE_IN_FROM + BARGE_IN_WIDTH * unit_of(hash_of(when, turn));
            Turn {
                speak_us,
                pause_us: micros(settings.pause_s.draw_s(hash_of(pause, turn)), PAUSE_S_MAX),
                barge_in_after_us: barges_in.then_some((speak_us as f64 * part) as u64),
            }
        };
        let vanishes = unit_of(stream("avatar-vanish")) < settings.vanish_share;
        Self {
            turns: (0..u64::from(settings.turns)).map(turn).collect(),
            leave: if vanishes { Leave::Vanish } else { Leave::Close },
            silence_us_max: u64::from(settings.silence_ms_max) * 1_000,
            first_frame_us_max: u64::from(settings.first_frame_ms_max) * 1_000,
        }
    }

    /// How long the session is meant to last from the open socket on, in µs.
    pub fn wanted_us(&self) -> u64 {
        (0..self.turns.len()).map(|place| self.lasts_us(place)).fold(0, u64::saturating_add)
    }

    /// What is left of it when it breaks off so long after the socket opened: the turns that were not
    /// over, from their begin. None where nothing is left.
    pub fn after(&self, us: u64) -> Option<Self> {
        let mut end_us = 0_u64;
        let over = (0..self.turns.len()).take_while(|place| {
            end_us = end_us.saturating_add(self.lasts_us(*place));
            end_us <= us
        });
        let turns: Vec<Turn> = self.turns.iter().skip(over.count()).copied().collect();
        (!turns.is_empty()).then(|| Self { turns, ..self.clone() })
    }

    /// The record of a session that was refused, so that no [`super::Call`] came of its plan.
    pub fn refused(&self, caller: u32, intended_at: Offset, setup: Setup, cause: Cause) -> Session {
        Session {
            caller,
            intended_at,
            wanted_us: self.wanted_us(),
            end: SessionEnd::Refused(cause),
            setup,
            setup_us: None,
            first_frame_us: None,
            turn_us: Vec::new(),
            barge_ins: 0,
            barge_in_us: Vec::new(),
            served_us: 0,
            lag_us_max: 0,
            felt: Felt::default(),
            attempt: 0,
        }
    }

    /// After how long a turn is broken off by the next one, where it is.
    pub(super) fn cut_us(&self, place: usize) -> Option<u64> {
        let turn = self.turns.get(place)?;
        let cut_us = turn.barge_in_after_us?.max(1);
        (cut_us < turn.speech_us() && place + 1 < self.turns.len()).then_some(cut_us)
    }

    /// From a turn's begin to that of the next, in µs.
    pub(super) fn lasts_us(&self, place: usize) -> u64 {
        let whole_us = |turn: &Turn| turn.speech_us().saturating_add(turn.pause_us);
        let whole_us = self.turns.get(place).map_or(0, whole_us);
        self.cut_us(place).unwrap_or(whole_us)
    }
}

fn micros(s: f64, s_max: f64) -> u64 {
    Offset::from_s(s.clamp(0.0, s_max)).0.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use hulk_settings::{Problems, Source, read};
    use proptest::prelude::*;

    use super::*;

    fn settings(text: &str) -> Result<CallerSettings, Problems> {
        read(&Source::new("c.toml", text), CallerSettings::read)
    }

    fn mixed() -> CallerSettings {
        CallerSettings {
            turns: 20,
            speak_s: Delay::Exponential { mean_s: 3.0 },
            barge_in_share: 0.3,
            vanish_share: 0.1,
            ..CallerSettings::default()
        }
    }

    #[test]
    fn settings_are_read_over_the_default() {
        assert_eq!(settings("").unwrap(), CallerSettings::default());
        let text = "turns = 20\nspeak_s = { exponential = { mean_s = 3 } }\nbarge_in_share = 0.3\n\
                    vanish_share = 0.1\npause_s = 4\nsilence_ms_max = 30_000\n\
                    first_frame_ms_max = 10_000\n";
        assert_eq!(settings(text).unwrap(), mixed());
    }

    #[test]
    fn golden_every_problem_is_shown_at_once() {
        let text = "turns = 0\nspeak_s = 301\npause_s = { fix = { s = 1 } }\nbarge_in_share = 2\n\
                    silence_ms_max = 5\nvanish = 1\n";
        let problems = settings(text).unwrap_err();
        let shown: Vec<&str> = problems.list.iter().map(|problem| &problem.message[..]).collect();
        assert_eq!(
            shown,
            [
                "`turns` is 0: it must be from 1 to 1000",
                "`speak_s` is 301: it must be from 0 to 300",
                "expected one of `exponential`, `fixed`, `lognormal`, `uniform` here",
                "unknown key `fix` in pause_s",
                "`barge_in_share` is 2: it must be from 0 to 1",
                "`silence_ms_max` is 5: it must be from 100 to 600000",
                "unknown key `vanish` in this file",
            ]
        );
    }

    #[test]
    fn a_plan_lasts_as_long_as_its_turns() {
        let turn =
            |speak_us, pause_us, barge_in_after_us| Turn { speak_us, pause_us, barge_in_after_us };
        let turns = vec![
            turn(90_000, 500_000, None),
            turn(400_000, 1_000_000, Some(150_000)),
            turn(400_000, 1_000_000, Some(400_000)),
            turn(0, 10, Some(0)),
        ];
        let plan = CallPlan { turns, ..CallPlan::draw(&mixed(), 1, 1) };
        // 90 ms are three pieces, 120 ms. The second is cut off at 150 ms; the third has ended when
        // the barge-in would come; the last cannot be cut off, and has one piece.
        let lasts: Vec<u64> = (0..4).map(|place| plan.lasts_us(place)).collect();
        assert_eq!(lasts, [620_000, 150_000, 1_400_000, 40_010]);
        assert_eq!(plan.wanted_us(), 2_210_010);
    }

    #[test]
    fn what_is_left_of_a_call_begins_with_the_turn_that_was_cut_off() {
        let turn = |speak_us| Turn { speak_us, pause_us: 1_000_000, barge_in_after_us: None };
        let turns = vec![turn(1_000_000), turn(2_000_000), turn(3_000_000)];
        let plan = CallPlan { turns, ..CallPlan::draw(&mixed(), 1, 1) };
        // They end after 2, 5 and 9 s.
        let left = |us| plan.after(us).map(|rest| rest.turns.len());
        let found = [0, 1_999_999, 2_000_000, 4_999_999, 8_999_999, 9_000_000].map(left);
        assert_eq!(found, [Some(3), Some(3), Some(2), Some(2), Some(1), None]);
        assert_eq!(plan.after(2_500_000).unwrap().turns, plan.turns[1..]);
    }

    #[test]
    fn shares_and_means_are_those_of_the_settings() {
        let plans: Vec<CallPlan> =
            (0..2_000).map(|caller| CallPlan::draw(&mixed(), 5, caller)).collect();
        let vanish = plans.iter().filter(|plan| plan.leave == Leave::Vanish).count();
        assert!((150..250).contains(&vanish), "{vanish}");
        let turns: Vec<&Turn> = plans.iter().flat_map(|plan| &plan.turns).collect();
        let barge_ins = turns.iter().filter(|turn| turn.barge_in_after_us.is_some()).count();
        assert!((11_000..13_000).contains(&barge_ins), "{barge_ins}");
        let mean_s = turns.iter().map(|turn| turn.speak_us as f64 / 1e6).sum::<f64>() / 40_000.0;
        assert!((mean_s - 3.0).abs() < 0.1, "{mean_s}");
    }

    #[test]
    fn a_refused_caller_leaves_a_record() {
        let plan = CallPlan::draw(&CallerSettings::default(), 1, 1);
        let session = plan.refused(9, Offset(3), Setup::default(), Cause::Capacity);
        assert_eq!((session.caller, session.wanted_us), (9, 24_000_000));
        assert_eq!(session.end, SessionEnd::Refused(Cause::Capacity));
    }

    proptest! {
        #[test]
        fn a_plan_is_the_same_from_the_same_seed_and_stays_bounded(seed: u64, caller: u32) {
            let plan = CallPlan::draw(&mixed(), seed, caller);
            prop_assert_eq!(&plan, &CallPlan::draw(&mixed(), seed, caller));
            prop_assert_eq!(plan.turns.len(), 20);
            for turn in &plan.turns {
                prop_assert!(turn.speak_us <= 300_000_000);
                prop_assert!(turn.barge_in_after_us.is_none_or(|us| us <= turn.speak_us));
            }
        }
    }
}
