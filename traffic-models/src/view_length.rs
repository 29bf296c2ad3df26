//! How long people watch.

use std::f64::consts::TAU;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

use crate::Grade;

/// The length of a visit: lognormal, in match seconds.
///
/// A draw depends on its seed alone, to the last bit and on every machine: it uses no function of
/// the system's mathematics library.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ViewLength {
    /// Mean of the natural logarithm of the length in seconds.
    pub mu: f64,
    /// Standard deviation of that logarithm.
    pub sigma: f64,
    /// How far the two can be trusted.
    pub grade: Grade,
}

impl ViewLength {
    /// Mean length in match seconds.
    pub fn mean_s(&self) -> f64 {
        libm::exp(self.mu + self.sigma * self.sigma / 2.0)
    }

    /// Median length in match seconds.
    pub fn median_s(&self) -> f64 {
        libm::exp(self.mu)
    }

    /// The length, in match seconds, of a whole visit.
    pub fn whole_s(&self, seed: u64) -> f64 {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        libm::exp(self.mu + self.sigma * normal(&mut rng))
    }

    /// What is left, in match seconds, of a visit that is under way when we look.
    ///
    /// Whoever looks meets long visits more often, in proportion to their length, and at any of
    /// their instants: a length-biased lognormal is lognormal with mu + sigma², times a uniform.
    pub fn rest_s(&self, seed: u64) -> f64 {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let whole = libm::exp(self.mu + self.sigma * self.sigma + self.sigma * normal(&mut rng));
        whole * rng.random::<f64>()
    }
}

/// A standard normal number (Box and Muller).
fn normal(rng: &mut Pcg64Mcg) -> f64 {
    // A uniform of [0, 1) is never 1, so the logarithm is finite.
    let radius = (-2.0 * libm::log(1.0 - rng.random::<f64>())).sqrt();
    radius * libm::cos(TAU * rng.random::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_the_same_on_every_machine() {
        let length = ViewLength { mu: 5.97, sigma: 1.43, grade: Grade::M };
        let digest = |draw: &dyn Fn(u64) -> f64| {
            (0..1_000).fold(0, |digest, seed| hulk_record::hash_of(digest, draw(seed).to_bits()))
        };
        assert_eq!(digest(&|seed| length.whole_s(seed)), 9_171_850_851_460_492_040);
        assert_eq!(digest(&|seed| length.rest_s(seed)), 15_577_843_688_398_407_717);
    }
}
