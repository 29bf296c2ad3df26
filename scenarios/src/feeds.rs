//! Broadcast feeds: the reference service by its file or shipped name, and what is read of a
//! message.

use std::fmt;

use hulk_scaling::pubsub::PubSubSpec;
use hulk_settings::read;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::avatars::source_of;
use crate::files::expect_kind;
use crate::{LoadError, shipped};

/// What `expect_kind` and hints call such a file.
const KIND: &str = "feed service";
/// The farthest stamp from 1970 that is one, in µs: 30,000 years.
const STAMP_US_MAX: i64 = 1_000_000_000_000_000_000;

/// Loads a feed service: a file, or a shipped one by its name.
///
/// # Errors
/// When it cannot be read, or every problem in it.
pub fn feed_service(path: &str) -> Result<PubSubSpec, LoadError> {
    let names: Vec<&str> = shipped::names(KIND).collect();
    let source = source_of(path, &names, shipped::feeds)?;
    expect_kind(&source, KIND)?;
    Ok(read(&source, PubSubSpec::read)?)
}

/// The unit of a stamp, which counts from 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StampUnit {
    /// Seconds, whole or not.
    S,
    /// Milliseconds.
    Ms,
    /// Microseconds.
    Us,
    /// Nanoseconds.
    Ns,
}

impl StampUnit {
    /// Each by its name.
    pub const NAMES: [(&str, Self); 4] =
        [("s", Self::S), ("ms", Self::Ms), ("us", Self::Us), ("ns", Self::Ns)];

    /// What a number of this unit is multiplied with, and then divided by, to give µs.
    fn ratio(self) -> (i64, i64) {
        match self {
            Self::S => (1_000_000, 1),
            Self::Ms => (1_000, 1),
            Self::Us => (1, 1),
            Self::Ns => (1, 1_000),
        }
    }

    /// The µs of a JSON number; none where it is no number, or beyond all dates.
    fn us_of(self, value: &Value) -> Option<i64> {
        let (times, by) = self.ratio();
        let us = match value.as_i64() {
            // Exact, also where a number of so many digits is none of a float.
            Some(whole) => {
                let us = (i128::from(whole) * i128::from(times)).div_euclid(i128::from(by));
                i64::try_from(us).ok()?
            }
            None => (value.as_f64()? * times as f64 / by as f64).round() as i64,
        };
        (-STAMP_US_MAX..=STAMP_US_MAX).contains(&us).then_some(us)
    }
}

/// Where a message, which is JSON, says when it was published and which it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageFields {
    /// JSON pointer to the stamp.
    stamp: String,
    unit: StampUnit,
    /// JSON pointer to the number that counts messages.
    sequence: String,
    /// The names of both, where both are fields of the message itself: nothing else of it is kept
    /// then.
    names: Option<(String, String)>,
}

/// What was read of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MessageRead {
    /// When it was published, in µs since 1970; none where that cannot be read.
    pub stamp_us: Option<i64>,
    /// Which it is; none where it does not say so.
    pub sequence: Option<u64>,
}

impl MessageFields {
    /// Fields by their JSON pointers, each of which begins with `/`.
    pub fn new(stamp: &str, unit: StampUnit, sequence: &str) -> Self {
        let names = name_of(stamp).zip(name_of(sequence));
        Self { stamp: stamp.to_owned(), unit, sequence: sequence.to_owned(), names }
    }

    /// Reads a message: whatever is wrong with it, what is there is told.
    pub fn read(&self, message: &[u8]) -> MessageRead {
        let found = match &self.names {
            Some((stamp, sequence)) => flat(Names { stamp, sequence }, message),
            None => serde_json::from_slice::<Value>(message).ok().map(|mut all| {
                let mut take = |pointer: &str| all.pointer_mut(pointer).map(Value::take);
                let (stamp, sequence) = (take(&self.stamp), take(&self.sequence));
                (stamp.unwrap_or_default(), sequence.unwrap_or_default())
            }),
        };
        found.map_or_else(MessageRead::default, |(stamp, sequence)| MessageRead {
            stamp_us: self.unit.us_of(&stamp),
            sequence: sequence.as_u64(),
        })
    }
}

/// The name that a pointer stands for, where it leads to a field of the message itself. A number
/// may be the place in a list as well.
fn name_of(pointer: &str) -> Option<String> {
    let name = pointer.strip_prefix('/')?;
    let is_place = name.bytes().all(|byte| byte.is_ascii_digit());
    (!name.contains(['/', '~']) && !is_place).then(|| name.to_owned())
}

/// The values of two fields, without keeping anything else.
struct Names<'a> {
    stamp: &'a str,
    sequence: &'a str,
}

