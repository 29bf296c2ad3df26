//! The part of an audience that a rehearsal plays.

use hulk_record::{MatchTime, seed_of};
use serde::{Deserialize, Serialize};

use crate::{Commentary, Curve, Executor, Grade, Moment, Point, Response, Then, ViewLength};

/// The longest window that is played, in match seconds: a week, far above any day of a match.
pub(crate) const WINDOW_S_MAX: f64 = 604_800.0;

/// A window of one day of a model, scaled to the people that are rehearsed.
///
/// Match time 0 is `from_min`.
///
/// With an executor there is no day: the window begins at minute 0, nobody is scaled, and the curve
/// has the users that the executor wants, or no point where that depends on the target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Audience {
    /// Viewers over the minutes of the day.
    pub curve: Curve,
    /// What happens in the day, in the order of the minutes.
    pub moments: Vec<Moment>,
    /// How long people watch.
    pub view_length: ViewLength,
    /// Who plays, for those who follow the commentary.
    pub commentary: Commentary,
    /// Start of the window, in minutes of the day.
    pub from_min: f64,
    /// End of the window, in minutes of the day.
    pub to_min: f64,
    /// Rehearsed viewers for each viewer of the curve, above 0.
    pub scale: f64,
    /// The seed of every draw.
    pub seed: u64,
    /// What makes the visits instead of the curve and the view length.
    pub executor: Option<Executor>,
}

impl Audience {
    /// Those whom an executor brings.
    pub fn of(executor: Executor, seed: u64) -> Self {
        let until_min = executor.until().as_s() / 60.0;
        let point = |(at_s, viewers): (f64, f64)| Point {
            minute: at_s / 60.0,
            viewers,
            grade: Grade::M,
            source: String::new(),
            decay: None,
        };
        let points = executor.users().unwrap_or_default().into_iter().map(point).collect();
        Self {
            curve: Curve { points, until_min },
            moments: executor.moment().into_iter().collect(),
            view_length: ViewLength { mu: 0.0, sigma: 0.0, grade: Grade::M },
            commentary: Commentary::default(),
            from_min: 0.0,
            to_min: until_min,
            scale: 1.0,
            seed,
            executor: Some(executor),
        }
    }

    /// What a viewer does after the journeys' start.
    pub fn then(&self) -> Then {
        self.executor.as_ref().map_or(Then::Watch, Executor::then)
    }

    /// Whether it is known beforehand how many must be present.
    pub fn wants_presence(&self) -> bool {
        self.executor.as_ref().is_none_or(|executor| executor.users().is_some())
    }

    /// The window's length, rounded to whole match seconds.
    pub fn length_s(&self) -> u32 {
        ((self.to_min - self.from_min) * 60.0).round().clamp(0.0, WINDOW_S_MAX) as u32
    }

    /// The end of the window.
    pub fn until(&self) -> MatchTime {
        match &self.executor {
            Some(executor) => executor.until(),
            None => MatchTime(i64::from(self.length_s()) * 1_000_000),
        }
    }

    /// The minute of the day at a match time.
    pub fn minute_at(&self, at: MatchTime) -> f64 {
        self.from_min + at.as_s() / 60.0
    }

    /// The match time of a minute of the day; negative before the window.
    pub fn time_of(&self, minute: f64) -> MatchTime {
        MatchTime::from_s((minute - self.from_min) * 60.0)
    }

    /// Viewers of the curve at a match time, scaled and rounded; people brought by pushes come on
    /// top of them, see [`Schedule::wanted_every`](crate::Schedule::wanted_every).
    pub fn wanted(&self, at: MatchTime) -> u32 {
        (self.curve.viewers_at(self.minute_at(at)) * self.scale).round() as u32
    }

    /// The most viewers of the curve at any time of the window, scaled and rounded.
    pub fn wanted_max(&self) -> u32 {
        (self.curve.viewers_max(self.from_min, self.to_min) * self.scale).round() as u32
    }

    /// The moments of the window, both ends included, with their match times.
    pub fn moments_inside(&self) -> impl Iterator<Item = (MatchTime, &Moment)> {
        self.moments
            .iter()
            .filter(|moment| (self.from_min..=self.to_min).contains(&moment.minute))
            .map(|moment| (self.time_of(moment.minute), moment))
    }

    /// The moment of that name.
    pub fn moment(&self, name: &str) -> Option<&Moment> {
        self.moments.iter().find(|moment| moment.name == name)
    }

    /// Has viewers answer the moment of that name so, by an assumption (M). `false` if there is
    /// none.
    pub fn set_response(&mut self, name: &str, response: Response) -> bool {
        let Some(moment) = self.moments.iter_mut().find(|moment| moment.name == name) else {
            return false;
        };
        (moment.response, moment.response_grade) = (Some(response), Some(Grade::M));
        true
    }

    /// Takes away the responses of all moments but those that `keep` accepts.
    pub fn retain_responses(&mut self, keep: impl Fn(&Moment) -> bool) {
        for moment in &mut self.moments {
            if !keep(moment) {
                (moment.response, moment.response_grade) = (None, None);
            }
        }
    }

    /// Adds a moment at its place in time, after others of its minute. `false`, and nothing done,
    /// if its name is taken.
    pub fn add_moment(&mut self, moment: Moment) -> bool {
        if self.moment(&moment.name).is_some() {
            return false;
        }
        let place = self.moments.partition_point(|other| other.minute <= moment.minute);
        self.moments.insert(place, moment);
        true
    }

    /// The moments of the window that viewers answer: index in `moments`, time and response, with
    /// the seed of the response. A seed depends on the moment's name, not on its index: a moment
    /// more changes no other's answers.
    pub(crate) fn responses(&self) -> impl Iterator<Item = (u16, MatchTime, Response, u64)> {
        let seed = seed_of(self.seed, "traffic/response");
        (0..=u16::MAX).zip(&self.moments).filter_map(move |(index, moment)| {
            let inside = (self.from_min..=self.to_min).contains(&moment.minute);
            let response = moment.response.filter(|_| inside)?;
            Some((index, self.time_of(moment.minute), response, seed_of(seed, &moment.name)))
        })
    }
}
