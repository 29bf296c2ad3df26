//! Scheduled pre-scaling: capacity that is laid down before what is known to come, whatever another policy
//! thinks of it by then.

use hulk_record::MatchTime;
use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::bounds::step;
use super::memory::Memory;
use super::{Observation, Policy, Rule};

/// The rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scheduled {
    /// What is known to come.
    pub ahead: Vec<Ahead>,
    /// What scales beside it: the larger number counts.
    pub otherwise: Box<Policy>,
}

/// So many instances at least, around a time that is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ahead {
    /// The time that is known.
    pub known: Known,
    /// So long before it they are ordered, in match seconds.
    pub before_s: f64,
    /// So long after it they may go, in match seconds.
    pub after_s: f64,
    /// How many.
    pub min_instances: u32,
    /// From when to when, once the rehearsal's day is known.
    pub span: Option<(MatchTime, MatchTime)>,
}

/// A time that is known before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// A match minute.
    Minute(f64),
    /// A moment of the day, by its name.
    Moment(String),
}

impl std::fmt::Display for Known {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Minute(minute) => write!(to, "{minute}"),
            Self::Moment(name) => to.write_str(name),
        }
    }
}

impl Scheduled {
    /// Puts everything where it is on the run's clock: `time_of` knows the day.
    ///
    /// # Errors
    /// The name of a moment that the day does not have.
    pub(super) fn settle(
        &mut self,
        time_of: &dyn Fn(&Known) -> Option<MatchTime>,
    ) -> Result<(), String> {
        for ahead in &mut self.ahead {
            let at = time_of(&ahead.known).ok_or_else(|| ahead.known.to_string())?;
            ahead.span = Some((at.plus_s(-ahead.before_s), at.plus_s(ahead.after_s)));
        }
        Ok(())
    }

    /// The most that is laid down for a time.
    fn laid_down(&self, at: MatchTime) -> u32 {
        let here = |ahead: &&Ahead| ahead.span.is_some_and(|(from, to)| (from..to).contains(&at));
        self.ahead.iter().filter(here).map(|ahead| ahead.min_instances).max().unwrap_or(0)
    }
}

impl Rule for Scheduled {
    fn desired(&self, seen: &Observation, memory: &mut Memory) -> u32 {
        self.otherwise.desired(seen, memory).max(self.laid_down(seen.at))
    }

    fn initial(&self, viewers_at_0: f64) -> u32 {
        self.otherwise.initial(viewers_at_0).max(self.laid_down(MatchTime(0)))
    }

    fn cooldown_s(&self) -> f64 {
        self.otherwise.cooldown_s()
    }

    fn sees_requests(&self) -> bool {
        self.otherwise.sees_requests()
    }
}

impl Ahead {
    /// Reads one of them.
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let known = match (section.has("at_min"), section.has("moment")) {
            (true, true) => {
                let hint = Some("keep the one, and remove the other".to_owned());
                section.problem_at("moment", "it is at a minute or at a moment", hint);
                None
            }
            (false, true) => section.text("moment").map(Known::Moment),
            (_, false) => section.number("at_min", 0.0..=1e6).map(Known::Minute),
        };
        let before_s = section.number("before_s", 0.0..=86_400.0);
        let after_s = section.number_or("after_s", 0.0..=604_800.0, 604_800.0);
        let min_instances = step(section, "min_instances");
        Some(Self {
            known: known?,
            before_s: before_s?,
            after_s: after_s?,
            min_instances: min_instances?,
            span: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::policy;
    use super::*;

    const GATEWAY: &str = "requests = { rated_per_min = 6000, min_instances = 2, max_instances = 50 }\n\
                           [[ahead]]\nat_min = 10\nbefore_s = 300\nafter_s = 60\nmin_instances = 20\n\
                           [[ahead]]\nmoment = \"toss\"\nbefore_s = 60\nmin_instances = 30";

    /// The day begins with minute 0, and its toss is in minute 20.
    fn on_the_day() -> Policy {
        let mut policy = policy(GATEWAY);
        let minute = |known: &Known| match known {
            Known::Minute(minute) => Some(*minute),
            Known::Moment(name) => (name == "toss").then_some(20.0),
        };
        policy
            .settle(&|known| minute(known).map(|minute| MatchTime::from_s(minute * 60.0)))
            .unwrap();
        policy
    }

    fn wanted_at(policy: &Policy, second: f64, rps: f64) -> u32 {
        let at = MatchTime::from_s(second);
        let seen = Observation { at, viewers: 0.0, rps, running: 2, ready: 2 };
        policy.desired(&seen, &mut Memory::default())
    }

    #[test]
    fn golden_what_is_laid_down_ahead_of_what_is_known() {
        let policy = on_the_day();
        let at = |second| wanted_at(&policy, second, 0.0);
        assert_eq!([at(299.9), at(300.0), at(659.9), at(660.0)], [2, 20, 20, 2]);
        assert_eq!([at(1_139.9), at(1_140.0), at(1e5)], [2, 30, 30], "without an end it stays");
    }

    #[test]
    fn what_is_asked_for_counts_where_it_is_more() {
        let policy = on_the_day();
        // 3,000 requests/s and 30 % of them are 39 instances of 100.
        assert_eq!(wanted_at(&policy, 400.0, 3_000.0), 39);
    }

    #[test]
    fn a_moment_that_the_day_does_not_have_is_told_by_its_name() {
        let mut policy = policy(GATEWAY);
        let unknown = policy.settle(&|known| match known {
            Known::Minute(_) => Some(MatchTime(0)),
            Known::Moment(_) => None,
        });
        assert_eq!(unknown, Err("toss".to_owned()));
    }
}