fn flat(names: Names<'_>, message: &[u8]) -> Option<(Value, Value)> {
    let mut text = serde_json::Deserializer::from_slice(message);
    let found = names.deserialize(&mut text).ok()?;
    text.end().ok().map(|()| found)
}

impl<'de> DeserializeSeed<'de> for Names<'_> {
    type Value = (Value, Value);

    fn deserialize<D: Deserializer<'de>>(self, message: D) -> Result<Self::Value, D::Error> {
        message.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Names<'_> {
    type Value = (Value, Value);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut found = (Value::Null, Value::Null);
        while let Some(name) = fields.next_key::<String>()? {
            if name == self.stamp {
                found.0 = fields.next_value()?;
            } else if name == self.sequence {
                found.1 = fields.next_value()?;
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_by(stamp: &str, unit: StampUnit, message: &str) -> (Option<i64>, Option<u64>) {
        let read = MessageFields::new(stamp, unit, "/n").read(message.as_bytes());
        (read.stamp_us, read.sequence)
    }

    #[test]
    fn a_stamp_is_read_in_each_unit() {
        for (unit, number, us) in [
            (StampUnit::S, "1800000000", 1_800_000_000_000_000),
            (StampUnit::S, "1800000000.25", 1_800_000_000_250_000),
            (StampUnit::Ms, "1800000000001", 1_800_000_000_001_000),
            (StampUnit::Ms, "0.5", 500),
            (StampUnit::Us, "1800000000000001", 1_800_000_000_000_001),
            (StampUnit::Ns, "1800000000000001999", 1_800_000_000_000_001),
            (StampUnit::Us, "-5", -5),
            (StampUnit::Ns, "-1", -1),
        ] {
            let message = format!("{{\"other\": [{{\"t\": 3}}], \"t\": {number}, \"n\": 7}}");
            assert_eq!(read_by("/t", unit, &message), (Some(us), Some(7)), "{unit:?} {number}");
        }
    }

    #[test]
    fn a_pointer_may_lead_deeper_and_into_lists() {
        let message = "{\"a\": {\"b/c\": [1, 2]}, \"n\": 3}";
        assert_eq!(read_by("/a/b~1c/1", StampUnit::Us, message), (Some(2), Some(3)));
        assert_eq!(read_by("/a/b~1c/2", StampUnit::Us, message), (None, Some(3)));
        let fields = MessageFields::new("/1", StampUnit::Us, "/0");
        let wanted = MessageRead { stamp_us: Some(9), sequence: Some(8) };
        assert_eq!(fields.read(b"[8, 9]"), wanted, "a message may be a list");
    }

    #[test]
    fn what_cannot_be_read_is_none_and_the_rest_is_told() {
        for (message, wanted) in [
            ("{\"t\": \"5\", \"n\": 1}", (None, Some(1))),
            ("{\"n\": 1}", (None, Some(1))),
            ("{\"t\": 5}", (Some(5), None)),
            ("{\"t\": 5, \"n\": -1}", (Some(5), None)),
            ("{\"t\": 5, \"n\": 1.5}", (Some(5), None)),
            ("{\"t\": 1e300, \"n\": 1}", (None, Some(1))),
            ("{\"t\": 18446744073709551615, \"n\": 1}", (None, Some(1))),
            ("{\"t\": 5, \"n\": 1} x", (None, None)),
            ("{\"t\": 5, \"n\": 1", (None, None)),
            ("[5, 1]", (None, None)),
            ("5", (None, None)),
            ("", (None, None)),
            ("\u{0}garbage", (None, None)),
        ] {
            assert_eq!(read_by("/t", StampUnit::Us, message), wanted, "{message}");
        }
    }

    #[test]
    fn the_shipped_service_is_known_by_its_name_and_others_by_their_paths() {
        let shipped = feed_service("match-feeds").unwrap();
        let names: Vec<&str> = shipped.topics.iter().map(|topic| topic.name.as_str()).collect();
        assert_eq!(names, ["play-along", "trivia", "social", "emoji"]);
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/feeds/match-feeds.toml");
        assert_eq!(feed_service(path).unwrap(), shipped);
        let wrong = feed_service(concat!(env!("CARGO_MANIFEST_DIR"), "/match-day.toml"));
        let wrong = wrong.unwrap_err().to_string();
        assert!(
            wrong.contains("this looks like a rehearsal: a feed service is expected"),
            "{wrong}"
        );
        let hint = match feed_service("match-feds") {
            Err(LoadError::Unreadable { hint, .. }) => hint,
            other => panic!("{other:?}"),
        };
        assert_eq!(hint, "did you mean `match-feeds`?\nshipped, by their names: match-feeds");
    }
}
