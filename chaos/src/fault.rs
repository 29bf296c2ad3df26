//! A fault: what is broken, when, and for how long.

use hulk_record::{Clock, MatchTime, Offset};
use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use crate::FaultKind;

/// A fault of a rehearsal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Its name, unique in its rehearsal.
    pub name: String,
    /// When it begins.
    pub at: FaultTime,
    /// How long it lasts, in match seconds.
    pub for_s: f64,
    /// What is broken.
    pub kind: FaultKind,
}

/// When a fault begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultTime {
    /// At this minute of the match, as the audience's curve counts them.
    Minute(f64),
    /// At a moment of the match, or after it.
    Moment {
        /// The moment.
        name: String,
        /// How long after it, in match seconds.
        after_s: f64,
    },
}

impl Fault {
    /// Reads a fault: `name`, `at_min` or `moment` (and `after_s`), `for_s`, and its kind.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let name = section.text("name");
        let at = FaultTime::read(section);
        let for_s = section.number("for_s", 0.1..=86_400.0);
        let kind = FaultKind::read(section);
        Some(Self { name: name?, at: at?, for_s: for_s?, kind: kind? })
    }

    /// From when until when it lasts on the wall, where it begins at `start` of the match.
    pub fn window(&self, start: MatchTime, clock: Clock) -> (Offset, Offset) {
        let end = start.plus_s(self.for_s);
        (clock.wall(start), clock.wall(end))
    }
}

impl FaultTime {
    fn read(section: &Section<'_>) -> Option<Self> {
        let (minute, moment) = (section.has("at_min"), section.has("moment"));
        let after_s = section.number_or("after_s", 0.0..=86_400.0, 0.0);
        match (minute, moment) {
            (true, false) => {
                if section.has("after_s") {
                    let hint = Some("remove it, or name a `moment`".to_owned());
                    section.problem_at("after_s", "`after_s` belongs to a `moment`", hint);
                }
                section.number("at_min", 0.0..=100_000.0).map(Self::Minute)
            }
            (false, true) => {
                let name = section.text("moment");
                Some(Self::Moment { name: name?, after_s: after_s? })
            }
            (both, _) => {
                let message = if both {
                    "only one of `at_min` and `moment` may be given"
                } else {
                    "a fault needs its time"
                };
                let hint = "either `at_min = 255` or `moment = \"dhoni-out\"`";
                section.problem(message, Some(hint.to_owned()));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hulk_settings::{Problems, Source, read};

    use super::*;
    use crate::{EdgeLost, Latency};

    fn faults(text: &str) -> Result<Vec<Fault>, Problems> {
        read(&Source::new("f.toml", text), |root| {
            let all: Vec<Option<Fault>> = root.sections("fault").iter().map(Fault::read).collect();
            all.into_iter().collect()
        })
    }

    #[test]
    fn the_faults_of_the_readme_are_read() {
        let readme = include_str!("../README.md");
        let text = readme.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
        let found = faults(text).unwrap();
        assert_eq!(
            found,
            [
                Fault {
                    name: "slow-recommendation".into(),
                    at: FaultTime::Minute(255.0),
                    for_s: 60.0,
                    kind: FaultKind::Latency(Latency {
                        service: "recommendation".into(),
                        add_ms: 800.0
                    }),
                },
                Fault {
                    name: "south-is-lost".into(),
                    at: FaultTime::Moment { name: "dhoni-out".into(), after_s: 20.0 },
                    for_s: 90.0,
                    kind: FaultKind::EdgeLost(EdgeLost { edge: "south".into() }),
                },
            ]
        );
        let words: Vec<String> = found.iter().map(|fault| fault.kind.describe()).collect();
        assert_eq!(
            words,
            ["every answer of `recommendation` comes 800 ms later", "edge `south` is lost"]
        );
    }

    #[test]
    fn a_fault_lasts_match_seconds_on_the_wall() {
        let text = "[[fault]]\nname = \"a\"\nat_min = 1\nfor_s = 60\nedge_lost = { edge = \"n\" }";
        let fault = faults(text).unwrap().remove(0);
        let window = fault.window(MatchTime::from_s(30.0), Clock { speed: 7.5 });
        assert_eq!(window, (Offset::from_s(4.0), Offset::from_s(12.0)));
    }

    #[test]
    fn every_problem_of_a_fault_is_shown_at_once() {
        let text = "[[fault]]\nname = 3\nat_min = 1\nmoment = \"x\"\nfor_s = 0\n\
                    latency = { service = \"a\", add_ms = -1 }\n\
                    [[fault]]\nname = \"b\"\nat_min = 1\nafter_s = 2\nfor_s = 1\n\
                    [[fault]]\nname = \"c\"\nfor_s = 1\nedge_lost = { edg = \"n\" }\n";
        let problems = faults(text).unwrap_err();
        let found: Vec<String> = problems.list.iter().map(|p| p.message.clone()).collect();
        let wanted = [
            "only one of `at_min` and `moment` may be given",
            "`name` must be a text, not a whole number",
            "`for_s` is 0: it must be from 0.1 to 86400",
            "`add_ms` is -1: it must be from 0.001 to 600000",
            "expected one of `edge_lost`, `gpu`, `latency`, `no_capacity`, `toxic`, `zone_lost` here",
            "`after_s` belongs to a `moment`",
            "a fault needs its time",
            "`edge` is missing in fault[2].edge_lost: a text is expected",
            "unknown key `edg` in fault[2].edge_lost",
        ];
        for message in wanted {
            assert!(found.iter().any(|known| known == message), "{message} not in {found:#?}");
        }
        assert_eq!(found.len(), wanted.len(), "{found:#?}");
    }
}
