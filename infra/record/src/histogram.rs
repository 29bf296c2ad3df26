//! Histograms that merge exactly: one precision and one range everywhere.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// The highest value that is told apart: one hour in µs.
pub const HIGHEST_US: u64 = 3_600_000_000;
const DIGITS: u8 = 3;

/// Samples in µs: an HdrHistogram of 3 digits from 1 µs to one hour, with the exact extremes and
/// sum beside it (the histogram itself answers with its buckets' bounds).
#[derive(Debug, Clone)]
pub struct Samples {
    histogram: Histogram<u64>,
    min_us: u64,
    max_us: u64,
    sum_us: u128,
    above: u64,
}

impl Samples {
    /// No samples.
    pub fn new() -> Self {
        #[expect(clippy::expect_used, reason = "the bounds are constants and a test makes one")]
        let histogram = Histogram::new_with_bounds(1, HIGHEST_US, DIGITS).expect("valid bounds");
        Self { histogram, min_us: u64::MAX, max_us: 0, sum_us: 0, above: 0 }
    }

    /// Adds one sample; what is beyond the range counts as the highest value and is counted apart.
    pub fn record(&mut self, us: u64) {
        self.record_n(us, 1);
    }

    /// Adds `count` samples of one value.
    pub fn record_n(&mut self, us: u64, count: u64) {
        if count == 0 {
            return;
        }
        if us > HIGHEST_US {
            self.above += count;
        }
        self.histogram.saturating_record_n(us, count);
        self.min_us = self.min_us.min(us);
        self.max_us = self.max_us.max(us);
        self.sum_us += u128::from(us) * u128::from(count);
    }

    /// Adds all samples of another.
    pub fn merge(&mut self, other: &SparseHistogram) {
        let mut value = 0;
        for &(gap, count) in &other.counts {
            value += gap;
            self.histogram.saturating_record_n(value, count);
        }
        self.min_us = self.min_us.min(other.min_us);
        self.max_us = self.max_us.max(other.max_us);
        self.sum_us += other.sum_us;
        self.above += other.above;
    }

    /// How many samples.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The exact mean in µs, 0 without samples.
    pub fn mean_us(&self) -> f64 {
        if self.count() == 0 { 0.0 } else { self.sum_us as f64 / self.count() as f64 }
    }

    /// The exact smallest sample, 0 without samples.
    pub fn min_us(&self) -> u64 {
        if self.count() == 0 { 0 } else { self.min_us }
    }

    /// The exact largest sample.
    pub fn max_us(&self) -> u64 {
        self.max_us
    }

    /// Samples beyond the range.
    pub fn above(&self) -> u64 {
        self.above
    }

    /// The value at a quantile given in parts per million, as HdrHistogram answers it: the highest
    /// value equivalent to the sample of that rank. 0 without samples.
    pub fn quantile_us(&self, ppm: u32) -> u64 {
        let total = self.count();
        let rank = (u128::from(total) * u128::from(ppm)).div_ceil(1_000_000).max(1) as u64;
        let mut seen = 0;
        for bucket in self.histogram.iter_recorded() {
            seen += bucket.count_since_last_iteration();
            if seen >= rank {
                return self.histogram.highest_equivalent(bucket.value_iterated_to());
            }
        }
        0
    }

    /// The same, and never above the largest sample: a bucket's top may be.
    pub fn quantile_at_most_max_us(&self, ppm: u32) -> u64 {
        self.quantile_us(ppm).min(self.max_us())
    }

    /// How many samples lie above a value (to the histogram's precision).
    pub fn count_above(&self, us: u64) -> u64 {
        let limit = self.histogram.highest_equivalent(us);
        self.histogram
            .iter_recorded()
            .filter(|bucket| bucket.value_iterated_to() > limit)
            .map(|bucket| bucket.count_at_value())
            .sum()
    }

    /// The histogram, for writers of its own formats.
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.histogram
    }

    /// The recorded buckets only, for the wire.
    pub fn sparse(&self) -> SparseHistogram {
        let mut counts = Vec::new();
        let mut previous = 0;
        for bucket in self.histogram.iter_recorded() {
            let value = self.histogram.lowest_equivalent(bucket.value_iterated_to());
            counts.push((value - previous, bucket.count_at_value()));
            previous = value;
        }
        SparseHistogram {
            counts,
            min_us: self.min_us,
            max_us: self.max_us,
            sum_us: self.sum_us,
            above: self.above,
        }
    }

    /// Forgets every sample and keeps the memory.
    pub fn clear(&mut self) {
        self.histogram.reset();
        self.min_us = u64::MAX;
        self.max_us = 0;
        self.sum_us = 0;
        self.above = 0;
    }
}

impl Default for Samples {
    fn default() -> Self {
        Self::new()
    }
}

/// The recorded buckets of [`Samples`]: (gap to the previous bucket's lowest value in µs, count).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SparseHistogram {
    /// Buckets in rising order.
    pub counts: Vec<(u64, u64)>,
    /// Exact smallest sample.
    pub min_us: u64,
    /// Exact largest sample.
    pub max_us: u64,
    /// Exact sum.
    pub sum_us: u128,
    /// Samples beyond the range.
    pub above: u64,
}

/// Without a sample.
impl Default for SparseHistogram {
    fn default() -> Self {
        Self { counts: Vec::new(), min_us: u64::MAX, max_us: 0, sum_us: 0, above: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_through_the_sparse_form_is_exact() {
        let (mut all, mut merged) = (Samples::new(), Samples::new());
        for part in 0..4_u64 {
            let mut samples = Samples::new();
            for n in 0..1000_u64 {
                let us = (n * 7919 + part * 31) % 5_000_000;
                samples.record(us);
                all.record(us);
            }
            merged.merge(&samples.sparse());
        }
        assert_eq!(merged.histogram(), all.histogram());
        assert_eq!((merged.min_us(), merged.max_us()), (all.min_us(), all.max_us()));
        assert_eq!(merged.mean_us(), all.mean_us());
    }

    #[test]
    fn values_beyond_the_range_are_counted_apart() {
        let mut samples = Samples::new();
        samples.record(HIGHEST_US + 1);
        samples.record(10);
        assert_eq!((samples.count(), samples.above(), samples.max_us()), (2, 1, HIGHEST_US + 1));
    }

    #[test]
    fn a_quantile_is_the_sample_of_its_rank() {
        let mut samples = Samples::new();
        (1..=1000).for_each(|us| samples.record(us));
        assert_eq!(samples.quantile_us(500_000), 500);
        assert_eq!(samples.quantile_us(999_000), 999);
        assert_eq!(samples.quantile_us(1_000_000), 1000);
        assert_eq!(samples.count_above(990), 10);
    }
}
