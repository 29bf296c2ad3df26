//! One direction of a link: what comes in at its one end leaves at the other, as its toxics want it.
//!
//! ```text
//!            stage of the first toxic        stage of the last
//!  push ──► [ admit │ line: (ready, item) … ] ──► [ … ] ──► out ──► pop
//! ```
//!
//! Time comes in as an argument. Each item leaves a stage at a time that depends on nothing but when it
//! came to the stage, so that somebody who looks late delays nothing but the end of the way: delays do
//! not add up, and rates hold.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use hulk_record::{Offset, hash_of, seed_of, unit_of};

use crate::effect::Effect;
use crate::toxic::{Protocol, Toxic};
use crate::toxics::{Carry, Logic, Start};

/// So many bytes are held in one direction of a link at most, with what it takes to keep them in order;
/// then nothing more is read from its source, and a datagram that comes is lost.
pub const HELD_BYTES_MAX: usize = 4 << 20;

/// Never.
pub(crate) const NEVER: Offset = Offset(i64::MAX);

/// What goes through a pipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// Bytes of a stream, or one datagram.
    Data(Bytes),
    /// The source has no more: the other direction goes on.
    Finish,
    /// Both directions are closed.
    Close,
    /// Both connections are reset.
    Reset,
}

impl Item {
    fn len(&self) -> usize {
        match self {
            Self::Data(bytes) => bytes.len(),
            Self::Finish | Self::Close | Self::Reset => 0,
        }
    }
}

/// A toxic that is set on a proxy, with what it has done.
#[derive(Debug, Clone)]
pub struct Set {
    /// Another one with the same name has another number.
    pub id: u64,
    /// What it is now.
    pub toxic: Toxic,
    /// What it has done.
    pub effect: Arc<Effect>,
}

/// Items on their way through a stage, in the order in which they leave it.
pub(crate) struct Line {
    items: VecDeque<Held>,
    bytes: usize,
    effect: Arc<Effect>,
    /// Since then its toxic is as it is: nothing leaves before.
    since: Offset,
    /// A stream of random numbers of its own.
    seed: u64,
    drawn: u64,
    /// What comes has come before: it is counted already.
    again: bool,
    /// How many have come.
    came: u64,
    /// The last comer of those that have left.
    left: u64,
}

struct Held {
    ready: Offset,
    /// When it came to the stage.
    came: Offset,
    /// Its number among those that came.
    nth: u64,
    item: Item,
}

impl Line {
    fn new(effect: Arc<Effect>, seed: u64, now: Offset) -> Self {
        let items = VecDeque::new();
        let (drawn, again, came, left) = (0, false, 0, 0);
        Self { items, bytes: 0, effect, since: now, seed, drawn, again, came, left }
    }

    /// Lets an item that came at `came` leave at `ready`, behind those that leave at that time or before.
    pub(crate) fn leave(&mut self, came: Offset, ready: Offset, item: Item) {
        let ready = ready.max(self.since);
        if ready > came && !self.again {
            // Now, not when it leaves: who has given up by then has noticed it, too.
            match &item {
                Item::Data(bytes) => self.effect.bytes_delayed(bytes.len() as u64),
                Item::Finish | Item::Close | Item::Reset => self.effect.ends_delayed(1),
            }
        }
        self.bytes += item.len();
        self.came += 1;
        let held = Held { ready, came, nth: self.came, item };
        match self.items.back() {
            Some(last) if last.ready > ready => {
                let place = self.items.partition_point(|other| other.ready <= ready);
                self.items.insert(place, held);
            }
            _ => self.items.push_back(held),
        }
    }

    /// What the toxic does is written down here.
    pub(crate) fn effect(&self) -> &Effect {
        &self.effect
    }

    /// A number in [0, 1).
    pub(crate) fn draw(&mut self) -> f64 {
        self.drawn += 1;
        unit_of(hash_of(self.seed, self.drawn))
    }

    /// What leaves next: when, and how many bytes it has.
    pub(crate) fn first(&self) -> Option<(Offset, usize)> {
        self.items.front().map(|held| (held.ready, held.item.len()))
    }

    /// So much memory it takes, in bytes: small pieces cost more than they carry.
    fn memory_bytes(&self) -> usize {
        self.bytes + self.items.len() * size_of::<Held>()
    }

    fn take_due(&mut self, now: Offset) -> Option<(Offset, Item)> {
        if self.items.front()?.ready > now {
            return None;
        }
        let held = self.items.pop_front()?;
        self.bytes -= held.item.len();
        self.effect.late_by(held.ready.since(held.came));
        // In a stream none is overtaken.
        self.effect.datagrams_reordered(u64::from(held.nth < self.left));
        self.left = self.left.max(held.nth);
        Some((held.ready, held.item))
    }

