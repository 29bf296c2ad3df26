//! What a person sees of a running rehearsal: a line now and then.

use hulk_record::{CapacitySample, Frame, Manifest, Measure, Outcome, Samples};

/// How many intervals a line sums up.
const EVERY: u64 = 5;

/// Sums up intervals into lines.
#[derive(Default)]
pub(crate) struct Progress {
    intervals: u64,
    requests: u64,
    errors: u64,
    response: Samples,
    capacity: Vec<CapacitySample>,
}

impl Progress {
    pub(crate) fn saw(&mut self, capacity: &[CapacitySample]) {
        self.capacity = capacity.to_vec();
    }

    /// Takes an interval; now and then a line comes of it.
    pub(crate) fn line(&mut self, manifest: &Manifest, frame: &Frame) -> Option<String> {
        for (key, samples) in frame.series.iter().filter(|(k, _)| k.measure == Measure::Response) {
            let count: u64 = samples.counts.iter().map(|(_, count)| count).sum();
            self.requests += count;
            self.errors += if key.outcome.is_failure() { count } else { 0 };
            if key.outcome != Outcome::Abandoned {
                self.response.merge(samples);
            }
        }
        self.intervals += 1;
        if self.intervals < EVERY {
            return None;
        }
        let seconds = (self.intervals * manifest.interval_us) as f64 / 1e6;
        let interval = frame.to.0 / manifest.interval_us as i64;
        let wanted = usize::try_from(interval - 1).ok().and_then(|n| manifest.wanted.get(n));
        let left_s = (manifest.until.since(frame.to) as f64 / 1e6).max(0.0);
        let mut line = format!(
            "[{:>6.1} s, {left_s:.0} s left] match minute {:.1} · viewers {}{} · {:.0} requests/s · \
             p99 {:.1} ms · errors {}",
            frame.to.as_s(),
            manifest.match_minute(frame.to),
            frame.audience.present,
            wanted.map_or(String::new(), |wanted| format!(" of {wanted}")),
            self.requests as f64 / seconds,
            self.response.quantile_us(990_000) as f64 / 1e3,
            self.errors,
        );
        let instances = self.capacity.iter().map(|s| format!("{} {:.0}", s.service, s.ready));
        let instances: Vec<String> = instances.collect();
        if !instances.is_empty() {
            line += &format!(" · instances: {}", instances.join(", "));
        }
        (self.intervals, self.requests, self.errors) = (0, 0, 0);
        self.response.clear();
        Some(line)
    }
}
