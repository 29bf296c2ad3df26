//! How much of the time the picture stood still, also where it only crawls.

use hulk_record::Offset;

use super::gaps::Gaps;

/// Up to here a gap is no stall, in µs: two frames at 25 fps.
const GAP_US: u64 = 80_000;

/// The stall ratio Σ max(0, gap − 80 ms) ÷ T, T from the first frame to the last or the end. A
/// steady 8 fps, which never freezes, stalls for 36 %.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stalls {
    gaps: Gaps,
    watched_us: u64,
    stalled_us: u64,
}

impl Stalls {
    /// A frame came.
    pub fn frame(&mut self, at: Offset) {
        let gap_us = self.gaps.next_us(at);
        self.add(gap_us);
    }

    /// The session ends, and with it the gap since the last frame.
    pub fn finish(&mut self, at: Offset) {
        let gap_us = self.gaps.close_us(at);
        self.add(gap_us);
    }

    /// From the first frame to the last or the end, in µs.
    pub fn watched_us(&self) -> u64 {
        self.watched_us
    }

    /// The stalled part of it, in µs.
    pub fn stalled_us(&self) -> u64 {
        self.stalled_us
    }

    /// The stalled share of it, 0 to 1; none before any time has passed.
    pub fn ratio(&self) -> Option<f64> {
        (self.watched_us > 0).then(|| self.stalled_us as f64 / self.watched_us as f64)
    }

    fn add(&mut self, gap_us: Option<u64>) {
        let gap_us = gap_us.unwrap_or(0);
        self.watched_us += gap_us;
        self.stalled_us += gap_us.saturating_sub(GAP_US);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every(gap_us: i64) -> Stalls {
        let mut stalls = Stalls::default();
        (0..=100).for_each(|n| stalls.frame(Offset(n * gap_us)));
        stalls
    }

    #[test]
    fn only_what_is_beyond_80_ms_is_stalled() {
        assert_eq!((every(40_000).ratio(), every(80_000).ratio()), (Some(0.0), Some(0.0)));
        // 125 ms: 45 ÷ 125.
        let slow = every(125_000);
        assert_eq!((slow.watched_us(), slow.stalled_us()), (12_500_000, 4_500_000));
        assert_eq!(slow.ratio(), Some(0.36));
        assert_eq!(Stalls::default().ratio(), None);
    }

    #[test]
    fn the_open_gap_counts_once() {
        // 4 s of frames and 1 s of nothing: (1000 − 80) ÷ 5000.
        let mut stalls = every(40_000);
        stalls.finish(Offset::from_s(5.0));
        stalls.finish(Offset::from_s(9.0));
        assert_eq!((stalls.watched_us(), stalls.ratio()), (5_000_000, Some(0.184)));
    }
}
