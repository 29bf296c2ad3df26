//! `shaka`: the defaults of Shaka Player: the only one that jitters.

use super::doubled_s;

const ATTEMPTS: u32 = 2;
const JITTER: f64 = 0.5;

pub(super) fn wait_s(attempt: u32, draw: f64) -> Option<f64> {
    (attempt < ATTEMPTS).then(|| jittered_s(doubled_s(1.0, f64::INFINITY, attempt), draw))
}

/// A wait that is up to half of itself shorter or longer.
pub(super) fn jittered_s(wait_s: f64, draw: f64) -> f64 {
    wait_s * (1.0 + JITTER * (2.0 * draw - 1.0))
}
