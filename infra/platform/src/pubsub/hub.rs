//! Topics, who listens to them, and what is due when.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hulk_record::seed_of;
use hulk_scaling::pubsub::{TopicSpec, Turns, burst_us, draw_share};
use serde_json::json;
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::sleep_until;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::PubSubPlan;
use super::outbox::{End, Outbox};

/// The runtime's timers are up to 2 ms late: whoever waits for the end of a hold is woken so much
/// earlier, in µs, and waits for the rest awake, while others have their turns.
const EARLY_US: i64 = 3_000;
/// So many messages may be due later.
const DUE_MAX: usize = 100_000;

/// The service between its sockets.
pub(super) struct Hub {
    plan: PubSubPlan,
    state: Mutex<State>,
    /// Something may be due earlier than the time keeper thinks.
    sooner: Notify,
    delivered: AtomicU64,
}

struct State {
    /// In the order of the file.
    topics: Vec<Topic>,
    /// Topic and room of everybody who is there.
    receivers: BTreeMap<u64, (usize, usize)>,
    next_receiver: u64,
    /// By their times on the service's clock in µs; those of the same time in the order in which
    /// they were asked for.
    due: BTreeMap<(i64, u64), Due>,
    next_due: u64,
    counts: Counts,
}

/// Queues of receivers.
type Listeners = BTreeMap<u64, Arc<Outbox>>;

struct Topic {
    turns: Turns,
    /// Who listens in each room.
    rooms: Vec<Listeners>,
    padding: String,
    published: u64,
}

enum Due {
    /// A topic's own message.
    Own { topic: usize, number: u64 },
    /// A message of a burst.
    Asked { topic: usize, hold_ms: u64 },
    /// A message that was published already, and held.
    Held { topic: usize, room: usize, text: Utf8Bytes },
}

/// What happened to receivers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Closed because they were too slow.
    pub(super) slow: u64,
    /// Cut off because somebody asked for it.
    pub(super) cut: u64,
    /// Not let in, for want of room.
    pub(super) refused: u64,
}

/// A topic as metrics tell of it.
pub(super) struct TopicStatus {
    pub(super) name: String,
    pub(super) receivers: usize,
    pub(super) published: u64,
}

/// A receiver who was let in.
pub(super) struct Seat {
    pub(super) receiver: u64,
    pub(super) outbox: Arc<Outbox>,
}

/// Why somebody is not let in, or nothing is published.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("there is no topic `{0}`")]
    Topic(String),
    #[error("`{topic}` has rooms: add `room=N`, from 0 to {last}")]
    Room { topic: String, last: u32 },
    #[error("`{0}` has no rooms: leave `room` out")]
    NoRooms(String),
    #[error("all {0} places are taken")]
    Full(u32),
    #[error("too many messages wait for their time")]
    Due,
}

impl Hub {
    pub(super) fn new(plan: PubSubPlan) -> Self {
        let mut state = State {
            topics: plan.spec.topics.iter().map(Topic::new).collect(),
            receivers: BTreeMap::new(),
            next_receiver: 0,
            due: BTreeMap::new(),
            next_due: 0,
            counts: Counts::default(),
        };
        for (topic, spec) in plan.spec.topics.iter().enumerate() {
            if let Some(first_us) = spec.due_us(0, plan.seed) {
                state.add_due(first_us, Due::Own { topic, number: 0 });
            }
        }
        Self { plan, state: Mutex::new(state), sooner: Notify::new(), delivered: AtomicU64::new(0) }
    }

    /// Lets a receiver in, who gets every message from now on.
    pub(super) fn join(&self, topic: &str, room: Option<u32>) -> Result<Seat, Refused> {
        let (place, spec) = self.topic(topic)?;
        let room = match (spec.rooms, room) {
            (0, None) => 0,
            (0, Some(_)) => return Err(Refused::NoRooms(topic.to_owned())),
            (rooms, Some(room)) if room < rooms => room as usize,
            (rooms, _) => return Err(Refused::Room { topic: topic.to_owned(), last: rooms - 1 }),
        };
        let (receivers_max, mut state) = (self.plan.spec.receivers_max, self.state());
        let state = &mut *state;
        if state.receivers.len() >= receivers_max as usize {
            state.counts.refused += 1;
            return Err(Refused::Full(receivers_max));
        }
        let receiver = state.next_receiver;
        let outbox = Arc::new(Outbox::new(self.plan.spec.queue_messages as usize));
        if let Some(listeners) = state.listeners(place, room) {
            listeners.insert(receiver, Arc::clone(&outbox));
        }
        state.receivers.insert(receiver, (place, room));
        state.next_receiver += 1;
        Ok(Seat { receiver, outbox })
    }

    /// A receiver is gone.
    pub(super) fn leave(&self, receiver: u64) {
        let _slow_and_cut_ones_are_out_already = self.state().remove(receiver);
    }

    /// A text has been handed to a connection.
    pub(super) fn delivered(&self) {
        self.delivered.fetch_add(1, Ordering::Relaxed);
    }

    /// Publishes `count` messages evenly within `within_us`, the first one now.
    pub(super) fn publish(
        &self,
        topic: &str,
        (count, within_us): (u32, i64),
        hold_ms: Option<u64>,
    ) -> Result<(), Refused> {
        let (topic, spec) = self.topic(topic)?;
        let hold_ms = hold_ms.unwrap_or(spec.hold_ms);
        let now_us = self.plan.epoch.now_us();
        let mut state = self.state();
        if state.due.len() + count as usize > DUE_MAX {
            return Err(Refused::Due);
        }
        for place in 0..count {
            let due_us = now_us + burst_us(place, count, within_us);
            state.add_due(due_us, Due::Asked { topic, hold_ms });
        }
        drop(state);
        self.publish_due();
        self.sooner.notify_one();
        Ok(())
    }

