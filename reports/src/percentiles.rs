//! Latency by percentile, over the whole run: what a mean and one p99 hide.

use std::collections::BTreeMap;

use hulk_record::{Measure, Samples};

use crate::view::View;

/// Where the lines have points, in parts per million: closer together the fewer samples remain.
pub(crate) const POINTS_PPM: [u32; 36] = [
    500_000, 550_000, 600_000, 650_000, 700_000, 750_000, 800_000, 850_000, 900_000, 920_000,
    940_000, 950_000, 960_000, 970_000, 980_000, 985_000, 990_000, 992_000, 994_000, 995_000,
    996_000, 997_000, 998_000, 998_500, 999_000, 999_200, 999_400, 999_500, 999_600, 999_700,
    999_800, 999_900, 999_950, 999_980, 999_990, 999_999,
];

/// The samples without which a 95 % one-sided bound of a quantile cannot be given: 299 for p99,
/// 2,995 for p99.9.
pub(crate) fn samples_min(ppm: u32) -> u64 {
    let quantile = f64::from(ppm) / 1e6;
    if quantile <= 0.0 || quantile >= 1.0 {
        return 1;
    }
    (0.05_f64.ln() / quantile.ln()).ceil() as u64
}

/// One line of a plot.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) samples: u64,
    pub(crate) mean_us: f64,
    /// (ppm, µs), only for quantiles that the samples are enough for.
    pub(crate) points: Vec<(u32, u64)>,
    /// Exact.
    pub(crate) max_us: u64,
}

impl Line {
    fn of(name: &str, samples: &Samples) -> Self {
        let count = samples.count();
        let supported = POINTS_PPM.into_iter().filter(|&ppm| count >= samples_min(ppm));
        Self {
            name: name.to_owned(),
            samples: count,
            mean_us: samples.mean_us(),
            points: supported.map(|ppm| (ppm, samples.quantile_at_most_max_us(ppm))).collect(),
            max_us: samples.max_us(),
        }
    }

    /// The value at a quantile; none where the samples are too few for it.
    pub(crate) fn at(&self, ppm: u32) -> Option<u64> {
        self.points.iter().find(|&&(known, _)| known == ppm).map(|&(_, us)| us)
    }
}

/// Response and service time over all services, and the response time of each service.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Percentiles {
    pub(crate) measures: Vec<Line>,
    /// In the order of their names.
    pub(crate) services: Vec<Line>,
}

/// All samples from t = 0 on, every outcome, each read once.
pub(crate) fn percentiles(view: &View<'_>) -> Percentiles {
    let mut measures: BTreeMap<Measure, Samples> = BTreeMap::new();
    let mut services: BTreeMap<&str, Samples> = BTreeMap::new();
    for (key, samples) in view.judged().flat_map(|frame| &frame.series) {
        if !matches!(key.measure, Measure::Response | Measure::Service) {
            continue;
        }
        measures.entry(key.measure).or_default().merge(samples);
        let service = view.service_of(&key.journey, &key.step);
        if let Some(service) = service.filter(|_| key.measure == Measure::Response) {
            services.entry(service).or_default().merge(samples);
        }
    }
    Percentiles {
        measures: measures.iter().map(|(m, samples)| Line::of(m.name(), samples)).collect(),
        services: services.iter().map(|(name, samples)| Line::of(name, samples)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_needs_its_samples() {
        assert_eq!(
            [500_000, 990_000, 999_000, 999_900, 1_000_000].map(samples_min),
            [5, 299, 2_995, 29_956, 1]
        );
        let mut samples = Samples::new();
        (1..=298).for_each(|us| samples.record(us));
        let line = Line::of("a", &samples);
        assert_eq!((line.at(500_000), line.at(990_000), line.max_us), (Some(149), None, 298));
        samples.record(299);
        assert_eq!(Line::of("a", &samples).at(990_000), Some(297), "rank ⌈0.99 × 299⌉");
    }
}
