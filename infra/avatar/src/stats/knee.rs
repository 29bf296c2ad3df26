//! How many sessions at a time a backend carries.

use std::collections::BTreeMap;

use hulk_record::Interval;
use serde::{Deserialize, Serialize};

use super::wilson;

/// How many frames a GPU makes at most in one go.
const BATCH: f64 = 8.0;

/// What came of one number of sessions at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Sessions at a time.
    pub sessions: u32,
    /// Sessions that met every objective.
    pub good: u64,
    /// Sessions attempted, the refused and the lost among them.
    pub attempted: u64,
}

/// The largest number of sessions at a time that reaches the attainment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Knee {
    /// Sessions at a time.
    pub sessions: u32,
    /// Good of attempted, 0 to 1.
    pub share: f64,
    /// The share's 95 % interval.
    pub interval: Interval,
    /// The next larger number tried, which fell short; none if nothing tried did: the knee may
    /// then lie higher.
    pub next_worse: Option<u32>,
}

/// The largest number of sessions at a time that, like every smaller one tried, reaches
/// `attainment` (0 to 1) of good sessions; none if the smallest falls short. A luckier larger
/// number after one that fell short does not count. Levels may come in any order; those of one
/// number count together, and those that attempted nothing say nothing.
pub fn knee(levels: &[Level], attainment: f64) -> Option<Knee> {
    let mut tried: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for level in levels.iter().filter(|level| level.attempted > 0) {
        let (good, attempted) = tried.entry(level.sessions).or_default();
        *good += level.good.min(level.attempted);
        *attempted += level.attempted;
    }
    let mut best: Option<Knee> = None;
    for (sessions, (good, attempted)) in tried {
        let share = good as f64 / attempted as f64;
        if share < attainment {
            return best.map(|knee| Knee { next_worse: Some(sessions), ..knee });
        }
        let interval = wilson(good, attempted)?;
        best = Some(Knee { sessions, share, interval, next_worse: None });
    }
    best
}

/// How many streams of `fps` frames a second a GPU keeps up with, when it makes 8 frames in
/// `t8_ms`; 0 where either is not above 0.
pub fn expected_streams(t8_ms: f64, fps: f64) -> u32 {
    let busy_ms = t8_ms * fps;
    if t8_ms > 0.0 && busy_ms > 0.0 { (BATCH * 1e3 / busy_ms) as u32 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(sessions: u32, good: u64, attempted: u64) -> Level {
        Level { sessions, good, attempted }
    }

    #[test]
    fn the_knee_is_before_the_first_that_falls_short() {
        let levels = [(14, 99), (4, 100), (13, 10), (12, 95)];
        let levels = levels.map(|(sessions, good)| level(sessions, good, 100));
        let found = knee(&levels, 0.95).unwrap();
        assert_eq!((found.sessions, found.share, found.next_worse), (12, 0.95, Some(13)));
        assert_eq!(Some(found.interval), wilson(95, 100));
        assert_eq!(knee(&levels, 0.96).unwrap().sessions, 4);
    }

    #[test]
    fn without_a_level_that_falls_short_the_knee_is_open() {
        let found = knee(&[level(1, 10, 10), level(2, 10, 10), level(3, 0, 0)], 0.9).unwrap();
        assert_eq!((found.sessions, found.next_worse), (2, None));
        assert_eq!(knee(&[level(1, 8, 10), level(2, 10, 10)], 0.9), None);
        assert_eq!(knee(&[], 0.9), None);
    }

    #[test]
    fn runs_of_one_number_count_together() {
        // 9 + 10 of 20 are 95 %: either run alone would say otherwise.
        let levels = [level(5, 9, 10), level(5, 10, 10)];
        assert_eq!(knee(&levels, 0.95).unwrap().share, 0.95);
        assert_eq!(knee(&levels, 0.96), None);
    }

    #[test]
    fn streams_follow_from_the_time_of_a_batch() {
        // 8 ÷ 0.025 s ÷ 25 = 12.8; 8 ÷ 0.062 s ÷ 25 = 5.16; 8 ÷ 0.032 s ÷ 25 = 10.
        assert_eq!([25.0, 62.0, 32.0].map(|t8_ms| expected_streams(t8_ms, 25.0)), [12, 5, 10]);
        assert_eq!([expected_streams(0.0, 25.0), expected_streams(25.0, 0.0)], [0, 0]);
        assert_eq!(expected_streams(-25.0, -25.0), 0);
    }
}