    /// Cuts a share of all receivers off; how many.
    pub(super) fn cut(&self, share: f64) -> usize {
        let mut state = self.state();
        let seed = seed_of(self.plan.seed, &format!("cut after {}", state.counts.cut));
        let drawn = draw_share(state.receivers.keys().copied(), share, seed);
        for receiver in &drawn {
            if let Some(outbox) = state.remove(*receiver) {
                outbox.end(End::Cut);
                state.counts.cut += 1;
            }
        }
        drawn.len()
    }

    /// Topics, what was delivered, and what happened to receivers.
    pub(super) fn status(&self) -> (Vec<TopicStatus>, u64, Counts) {
        let state = self.state();
        let told = |(spec, topic): (&TopicSpec, &Topic)| TopicStatus {
            name: spec.name.clone(),
            receivers: topic.rooms.iter().map(BTreeMap::len).sum(),
            published: topic.published,
        };
        let topics = self.plan.spec.topics.iter().zip(&state.topics).map(told).collect();
        (topics, self.delivered.load(Ordering::Relaxed), state.counts)
    }

    /// Publishes each message when it is due, and ends never.
    pub(super) async fn keep_time(self: Arc<Self>) {
        loop {
            let first = self.state().due.first_key_value().map(|((due_us, _), due)| {
                let early_us = if matches!(due, Due::Held { .. }) { EARLY_US } else { 0 };
                (*due_us, early_us)
            });
            tokio::select! {
                () = self.wait_for(first) => self.publish_due(),
                () = self.sooner.notified() => {}
            }
        }
    }

    async fn wait_for(&self, first: Option<(i64, i64)>) {
        let Some((due_us, early_us)) = first else { return pending().await };
        sleep_until(self.plan.epoch.at_us(due_us - early_us)).await;
        while self.plan.epoch.now_us() < due_us {
            yield_now().await;
        }
    }

    /// Publishes what is due by now.
    fn publish_due(&self) {
        let mut state = self.state();
        while let Some(first) = state.due.first_entry() {
            let now_us = self.plan.epoch.now_us();
            if first.key().0 > now_us {
                break;
            }
            match first.remove() {
                Due::Own { topic, number } => {
                    let Some(spec) = self.plan.spec.topics.get(topic) else { continue };
                    self.stamp(&mut state, (topic, spec), spec.hold_ms, now_us);
                    if let Some(next_us) = spec.due_us(number + 1, self.plan.seed) {
                        state.add_due(next_us, Due::Own { topic, number: number + 1 });
                    }
                }
                Due::Asked { topic, hold_ms } => {
                    let Some(spec) = self.plan.spec.topics.get(topic) else { continue };
                    self.stamp(&mut state, (topic, spec), hold_ms, now_us);
                }
                Due::Held { topic, room, text } => state.hand_out(topic, room, &text),
            }
        }
    }

    /// A message comes into being, and goes out at once or when its hold is over.
    fn stamp(
        &self,
        state: &mut State,
        (place, spec): (usize, &TopicSpec),
        hold_ms: u64,
        now_us: i64,
    ) {
        let Some(topic) = state.topics.get_mut(place) else { return };
        let (room, sequence) = topic.turns.take();
        topic.published += 1;
        // Rendered once: the receivers share its bytes.
        let text = json!({
            "topic": spec.name,
            "room": (spec.rooms > 0).then_some(room),
            "sequence": sequence,
            "stamp_us": self.plan.unix_us + now_us,
            "hold_ms": hold_ms,
            "padding": topic.padding,
        });
        let text = Utf8Bytes::from(text.to_string());
        match hold_ms {
            0 => state.hand_out(place, room, &text),
            _ => {
                let held = Due::Held { topic: place, room, text };
                state.add_due(now_us + hold_ms as i64 * 1_000, held);
            }
        }
    }

    fn topic(&self, name: &str) -> Result<(usize, &TopicSpec), Refused> {
        let mut topics = self.plan.spec.topics.iter().enumerate();
        let found = topics.find(|(_, topic)| topic.name == name);
        found.ok_or_else(|| Refused::Topic(name.to_owned()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add_due(&mut self, at_us: i64, due: Due) {
        self.due.insert((at_us, self.next_due), due);
        self.next_due += 1;
    }

    fn listeners(&mut self, topic: usize, room: usize) -> Option<&mut Listeners> {
        self.topics.get_mut(topic)?.rooms.get_mut(room)
    }

    /// Takes a receiver out; its queue, where it was there.
    fn remove(&mut self, receiver: u64) -> Option<Arc<Outbox>> {
        let (topic, room) = self.receivers.remove(&receiver)?;
        self.listeners(topic, room)?.remove(&receiver)
    }

    /// Puts a text into the queue of everybody in a room; who has no room for it is out.
    fn hand_out(&mut self, topic: usize, room: usize, text: &Utf8Bytes) {
        let Some(listeners) = self.listeners(topic, room) else { return };
        let full = listeners.iter().filter(|(_, outbox)| !outbox.push(text.clone()));
        let slow: Vec<u64> = full.map(|(receiver, _)| *receiver).collect();
        for receiver in slow {
            let _its_task_has_its_queue = self.remove(receiver);
            self.counts.slow += 1;
        }
    }
}

impl Topic {
    fn new(spec: &TopicSpec) -> Self {
        Self {
            turns: Turns::new(spec.rooms),
            rooms: vec![Listeners::new(); spec.rooms.max(1) as usize],
            padding: "x".repeat(spec.bytes as usize),
            published: 0,
        }
    }
}
