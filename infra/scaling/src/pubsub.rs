//! A pub/sub service as it stands in a file, and what it publishes, to whom and when.

use hulk_record::{hash_of, seed_of, unit_of};
use hulk_settings::{At, Section};
use serde::{Deserialize, Serialize};

/// A topic that publishes by itself does so at most a thousand times a second.
const EVERY_S_MIN: f64 = 0.001;
/// The longest time that a message is held, in ms.
pub const HOLD_MS_MAX: u64 = 10_000;

/// A service that broadcasts messages to whoever listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PubSubSpec {
    /// Receivers at a time; who comes beyond them is refused.
    pub receivers_max: u32,
    /// Messages that wait for a receiver; one who has more is closed.
    pub queue_messages: u32,
    /// What can be listened to: at least one, each with its own name.
    pub topics: Vec<TopicSpec>,
}

/// What can be listened to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicSpec {
    /// How it is called.
    pub name: String,
    /// Time between two messages that it publishes by itself, in µs; 0 for none.
    pub every_us: i64,
    /// Bytes that a message carries beside its fields.
    pub bytes: u32,
    /// How long a message is held between its stamp and the first connection, in ms.
    pub hold_ms: u64,
    /// Rooms of friends, each with its own messages; 0 where everybody gets everything.
    pub rooms: u32,
}

impl PubSubSpec {
    /// Reads the root of a file.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let receivers_max = section.integer_or("receivers_max", 1..=100_000, 15_000);
        let queue_messages = section.integer_or("queue_messages", 1..=10_000, 64);
        let topics = section.list("topic", TopicSpec::read)?;
        if topics.is_empty() {
            let hint = "add `[[topic]]` with a `name`".to_owned();
            section.problem("a feed service has at least one topic", Some(hint));
        }
        for (index, topic) in topics.iter().enumerate() {
            if topics.iter().take(index).any(|earlier| earlier.name == topic.name) {
                let path = [At::Key("topic"), At::Item(index), At::Key("name")];
                let message = format!("there are two topics `{}`", topic.name);
                section.problem_in(&path, message, Some("each has its own name".to_owned()));
            }
        }
        Some(Self {
            receivers_max: receivers_max? as u32,
            queue_messages: queue_messages? as u32,
            topics,
        })
    }
}

impl TopicSpec {
    fn read(section: &Section<'_>) -> Option<Self> {
        let name = section.text("name");
        let every_s = section.number_or("every_s", 0.0..=86_400.0, 0.0);
        let bytes = section.integer_or("bytes", 0..=65_536, 256);
        let hold_ms = section.integer_or("hold_ms", 0..=HOLD_MS_MAX, 0);
        let rooms = section.integer_or("rooms", 0..=100_000, 0);
        let (name, every_s) = (name?, every_s?);
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if name.is_empty() || !name.bytes().all(fits) {
            let hint = "letters, digits, `-` and `_`: it stands in a URL".to_owned();
            section.problem_at("name", "this is no name of a topic", Some(hint));
        }
        if every_s > 0.0 && every_s < EVERY_S_MIN {
            let hint = format!("at least `every_s = {EVERY_S_MIN}`, or 0 for none by itself");
            section.problem_at("every_s", "messages would come too fast", Some(hint));
        }
        Some(Self {
            name,
            every_us: (every_s * 1e6).round() as i64,
            bytes: bytes? as u32,
            hold_ms: hold_ms?,
            rooms: rooms? as u32,
        })
    }

    /// When the topic publishes its `number`-th message (from 0) by itself, in µs from the start of
    /// the service; none where it never does. The seed says when within the first interval it
    /// begins.
    pub fn due_us(&self, number: u64, seed: u64) -> Option<i64> {
        let phase = unit_of(seed_of(seed, &self.name)) * self.every_us as f64;
        let from_first = i64::try_from(number).ok()?.checked_mul(self.every_us)?;
        (self.every_us > 0).then_some(from_first.checked_add(phase as i64)?)
    }
}

/// Whose turn a topic's next message is, and its number, which counts within its room from 0
/// without a gap.
#[derive(Debug, Clone)]
pub struct Turns {
    next_numbers: Vec<u64>,
    next_room: usize,
}

impl Turns {
    /// For so many rooms; without any, all receivers are in room 0.
    pub fn new(rooms: u32) -> Self {
        Self { next_numbers: vec![0; rooms.max(1) as usize], next_room: 0 }
    }