    /// Everything leaves now.
    fn let_go(&mut self, now: Offset) {
        for held in &mut self.items {
            held.ready = held.ready.min(now);
        }
    }

    /// Takes back what is held; what is drawn for it again are the same numbers.
    fn take_back(&mut self) -> VecDeque<Held> {
        self.bytes = 0;
        let drawn_for = self.items.iter().filter(|held| matches!(held.item, Item::Data(_)));
        self.drawn = self.drawn.saturating_sub(drawn_for.count() as u64);
        std::mem::take(&mut self.items)
    }
}

struct Stage {
    set: Set,
    /// Below the toxic's toxicity it acts on this link.
    lot: f64,
    /// None where it does not act on this link.
    logic: Option<Box<dyn Logic>>,
    /// Whether this link is counted among its links.
    counted: bool,
    line: Line,
}

/// One direction of a link.
pub struct Pipe {
    protocol: Protocol,
    seed: u64,
    stages: Vec<Stage>,
    out: VecDeque<Item>,
    /// Both connections end like this.
    ended: Option<Item>,
}

impl Pipe {
    /// A pipe with those toxics, in their order. `seed` is the link's own.
    pub fn new(protocol: Protocol, seed: u64, toxics: &[Set], now: Offset) -> Self {
        let mut pipe =
            Self { protocol, seed, stages: Vec::new(), out: VecDeque::new(), ended: None };
        pipe.change(toxics, now);
        pipe
    }

    /// Whether it passes on what comes as it is: then nothing need go through it.
    pub fn is_idle(&self) -> bool {
        self.out.is_empty() && self.ended.is_none() && self.stages.iter().all(Stage::is_idle)
    }

    /// Takes other toxics from `now` on: those of the same number go on with what they hold, changed or
    /// not; what one that is gone has held leaves it now.
    pub fn change(&mut self, toxics: &[Set], now: Offset) {
        self.advance(now);
        if self.ended.is_some() {
            return;
        }
        let mut old = std::mem::take(&mut self.stages);
        for set in toxics {
            let Some(known) = old.iter().position(|stage| stage.set.id == set.id) else {
                self.stages.push(Stage::new(set.clone(), self.protocol, self.seed, now));
                continue;
            };
            let rest = old.split_off(known + 1);
            let kept = old.pop();
            let gone = std::mem::replace(&mut old, rest);
            let Some(mut kept) = kept else { continue };
            // Changed before it gets what those before it have held: nothing is done to it twice.
            if let Some(end) = kept.change(set, self.protocol, now) {
                self.end(end, &kept.line.effect);
            }
            self.give_back(gone, Some(&mut kept), now);
            self.stages.push(kept);
        }
        self.give_back(old, None, now);
        self.advance(now);
    }

    /// What toxics that are gone still held goes to the next that stays behind them, or out.
    fn give_back(&mut self, gone: Vec<Stage>, mut next: Option<&mut Stage>, now: Offset) {
        // The last of them holds what came first.
        for mut stage in gone.into_iter().rev() {
            stage.line.let_go(now);
            while let Some((_, item)) = stage.line.take_due(now) {
                match &mut next {
                    Some(next) => next.admit(now, item),
                    None => self.out.push_back(item),
                }
            }
            if let Some(end) = stage.logic.and_then(|logic| logic.at_removal()) {
                self.end(end, &stage.line.effect);
            }
        }
    }

    /// Something has come from the source.
    pub fn push(&mut self, now: Offset, item: Item) {
        match self.stages.first_mut() {
            Some(first) => first.admit(now, item),
            None => self.out.push_back(item),
        }
    }

    /// Lets through what is due by `now`.
    pub fn advance(&mut self, now: Offset) {
        if self.ended.is_some() {
            return;
        }
        let endings = self.stages.iter().filter_map(|stage| {
            let (at, end) = stage.logic.as_ref()?.ending()?;
            (at <= now).then(|| (at, end, Arc::clone(&stage.line.effect)))
        });
        match endings.min_by_key(|(at, ..)| *at) {
            None => self.flow(now),
            Some((at, end, effect)) => {
                // Whoever looks late must not lose what was through before.
                self.flow(at);
                self.end(end, &effect);
            }
        }
    }

    fn flow(&mut self, until: Offset) {
        for place in 0..self.stages.len() {
            let (before, behind) = self.stages.split_at_mut(place + 1);
            let Some(stage) = before.last_mut() else { continue };
            while let Some((left, item)) = stage.line.take_due(until) {
                match behind.first_mut() {
                    Some(next) => next.admit(left, item),
                    None => self.out.push_back(item),
                }
            }
        }
    }

