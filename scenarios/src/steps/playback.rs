//! What a player shows of what it has loaded, and what its viewer feels of it.
//!
//! ```text
//! chosen ── waits ──▶ first segment ── plays ──▶ dry ── stalls ──▶ next segment ── plays ──▶
//!   │                                                                              gave up
//!   └──────── failed, left, or cut off by the run's end          down ◀── until started again
//! ```

use hulk_record::{MatchTime, Outcome, QoeCounts};

/// From so many µs on an interruption is a stall, on both clocks: what hls.js reports as one
/// (`STALL_MINIMUM_DURATION_MS`, grade A) is 250 ms of the player's own time; and 250 ms of wall
/// time, which match time stretches by v, is more than the jitter of a machine that is valid.
const STALL_MIN_US: f64 = 250_000.0;

/// The shortest interruption that counts as a stall at this speed, in µs of match time.
pub(crate) fn stall_min_us(speed: f64) -> i64 {
    (STALL_MIN_US * speed.max(1.0)).round() as i64
}

/// A player's start that came to its end: when it began, and how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Started {
    pub(crate) since: MatchTime,
    pub(crate) outcome: Outcome,
}

/// Who ends the playback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaves {
    /// The viewer.
    Viewer,
    /// The run, which is over or pauses.
    Run,
}

/// The clock of a player. Nothing in it waits: it is told what happened, and when.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Playback {
    /// The viewer chose the stream then, or starts the player again.
    chosen: MatchTime,
    /// The player gave up, and the time since then is told up to here.
    down: Option<MatchTime>,
    play: Option<Play>,
    /// By the master playlist; none before there is one.
    bits_per_s: Option<f64>,
    stall_min_us: i64,
}

#[derive(Debug, Clone, Copy)]
struct Play {
    /// When all that is loaded has been played.
    dry: MatchTime,
    /// What happened is told up to here.
    told: MatchTime,
    /// Whether the interruption that goes on has been told as a stall.
    stalls: bool,
}

impl Playback {
    /// A player that starts at `chosen`.
    pub(crate) fn new(chosen: MatchTime, stall_min_us: i64) -> Self {
        Self { chosen, stall_min_us, ..Self::default() }
    }

    /// The rendition is known.
    pub(crate) fn rated(&mut self, kbps: f64) {
        self.bits_per_s = Some(kbps * 1e3);
    }

    /// When a buffer of `buffer_us` has room for `length_us` more; none before the first frame.
    pub(crate) fn room_at(&self, length_us: i64, buffer_us: i64) -> Option<MatchTime> {
        self.play.map(|play| play.dry.plus(length_us).plus(-buffer_us))
    }

    /// Time has come to `now`: tells what has passed.
    pub(crate) fn tell(&mut self, now: MatchTime, qoe: &mut QoeCounts) {
        if let Some(since) = self.down {
            let until = now.min(self.chosen).max(since);
            qoe.down_us += until.since(since) as u64;
            self.down = (until < self.chosen).then_some(until);
        }
        let Some(play) = &mut self.play else { return };
        let played_us = now.min(play.dry).since(play.told);
        if played_us > 0 {
            play.told = play.told.plus(played_us);
            qoe.watched_us += played_us as u64;
            if let Some(bits_per_s) = self.bits_per_s {
                qoe.rated_us += played_us as u64;
                qoe.rated_bits += (bits_per_s * played_us as f64 / 1e6).round() as u64;
            }
        }
        let dry_us = now.since(play.dry);
        if dry_us > 0 && (play.stalls || dry_us >= self.stall_min_us) {
            qoe.stalls += u64::from(!play.stalls);
            qoe.stalled_us += now.since(play.told).max(0) as u64;
            play.stalls = true;
            play.told = play.told.max(now);
        }
    }

    /// A segment is complete. The first one ends the start.
    pub(crate) fn loaded(
        &mut self,
        now: MatchTime,
        length_us: i64,
        qoe: &mut QoeCounts,
    ) -> Option<Started> {
        self.tell(now, qoe);
        let is_first = self.play.is_none();
        let play = self.play.get_or_insert(Play { dry: now, told: now, stalls: false });
        interrupted(play, now, qoe);
        // It plays from here on: later by as long as it stood still.
        play.dry = play.dry.max(now);
        play.told = play.told.max(play.dry.min(now));
        play.stalls = false;
        play.dry = play.dry.plus(length_us.max(0));
        qoe.started += u64::from(is_first);
        is_first.then_some(Started { since: self.chosen, outcome: Outcome::Ok })
    }

    /// The player gives up; the viewer starts it again at `again`. What was loaded is lost.
    pub(crate) fn gave_up(
        &mut self,
        now: MatchTime,
        again: MatchTime,
        qoe: &mut QoeCounts,
    ) -> Option<Started> {
        let played = self.end(now, qoe);
        let started = Started { since: self.chosen, outcome: Outcome::Abandoned };
        qoe.gave_up += 1;
        qoe.failed_starts += u64::from(!played);
        *self = Self { down: Some(now), ..Self::new(again, self.stall_min_us) };
        (!played).then_some(started)
    }

    /// The playback ends: who was still waiting for the first frame never saw it.
    pub(crate) fn leave(
        &mut self,
        now: MatchTime,
        who: Leaves,
        qoe: &mut QoeCounts,
    ) -> Option<Started> {
        let played = self.end(now, qoe);
        if played || now < self.chosen {
            return None;
        }
        match who {
            Leaves::Viewer => qoe.left_before_start += 1,
            Leaves::Run => qoe.cut_before_start += 1,
        }
        let left = Started { since: self.chosen, outcome: Outcome::Abandoned };
        (who == Leaves::Viewer).then_some(left)
    }

    /// Tells the last of it; whether there was a first frame.
    fn end(&mut self, now: MatchTime, qoe: &mut QoeCounts) -> bool {
        self.tell(now, qoe);
        let Some(play) = self.play.take() else { return false };
        interrupted(&play, now, qoe);
        true
    }
}

/// An interruption that ends at `now` and was not told as a stall.
fn interrupted(play: &Play, now: MatchTime, qoe: &mut QoeCounts) {
    let dry_us = now.since(play.dry);
    if dry_us > 0 && !play.stalls {
        qoe.short_stalls += 1;
        qoe.short_stalled_us += dry_us as u64;
    }
}

#[cfg(test)]
#[path = "playback/tests.rs"]
mod tests;
