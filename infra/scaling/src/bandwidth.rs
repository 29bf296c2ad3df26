//! A ceiling of bandwidth: bytes above it wait for those before them.

use hulk_record::MatchTime;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bandwidth {
    bytes_per_s: f64,
    /// When all that was let through will have been sent, in match seconds.
    free_s: f64,
}

impl Bandwidth {
    /// So many Gbit/s of match time.
    pub(crate) fn new(gbps: f64) -> Self {
        Self { bytes_per_s: gbps * 1e9 / 8.0, free_s: f64::NEG_INFINITY }
    }

    /// How long something that is sent now waits for what is before it, in match seconds.
    pub(crate) fn wait_s(&self, now: MatchTime) -> f64 {
        (self.free_s - now.as_s()).max(0.0)
    }

    /// Sends so many bytes after all before them.
    pub(crate) fn send(&mut self, now: MatchTime, bytes: f64) {
        self.free_s = self.free_s.max(now.as_s()) + bytes / self.bytes_per_s;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_above_the_ceiling_waits_as_long_as_the_sum_says() {
        // 1 Gbit/s; 1.2 of them are sent: each second 0.2 s more wait.
        let mut link = Bandwidth::new(1.0);
        for ms in 0..10_000 {
            let now = MatchTime(ms * 1000);
            let wanted = 0.2 * now.as_s();
            assert!((link.wait_s(now) - wanted).abs() < 2e-3, "{ms}: {}", link.wait_s(now));
            link.send(now, 1.2e9 / 8.0 / 1000.0);
        }
        assert!((link.wait_s(MatchTime::from_s(12.0))).abs() < 1e-2, "2 s later all is sent");
    }
}
