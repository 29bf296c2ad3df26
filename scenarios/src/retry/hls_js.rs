//! `hls_js`: the defaults of hls.js. Without jitter: many players come back together.

use super::{Failure, doubled_s};

const ERROR_RETRIES: u32 = 6;
const TIME_OUT_RETRIES: u32 = 4;

pub(super) fn wait_s(failure: Failure, attempt: u32) -> Option<f64> {
    match failure {
        Failure::TimeOut => (attempt <= TIME_OUT_RETRIES).then_some(0.0),
        Failure::Error | Failure::Rejected => {
            (attempt <= ERROR_RETRIES).then(|| doubled_s(1.0, 8.0, attempt))
        }
    }
}
