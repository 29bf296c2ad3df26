//! `[[callers.come]]`: so many callers at a time, or after a moment.

use hulk_record::{Offset, hash_of, seed_of, unit_of};
use hulk_settings::{At, Section};
use serde::{Deserialize, Serialize};

use crate::Rehearsal;
use crate::rehearsal::no_moment;

/// The longest time over which callers come, and after which they begin to, in ms: a week.
const MS_MAX: u64 = 604_800_000;

/// Callers who come together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Come {
    /// From when on.
    pub at: ComeTime,
    /// How many.
    pub callers: u32,
    /// All within so long, in µs of wall time.
    pub within_us: i64,
    /// Whether each comes at a time of its own within it; else one after another, evenly.
    pub random: bool,
}

/// When callers begin to come; wall time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ComeTime {
    /// So long after the window's start, in µs.
    Wall(i64),
    /// At a moment of the match, or after it.
    Moment {
        /// The moment.
        name: String,
        /// How long after it, in µs.
        after_us: i64,
    },
}

const SPREADS: [(&str, bool); 2] = [("even", false), ("random", true)];

fn us(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX / 1_000) * 1_000
}

impl Come {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let at = ComeTime::read(section);
        let callers = section.integer("callers", 1..=10_000);
        let within_ms = section.integer_or("within_ms", 0..=MS_MAX, 0);
        let random = section.word_or("spread", &SPREADS, false);
        let (callers, within_us) = (callers? as u32, us(within_ms?));
        Some(Self { at: at?, callers, within_us, random: random? })
    }

    /// When the first of them may come, on the wall.
    pub(super) fn from(&self, rehearsal: &Rehearsal) -> Offset {
        match &self.at {
            ComeTime::Wall(us) => Offset(*us),
            ComeTime::Moment { name, after_us } => {
                let audience = &rehearsal.audience;
                let minute = audience.moment(name).map_or(0.0, |moment| moment.minute);
                rehearsal.clock.wall(audience.time_of(minute)).plus(*after_us)
            }
        }
    }

    /// When the `n`th of them comes; `draw` is a seed and the caller's number.
    pub(super) fn at(&self, from: Offset, n: u32, (seed, caller): (u64, u32)) -> Offset {
        let share = if self.random {
            unit_of(hash_of(seed_of(seed, "come"), u64::from(caller)))
        } else {
            f64::from(n) / f64::from(self.callers)
        };
        from.plus((self.within_us as f64 * share) as i64)
    }

    pub(super) fn check(&self, place: usize, rehearsal: &Rehearsal, root: &Section<'_>) {
        let at = |key| [At::Key("callers"), At::Key("come"), At::Item(place), At::Key(key)];
        let key = match &self.at {
            ComeTime::Wall(_) => "at_ms",
            ComeTime::Moment { name, .. } if rehearsal.audience.moment(name).is_none() => {
                let (message, hint) = no_moment(name, &rehearsal.audience);
                root.problem_in(&at("moment"), message, Some(hint));
                return;
            }
            ComeTime::Moment { .. } => "moment",
        };
        let (from, until) = (self.from(rehearsal), rehearsal.until());
        let last = from.plus(self.within_us);
        if from < Offset(0) || last >= until {
            let message = format!(
                "they come from {:.1} to {:.1} s of a window that lasts {:.1} s of wall time",
                from.as_s(),
                last.as_s(),
                until.as_s()
            );
            let hint = "come earlier, or make the window longer".to_owned();
            root.problem_in(&at(key), message, Some(hint));
        }
    }
}

impl ComeTime {
    fn read(section: &Section<'_>) -> Option<Self> {
        let after_ms = section.integer_or("after_ms", 0..=MS_MAX, 0);
        match (section.has("at_ms"), section.has("moment")) {
            (true, false) => {
                if section.has("after_ms") {
                    let hint = Some("remove it, or name a `moment`".to_owned());
                    section.problem_at("after_ms", "`after_ms` belongs to a `moment`", hint);
                }
                section.integer("at_ms", 0..=MS_MAX).map(|ms| Self::Wall(us(ms)))
            }
            (false, true) => {
                let name = section.text("moment");
                Some(Self::Moment { name: name?, after_us: us(after_ms?) })
            }
            (both, _) => {
                let message = match both {
                    true => "only one of `at_ms` and `moment` may be given",
                    false => "when do they come?",
                };
                let hint = "either `at_ms = 5_000` or `moment = \"dhoni-out\"`";
                section.problem(message, Some(hint.to_owned()));
                None
            }
        }
    }
}
