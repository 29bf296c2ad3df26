//! A least-squares line through points that come one by one.

/// The centred sums of a line y = a + b·x: O(1) memory, and as exact late as early, since each
/// point moves the means instead of growing raw squares.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Line {
    count: u64,
    mean_x: f64,
    mean_y: f64,
    /// Σ(x − x̄)².
    sum_xx: f64,
    /// Σ(y − ȳ)².
    sum_yy: f64,
    /// Σ(x − x̄)(y − ȳ).
    sum_xy: f64,
}

impl Line {
    /// Adds a point; one that is not finite is left out, as it would spoil all others.
    pub(crate) fn add(&mut self, x: f64, y: f64) {
        if !(x.is_finite() && y.is_finite()) {
            return;
        }
        self.count += 1;
        let count = self.count as f64;
        let (before_x, before_y) = (x - self.mean_x, y - self.mean_y);
        self.mean_x += before_x / count;
        self.mean_y += before_y / count;
        let (after_x, after_y) = (x - self.mean_x, y - self.mean_y);
        self.sum_xx += before_x * after_x;
        self.sum_yy += before_y * after_y;
        self.sum_xy += before_x * after_y;
    }

    /// How many points.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The mean of y; none without points.
    pub(crate) fn mean_y(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean_y)
    }

    /// The slope b; none unless two points have different x.
    pub(crate) fn slope(&self) -> Option<f64> {
        (self.sum_xx > 0.0).then(|| self.sum_xy / self.sum_xx)
    }

    /// The standard error of the slope, √(Σr² ÷ (n − 2) ÷ Σ(x − x̄)²); none below three points.
    pub(crate) fn slope_error(&self) -> Option<f64> {
        let degrees = self.count.checked_sub(2).filter(|degrees| *degrees > 0)?;
        // Of an exact line nothing is left, and rounding may make that a little less than nothing.
        let left = (self.sum_yy - self.slope()? * self.sum_xy).max(0.0);
        Some((left / degrees as f64 / self.sum_xx).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(points: &[(f64, f64)]) -> Line {
        let mut line = Line::default();
        points.iter().for_each(|&(x, y)| line.add(x, y));
        line
    }

    #[test]
    fn the_sums_are_those_by_hand() {
        // x̄ = 1.5, ȳ = 3; Σ(x − x̄)² = 2.25 + 0.25 + 0.25 + 2.25 = 5;
        // Σ(x − x̄)(y − ȳ) = 3 + 0 − 0.5 + 4.5 = 7, so b = 1.4;
        // Σ(y − ȳ)² = 4 + 0 + 1 + 9 = 14, Σr² = 14 − 1.4·7 = 4.2; √(4.2 ÷ 2 ÷ 5) = √0.42.
        let line = line(&[(0.0, 1.0), (1.0, 3.0), (2.0, 2.0), (3.0, 6.0)]);
        assert_eq!((line.count(), line.mean_y()), (4, Some(3.0)));
        assert!((line.slope().unwrap() - 1.4).abs() < 1e-12);
        assert!((line.slope_error().unwrap() - 0.42_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn too_few_points_have_no_line() {
        assert_eq!((line(&[]).mean_y(), line(&[]).slope()), (None, None));
        let upright = line(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]);
        assert_eq!((upright.slope(), upright.slope_error()), (None, None));
        let two = line(&[(0.0, 1.0), (1.0, 3.0), (f64::NAN, 9.0), (9.0, f64::INFINITY)]);
        assert_eq!((two.count(), two.slope(), two.slope_error()), (2, Some(2.0), None));
    }

    proptest! {
        #[test]
        fn an_exact_line_is_found_wherever_it_lies(
            slope in -100.0..100.0_f64,
            from in -1e4..1e4_f64,
            count in 3_u32..200,
        ) {
            let mut line = Line::default();
            for n in 0..count {
                line.add(from + f64::from(n), slope * f64::from(n));
            }
            prop_assert!((line.slope().unwrap() - slope).abs() < 1e-6);
            prop_assert!(line.slope_error().unwrap() < 1e-3);
        }
    }
}
