//! What all receivers of a run met, counted in one place.
//!
//! Messages of a room are numbered, the same for everybody in it. So a receiver knows what it
//! missed between two of its messages, and at the end what it missed after its last one: what
//! others in its room got. What comes in the last moment of a run may be on its way to others; the
//! room is settled before, and what comes later is in no account of missed messages.

use hulk_record::Samples;
use hulk_scenarios::MessageRead;

/// Reasons that are told apart; a server that makes up new ones fills no memory.
const TROUBLES_MAX: usize = 16;

/// What receivers met.
#[derive(Debug, Default)]
pub struct Heard {
    /// Receivers that were connected at least once.
    pub connected: u32,
    /// Receivers that were connected once and are not at the end.
    pub gone: u32,
    /// From the start of each connection to its upgrade.
    pub setup: Samples,
    /// Messages, of whatever kind.
    pub received: u64,
    /// Numbered messages that were due, those that were missed among them.
    pub expected: u64,
    /// Of them, those that a connected receiver did not get.
    pub missed: u64,
    /// Of them, those that came while a receiver was away.
    pub missed_away: u64,
    /// Numbered messages that were not above the one before.
    pub repeated: u64,
    /// Messages without a stamp that can be read, and those that were too long or broke the
    /// protocol.
    pub malformed: u64,
    /// From the stamp to the socket.
    pub latency: Samples,
    /// Messages that came before their stamp: the clocks do not agree.
    pub ahead: u64,
    /// By how much at most, in µs.
    pub ahead_us_max: u64,
    /// How often somebody came back.
    pub reconnects: u64,
    /// How long each was away.
    pub away: Samples,
    /// The reconnect storm, where one was asked for.
    pub storm: Option<Stormed>,
    /// How late HULK's own timer was, each 10 ms.
    pub lag: Samples,
    /// CPU time of the process by wall time.
    pub busy_share: f64,
    /// Why connections were not made, or ended: each reason with how often.
    pub troubles: Vec<(String, u64)>,
}

/// A reconnect storm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stormed {
    /// When it was to be, in µs.
    pub at_us: i64,
    /// Receivers that were cut off.
    pub cut: u32,
    /// Those of them that came back.
    pub back: u32,
    /// From its time until the last of them was back, in µs.
    pub last_back_us: u64,
}

/// Counts what happens to receivers. Times are in µs of the run's clock.
#[derive(Debug)]
pub(super) struct Tally {
    heard: Heard,
    places: Vec<Place>,
    rooms: Vec<Room>,
    settled: bool,
    /// Numbered messages that came when they were due.
    got: u64,
}

/// A receiver.
#[derive(Debug, Clone, Default)]
struct Place {
    room: usize,
    was_open: bool,
    /// When its connection ended; none while it has one.
    lost_at_us: Option<i64>,
    /// Whether the storm has cut it off and it is not back.
    is_stormed: bool,
    /// Whether it has come back and heard nothing since.
    is_fresh: bool,
    /// The number of its last message.
    last: Option<u64>,
    /// The last number of its room when it first came.
    last_before: Option<u64>,
}

#[derive(Debug, Clone, Default)]
struct Room {
    first: Option<u64>,
    last: Option<u64>,
    /// The last number that everybody is to have had at the end.
    limit: Option<u64>,
}

impl Tally {
    /// So many receivers, who are in so many rooms in turn.
    pub(super) fn new(receivers: u32, rooms: u32, storm_at_us: Option<i64>) -> Self {
        let rooms = rooms.max(1) as usize;
        let place = |receiver| Place { room: receiver as usize % rooms, ..Place::default() };
        let storm = storm_at_us.map(|at_us| Stormed { at_us, cut: 0, back: 0, last_back_us: 0 });
        Self {
            heard: Heard { storm, ..Heard::default() },
            places: (0..receivers).map(place).collect(),
            rooms: vec![Room::default(); rooms],
            settled: false,
            got: 0,
        }
    }

