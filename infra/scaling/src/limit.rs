//! A rate limit: a bucket of tokens, filled evenly, that holds what comes in one second.

use hulk_record::MatchTime;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RateLimit {
    /// Tokens per match second.
    rate: f64,
    tokens: f64,
    at: MatchTime,
}

impl RateLimit {
    /// A full bucket that lets `rate` requests a match second through.
    pub(crate) fn new(at: MatchTime, rate: f64) -> Self {
        Self { rate, tokens: Self::room(rate), at }
    }

    /// Takes a token; without one, the match seconds until the bucket is full again.
    ///
    /// The next token comes sooner, but it is one for all who were turned away.
    pub(crate) fn take(&mut self, now: MatchTime) -> Result<(), f64> {
        let room = Self::room(self.rate);
        let came = self.rate * now.since(self.at).max(0) as f64 / 1e6;
        self.tokens = (self.tokens + came).min(room);
        self.at = self.at.max(now);
        // A millionth of a token is rounding of the sum.
        if self.tokens >= 1.0 - 1e-6 {
            self.tokens -= 1.0;
            Ok(())
        } else {
            Err((room - self.tokens) / self.rate)
        }
    }

    /// At a small scale less than one request a second comes through: then it is one.
    fn room(rate: f64) -> f64 {
        rate.max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_come_through_as_the_rate_says() {
        for rate in [0.5, 10.0, 333.0] {
            let mut limit = RateLimit::new(MatchTime(0), rate);
            let asked = (0..60_000).map(|ms| MatchTime(ms * 1000));
            let through = asked.filter(|at| limit.take(*at).is_ok()).count() as f64;
            let wanted = rate * 60.0 + rate.max(1.0);
            assert!((through - wanted).abs() <= 1.0, "{rate}: {through}, not {wanted}");
        }
    }

    #[test]
    fn who_is_turned_away_hears_when_the_bucket_is_full() {
        let mut limit = RateLimit::new(MatchTime(0), 4.0);
        let answers: Vec<_> = (0..5).map(|_| limit.take(MatchTime(0))).collect();
        assert_eq!(answers, [Ok(()), Ok(()), Ok(()), Ok(()), Err(1.0)]);
        assert_eq!(limit.take(MatchTime::from_s(0.25)), Ok(()));
        assert_eq!(limit.take(MatchTime::from_s(0.25)), Err(1.0));
    }
}
