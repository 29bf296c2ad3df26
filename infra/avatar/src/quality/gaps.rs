//! The time between frames.

use hulk_record::Offset;

/// When the last frame came. Times that run backwards make a gap of 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Gaps {
    last: Option<Offset>,
}

impl Gaps {
    /// A frame came: the gap before it in µs, none before the first.
    pub(crate) fn next_us(&mut self, at: Offset) -> Option<u64> {
        let gap_us = self.last.map(|last| at.since(last).max(0).unsigned_abs());
        self.last = Some(self.last.map_or(at, |last| last.max(at)));
        gap_us
    }

    /// No more frames come: the gap that was open since the last one, in µs. It closes once.
    pub(crate) fn close_us(&mut self, at: Offset) -> Option<u64> {
        let last = self.last.take()?;
        Some(at.since(last).max(0).unsigned_abs())
    }
}

/// The gap between frames at a nominal rate, in µs; 0 without a rate.
pub(crate) fn nominal_gap_us(nominal_fps: f64) -> f64 {
    if nominal_fps > 0.0 { 1e6 / nominal_fps } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_between_frames_and_the_last_closes_once() {
        let mut gaps = Gaps::default();
        assert_eq!(gaps.next_us(Offset(1_000)), None);
        assert_eq!(gaps.next_us(Offset(1_400)), Some(400));
        assert_eq!(gaps.next_us(Offset(1_300)), Some(0));
        assert_eq!(gaps.next_us(Offset(1_500)), Some(100));
        assert_eq!((gaps.close_us(Offset(1_700)), gaps.close_us(Offset(1_800))), (Some(200), None));
    }

    #[test]
    fn a_nominal_gap_is_a_frame_s_share_of_a_second() {
        assert_eq!([25.0, 0.0, f64::NAN].map(nominal_gap_us), [40_000.0, 0.0, 0.0]);
    }
}