    /// A connection was made.
    pub(super) fn opened(&mut self, receiver: u32, now_us: i64, setup_us: u64) {
        self.heard.setup.record(setup_us);
        let Some(place) = self.places.get_mut(receiver as usize) else { return };
        if !place.was_open {
            place.was_open = true;
            place.last_before = self.rooms.get(place.room).and_then(|room| room.last);
            self.heard.connected += 1;
            return;
        }
        place.is_fresh = true;
        self.heard.reconnects += 1;
        if let Some(lost_at_us) = place.lost_at_us.take() {
            self.heard.away.record((now_us - lost_at_us).max(0).unsigned_abs());
        }
        if let Some(storm) = self.heard.storm.as_mut().filter(|_| place.is_stormed) {
            place.is_stormed = false;
            storm.back += 1;
            storm.last_back_us = (now_us - storm.at_us).max(0).unsigned_abs();
        }
    }

    /// A connection ended.
    pub(super) fn lost(&mut self, receiver: u32, now_us: i64) {
        if let Some(place) = self.places.get_mut(receiver as usize) {
            place.lost_at_us = Some(now_us);
        }
    }

    /// The storm has cut a receiver off.
    pub(super) fn stormed(&mut self, receiver: u32, now_us: i64) {
        self.lost(receiver, now_us);
        if let (Some(place), Some(storm)) =
            (self.places.get_mut(receiver as usize), &mut self.heard.storm)
        {
            place.is_stormed = true;
            storm.cut += 1;
        }
    }

    /// Why a connection was not made, or ended.
    pub(super) fn trouble(&mut self, reason: &str) {
        let troubles = &mut self.heard.troubles;
        let known = troubles.iter().position(|(known, _)| known == reason);
        let reason = if known.is_none() && troubles.len() >= TROUBLES_MAX {
            "other reasons"
        } else {
            reason
        };
        match troubles.iter_mut().find(|(known, _)| known == reason) {
            Some((_, count)) => *count += 1,
            None => troubles.push((reason.to_owned(), 1)),
        }
    }

    /// What came was no message.
    pub(super) fn malformed(&mut self) {
        self.heard.malformed += 1;
    }

    /// A message came at a time of the calendar's, in µs since 1970.
    pub(super) fn message(&mut self, receiver: u32, unix_us: i64, read: MessageRead) {
        let heard = &mut self.heard;
        heard.received += 1;
        match read.stamp_us.map(|stamp_us| unix_us.saturating_sub(stamp_us)) {
            None => heard.malformed += 1,
            Some(late_us @ 0..) => heard.latency.record(late_us.unsigned_abs()),
            Some(ahead_us) => {
                heard.ahead += 1;
                heard.ahead_us_max = heard.ahead_us_max.max(ahead_us.unsigned_abs());
            }
        }
        if let Some(number) = read.sequence {
            self.numbered(receiver, number);
        }
    }

    fn numbered(&mut self, receiver: u32, number: u64) {
        let Some(place) = self.places.get_mut(receiver as usize) else { return };
        let Some(room) = self.rooms.get_mut(place.room) else { return };
        if self.settled && room.limit.is_none_or(|limit| number > limit) {
            return;
        }
        match place.last {
            None => {}
            Some(last) if number > last => {
                let between = number - last - 1;
                let missed = match place.is_fresh {
                    true => &mut self.heard.missed_away,
                    false => &mut self.heard.missed,
                };
                *missed = missed.saturating_add(between);
            }
            // Whoever counts has begun anew while it was away.
            Some(_) if place.is_fresh => *room = Room { limit: room.limit, ..Room::default() },
            Some(_) => {
                self.heard.repeated += 1;
                return;
            }
        }
        room.first.get_or_insert(number);
        room.last = room.last.max(Some(number));
        place.last = Some(number);
        place.is_fresh = false;
        self.got += 1;
    }

