//! Whether latency grows: the backlog that a mean over a short run hides.

use hulk_record::{Interval, Offset, Slope};

use crate::stats::{Line, t_95};

/// Samples in time whose slope is asked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trend {
    line: Line,
}

impl Trend {
    /// A sample; one that is not finite is left out.
    pub fn sample(&mut self, at: Offset, value_ms: f64) {
        self.line.add(at.as_s(), value_ms);
    }

    /// The slope; none below three samples or when all are of one time.
    pub fn slope(&self) -> Option<Slope> {
        let (ms_per_s, error_ms_per_s) = (self.line.slope()?, self.line.slope_error()?);
        let samples = self.line.count();
        let reach = t_95(samples.checked_sub(2)?)? * error_ms_per_s;
        let interval_ms_per_s = Interval { low: ms_per_s - reach, high: ms_per_s + reach };
        Some(Slope { ms_per_s, error_ms_per_s, interval_ms_per_s, samples })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slope(values_ms: impl IntoIterator<Item = f64>) -> Option<Slope> {
        let mut trend = Trend::default();
        for (n, value_ms) in values_ms.into_iter().enumerate() {
            trend.sample(Offset(n as i64 * 1_000_000), value_ms);
        }
        trend.slope()
    }

    #[test]
    fn four_samples_have_the_slope_by_hand() {
        // b = 7 ÷ 5; Σr² = 14 − 1.4·7 = 4.2; the error is √(4.2 ÷ 2 ÷ 5) = 0.648074; with 2
        // degrees of freedom 4.303 · 0.648074 = 2.788663 to either side.
        let found = slope([1.0, 3.0, 2.0, 6.0]).unwrap();
        assert!((found.ms_per_s - 1.4).abs() < 1e-9);
        assert!((found.error_ms_per_s - 0.648_074).abs() < 1e-6);
        assert!((found.interval_ms_per_s.low + 1.388_663).abs() < 1e-5);
        assert!((found.interval_ms_per_s.high - 4.188_663).abs() < 1e-5);
        assert_eq!(found.samples, 4);
        assert!(!found.is_growing(0.0) && found.is_growing(-1.4));
    }

    #[test]
    fn a_backlog_grows_and_noise_does_not() {
        // The noise of ±10 ms leaves an error of about 10 ÷ √(60 · 3599 ÷ 12) = 0.075.
        let noise = |n: u32| if n.is_multiple_of(2) { 10.0 } else { -10.0 };
        let backlog = slope((0..60).map(|n| 35.0 * f64::from(n) + noise(n))).unwrap();
        assert!(backlog.is_growing(34.0) && !backlog.is_growing(35.0), "{backlog:?}");
        let flat = slope((0..60).map(noise)).unwrap();
        assert!(!flat.is_growing(0.0) && flat.interval_ms_per_s.high > 0.0, "{flat:?}");
    }

    #[test]
    fn below_three_samples_nothing_is_known() {
        assert_eq!(slope([1.0, 2.0]), None);
        assert!(slope([1.0, 2.0, 3.0]).is_some_and(|slope| slope.is_growing(0.9)));
    }
}
