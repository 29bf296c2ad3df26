//! Freezes and pauses of the picture, by the W3C's rule for WebRTC statistics.

use std::collections::VecDeque;

use hulk_record::Offset;

use super::gaps::Gaps;

/// Over how many gaps the mean goes.
const GAPS_MAX: usize = 30;
/// How far above the mean a gap is a freeze at any rate, in µs.
const ABOVE_MEAN_US: u128 = 150_000;
/// A gap longer than this is a pause, in µs.
const PAUSE_US: u64 = 5_000_000;

/// A gap is a freeze from max(3 · mean, mean + 150 ms) on, 190 ms at a steady 25 fps; the mean is
/// of the 30 gaps before it, or of those known while there are fewer. The first gap has no mean
/// and is no freeze. A freeze counts with its whole gap, and raises the mean like any other gap.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Freezes {
    gaps: Gaps,
    known_us: VecDeque<u64>,
    sum_us: u128,
    count: u32,
    total_us: u64,
    pauses: u32,
}

impl Freezes {
    /// A frame came.
    pub fn frame(&mut self, at: Offset) {
        let Some(gap_us) = self.gaps.next_us(at) else { return };
        self.judge(gap_us);
        self.known_us.push_back(gap_us);
        self.sum_us += u128::from(gap_us);
        if self.known_us.len() > GAPS_MAX {
            self.sum_us -= u128::from(self.known_us.pop_front().unwrap_or(0));
        }
    }

    /// The session ends: the gap since the last frame is judged as if a frame ended it here.
    pub fn finish(&mut self, at: Offset) {
        if let Some(gap_us) = self.gaps.close_us(at) {
            self.judge(gap_us);
        }
    }

    /// How many freezes.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// How long they were together, in µs.
    pub fn total_us(&self) -> u64 {
        self.total_us
    }

    /// How many gaps were longer than 5 s, whether freezes or not.
    pub fn pauses(&self) -> u32 {
        self.pauses
    }

    fn judge(&mut self, gap_us: u64) {
        if self.is_freeze(gap_us) {
            self.count += 1;
            self.total_us += gap_us;
        }
        if gap_us > PAUSE_US {
            self.pauses += 1;
        }
    }

    /// The rule, multiplied by the number of gaps so that it is exact.
    fn is_freeze(&self, gap_us: u64) -> bool {
        let known = self.known_us.len() as u128;
        let from_us = (3 * self.sum_us).max(self.sum_us + ABOVE_MEAN_US * known);
        known > 0 && u128::from(gap_us) * known >= from_us
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Frames with these gaps in ms.
    fn shown(gaps_ms: &[i64]) -> (Freezes, Offset) {
        let (mut freezes, mut at) = (Freezes::default(), Offset(7));
        freezes.frame(at);
        for gap_ms in gaps_ms {
            at = at.plus(gap_ms * 1_000);
            freezes.frame(at);
        }
        (freezes, at)
    }

    fn found(freezes: &Freezes) -> (u32, u64, u32) {
        (freezes.count(), freezes.total_us(), freezes.pauses())
    }

    #[test]
    fn at_a_steady_25_fps_190_ms_are_a_freeze() {
        // The mean is 40: max(120, 190).
        let (steady, at) = shown(&[40; 40]);
        let (mut below, mut there) = (steady.clone(), steady);
        below.frame(at.plus(189_999));
        there.frame(at.plus(190_000));
        assert_eq!((found(&below), found(&there)), ((0, 0, 0), (1, 190_000, 0)));
    }

    #[test]
    fn at_a_slow_rate_three_means_are_a_freeze() {
        // The mean is 100: max(300, 250).
        let (slow, _) = shown(&[[100_i64; 30].as_slice(), &[299]].concat());
        assert_eq!(slow.count(), 0);
        let (slow, _) = shown(&[[100_i64; 30].as_slice(), &[300]].concat());
        assert_eq!((slow.count(), slow.total_us()), (1, 300_000));
        // A steady 8 fps never freezes.
        assert_eq!(shown(&[125; 100]).0.count(), 0);
    }

    #[test]
    fn the_mean_is_of_what_is_known() {
        // Of nothing first, then of one gap: max(120, 190).
        assert_eq!(found(&shown(&[6_000]).0), (0, 0, 1));
        assert_eq!(found(&shown(&[40, 190]).0), (1, 190_000, 0));
        // A freeze of 5 s enters it: (29 · 40 + 5000) ÷ 30 = 205.3, so that 600 ms are none…
        let long = [[40_i64; 30].as_slice(), &[5_000, 600]].concat();
        assert_eq!(found(&shown(&long).0), (1, 5_000_000, 0));
        // … and leaves it after 30 gaps.
        let later = [[5_000_i64].as_slice(), &[40; 30], &[190]].concat();
        assert_eq!(found(&shown(&later).0), (1, 190_000, 0));
    }

    #[test]
    fn a_gap_that_is_open_at_the_end_counts() {
        let (steady, at) = shown(&[40; 30]);
        let (mut soon, mut late) = (steady.clone(), steady);
        soon.finish(at.plus(100_000));
        late.finish(at.plus(5_000_001));
        late.finish(at.plus(9_000_000));
        assert_eq!((found(&soon), found(&late)), ((0, 0, 0), (1, 5_000_001, 1)));
    }

    proptest! {
        #[test]
        fn freezes_are_part_of_the_time_and_memory_stays(
            gaps_ms in prop::collection::vec(0_i64..8_000, 0..200),
        ) {
            let (freezes, _) = shown(&gaps_ms);
            let long_ms: i64 = gaps_ms.iter().filter(|ms| **ms >= 150).sum();
            prop_assert!(freezes.total_us() <= long_ms.unsigned_abs() * 1_000);
            prop_assert!(freezes.known_us.len() <= GAPS_MAX);
            let known_us: u64 = freezes.known_us.iter().sum();
            prop_assert_eq!(u128::from(known_us), freezes.sum_us);
        }
    }
}
