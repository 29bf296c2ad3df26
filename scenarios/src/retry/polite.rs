//! `polite`: a client that spares who is in trouble.
//!
//! At most three attempts. A budget keeps the repetitions of a viewer near a tenth of the first
//! attempts. And where most of the recent requests were not accepted, a repetition is not even
//! sent, with a probability that grows with their share: with K = 2, a server that accepts at
//! least half of what it gets sees no difference.

use super::doubled_s;
use super::shaka::jittered_s;

const ATTEMPTS: u32 = 3;
/// The budget, in tenths: what it begins with, what a first attempt adds, what a repetition takes,
/// and how much it can hold.
const TENTHS_AT_FIRST: u32 = 10;
const TENTHS_ADDED: u32 = 1;
const TENTHS_TAKEN: u32 = 10;
const TENTHS_MAX: u32 = 100;
const K: f32 = 2.0;
/// When the history is this long its older half is given up, so that an hour of good answers does
/// not hide a bad minute.
const HISTORY_MAX: f32 = 32.0;

/// Which attempt came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// The first.
    First,
    /// A repetition.
    Again,
}

/// A viewer's retry budget, and what became of the recent requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryState {
    tenths: u32,
    requests: f32,
    accepts: f32,
}

impl Default for RetryState {
    fn default() -> Self {
        Self { tenths: TENTHS_AT_FIRST, requests: 0.0, accepts: 0.0 }
    }
}

impl RetryState {
    /// An attempt, the first or a repetition, was answered as expected.
    pub fn succeeded(&mut self, attempt: Attempt) {
        self.ended(attempt);
        self.accepts += 1.0;
    }

    fn ended(&mut self, attempt: Attempt) {
        if attempt == Attempt::First {
            self.tenths = (self.tenths + TENTHS_ADDED).min(TENTHS_MAX);
        }
        if self.requests >= HISTORY_MAX {
            self.requests /= 2.0;
            self.accepts /= 2.0;
        }
        self.requests += 1.0;
    }

    fn reject_probability(&self) -> f64 {
        f64::from(((self.requests - K * self.accepts) / (self.requests + 1.0)).max(0.0))
    }

    pub(super) fn wait_s(
        &mut self,
        attempt: u32,
        draw: f64,
        retry_after_s: Option<f64>,
    ) -> Option<f64> {
        self.ended(if attempt == 1 { Attempt::First } else { Attempt::Again });
        let reject = self.reject_probability();
        if attempt >= ATTEMPTS || draw < reject {
            return None;
        }
        self.tenths = self.tenths.checked_sub(TENTHS_TAKEN)?;
        // What is left of the draw is uniform again.
        let draw = (draw - reject) / (1.0 - reject);
        let wait_s = jittered_s(doubled_s(1.0, f64::INFINITY, attempt), draw);
        Some(wait_s.max(retry_after_s.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests;
