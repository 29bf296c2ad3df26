//! How many frames came, and how evenly.

use hulk_record::Offset;

use super::gaps::{Gaps, nominal_gap_us};

const SECOND_US: u64 = 1_000_000;

/// Frames in time. Rates go by the frames after the first over the time from the first to the
/// last; when the session ends later than one nominal gap after the last, over the time to there.
#[derive(Debug, Clone, PartialEq)]
pub struct Rate {
    nominal_fps: f64,
    gaps: Gaps,
    frames: u64,
    elapsed_us: u64,
    /// The whole second since the first frame that is under way, and its frames.
    second: u64,
    in_second: u32,
    second_min: Option<u32>,
    /// Welford's mean and sum of squares of the gaps.
    gap_mean_ms: f64,
    gap_squares_ms2: f64,
}

impl Rate {
    /// No frames yet, of a stream of so many frames a second; below 0 counts as 0.
    pub fn new(nominal_fps: f64) -> Self {
        Self {
            nominal_fps: nominal_fps.max(0.0),
            gaps: Gaps::default(),
            frames: 0,
            elapsed_us: 0,
            second: 0,
            in_second: 0,
            second_min: None,
            gap_mean_ms: 0.0,
            gap_squares_ms2: 0.0,
        }
    }

    /// A frame came.
    pub fn frame(&mut self, at: Offset) {
        if let Some(gap_us) = self.gaps.next_us(at) {
            // The frames so far are as many as the gaps with this one.
            let gap_ms = gap_us as f64 / 1e3;
            let before_ms = gap_ms - self.gap_mean_ms;
            self.gap_mean_ms += before_ms / self.frames as f64;
            self.gap_squares_ms2 += before_ms * (gap_ms - self.gap_mean_ms);
            self.elapsed_us += gap_us;
            self.roll(self.elapsed_us);
        }
        self.frames += 1;
        self.in_second += 1;
    }

    /// The session ends, and no frame comes after.
    pub fn finish(&mut self, at: Offset) {
        let Some(open_us) = self.gaps.close_us(at) else { return };
        self.roll(self.elapsed_us + open_us);
        // The last frame has a time of its own, in which no other is due.
        let own_us = nominal_gap_us(self.nominal_fps).round() as u64;
        self.elapsed_us += open_us.saturating_sub(own_us);
    }

    /// How many frames.
    pub fn count(&self) -> u64 {
        self.frames
    }

    /// Frames a second; none before any time has passed.
    pub fn fps(&self) -> Option<f64> {
        (self.elapsed_us > 0).then(|| self.after_first() * 1e6 / self.elapsed_us as f64)
    }

    /// The fewest frames in a whole second, counted from the first frame; none before one is over.
    /// With frames that come unevenly it may be one less than the rate at no one's fault.
    pub fn fps_min_second(&self) -> Option<u32> {
        self.second_min
    }

    /// Frames that should have come and did not, max(0, nominal · T − rendered); late ones that
    /// came are none.
    pub fn drops(&self) -> u64 {
        let due = self.nominal_fps * self.elapsed_us as f64 / 1e6;
        (due - self.after_first()).max(0.0).round() as u64
    }

    /// The sample variance of the gaps between frames, in ms²; none below two gaps.
    pub fn gap_variance_ms2(&self) -> Option<f64> {
        let degrees = self.frames.checked_sub(2).filter(|degrees| *degrees > 0)?;
        Some(self.gap_squares_ms2 / degrees as f64)
    }

    /// Closes the whole seconds that are over.
    fn roll(&mut self, elapsed_us: u64) {
        let second = elapsed_us / SECOND_US;
        if second == self.second {
            return;
        }
        // A second that was skipped had no frame.
        let fewest = if second > self.second + 1 { 0 } else { self.in_second };
        self.second_min = Some(self.second_min.map_or(fewest, |min| min.min(fewest)));
        self.second = second;
        self.in_second = 0;
    }

    fn after_first(&self) -> f64 {
        self.frames.saturating_sub(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `frames` frames, one every `gap_ms`, from 3 s on.
    fn every(gap_ms: i64, frames: i64) -> Rate {
        let mut rate = Rate::new(25.0);
        (0..frames).for_each(|n| rate.frame(Offset((3_000 + n * gap_ms) * 1_000)));
        rate
    }

    #[test]
    fn a_steady_stream_has_its_nominal_rate() {
        // 50 frames in 2 s: 49 after the first in 2 s − 40 ms.
        let mut rate = every(40, 50);
        assert_eq!((rate.fps(), rate.fps_min_second()), (Some(25.0), Some(25)));
        rate.finish(Offset::from_s(5.0));
        assert_eq!((rate.count(), rate.fps(), rate.drops()), (50, Some(25.0), 0));
        assert_eq!((rate.fps_min_second(), rate.gap_variance_ms2()), (Some(25), Some(0.0)));
    }

    #[test]
    fn what_did_not_come_is_dropped() {
        // 10 s of 8 fps: 80 after the first, where 250 were due.
        let slow = every(125, 81);
        assert_eq!((slow.fps(), slow.drops(), slow.fps_min_second()), (Some(8.0), 170, Some(8)));
        // 25 frames, then 1.04 s of nothing: 24 after the first in 1.96 s, where 49 were due.
        let mut cut = every(40, 25);
        cut.finish(Offset::from_s(5.0));
        assert_eq!((cut.fps(), cut.drops()), (Some(24e6 / 1_960_000.0), 25));
        assert_eq!(cut.fps_min_second(), Some(0));
        // 12 frames at once for those that were late: nothing was dropped.
        let mut late = every(40, 25);
        (0..12).for_each(|_| late.frame(Offset(3_000_000 + 36 * 40_000)));
        assert_eq!((late.fps(), late.drops()), (Some(25.0), 0));
    }

    #[test]
    fn the_variance_is_that_of_the_gaps() {
        // 40, 40 and 100 ms: the mean is 60, (400 + 400 + 1600) ÷ 2.
        let mut rate = every(40, 3);
        rate.frame(Offset(3_180_000));
        assert_eq!(rate.gap_variance_ms2(), Some(1_200.0));
        assert_eq!(every(40, 2).gap_variance_ms2(), None);
    }

    #[test]
    fn without_frames_there_is_no_rate() {
        let mut rate = Rate::new(25.0);
        rate.finish(Offset::from_s(5.0));
        assert_eq!((rate.count(), rate.fps(), rate.drops()), (0, None, 0));
        assert_eq!((every(40, 1).fps(), every(40, 1).fps_min_second()), (None, None));
    }
}
