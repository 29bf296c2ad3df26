//! A fleet's ledger: when each request leaves, in nominal time.
//!
//! The fleet does W = ∫ n·r·k dt requests' worth of work (per match second; n instances, rated
//! capacity r, scale k). Each request is booked at `mark = max(mark, W(now)) + cost` and leaves when
//! W reaches its mark, so that new capacity serves those who already wait, and an observer who
//! wakes late never lowers the capacity.

use std::collections::VecDeque;

use hulk_record::MatchTime;

/// A request that left the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    /// When, in nominal match time.
    pub at: MatchTime,
    /// The request.
    pub id: u64,
}

/// A request that was turned away at once: its predicted wait was longer than the patience.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Refused {
    /// The predicted wait in match seconds; infinite without capacity.
    pub wait_s: f64,
}

/// The work clock of one fleet and the requests that wait for it.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkLedger {
    /// Requests per match second.
    rate: f64,
    /// W, in requests.
    work: f64,
    /// When W was last brought forward.
    at: MatchTime,
    mark: f64,
    waiting: VecDeque<(f64, u64)>,
}

impl WorkLedger {
    /// A fleet that serves `rate` requests per match second from `at` on.
    pub fn new(at: MatchTime, rate: f64) -> Self {
        Self { rate, work: 0.0, at, mark: 0.0, waiting: VecDeque::new() }
    }

    /// Books a request that costs so much work (1 is one request), or turns it away when it would
    /// wait longer than `patience_s`. The ledger must have been brought to `now`.
    ///
    /// # Errors
    /// [`Refused`]: nothing is booked.
    pub fn book(
        &mut self,
        now: MatchTime,
        id: u64,
        cost: f64,
        patience_s: f64,
    ) -> Result<(), Refused> {
        debug_assert!(self.at >= now, "bring the ledger forward before booking");
        let wait_s = self.predicted_wait_s();
        if wait_s > patience_s {
            return Err(Refused { wait_s });
        }
        self.mark = self.mark.max(self.work) + cost;
        self.waiting.push_back((self.mark, id));
        Ok(())
    }

    /// How long a request that came now would wait, in match seconds, at today's capacity.
    pub fn predicted_wait_s(&self) -> f64 {
        let ahead = (self.mark - self.work).max(0.0);
        if self.rate > 0.0 { ahead / self.rate } else { f64::INFINITY }
    }

    /// Requests that have not left.
    pub fn backlog(&self) -> usize {
        self.waiting.len()
    }

    /// When the next request leaves, if nothing changes.
    pub fn next_departure(&self) -> Option<MatchTime> {
        let (mark, _) = self.waiting.front()?;
        (self.rate > 0.0).then(|| self.at.plus(self.micros_until(*mark)))
    }

    /// Brings the work forward to `now` and lets go whoever is done by then.
    pub fn advance(&mut self, now: MatchTime, gone: &mut Vec<Departure>) {
        while let Some(departure) = self.pop(now) {
            gone.push(departure);
        }
        self.bring_to(now);
    }

    /// Lets the next one go that is done by `now`.
    pub fn pop(&mut self, now: MatchTime) -> Option<Departure> {
        let at = self.next_departure().filter(|at| *at <= now)?;
        self.waiting.pop_front().map(|(_, id)| Departure { at, id })
    }

    /// Brings the work forward to `now`; whoever is done by then must have been let go.
    pub fn bring_to(&mut self, now: MatchTime) {
        let elapsed = now.since(self.at).max(0);
        self.work += self.rate * elapsed as f64 / 1e6;
        self.at = self.at.max(now);
    }

    /// Changes the capacity from `now` on; the ledger must have been brought to `now`.
    pub fn set_rate(&mut self, rate: f64) {
        self.rate = rate;
    }

