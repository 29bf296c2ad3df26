//! `exo_player`: the defaults of ExoPlayer: the first repetition comes at once.

const RETRIES: u32 = 3;

pub(super) fn wait_s(attempt: u32) -> Option<f64> {
    (attempt <= RETRIES).then(|| f64::from(attempt - 1).min(5.0))
}