    /// What comes from now on may be on its way to others when the run ends.
    pub(super) fn settle(&mut self) {
        self.settled = true;
        self.rooms.iter_mut().for_each(|room| room.limit = room.last);
    }

    /// How late HULK's own timer was.
    pub(super) fn late(&mut self, us: u64) {
        self.heard.lag.record(us);
    }

    /// What they met; the tally is over.
    pub(super) fn take(&mut self, busy_share: f64) -> Heard {
        let mut heard = std::mem::take(&mut self.heard);
        for place in self.places.iter().filter(|place| place.was_open) {
            let is_gone = place.lost_at_us.is_some();
            heard.gone += u32::from(is_gone);
            let Some(room) = self.rooms.get(place.room) else { continue };
            let (Some(first), Some(limit)) = (room.first, room.limit) else { continue };
            let after_last = match place.last.or(place.last_before) {
                Some(last) => limit.saturating_sub(last),
                None => limit.saturating_sub(first).saturating_add(1),
            };
            let missed = match is_gone || place.is_fresh {
                true => &mut heard.missed_away,
                false => &mut heard.missed,
            };
            *missed = missed.saturating_add(after_last);
        }
        let all_missed = heard.missed.saturating_add(heard.missed_away);
        heard.expected = self.got.saturating_add(all_missed);
        heard.troubles.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        heard.busy_share = busy_share;
        heard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sequence: u64) -> MessageRead {
        MessageRead { stamp_us: Some(0), sequence: Some(sequence) }
    }

    /// Receivers who are all connected.
    fn open(receivers: u32, rooms: u32) -> Tally {
        let mut tally = Tally::new(receivers, rooms, None);
        (0..receivers).for_each(|receiver| tally.opened(receiver, 0, 5));
        tally
    }

    fn hear(tally: &mut Tally, receiver: u32, numbers: &[u64]) {
        numbers.iter().for_each(|number| tally.message(receiver, 0, read(*number)));
    }

    /// Expected, missed, missed while away, repeated.
    fn end(mut tally: Tally) -> (u64, u64, u64, u64) {
        if !tally.settled {
            tally.settle();
        }
        let heard = tally.take(0.0);
        (heard.expected, heard.missed, heard.missed_away, heard.repeated)
    }

    #[test]
    fn gaps_and_what_came_after_the_last_message_are_missed() {
        let mut tally = open(3, 0);
        hear(&mut tally, 0, &[10, 11, 12, 13]);
        hear(&mut tally, 1, &[10, 13]);
        hear(&mut tally, 2, &[10, 11]);
        assert_eq!(end(tally), (12, 4, 0, 0));
    }

    #[test]
    fn a_receiver_that_hears_nothing_misses_what_its_room_got_since_it_came() {
        let mut tally = Tally::new(3, 0, None);
        tally.opened(0, 0, 5);
        tally.opened(1, 0, 5);
        hear(&mut tally, 0, &[4, 5]);
        tally.opened(2, 0, 5);
        hear(&mut tally, 0, &[6]);
        // The second missed 4, 5 and 6, the third 6.
        assert_eq!(end(tally), (7, 4, 0, 0));
    }

    #[test]
    fn rooms_count_for_themselves_and_the_silent_one_is_short_of_nothing() {
        let mut tally = open(4, 3);
        // Receivers 0 and 3 are in room 0.
        hear(&mut tally, 0, &[0, 1]);
        hear(&mut tally, 3, &[0]);
        hear(&mut tally, 1, &[7]);
        assert_eq!(end(tally), (5, 1, 0, 0));
    }

    #[test]
    fn what_repeats_is_told_and_is_no_gap() {
        let mut tally = open(1, 0);
        hear(&mut tally, 0, &[3, 3, 2, 4]);
        assert_eq!(end(tally), (2, 0, 0, 2));
    }

