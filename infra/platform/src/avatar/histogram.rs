//! Times that are counted by their length.

use crate::metrics::{Kind, Text};

/// The upper ends of the buckets in s, as they are written, and in µs.
const BUCKETS: [(&str, i64); 9] = [
    ("0.01", 10_000),
    ("0.025", 25_000),
    ("0.05", 50_000),
    ("0.1", 100_000),
    ("0.25", 250_000),
    ("0.5", 500_000),
    ("1.0", 1_000_000),
    ("2.5", 2_500_000),
    ("5.0", 5_000_000),
];

/// How many times were within each bucket, and all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Histogram {
    within: [u64; BUCKETS.len()],
    count: u64,
    sum_us: i64,
}

impl Histogram {
    pub(crate) fn add(&mut self, us: i64) {
        for (within, (_, end_us)) in self.within.iter_mut().zip(BUCKETS) {
            *within += u64::from(us <= end_us);
        }
        self.count += 1;
        self.sum_us = self.sum_us.saturating_add(us);
    }

    pub(crate) fn write(&self, text: &mut Text, name: &str, help: &str) {
        let name = text.head(name, Kind::Histogram, help);
        let bucket = format!("{name}_bucket");
        let all = ("+Inf", self.count);
        let each = BUCKETS.iter().zip(self.within).map(|((end, _), within)| (*end, within));
        for (end, within) in each.chain([all]) {
            text.line(&bucket, &[("le", end)], within);
        }
        text.line(&format!("{name}_sum"), &[], self.sum_us as f64 / 1e6);
        text.line(&format!("{name}_count"), &[], self.count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Form;

    #[test]
    fn golden_buckets_hold_all_that_is_not_longer() {
        let mut histogram = Histogram::default();
        for us in [10_000, 10_001, 300_000, 5_000_000, 6_000_000] {
            histogram.add(us);
        }
        for form in [Form::Prometheus, Form::OpenMetrics] {
            let mut text = Text::new(form);
            histogram.write(&mut text, "wait_seconds", "Waiting.");
            let wanted = "# HELP wait_seconds Waiting.\n# TYPE wait_seconds histogram\n\
                          wait_seconds_bucket{le=\"0.01\"} 1\nwait_seconds_bucket{le=\"0.025\"} 2\n\
                          wait_seconds_bucket{le=\"0.05\"} 2\nwait_seconds_bucket{le=\"0.1\"} 2\n\
                          wait_seconds_bucket{le=\"0.25\"} 2\nwait_seconds_bucket{le=\"0.5\"} 3\n\
                          wait_seconds_bucket{le=\"1.0\"} 3\nwait_seconds_bucket{le=\"2.5\"} 3\n\
                          wait_seconds_bucket{le=\"5.0\"} 4\nwait_seconds_bucket{le=\"+Inf\"} 5\n\
                          wait_seconds_sum 11.320001\nwait_seconds_count 5\n# EOF\n";
            assert_eq!(text.end(), wanted);
        }
    }
}
