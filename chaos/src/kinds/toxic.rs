//! `toxic`: a toxic of the fault proxy.

use hulk_record::Offset;
use hulk_settings::{At, FreeValue, Section};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::attributes::Attributes;
use crate::ramp::Ramp;
use crate::toxic::Stream;
use crate::toxics::{TOXIC_TYPES, ToxicKind};

/// A toxic of the fault proxy, in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToxicFault {
    /// The proxy that it is set on.
    pub proxy: String,
    /// Its type.
    pub kind: String,
    /// Which direction it is done to.
    pub stream: Stream,
    /// The share of the links that it is done to, from 0 to 1.
    pub toxicity: f64,
    /// Its attributes.
    pub attributes: Given,
    /// What its attributes begin with, and within how many seconds they come to be what they are.
    pub ramp: Option<(Given, f64)>,
}

/// Attributes as a file gives them, in the order of their names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Given(Vec<(String, GivenValue)>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum GivenValue {
    Number(f64),
    Text(String),
}

impl Given {
    /// Reads the table `key` of numbers and texts; empty where it is absent.
    fn read(section: &Section<'_>, key: &'static str) -> Option<Self> {
        let Some(mut table) = section.section_optional(key) else {
            return (!section.has(key)).then(Self::default);
        };
        let mut given = Vec::new();
        for (name, value) in table.free_values() {
            let value = match value {
                FreeValue::Number(number) => GivenValue::Number(number),
                FreeValue::Text(text) => GivenValue::Text(text),
                FreeValue::Texts(_) | FreeValue::Section(_) => {
                    let hint = Some(format!("for example `{name} = 100`"));
                    table.problem_at(&name, format!("`{name}` must be a number or a text"), hint);
                    return None;
                }
            };
            given.push((name, value));
        }
        Some(Self(given))
    }

    /// The attributes as JSON.
    pub fn attributes(&self) -> Attributes {
        let json = |value: &GivenValue| match value {
            GivenValue::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
                Value::from(*number as i64)
            }
            GivenValue::Number(number) => Value::from(*number),
            GivenValue::Text(text) => Value::from(text.as_str()),
        };
        self.0.iter().map(|(name, value)| (name.clone(), json(value))).collect()
    }
}

impl ToxicFault {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let proxy = section.text("proxy");
        let read = Self::read_on(section, String::new());
        Some(Self { proxy: proxy?, ..read? })
    }

    /// Reads a toxic of the proxy that it stands with.
    pub fn read_on(section: &Section<'_>, proxy: String) -> Option<Self> {
        let types: Vec<(&str, &str)> = TOXIC_TYPES.iter().map(|(name, _)| (*name, *name)).collect();
        let kind = section.word("type", &types);
        let streams = [Stream::Downstream, Stream::Upstream].map(|known| (known.name(), known));
        let stream = section.word_or("stream", &streams, Stream::default());
        let toxicity = section.number_or("toxicity", 0.0..=1.0, 1.0);
        let attributes = Given::read(section, "attributes");
        let from = Given::read(section, "ramp_from");
        let ramp = match section.has("ramp_s") {
            true => section
                .number("ramp_s", 0.001..=86_400.0)
                .zip(from)
                .map(|(s, from)| Some((from, s))),
            false if from.as_ref().is_some_and(|from| !from.0.is_empty()) => {
                let hint = Some("within how many seconds? `ramp_s = 30`".to_owned());
                section.problem_at("ramp_from", "`ramp_from` needs a `ramp_s`", hint);
                None
            }
            false => from.map(|_| None),
        };
        let read = Self {
            proxy,
            kind: kind?.to_owned(),
            stream: stream?,
            toxicity: toxicity?,
            attributes: attributes?,
            ramp: ramp?,
        };
        read.check(section).then_some(read)
    }

    /// Whether its type takes such attributes; notes what it does not.
    fn check(&self, section: &Section<'_>) -> bool {
        let attributes = self.attributes.attributes();
        let mut fine = true;
        let hint = Some("docs/proxy.md has the attributes of each type".to_owned());
        if let Err((_, problems)) = ToxicKind::read_strictly(&self.kind, &attributes) {
            fine = false;
            for problem in problems {
                let at = [At::Key("attributes"), At::Key(&problem.name)];
                section.problem_in(&at, problem.to_string(), hint.clone());
            }
        }
        if let (true, Some((from, over_s))) = (fine, &self.ramp) {
            let over_ms = (over_s * 1e3).round() as i64;
            let ramp = Ramp::new(&self.kind, from.attributes(), attributes, over_ms, Offset(0));
            if let Err(error) = ramp {
                fine = false;
                section.problem_at("ramp_from", error.to_string(), hint);
            }
        }
        fine
    }

    pub(super) fn describe(&self) -> String {
        let share = if self.toxicity < 1.0 {
            format!(" on {:.0} % of the connections", self.toxicity * 100.0)
        } else {
            String::new()
        };
        let attributes = self.attributes.attributes();
        let attributes: Vec<String> =
            attributes.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let kind = &self.kind;
        let with = if attributes.is_empty() {
            String::new()
        } else {
            format!(" ({})", attributes.join(", "))
        };
        format!("`{kind}`{with} {} of proxy `{}`{share}", self.stream.name(), self.proxy)
    }
}