    #[test]
    fn what_came_while_a_receiver_was_away_is_told_apart() {
        let mut tally = open(2, 0);
        hear(&mut tally, 0, &[0, 1, 2, 3, 4, 5]);
        hear(&mut tally, 1, &[0]);
        tally.lost(1, 1_000);
        tally.opened(1, 4_000, 5);
        hear(&mut tally, 1, &[3, 5]);
        tally.settle();
        let heard = tally.take(0.25);
        // 1 and 2 while it was away, 4 while it was there.
        assert_eq!((heard.expected, heard.missed, heard.missed_away), (12, 1, 2));
        assert_eq!((heard.reconnects, heard.connected, heard.gone), (1, 2, 0));
        assert_eq!((heard.away.count(), heard.away.max_us()), (1, 3_000));
        assert_eq!((heard.setup.count(), heard.busy_share), (3, 0.25));
    }

    #[test]
    fn who_does_not_come_back_was_away_to_the_end() {
        let mut tally = open(2, 0);
        hear(&mut tally, 0, &[0, 1, 2]);
        hear(&mut tally, 1, &[0]);
        tally.lost(1, 9);
        tally.settle();
        let heard = tally.take(0.0);
        assert_eq!((heard.missed, heard.missed_away, heard.gone), (0, 2, 1));
    }

    #[test]
    fn a_service_that_counts_anew_has_missed_nothing() {
        let mut tally = open(2, 0);
        for receiver in 0..2 {
            hear(&mut tally, receiver, &[100, 101]);
            tally.lost(receiver, 1);
            tally.opened(receiver, 2, 5);
        }
        hear(&mut tally, 0, &[0, 1]);
        hear(&mut tally, 1, &[0, 1]);
        assert_eq!(end(tally), (8, 0, 0, 0));
    }

    #[test]
    fn what_comes_at_the_end_is_expected_of_nobody() {
        let mut tally = open(2, 0);
        hear(&mut tally, 0, &[0, 1]);
        hear(&mut tally, 1, &[0]);
        tally.settle();
        hear(&mut tally, 0, &[2]);
        hear(&mut tally, 1, &[1]);
        assert_eq!(end(tally), (4, 0, 0, 0));
    }

    #[test]
    fn a_message_before_its_stamp_is_told_and_not_measured() {
        let mut tally = open(1, 0);
        let stamped = |stamp_us| MessageRead { stamp_us, sequence: None };
        tally.message(0, 1_000, stamped(Some(400)));
        tally.message(0, 1_000, stamped(Some(1_007)));
        tally.message(0, 1_000, stamped(Some(1_002)));
        tally.message(0, 1_000, stamped(None));
        tally.malformed();
        let heard = tally.take(0.0);
        assert_eq!((heard.received, heard.malformed), (4, 2));
        assert_eq!((heard.ahead, heard.ahead_us_max), (2, 7));
        assert_eq!((heard.latency.count(), heard.latency.max_us()), (1, 600));
        assert_eq!(heard.expected, 0, "nothing is numbered");
    }

    #[test]
    fn a_storm_is_over_when_the_last_one_is_back() {
        let mut tally = Tally::new(3, 0, Some(1_000));
        (0..3).for_each(|receiver| tally.opened(receiver, 0, 5));
        tally.stormed(0, 1_001);
        tally.stormed(2, 1_002);
        tally.opened(2, 1_500, 5);
        tally.opened(0, 3_000, 5);
        let storm = tally.take(0.0).storm;
        assert_eq!(storm, Some(Stormed { at_us: 1_000, cut: 2, back: 2, last_back_us: 2_000 }));
    }

    #[test]
    fn reasons_are_counted_and_too_many_different_ones_together() {
        let mut tally = open(1, 0);
        (0..40).for_each(|number| tally.trouble(&format!("reason {number}")));
        tally.trouble("reason 3");
        let troubles = tally.take(0.0).troubles;
        assert_eq!(troubles[..2], [("other reasons".to_owned(), 24), ("reason 3".to_owned(), 2)]);
        assert_eq!(troubles.len(), TROUBLES_MAX + 1);
    }
}