    /// Whole µs until W reaches `mark`, rounded up so that a departure is never early.
    fn micros_until(&self, mark: f64) -> i64 {
        let missing = (mark - self.work).max(0.0);
        // A millionth of a µs is rounding of the sum, not work to be done.
        (missing / self.rate * 1e6 - 1e-3).ceil().max(0.0) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The closed form of a fluid queue: capacity 1,500/s, load 1,000/s then 2,000/s from t = 0,
    /// new capacity (2,500/s) after 165 s.
    #[test]
    fn the_fluid_case_holds_to_its_closed_form() {
        let mut ledger = WorkLedger::new(MatchTime(0), 1500.0);
        let mut gone = Vec::new();
        let (mut arrivals, mut backlog_at_165) = (Vec::new(), 0);
        for n in 0..2000 * 400 {
            let at = MatchTime(n * 500);
            if at == MatchTime::from_s(165.0) {
                ledger.advance(at, &mut gone);
                backlog_at_165 = ledger.backlog();
                ledger.set_rate(2500.0);
            }
            ledger.advance(at, &mut gone);
            ledger.book(at, n as u64, 1.0, 1000.0).unwrap();
            arrivals.push(at);
        }
        ledger.advance(MatchTime::from_s(500.0), &mut gone);
        let delay = |d: &Departure| d.at.since(arrivals[d.id as usize]) as f64 / 1e6;
        assert_eq!(gone.len(), arrivals.len(), "nobody is lost");
        assert!((backlog_at_165 as f64 - 82_500.0).abs() <= 2.0, "{backlog_at_165}");
        let peak = gone.iter().map(delay).fold(0.0, f64::max);
        assert!((peak - 41.25).abs() < 0.01, "{peak}");
        let total: f64 = gone.iter().map(|d| delay(d) - 1.0 / 2500.0).filter(|d| *d > 0.0).sum();
        assert!((total / 13_612_500.0 - 1.0).abs() < 0.001, "{total}");
        let drained = gone.iter().filter(|d| delay(d) > 0.01).map(|d| d.at).max().unwrap();
        assert!((drained.as_s() - 330.0).abs() < 0.5, "drained 165 s later: {drained:?}");
    }

    #[test]
    fn a_wait_beyond_the_patience_is_refused_and_books_nothing() {
        let mut ledger = WorkLedger::new(MatchTime(0), 1.0);
        for id in 0..11 {
            assert_eq!(ledger.book(MatchTime(0), id, 1.0, 10.0).is_ok(), id <= 10, "{id}");
        }
        assert_eq!(ledger.book(MatchTime(0), 11, 1.0, 10.0), Err(Refused { wait_s: 11.0 }));
        assert_eq!(ledger.backlog(), 11);
    }

    #[test]
    fn without_capacity_the_wait_is_infinite() {
        let mut ledger = WorkLedger::new(MatchTime(0), 0.0);
        let refused = ledger.book(MatchTime(0), 0, 1.0, 1e12).unwrap_err();
        assert!(refused.wait_s.is_infinite());
        assert_eq!(ledger.next_departure(), None);
    }

    #[test]
    fn new_capacity_serves_those_who_already_wait() {
        let mut ledger = WorkLedger::new(MatchTime(0), 1.0);
        let mut gone = Vec::new();
        (0..10).for_each(|id| ledger.book(MatchTime(0), id, 1.0, 100.0).unwrap());
        ledger.advance(MatchTime::from_s(1.0), &mut gone);
        ledger.set_rate(9.0);
        ledger.advance(MatchTime::from_s(2.0), &mut gone);
        assert_eq!(gone.len(), 10);
        assert_eq!(gone[9].at, MatchTime::from_s(2.0));
    }

    #[test]
    fn waking_late_never_lowers_capacity() {
        let run = |wakes: &[f64]| {
            let mut ledger = WorkLedger::new(MatchTime(0), 10.0);
            let mut gone = Vec::new();
            (0..20).for_each(|id| ledger.book(MatchTime(0), id, 1.0, 100.0).unwrap());
            wakes.iter().for_each(|s| ledger.advance(MatchTime::from_s(*s), &mut gone));
            gone
        };
        assert_eq!(run(&[0.1, 0.5, 1.0, 1.7, 2.0]), run(&[2.0]));
    }

    #[test]
    fn a_request_takes_as_much_work_as_it_costs() {
        let mut ledger = WorkLedger::new(MatchTime(0), 10.0);
        let mut gone = Vec::new();
        for (id, cost) in [(1, 5.0), (2, 0.0), (3, 2.5)] {
            ledger.book(MatchTime(0), id, cost, 100.0).unwrap();
        }
        assert!((ledger.predicted_wait_s() - 0.75).abs() < 1e-9);
        ledger.advance(MatchTime::from_s(9.0), &mut gone);
        let left: Vec<(u64, f64)> = gone.iter().map(|d| (d.id, d.at.as_s())).collect();
        assert_eq!(left, [(1, 0.5), (2, 0.5), (3, 0.75)]);
    }
}
