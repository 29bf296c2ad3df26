//! The player's audio buffer: when the listener hears nothing although something should come.

use hulk_record::Offset;
use serde::{Deserialize, Serialize};

/// How a player buffers audio. The default is that of a common browser player.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayoutRule {
    /// How often it plays, and how much each time; 0 counts as 1.
    pub tick_ms: u32,
    /// What it holds at most; beyond, the oldest is dropped.
    pub max_ms: u32,
    /// It begins to play once it holds so much.
    pub start_ms: u32,
    /// It plays silence while it holds less; 0 counts as 1.
    pub floor_ms: u32,
    /// What it would like to hold. It tells how close to the cap one sails; nothing depends on it.
    pub target_ms: u32,
    /// Falling below this is a low-water event.
    pub low_water_ms: u32,
}

impl Default for PlayoutRule {
    fn default() -> Self {
        Self {
            tick_ms: 40,
            max_ms: 240,
            start_ms: 128,
            floor_ms: 40,
            target_ms: 160,
            low_water_ms: 48,
        }
    }
}

/// A player's buffer in time. Its ticks begin one tick after the first audio. It waits for
/// `start_ms` once: after an underrun it plays on as soon as the level is back at `floor_ms`.
#[derive(Debug, Clone, PartialEq)]
pub struct Playout {
    rule: PlayoutRule,
    /// The next tick; none before the first audio and after the end.
    next: Option<Offset>,
    playing: bool,
    /// Whether the last tick was an underrun.
    silent: bool,
    ended: bool,
    level_us: u64,
    dropped_us: u64,
    underrun_ticks: u64,
    underrun_events: u64,
    low_water_events: u64,
}

impl Playout {
    /// An empty buffer.
    pub fn new(rule: PlayoutRule) -> Self {
        Self {
            rule,
            next: None,
            playing: false,
            silent: false,
            ended: false,
            level_us: 0,
            dropped_us: 0,
            underrun_ticks: 0,
            underrun_events: 0,
            low_water_events: 0,
        }
    }

    /// Audio of `us` came, in order of time. What is due up to and at `at` is played first: audio
    /// that comes with a tick is late for it.
    pub fn audio(&mut self, at: Offset, us: u64) {
        self.advance(at);
        if self.ended || us == 0 {
            return;
        }
        self.next = self.next.or(Some(at.plus(self.tick_us())));
        let (level_us, max_us) = (self.level_us.saturating_add(us), micros(self.rule.max_ms));
        self.dropped_us = self.dropped_us.saturating_add(level_us.saturating_sub(max_us));
        self.level_us = level_us.min(max_us);
    }

    /// Plays every tick that is due by `now`.
    pub fn advance(&mut self, now: Offset) {
        while let Some(tick) = self.next.filter(|tick| *tick <= now) {
            self.playing |= self.level_us >= micros(self.rule.start_ms);
            let ticks = if self.playing && self.level_us >= micros(self.rule.floor_ms.max(1)) {
                self.play();
                1
            } else {
                // No audio comes before `now`, so every tick until then is as this one.
                let ticks = now.since(tick) / self.tick_us() + 1;
                self.stay_silent(ticks);
                ticks
            };
            let further_us = ticks.saturating_mul(self.tick_us());
            self.next = tick.0.checked_add(further_us).map(Offset);
        }
    }

    /// The session's speech is over: plays what is due by `at`, and nothing counts from then on.
    pub fn end(&mut self, at: Offset) {
        self.advance(at);
        self.next = None;
        self.ended = true;
    }

    /// What the buffer holds, in µs.
    pub fn level_us(&self) -> u64 {
        self.level_us
    }

    /// Audio that was dropped at the cap, in µs.
    pub fn dropped_us(&self) -> u64 {
        self.dropped_us
    }

    /// Ticks that played silence, since playing began.
    pub fn underrun_ticks(&self) -> u64 {
        self.underrun_ticks
    }

    /// Maximal runs of such ticks.
    pub fn underrun_events(&self) -> u64 {
        self.underrun_events
    }

    /// The silence of all such ticks, in µs.
    pub fn underrun_us(&self) -> u64 {
        self.underrun_ticks.saturating_mul(self.tick_us().unsigned_abs())
    }

    /// How often the level fell below the low-water mark.
    pub fn low_water_events(&self) -> u64 {
        self.low_water_events
    }

    fn play(&mut self) {
        let low_us = micros(self.rule.low_water_ms);
        let before_us = self.level_us;
        self.level_us = before_us.saturating_sub(self.tick_us().unsigned_abs());
        if before_us >= low_us && self.level_us < low_us {
            self.low_water_events += 1;
        }
        self.silent = false;
    }

    fn stay_silent(&mut self, ticks: i64) {
        // Before it began to play it waits, which is no underrun.
        if !self.playing {
            return;
        }
        if !self.silent {
            self.underrun_events += 1;
        }
        self.silent = true;
        self.underrun_ticks += ticks.unsigned_abs();
    }

    fn tick_us(&self) -> i64 {
        i64::from(self.rule.tick_ms.max(1)) * 1_000
    }
}