    /// What leaves the pipe next, once [`Self::advance`] has let it through.
    pub fn pop(&mut self) -> Option<Item> {
        self.out.pop_front().or_else(|| self.ended.clone())
    }

    /// When something will leave a stage next.
    pub fn next_wake(&self) -> Option<Offset> {
        if self.ended.is_some() {
            return None;
        }
        let ready = self.stages.iter().filter_map(|stage| stage.line.items.front());
        let ready = ready.map(|held| held.ready).filter(|at| *at < NEVER);
        ready.chain(self.next_ending()).min()
    }

    /// When a toxic ends the link.
    pub fn next_ending(&self) -> Option<Offset> {
        if self.ended.is_some() {
            return None;
        }
        let endings = self.stages.iter().filter_map(|stage| stage.logic.as_ref()?.ending());
        endings.map(|(at, _)| at).filter(|at| *at < NEVER).min()
    }

    /// How a toxic has ended the link, if one has.
    pub fn ended(&self) -> Option<&Item> {
        self.ended.as_ref()
    }

    /// Whether there is room for more from the source.
    pub fn wants(&self) -> bool {
        let held: usize = self.stages.iter().map(|stage| stage.line.memory_bytes()).sum();
        // What has left the last stage and was not taken presses back as if there were no pipe.
        let full = |stage: &Stage| {
            let room = stage.logic.as_ref().map_or(usize::MAX, |logic| logic.room_bytes());
            stage.line.bytes >= room
        };
        let room = held < HELD_BYTES_MAX && !self.stages.iter().any(full);
        self.ended.is_none() && self.out.is_empty() && room
    }

    /// How many bytes are on their way.
    pub fn held_bytes(&self) -> usize {
        let held = self.stages.iter().map(|stage| stage.line.bytes);
        held.chain(self.out.iter().map(Item::len)).sum()
    }

    /// Ends both connections; what is held is lost with them.
    fn end(&mut self, end: Item, effect: &Effect) {
        if self.ended.is_some() {
            return;
        }
        match end {
            Item::Reset => effect.connections_reset(1),
            _ => effect.connections_closed(1),
        }
        self.ended = Some(end);
    }
}

impl Stage {
    fn new(set: Set, protocol: Protocol, seed: u64, now: Offset) -> Self {
        // By its name: a toxic that others are set beside acts on the same links as without them.
        let seed = seed_of(seed_of(seed, set.toxic.stream.name()), &set.toxic.name);
        let line = Line::new(Arc::clone(&set.effect), seed_of(seed, "draws"), now);
        let lot = unit_of(hash_of(seed, 0));
        let mut stage = Self { set, lot, logic: None, counted: false, line };
        stage.begin(Start { now, protocol, carry: Carry::default() });
        stage
    }

    fn acts(&self) -> bool {
        self.lot < self.set.toxic.toxicity
    }

    fn begin(&mut self, start: Start) {
        self.logic = if self.acts() { self.set.toxic.kind.logic(start) } else { None };
        if self.logic.is_some() && !self.counted {
            self.counted = true;
            self.line.effect.links(1);
        }
    }

    /// Takes its toxic as it is now; what is held leaves as the toxic now wants it. Gives back how the
    /// link ends, where it does.
    fn change(&mut self, set: &Set, protocol: Protocol, now: Offset) -> Option<Item> {
        let (acted, was) = (self.acts(), std::mem::replace(&mut self.set, set.clone()));
        self.line.effect = Arc::clone(&set.effect);
        if was.toxic.kind == set.toxic.kind && acted == self.acts() {
            return None;
        }
        let before = self.logic.take();
        let carry = before.as_ref().map(|logic| logic.carry(now, &self.line)).unwrap_or_default();
        self.begin(Start { now, protocol, carry });
        self.line.since = now;
        match &mut self.logic {
            Some(logic) if logic.keeps_held() => None,
            Some(logic) => {
                self.line.again = true;
                for held in self.line.take_back() {
                    logic.admit(held.came, held.item, &mut self.line);
                }
                self.line.again = false;
                None
            }
            None => {
                self.line.let_go(now);
                before.and_then(|logic| logic.at_removal())
            }
        }
    }

    /// An item comes to the stage.
    fn admit(&mut self, at: Offset, item: Item) {
        match &mut self.logic {
            Some(logic) => logic.admit(at, item, &mut self.line),
            None => self.line.leave(at, at, item),
        }
    }

    fn is_idle(&self) -> bool {
        self.logic.is_none() && self.line.items.is_empty()
    }
}
