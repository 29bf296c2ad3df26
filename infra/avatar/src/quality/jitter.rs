//! Interarrival jitter.

use hulk_record::Offset;

use super::gaps::{Gaps, nominal_gap_us};

/// The weight of a new deviation in the mean (RFC 3550, 6.4.1).
const GAIN: f64 = 1.0 / 16.0;

/// The jitter of RFC 3550, J += (|D| − J) ÷ 16. Frames carry no time of sending, so D is the gap
/// between arrivals less the nominal gap: a frame that was never made shows as one that was late.
#[derive(Debug, Clone, PartialEq)]
pub struct Jitter {
    nominal_us: f64,
    gaps: Gaps,
    jitter_us: f64,
}

impl Jitter {
    /// Nothing came yet, of a stream of so many frames a second.
    pub fn new(nominal_fps: f64) -> Self {
        let nominal_us = nominal_gap_us(nominal_fps);
        Self { nominal_us, gaps: Gaps::default(), jitter_us: 0.0 }
    }

    /// A frame came.
    pub fn frame(&mut self, at: Offset) {
        if let Some(gap_us) = self.gaps.next_us(at) {
            let deviation_us = (gap_us as f64 - self.nominal_us).abs();
            self.jitter_us += (deviation_us - self.jitter_us) * GAIN;
        }
    }

    /// The jitter in µs, 0 before the second frame.
    pub fn jitter_us(&self) -> f64 {
        self.jitter_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sixteenth_of_each_deviation_is_taken_over() {
        let mut jitter = Jitter::new(25.0);
        let mut found = Vec::new();
        // Gaps of 40, 56 and 24 ms: D is 0, 16 and −16 ms.
        for at_ms in [100, 140, 196, 220] {
            jitter.frame(Offset(at_ms * 1_000));
            found.push(jitter.jitter_us());
        }
        // 0, then 16 ÷ 16 = 1 ms, then 1 + (16 − 1) ÷ 16 = 1.9375 ms.
        assert_eq!(found, [0.0, 0.0, 1_000.0, 1_937.5]);
    }
}
