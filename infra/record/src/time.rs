//! The two times of a rehearsal.

use serde::{Deserialize, Serialize};

/// Wall time on the controller's clock, in µs since the run's start; negative in the lead-in.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Offset(pub i64);

/// Match time, in µs since the start of the rehearsed window; negative in the lead-in.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct MatchTime(pub i64);

macro_rules! micros {
    ($name:ident) => {
        impl $name {
            /// From seconds, rounded to the µs.
            pub fn from_s(seconds: f64) -> Self {
                Self((seconds * 1e6).round() as i64)
            }

            /// In seconds.
            pub fn as_s(self) -> f64 {
                self.0 as f64 / 1e6
            }

            /// Later by `micros`.
            #[must_use]
            pub fn plus(self, micros: i64) -> Self {
                Self(self.0.saturating_add(micros))
            }

            /// Later by `seconds`, rounded to the µs.
            #[must_use]
            pub fn plus_s(self, seconds: f64) -> Self {
                self.plus(Self::from_s(seconds).0)
            }

            /// From `earlier` to here, in µs.
            pub fn since(self, earlier: Self) -> i64 {
                self.0.saturating_sub(earlier.0)
            }
        }
    };
}
micros!(Offset);
micros!(MatchTime);

/// How match time runs: `speed` match seconds a wall second, both zero together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Clock {
    /// Match seconds per wall second, above 0.
    pub speed: f64,
}

impl Clock {
    /// When, on the wall, a match time is.
    pub fn wall(self, at: MatchTime) -> Offset {
        // Most targets of one's own run at 1, and this is asked several times a request.
        if self.speed == 1.0 {
            return Offset(at.0);
        }
        Offset((at.0 as f64 / self.speed).round() as i64)
    }

    /// What match time it is at a wall time.
    pub fn match_time(self, at: Offset) -> MatchTime {
        if self.speed == 1.0 {
            return MatchTime(at.0);
        }
        MatchTime((at.0 as f64 * self.speed).round() as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn match_time_runs_at_the_clock_s_speed() {
        let clock = Clock { speed: 12.0 };
        assert_eq!(clock.wall(MatchTime::from_s(60.0)), Offset::from_s(5.0));
        assert_eq!(clock.match_time(Offset::from_s(-1.0)), MatchTime::from_s(-12.0));
    }
}
