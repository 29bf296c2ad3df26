//! A recorded or assumed audience: the days of a match.

use serde::{Deserialize, Serialize};

use crate::{Audience, Ball, Commentary, Curve, Grade, Response, ViewLength};

/// Something that happens in the match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Its name, unique in its day: `dhoni-out`.
    pub name: String,
    /// Minute of the day's broadcast.
    pub minute: f64,
    /// How far `minute` can be trusted.
    pub grade: Grade,
    /// What happens, in words; may be empty.
    pub note: String,
    /// How viewers answer it.
    pub response: Option<Response>,
    /// How far the weakest number of `response` can be trusted; none without a response.
    pub response_grade: Option<Grade>,
    /// What the commentary says of it; where there is none, its name.
    pub ball: Option<Ball>,
}

impl Moment {
    /// A moment of our own making, every number of grade M.
    pub fn assumed(name: impl Into<String>, minute: f64, response: Option<Response>) -> Self {
        Self {
            name: name.into(),
            minute,
            grade: Grade::M,
            note: String::new(),
            response,
            response_grade: response.map(|_| Grade::M),
            ball: None,
        }
    }
}

/// One day of broadcast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Day {
    /// Its name, unique in its model: `day-2`.
    pub name: String,
    /// How far the minutes of the points can be trusted.
    pub minutes_grade: Grade,
    /// Viewers over the minutes.
    pub curve: Curve,
    /// What happens, in the order of the minutes.
    pub moments: Vec<Moment>,
}

impl Day {
    /// The moment of that name.
    pub fn moment(&self, name: &str) -> Option<&Moment> {
        self.moments.iter().find(|moment| moment.name == name)
    }
}

/// An audience over the days of a match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Its name: `ind-vs-nz-2019`.
    pub name: String,
    /// What it shows, in a sentence.
    pub about: String,
    /// How long people watch.
    pub view_length: ViewLength,
    /// Who plays, for those who follow the commentary.
    pub commentary: Commentary,
    /// At least one day.
    pub days: Vec<Day>,
}

impl Model {
    /// The day of that name.
    pub fn day(&self, name: &str) -> Option<&Day> {
        self.days.iter().find(|day| day.name == name)
    }

    /// The audience of the whole of a day: `scale` people for each of the model's viewers.
    ///
    /// Narrow `from_min` and `to_min` for a window of it.
    pub fn audience(&self, day: &str, scale: f64, seed: u64) -> Option<Audience> {
        let day = self.day(day)?;
        Some(Audience {
            from_min: day.curve.from_min(),
            to_min: day.curve.until_min,
            curve: day.curve.clone(),
            moments: day.moments.clone(),
            view_length: self.view_length,
            commentary: self.commentary.clone(),
            scale,
            seed,
            executor: None,
        })
    }
}
