//! How many people watch, over the minutes of a day.

use serde::{Deserialize, Serialize};

/// How far a number can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Grade {
    /// Primary source: slides of a talk, an official blog.
    A,
    /// Second-hand account of a primary source.
    B,
    /// Weak or conflicting.
    C,
    /// Arithmetic on other figures.
    D,
    /// Our modelling assumption.
    M,
}

impl Grade {
    /// Every grade with its letter, the most trusted first.
    pub const ALL: [(&'static str, Self); 5] =
        [("A", Self::A), ("B", Self::B), ("C", Self::C), ("D", Self::D), ("M", Self::M)];
}

/// An exponential way from a point toward a floor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Decay {
    /// Match seconds in which the distance to the floor shrinks to 1/e, above 0.
    pub tau_s: f64,
    /// Viewers that remain in the end.
    pub floor: f64,
    /// How far this shape can be trusted.
    pub grade: Grade,
}

/// A known number of viewers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Minute of the day's broadcast.
    pub minute: f64,
    /// Viewers at that minute, 0 or more.
    pub viewers: f64,
    /// How far `viewers` can be trusted.
    pub grade: Grade,
    /// Where the number comes from, in words; empty only for grade M.
    pub source: String,
    /// How the curve goes on from here; a straight line to the next point where absent.
    pub decay: Option<Decay>,
}

/// Viewers over the minutes of a day: points, joined by lines or exponential decays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// At least one, with rising minutes.
    pub points: Vec<Point>,
    /// The minute at which the day ends, not before the last point.
    pub until_min: f64,
}

impl Curve {
    /// The minute of the first point; 0 for a curve without points.
    pub fn from_min(&self) -> f64 {
        self.points.first().map_or(0.0, |point| point.minute)
    }

    /// Viewers at a minute of the day, in closed form; the nearest end's outside of the day.
    pub fn viewers_at(&self, minute: f64) -> f64 {
        let minute = minute.min(self.until_min);
        let next = self.segment_at(minute);
        let Some(from) = next.checked_sub(1).and_then(|index| self.points.get(index)) else {
            return self.points.first().map_or(0.0, |point| point.viewers);
        };
        match (&from.decay, self.points.get(next)) {
            (Some(decay), _) => {
                let passed_s = (minute - from.minute) * 60.0;
                decay.floor + (from.viewers - decay.floor) * libm::exp(-passed_s / decay.tau_s)
            }
            (None, Some(to)) => {
                let share = (minute - from.minute) / (to.minute - from.minute);
                from.viewers + (to.viewers - from.viewers) * share
            }
            (None, None) => from.viewers,
        }
    }

    /// The most viewers in a window of minutes, both ends included.
    pub fn viewers_max(&self, from_min: f64, to_min: f64) -> f64 {
        // Between two points the curve only rises or only falls: its extremes are points or ends.
        let inside = self.points.iter().filter(|p| (from_min..=to_min).contains(&p.minute));
        let ends = self.viewers_at(from_min).max(self.viewers_at(to_min));
        inside.map(|point| point.viewers).fold(ends, f64::max)
    }

    /// Which stretch between points a minute is in: the number of points up to it.
    pub(crate) fn segment_at(&self, minute: f64) -> usize {
        self.points.partition_point(|point| point.minute <= minute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(minute: f64, viewers: f64) -> Point {
        Point { minute, viewers, grade: Grade::M, source: String::new(), decay: None }
    }

    #[test]
    fn lines_and_decays_are_in_closed_form_and_the_ends_hold() {
        let mut points = vec![point(10.0, 100.0), point(20.0, 300.0)];
        points[1].decay = Some(Decay { tau_s: 120.0, floor: 50.0, grade: Grade::M });
        let curve = Curve { points, until_min: 24.0 };
        assert_eq!(curve.viewers_at(-5.0), 100.0);
        assert_eq!(curve.viewers_at(10.0), 100.0);
        assert_eq!(curve.viewers_at(12.5), 150.0);
        assert_eq!(curve.viewers_at(20.0), 300.0);
        assert!((curve.viewers_at(22.0) - (50.0 + 250.0 / std::f64::consts::E)).abs() < 1e-9);
        assert_eq!(curve.viewers_at(99.0), curve.viewers_at(24.0));
        assert_eq!(curve.viewers_max(10.0, 24.0), 300.0);
        assert_eq!(curve.viewers_max(10.0, 12.5), 150.0);
        assert_eq!(Curve { points: Vec::new(), until_min: 0.0 }.viewers_at(1.0), 0.0);
    }
}
