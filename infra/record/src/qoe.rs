//! What the viewers of a stream felt, as counts that add up.

use serde::{Deserialize, Serialize};

/// The playback of an interval, counted when it happened or, of what lasts, when it was noticed.
/// Times are in µs of **match time**, the player's own; only the time to the first frame is a
/// series of samples, in wall time ([`crate::Measure::FirstFrame`]).
///
/// A player that starts ends in one of four ways: `started`, `failed_starts`,
/// `left_before_start`, `cut_before_start`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct QoeCounts {
    /// Players that showed a first frame: the first segment was complete.
    pub started: u64,
    /// Players that gave up before that.
    pub failed_starts: u64,
    /// Viewers who left before that.
    pub left_before_start: u64,
    /// Viewers who still waited for it when the run took them out.
    pub cut_before_start: u64,
    /// Players that gave up, before the first frame or later.
    pub gave_up: u64,
    /// Segments that were shown and were gone before they were loaded.
    pub segments_skipped: u64,
    /// Interruptions of playback that a viewer notices.
    pub stalls: u64,
    /// How long they lasted, those that a viewer ended by leaving included.
    pub stalled_us: u64,
    /// Interruptions too short to be told from jitter.
    pub short_stalls: u64,
    /// How long those lasted: in neither `stalled_us` nor `watched_us`.
    pub short_stalled_us: u64,
    /// Time in which the video played.
    pub watched_us: u64,
    /// Time between a player's giving up and the viewer's starting it again, or leaving.
    pub down_us: u64,
    /// Of `watched_us`: with a rendition whose bitrate the master playlist told.
    pub rated_us: u64,
    /// What was watched in that time, in bits by that bitrate.
    pub rated_bits: u64,
    /// Viewers from t = 0 on who watched at all: each once a run.
    pub viewers_watched: u64,
    /// Of them: who met a stall. Each once a run.
    pub viewers_stalled: u64,
}

impl QoeCounts {
    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        self.started += other.started;
        self.failed_starts += other.failed_starts;
        self.left_before_start += other.left_before_start;
        self.cut_before_start += other.cut_before_start;
        self.gave_up += other.gave_up;
        self.segments_skipped += other.segments_skipped;
        self.stalls += other.stalls;
        self.stalled_us += other.stalled_us;
        self.short_stalls += other.short_stalls;
        self.short_stalled_us += other.short_stalled_us;
        self.watched_us += other.watched_us;
        self.down_us += other.down_us;
        self.rated_us += other.rated_us;
        self.rated_bits += other.rated_bits;
        self.viewers_watched += other.viewers_watched;
        self.viewers_stalled += other.viewers_stalled;
    }

    /// Players that were started and came to an end of their start that was not the run's.
    pub fn starts(&self) -> u64 {
        self.started + self.failed_starts + self.left_before_start
    }

    /// Time in which a viewer who wanted to watch saw a still picture, or no player at all.
    pub fn lost_us(&self) -> u64 {
        self.stalled_us + self.down_us
    }

    /// Lost ÷ (lost + watched); none where nothing was watched. Time without a player is in it: a
    /// player that gives up soon would hide an outage otherwise.
    pub fn stall_ratio(&self) -> Option<f64> {
        let all = self.lost_us() + self.watched_us;
        (all > 0).then(|| self.lost_us() as f64 / all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each field a number of its own.
    fn counts(factor: u64) -> QoeCounts {
        let mut bytes = Vec::new();
        (1..=16).for_each(|field| bytes.extend(crate::encode(&(field * factor)).unwrap()));
        crate::decode(&bytes).unwrap()
    }

    #[test]
    fn every_count_adds_up() {
        let mut sum = counts(1);
        sum.add(&counts(1000));
        assert_eq!(sum, counts(1001));
    }

    #[test]
    fn nothing_watched_has_no_ratio() {
        assert_eq!(QoeCounts::default().stall_ratio(), None);
        let counts = QoeCounts { stalled_us: 1, watched_us: 3, ..QoeCounts::default() };
        assert_eq!(counts.stall_ratio(), Some(0.25));
        let counts = QoeCounts { down_us: 2, ..counts };
        assert_eq!(counts.stall_ratio(), Some(0.5));
    }
}