fn micros(ms: u32) -> u64 {
    u64::from(ms) * 1_000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PIECE_US: u64 = 40_000;

    fn at(ms: i64) -> Offset {
        Offset(ms * 1_000)
    }

    /// A piece of 40 ms every 40 ms, from 0 to `to_ms`.
    fn steady(to_ms: i64) -> Playout {
        let mut playout = Playout::new(PlayoutRule::default());
        (0..=to_ms / 40).for_each(|n| playout.audio(at(n * 40), PIECE_US));
        playout
    }

    fn underruns(playout: &Playout) -> (u64, u64, u64) {
        (playout.underrun_ticks(), playout.underrun_events(), playout.underrun_us())
    }

    #[test]
    fn steady_audio_starts_at_128_ms_and_never_runs_out() {
        // The level is 40, 80 and 120 after the pieces at 0, 40 and 80: none of it is played.
        assert_eq!(steady(80).level_us(), 120_000);
        // At 120 the tick comes first and finds 120 < 128; at 160 it finds 160 and plays 40.
        assert_eq!((steady(120).level_us(), steady(160).level_us()), (160_000, 160_000));
        let long = steady(60_000);
        assert_eq!((underruns(&long), long.low_water_events()), ((0, 0, 0), 0));
        assert_eq!((long.level_us(), long.dropped_us()), (160_000, 0));
    }

    #[test]
    fn thirty_six_ticks_are_one_outage_of_1440_ms() {
        // The last piece at 1000 leaves 160: the ticks at 1040 to 1160 play it. The next piece
        // comes at 2600, too late for the tick then: silent are 1200, 1240, … 2600, which are
        // (2600 − 1200) ÷ 40 + 1 = 36. From 2640 on each tick finds the piece before it.
        let mut playout = steady(1_000);
        (65..=100).for_each(|n| playout.audio(at(n * 40), PIECE_US));
        assert_eq!(underruns(&playout), (36, 1, 1_440_000));
        // Below 48 it fell at 1120, from 80 to 40, and it was never above since.
        assert_eq!((playout.low_water_events(), playout.level_us()), (1, 40_000));
    }

    #[test]
    fn each_hole_is_an_event_of_its_own() {
        // Every piece from 1000 on is missing, but for one at 1210: it is played at 1240.
        let mut playout = steady(960);
        playout.audio(at(1_210), PIECE_US);
        playout.advance(at(1_320));
        // 160 after 960 lasts to the tick at 1120; silent are 1160, 1200 | 1280, 1320.
        assert_eq!(underruns(&playout), (4, 2, 160_000));
    }

    #[test]
    fn the_cap_drops_what_is_too_much() {
        let mut playout = Playout::new(PlayoutRule::default());
        playout.audio(at(0), 300_000);
        assert_eq!((playout.level_us(), playout.dropped_us()), (240_000, 60_000));
        // The ticks at 40, 80 and 120 leave 120 of it; 48 is passed at 200, from 80 to 40.
        playout.advance(at(120));
        assert_eq!((playout.level_us(), playout.low_water_events()), (120_000, 0));
        playout.advance(at(200));
        assert_eq!((playout.level_us(), playout.low_water_events()), (40_000, 1));
    }

    #[test]
    fn before_the_start_and_after_the_end_nothing_counts() {
        let mut playout = Playout::new(PlayoutRule::default());
        playout.advance(at(60_000));
        playout.audio(at(60_000), 120_000);
        playout.advance(at(120_000));
        assert_eq!((underruns(&playout), playout.level_us()), ((0, 0, 0), 120_000));
        // 160 at 120 000 are played at 120 040 to 120 160; one silent tick at 120 200.
        playout.audio(at(120_000), PIECE_US);
        playout.end(at(120_200));
        playout.audio(at(130_000), PIECE_US);
        playout.advance(at(140_000));
        assert_eq!((underruns(&playout), playout.level_us()), ((1, 1, 40_000), 0));
    }

    #[test]
    fn no_rule_and_no_time_is_too_odd() {
        let zero = PlayoutRule { tick_ms: 0, start_ms: 0, floor_ms: 0, ..PlayoutRule::default() };
        let mut playout = Playout::new(zero);
        playout.audio(Offset(i64::MIN), u64::MAX);
        playout.advance(Offset(i64::MAX));
        playout.audio(Offset(i64::MAX), PIECE_US);
        playout.end(Offset(i64::MAX));
        assert_eq!(playout.dropped_us(), u64::MAX - 240_000);
        assert_eq!(playout.underrun_events(), 1);
    }

    proptest! {
        #[test]
        fn looking_in_between_changes_nothing(
            parts in prop::collection::vec((0_i64..300_000, 0_u64..100_000), 0..60),
        ) {
            let mut often = Playout::new(PlayoutRule::default());
            let mut seldom = often.clone();
            let mut now = Offset(0);
            for (gap_us, us) in parts {
                (1..4).for_each(|step| often.advance(now.plus(gap_us * step / 4)));
                now = now.plus(gap_us);
                often.audio(now, us);
                seldom.audio(now, us);
                prop_assert_eq!(&often, &seldom);
                prop_assert!(seldom.level_us() <= 240_000);
                prop_assert!(seldom.underrun_events() <= seldom.underrun_ticks());
            }
        }
    }
}
