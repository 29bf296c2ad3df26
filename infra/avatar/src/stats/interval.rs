//! 95 % intervals.

use hulk_record::Interval;

/// The normal distribution's two-sided 95 % point.
const Z_95: f64 = 1.959_963_984_540_054;

/// Student's two-sided 95 % points for 1 to 28 degrees of freedom.
const T_95: [f64; 28] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048,
];

/// How many standard errors 95 % reach to either side: Student's for few degrees of freedom, the
/// normal distribution's from 29 on; none without a degree of freedom.
pub(crate) fn t_95(degrees: u64) -> Option<f64> {
    let index = usize::try_from(degrees.checked_sub(1)?).unwrap_or(usize::MAX);
    Some(T_95.get(index).copied().unwrap_or(Z_95))
}

/// Wilson's 95 % interval of a share: `good` of `all`; none of nothing. It has a width even where
/// all or none are good.
pub fn wilson(good: u64, all: u64) -> Option<Interval> {
    if all == 0 {
        return None;
    }
    let n = all as f64;
    let share = good.min(all) as f64 / n;
    let z2 = Z_95 * Z_95;
    let middle = share + z2 / (2.0 * n);
    let half = Z_95 * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    Some(Interval {
        low: ((middle - half) / scale).max(0.0),
        high: ((middle + half) / scale).min(1.0),
    })
}

/// The 95 % interval of Σ served ÷ Σ attempted over pairs (served, attempted) of one unit, one a
/// session. A session is the unit of chance: its seconds stand or fall together, so the variance
/// is the linearised one of a ratio, n ÷ (n − 1) · Σ(served − R·attempted)² ÷ (Σ attempted)².
///
/// Pairs that attempted nothing or are not finite are left out; below two there is no interval.
/// Where all sessions were served alike it has no width: [`wilson`] of whole sessions has one.
pub fn ratio_interval(sessions: &[(f64, f64)]) -> Option<Interval> {
    let usable = |(served, attempted): &(f64, f64)| {
        served.is_finite() && attempted.is_finite() && *attempted > 0.0
    };
    let pairs = || sessions.iter().copied().filter(usable);
    let count = pairs().count() as u64;
    let reach = t_95(count.checked_sub(1)?)?;
    let served: f64 = pairs().map(|(served, _)| served).sum();
    let attempted: f64 = pairs().map(|(_, attempted)| attempted).sum();
    let ratio = served / attempted;
    let squares: f64 = pairs().map(|(served, tried)| (served - ratio * tried).powi(2)).sum();
    let n = count as f64;
    let error = (n / (n - 1.0) * squares).sqrt() / attempted;
    Some(Interval {
        low: (ratio - reach * error).clamp(0.0, 1.0),
        high: (ratio + reach * error).clamp(0.0, 1.0),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(found: f64, known: f64) -> bool {
        (found - known).abs() < 1e-5
    }

    #[test]
    fn wilson_of_8_in_10() {
        // z² = 3.841459; middle 0.8 + 0.192073 = 0.992073; scale 1.384146;
        // half 1.959964·√(0.016 + 0.009604) = 0.313616; (0.992073 ∓ 0.313616) ÷ 1.384146.
        let interval = wilson(8, 10).unwrap();
        assert!(near(interval.low, 0.490_162) && near(interval.high, 0.943_318), "{interval:?}");
    }

    #[test]
    fn all_or_none_leave_room_for_doubt() {
        assert_eq!(wilson(0, 0), None);
        // With a share of 0 the upper end is z² ÷ (n + z²) = 3.841459 ÷ 13.841459.
        let none = wilson(0, 10).unwrap();
        assert!(near(none.low, 0.0) && near(none.high, 0.277_533), "{none:?}");
        let all = wilson(10, 10).unwrap();
        assert!(near(all.low, 1.0 - 0.277_533) && near(all.high, 1.0), "{all:?}");
    }

    #[test]
    fn a_ratio_s_interval_is_by_sessions() {
        // R = 150 ÷ 180; the rests are 10, 10 and −20: 600 in squares; √(3 ÷ 2 · 600) ÷ 180 =
        // 30 ÷ 180; with 2 degrees of freedom 4.303 · 0.166667 = 0.717167 to either side.
        let interval = ratio_interval(&[(60.0, 60.0), (60.0, 60.0), (30.0, 60.0)]).unwrap();
        assert!(near(interval.low, 0.116_167), "{interval:?}");
        assert_eq!(interval.high, 1.0);
        // R = 1 ÷ 2; the rests are ±1, each 15 times: 30 in squares; √(30 ÷ 29 · 30) ÷ 300;
        // 29 degrees of freedom are normal: 1.959964 · 0.018570 = 0.036396.
        let sessions: Vec<(f64, f64)> = (0..30).map(|n| (f64::from(4 + n % 2 * 2), 10.0)).collect();
        let interval = ratio_interval(&sessions).unwrap();
        assert!((interval.low - 0.463_604).abs() < 1e-5, "{interval:?}");
        assert!((interval.high - 0.536_396).abs() < 1e-5, "{interval:?}");
    }

    #[test]
    fn one_session_tells_no_spread() {
        assert_eq!(ratio_interval(&[]), None);
        assert_eq!(ratio_interval(&[(3.0, 4.0)]), None);
        assert_eq!(ratio_interval(&[(3.0, 4.0), (0.0, 0.0), (f64::NAN, 1.0)]), None);
    }

    #[test]
    fn student_s_points_end_where_the_normal_one_begins() {
        assert_eq!(t_95(0), None);
        assert_eq!([t_95(1), t_95(2), t_95(28)], [Some(12.706), Some(4.303), Some(2.048)]);
        assert_eq!([t_95(29), t_95(u64::MAX)], [Some(Z_95); 2]);
    }

    proptest! {
        #[test]
        fn a_share_lies_within_its_interval(all in 1_u64..10_000, part in 0.0..=1.0_f64) {
            let good = (all as f64 * part) as u64;
            let share = good as f64 / all as f64;
            let Interval { low, high } = wilson(good, all).unwrap();
            prop_assert!(0.0 <= low && low <= share + 1e-12, "{low} {share}");
            prop_assert!(share - 1e-12 <= high && high <= 1.0, "{share} {high}");
        }
    }
}
