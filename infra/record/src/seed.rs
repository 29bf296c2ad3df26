//! Randomness as an argument: every stream is derived from a label, so that adding one shifts no
//! other, and the same on every machine.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Into how many slots the viewers are hashed; a worker owns some of them.
pub const SHARD_SLOTS: u32 = 4096;

/// The seed of the stream named `label` under `parent`.
pub fn seed_of(parent: u64, label: &str) -> u64 {
    xxh3_64_with_seed(label.as_bytes(), parent)
}

/// The hash of a number in the stream `seed`.
pub fn hash_of(seed: u64, number: u64) -> u64 {
    xxh3_64_with_seed(&number.to_le_bytes(), seed)
}

/// A hash as a number in [0, 1).
pub fn unit_of(hash: u64) -> f64 {
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

/// The shard slot of a viewer, below [`SHARD_SLOTS`].
pub fn shard_slot(viewer: u64) -> u32 {
    (hash_of(0x5107, viewer) % u64::from(SHARD_SLOTS)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_independent_and_stable() {
        assert_eq!(seed_of(1, "arrivals"), seed_of(1, "arrivals"));
        assert_ne!(seed_of(1, "arrivals"), seed_of(1, "departures"));
        assert_ne!(seed_of(1, "arrivals"), seed_of(2, "arrivals"));
        let mean = (0..10_000).map(|n| unit_of(hash_of(7, n))).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
    }
}
