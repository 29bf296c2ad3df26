//! A clock that counts in µs from an instant.

use std::time::Duration;

use tokio::time::Instant;

/// The instant at which a clock shows 0; before it, the clock shows negative µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch(pub Instant);

impl Epoch {
    /// What the clock shows now, in µs.
    pub fn now_us(self) -> i64 {
        let now = Instant::now();
        match now.checked_duration_since(self.0) {
            Some(since) => since.as_micros() as i64,
            None => -(self.0.duration_since(now).as_micros() as i64),
        }
    }

    /// When the clock shows so many µs; the epoch itself for what this machine cannot name.
    pub fn at_us(self, micros: i64) -> Instant {
        let span = Duration::from_micros(micros.unsigned_abs());
        let instant = if micros < 0 { self.0.checked_sub(span) } else { self.0.checked_add(span) };
        instant.unwrap_or(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_goes_through_zero() {
        let epoch = Epoch(Instant::now() + Duration::from_secs(10));
        assert!((-10_000_000..-9_000_000).contains(&epoch.now_us()));
        assert_eq!(epoch.at_us(-2_000_000) + Duration::from_secs(3), epoch.at_us(1_000_000));
    }
}
