//! Load balancers in front of a service: each request goes to the next of them, and each has a peak
//! of its own. So the smallest is full first, however many instances are behind it.

use hulk_record::MatchTime;

use crate::limit::RateLimit;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Balancers {
    each: Vec<RateLimit>,
    next: usize,
    /// Requests that were turned away, all in all.
    pub(crate) refused: u64,
}

impl Balancers {
    /// With these peaks in requests per match second; without any, nothing is turned away.
    pub(crate) fn new(at: MatchTime, peaks: impl Iterator<Item = f64>) -> Self {
        let each = peaks.map(|peak| RateLimit::new(at, peak)).collect();
        Self { each, next: 0, refused: 0 }
    }

    /// Lets a request through, or not.
    pub(crate) fn pass(&mut self, now: MatchTime) -> bool {
        let count = self.each.len().max(1);
        let Some(balancer) = self.each.get_mut(self.next % count) else { return true };
        self.next = (self.next + 1) % count;
        let passes = balancer.take(now).is_ok();
        self.refused += u64::from(!passes);
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_peak_is_full_first() {
        let mut balancers = Balancers::new(MatchTime(0), [10.0, 20.0, 30.0].into_iter());
        // 45 a second are 15 for each: 5 too many for the first, once its bucket is empty.
        let asked = (0..45 * 60).map(|n| MatchTime(n * 1_000_000 / 45));
        let passed = asked.filter(|at| balancers.pass(*at)).count();
        assert!((balancers.refused as f64 - (5.0 * 60.0 - 10.0)).abs() <= 2.0, "{balancers:?}");
        assert_eq!(passed as u64 + balancers.refused, 45 * 60);
    }

    #[test]
    fn without_balancers_all_pass() {
        let mut none = Balancers::new(MatchTime(0), std::iter::empty());
        assert!((0..1000).all(|_| none.pass(MatchTime(0))));
    }
}
