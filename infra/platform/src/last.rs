//! The last request of each connection: what the platform knows of requests that nobody waited
//! for.
//!
//! A viewer has one request under way at a time, so whatever a viewer gave up, or lost with its
//! connection, was the last request of that connection.

use std::sync::Arc;

/// A request's number as its sender counts: `{run:08x}-{viewer}-{send}` in `x-hulk-request`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) viewer: u32,
    pub(crate) send: u32,
}

/// A last request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Last {
    pub(crate) mark: Mark,
    /// The service that is counted for it.
    pub(crate) service: Arc<str>,
    /// None while the state machine works on it, or if it never answered.
    pub(crate) status: Option<u16>,
    request: u64,
}

/// Where a last request is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Its connection is open.
    Seat(usize),
    /// Its connection has ended.
    Ended(usize),
    /// Nowhere: it had no mark, or there was no room.
    Nowhere,
}

/// All last requests.
#[derive(Debug)]
pub(crate) struct LastRequests {
    /// Of open connections, by their seats.
    seats: Vec<Option<Last>>,
    free: Vec<usize>,
    /// Of connections that have ended.
    ended: Vec<Last>,
    ended_max: usize,
    /// Connections that have ended when there was no room left.
    untold: u64,
}

impl Mark {
    /// Reads the header's value.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        let (_run, rest) = header.split_once('-')?;
        let (viewer, send) = rest.split_once('-')?;
        Some(Self { viewer: viewer.parse().ok()?, send: send.parse().ok()? })
    }
}

impl LastRequests {
    /// Room for so many connections that have ended.
    pub(crate) fn new(ended_max: usize) -> Self {
        let (seats, free, ended) = (Vec::new(), Vec::new(), Vec::new());
        Self { seats, free, ended, ended_max, untold: 0 }
    }

    /// A seat for a connection.
    pub(crate) fn sit(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.seats.push(None);
            self.seats.len() - 1
        })
    }

    /// The connection has a new last request; where it is kept.
    pub(crate) fn asked(
        &mut self,
        seat: usize,
        mark: Option<Mark>,
        request: u64,
        service: Arc<str>,
        status: Option<u16>,
    ) -> Place {
        self.seats[seat] = mark.map(|mark| Last { mark, service, status, request });
        if mark.is_some() { Place::Seat(seat) } else { Place::Nowhere }
    }

    /// The state machine has answered a request.
    pub(crate) fn answered(&mut self, place: Place, service: &Arc<str>, status: u16) {
        let last = match place {
            Place::Seat(seat) => self.seats[seat].as_mut(),
            Place::Ended(index) => self.ended.get_mut(index),
            Place::Nowhere => None,
        };
        if let Some(last) = last {
            last.service = Arc::clone(service);
            last.status = Some(status);
        }
    }

    /// The connection has ended: the request that is still worked on, and its new place.
    pub(crate) fn leave(&mut self, seat: usize) -> Option<(u64, Place)> {
        self.free.push(seat);
        let last = self.seats[seat].take()?;
        let open = last.status.is_none().then_some(last.request);
        let place = if self.ended.len() < self.ended_max {
            self.ended.push(last);
            Place::Ended(self.ended.len() - 1)
        } else {
            self.untold += 1;
            Place::Nowhere
        };
        open.map(|request| (request, place))
    }

    /// Of the connections that have ended, in the order of their ends.
    pub(crate) fn ended(&self) -> &[Last] {
        &self.ended
    }

    /// Connections of which nothing is told, for want of room.
    pub(crate) fn untold(&self) -> u64 {
        self.untold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(viewer: u32, send: u32) -> Option<Mark> {
        Some(Mark { viewer, send })
    }

    #[test]
    fn marks_are_read_from_the_header() {
        assert_eq!(Mark::parse("0012abcd-7-33"), mark(7, 33));
        for wrong in ["", "1", "1-2", "1-2-x", "1-2-", "1--2", "1-2-3-4", "1-2-4294967296"] {
            assert_eq!(Mark::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_request_keeps_its_status_wherever_it_is_when_the_answer_comes() {
        let mut last = LastRequests::new(2);
        let (home, edge): (Arc<str>, Arc<str>) = ("home".into(), "edge".into());
        let (a, b) = (last.sit(), last.sit());
        let place = last.asked(a, mark(1, 1), 10, Arc::clone(&home), None);
        last.answered(place, &home, 200);
        // Answered: nothing is open when it leaves.
        assert_eq!(last.leave(a), None);
        last.asked(b, mark(2, 1), 11, Arc::clone(&home), Some(200));
        last.asked(b, mark(2, 2), 12, Arc::clone(&home), None);
        let open = last.leave(b);
        assert_eq!(open, Some((12, Place::Ended(1))));
        assert_eq!(last.ended()[1].status, None);
        last.answered(Place::Ended(1), &edge, 503);
        let told: Vec<_> = last
            .ended()
            .iter()
            .map(|l| (l.mark.viewer, l.mark.send, &*l.service, l.status))
            .collect();
        assert_eq!(told, [(1, 1, "home", Some(200)), (2, 2, "edge", Some(503))]);
    }

    #[test]
    fn what_has_no_mark_or_no_room_is_kept_nowhere() {
        let mut last = LastRequests::new(1);
        let home: Arc<str> = "home".into();
        let seat = last.sit();
        last.asked(seat, mark(1, 1), 1, Arc::clone(&home), Some(200));
        assert_eq!(last.asked(seat, None, 2, Arc::clone(&home), None), Place::Nowhere);
        assert_eq!(last.leave(seat), None);
        assert_eq!((last.ended().len(), last.untold()), (0, 0), "the unmarked one was the last");
        for viewer in 0..2 {
            let seat = last.sit();
            last.asked(seat, mark(viewer, 1), 3, Arc::clone(&home), None);
            let place = last.leave(seat).map(|(_, place)| place);
            assert_eq!(place, Some(if viewer == 0 { Place::Ended(0) } else { Place::Nowhere }));
        }
        assert_eq!((last.ended().len(), last.untold()), (1, 1));
        last.answered(Place::Nowhere, &home, 200);
        assert_eq!(last.sit(), 0, "seats are given again");
    }
}