    /// Room and number of the next message: the rooms take turns.
    pub fn take(&mut self) -> (usize, u64) {
        let (room, rooms) = (self.next_room, self.next_numbers.len());
        self.next_room = (room + 1) % rooms;
        let number = self.next_numbers.get_mut(room).map_or(0, |next| {
            *next += 1;
            *next - 1
        });
        (room, number)
    }
}

/// When the message at a place of a burst is due, in µs after the first: `count` of them lie
/// evenly within `within_us`.
pub fn burst_us(place: u32, count: u32, within_us: i64) -> i64 {
    within_us * i64::from(place) / i64::from(count.max(1))
}

/// Those of `all` whom a share falls upon, drawn from a seed: as near to the share as whole ones
/// come.
pub fn draw_share(all: impl IntoIterator<Item = u64>, share: f64, seed: u64) -> Vec<u64> {
    let mut drawn: Vec<(u64, u64)> = all.into_iter().map(|one| (hash_of(seed, one), one)).collect();
    drawn.sort_unstable();
    drawn.truncate((drawn.len() as f64 * share).round() as usize);
    drawn.into_iter().map(|(_, one)| one).collect()
}

#[cfg(test)]
mod tests {
    use hulk_settings::{Source, read};

    use super::*;

    fn spec(text: &str) -> Result<PubSubSpec, Vec<String>> {
        let told = read(&Source::new("a.toml", text), PubSubSpec::read);
        told.map_err(|problems| problems.list.iter().map(|it| it.message.clone()).collect())
    }

    #[test]
    fn a_file_of_one_name_has_every_default() {
        let name = "a".to_owned();
        let topic = TopicSpec { name, every_us: 0, bytes: 256, hold_ms: 0, rooms: 0 };
        let wanted = PubSubSpec { receivers_max: 15_000, queue_messages: 64, topics: vec![topic] };
        assert_eq!(spec("[[topic]]\nname = \"a\"\n"), Ok(wanted));
    }

    #[test]
    fn every_problem_of_a_feed_service_is_told() {
        let told = spec("queue_messages = 3\n").unwrap_err();
        assert_eq!(told, ["a feed service has at least one topic"]);
        let text = "[[topic]]\nname = \"a\"\n[[topic]]\nname = \"a\"\nevery_s = 0.0001\n\
                    [[topic]]\nname = \"a b\"\n";
        let wanted = [
            "there are two topics `a`",
            "messages would come too fast",
            "this is no name of a topic",
        ];
        assert_eq!(spec(text).unwrap_err(), wanted);
        let told = spec("[[topic]]\nname = \"a\"\nhold_ms = 10_001\nroom = 1\n").unwrap_err();
        assert_eq!(told.len(), 2, "{told:?}");
    }

    #[test]
    fn a_topic_keeps_its_interval_from_a_phase_of_its_seed() {
        let spec = spec("[[topic]]\nname = \"a\"\nevery_s = 2\n[[topic]]\nname = \"b\"\n").unwrap();
        let (regular, silent) = (&spec.topics[0], &spec.topics[1]);
        let first = regular.due_us(0, 7).unwrap();
        assert!((0..2_000_000).contains(&first), "{first}");
        assert_eq!(regular.due_us(3, 7), Some(first + 6_000_000));
        assert_ne!(regular.due_us(0, 8), Some(first));
        assert_eq!(silent.due_us(0, 7), None);
        assert_eq!(regular.due_us(u64::MAX, 7), None, "that is beyond all time");
    }

    #[test]
    fn rooms_take_turns_and_each_counts_for_itself() {
        let mut rooms = Turns::new(3);
        let taken: Vec<(usize, u64)> = (0..7).map(|_| rooms.take()).collect();
        assert_eq!(taken, [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (0, 2)]);
        let mut all = Turns::new(0);
        assert_eq!([all.take(), all.take()], [(0, 0), (0, 1)]);
    }

    #[test]
    fn a_burst_lies_evenly_within_its_time() {
        let at: Vec<i64> = (0..4).map(|place| burst_us(place, 4, 1_000)).collect();
        assert_eq!(at, [0, 250, 500, 750]);
        assert_eq!(burst_us(9, 10, 0), 0);
    }

    #[test]
    fn a_share_is_exact_and_another_seed_draws_others() {
        let drawn = draw_share(0..1000, 0.25, 1);
        assert_eq!(drawn.len(), 250);
        assert_eq!(drawn, draw_share(0..1000, 0.25, 1));
        assert_ne!(drawn, draw_share(0..1000, 0.25, 2));
        assert_eq!((draw_share(0..9, 0.0, 1).len(), draw_share(0..9, 1.0, 1).len()), (0, 9));
    }
}
