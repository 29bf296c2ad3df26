//! The horizontal pod autoscaler of Kubernetes (autoscaling/v2), by one resource metric.
//!
//! The steps are those of its controller: the ratio of the metric to its target with a tolerance,
//! pods that are not ready counted as idle where more are wanted, stabilisation windows, and at
//! last the limits of how much may change in a period.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::bounds::{Bounds, step};
use super::memory::Memory;
use super::{Observation, Rule};

/// A ratio this near to 1 changes nothing.
///
/// `|1 − 1.1|` is above 0.1 in floating point and `|1 − 0.9|` is not: ten per cent more scales, ten
/// per cent less does not. The original compares the same way.
const TOLERANCE: f64 = 0.1;

/// The rule's numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hpa {
    /// Requests per second with which a pod's CPU is full.
    pub rps_per_instance: f64,
    /// Share of a pod's CPU that is wanted to be busy.
    pub target_utilisation: f64,
    /// How many pods there may be.
    pub bounds: Bounds,
    /// More pods: over how long the least of what was wanted counts, in match seconds.
    pub stabilise_up_s: f64,
    /// Fewer pods: over how long the most of what was wanted counts, in match seconds.
    pub stabilise_down_s: f64,
    /// What may be added in a period: the most of these. Empty: any number.
    pub up: Vec<Limit>,
    /// What may be taken away in a period: the most of these. Empty: any number.
    pub down: Vec<Limit>,
}

/// How much may change in a period.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// How much.
    pub by: By,
    /// The period in match seconds.
    pub period_s: f64,
}

/// An amount of change.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// So many pods.
    Instances(u32),
    /// A share of the pods at the start of the period, in percent.
    Percent(f64),
}

impl Hpa {
    /// Reads the rule; what is left out is as Kubernetes has it by default.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let rps_per_instance = section.number("rps_per_instance", 1e-3..=1e9);
        let target_utilisation = section.number("target_utilisation", 0.01..=1.0);
        let bounds = Bounds::read(section);
        let stabilise_up_s = section.number_or("stabilise_up_s", 0.0..=3600.0, 0.0);
        let stabilise_down_s = section.number_or("stabilise_down_s", 0.0..=3600.0, 300.0);
        let four = Limit { by: By::Instances(4), period_s: 15.0 };
        let double = Limit { by: By::Percent(100.0), period_s: 15.0 };
        let up = Limit::read_all(section, "up", vec![four, double]);
        let down = Limit::read_all(section, "down", vec![double]);
        Some(Self {
            rps_per_instance: rps_per_instance?,
            target_utilisation: target_utilisation?,
            bounds: bounds?,
            stabilise_up_s: stabilise_up_s?,
            stabilise_down_s: stabilise_down_s?,
            up: up?,
            down: down?,
        })
    }

    /// What the metric asks for: ready pods share the load, and none is busier than full.
    fn proposed(&self, seen: &Observation) -> u32 {
        let Observation { ready, running, .. } = *seen;
        let Some(busy) = seen.busy(self.rps_per_instance) else { return running };
        let ratio = busy / self.target_utilisation;
        let starting = running > ready;
        if !(starting && ratio > 1.0) {
            let near = (1.0 - ratio).abs() <= TOLERANCE;
            return if near { running } else { (ratio * f64::from(ready)).ceil() as u32 };
        }
        // Those that start are idle; where they turn the direction, nothing is done.
        let ratio = ratio * f64::from(ready) / f64::from(running);
        if ratio < 1.0 || (1.0 - ratio).abs() <= TOLERANCE {
            return running;
        }
        (ratio * f64::from(running)).ceil() as u32
    }

    /// What was wanted in the windows, the present proposal included, holds it back.
    fn stabilised(&self, proposed: u32, seen: &Observation, memory: &Memory) -> u32 {
        let up = memory.wanted_since(seen.at, self.stabilise_up_s).fold(proposed, u32::min);
        let down = memory.wanted_since(seen.at, self.stabilise_down_s).fold(proposed, u32::max);
        seen.running.max(up).min(down)
    }

    /// The most that may be there now, the fewest that must be.
    fn limits(&self, seen: &Observation, memory: &Memory) -> (u32, u32) {
        let at_start = |limit: &Limit| {
            memory.running_at_start(seen.at, limit.period_s).unwrap_or(seen.running)
        };
        let share = |limit: &Limit, share: f64| f64::from(at_start(limit)) * share;
        let most = self.up.iter().map(|limit| match limit.by {
            By::Instances(instances) => at_start(limit).saturating_add(instances),
            By::Percent(percent) => share(limit, 1.0 + percent / 100.0).ceil() as u32,
        });
        let fewest = self.down.iter().map(|limit| match limit.by {
            By::Instances(instances) => at_start(limit).saturating_sub(instances),
            By::Percent(percent) => share(limit, 1.0 - percent / 100.0).max(0.0) as u32,
        });
        (most.max().unwrap_or(u32::MAX), fewest.min().unwrap_or(0))
    }
}

impl Rule for Hpa {
    fn desired(&self, seen: &Observation, memory: &mut Memory) -> u32 {
        let proposed = self.proposed(seen);
        let stable = self.stabilised(proposed, seen, memory);
        let (most, fewest) = self.limits(seen, memory);
        // A limit never turns the direction.
        let limited = match stable {
            more if more > seen.running => more.min(most.max(seen.running)),
            fewer => fewer.max(fewest.min(seen.running)),
        };
        let periods = self.up.iter().chain(&self.down).map(|limit| limit.period_s);
        let keep_s = periods.fold(self.stabilise_up_s.max(self.stabilise_down_s), f64::max);
        memory.note(seen, proposed, keep_s);
        self.bounds.hold(limited)
    }

    fn initial(&self, _: f64) -> u32 {
        self.bounds.initial_instances
    }
}

impl Limit {
    fn read_all(section: &Section<'_>, key: &'static str, absent: Vec<Self>) -> Option<Vec<Self>> {
        if !section.has(key) {
            return Some(absent);
        }
        section.list(key, Self::read)
    }

    fn read(section: &Section<'_>) -> Option<Self> {
        let by = match (section.has("instances"), section.has("percent")) {
            (true, true) => {
                let hint = Some("keep the one, and remove the other".to_owned());
                section.problem_at("percent", "a limit is of instances or of percent", hint);
                None
            }
            (false, true) => section.number("percent", 0.0..=10_000.0).map(By::Percent),
            (_, false) => step(section, "instances").map(By::Instances),
        };
        let period_s = section.number("period_s", 1.0..=1800.0);
        Some(Self { by: by?, period_s: period_s? })
    }
}

#[cfg(test)]
mod tests {
    use hulk_record::MatchTime;
    use hulk_settings::{Source, read};

    use super::*;

    fn hpa(extra: &str) -> Hpa {
        let text = format!(
            "rps_per_instance = 100\ntarget_utilisation = 0.75\nmin_instances = 1\nmax_instances = 200\n{extra}"
        );
        read(&Source::new("hpa.toml", text), Hpa::read).expect("it is a policy")
    }

    /// What it wants every 15 s until it is content, when each pod is ready at once.
    fn trace(hpa: &Hpa, start: u32, rps: f64) -> Vec<u32> {
        let (mut memory, mut running, mut all) = (Memory::default(), start, vec![start]);
        for look in 0..400 {
            let at = MatchTime::from_s(15.0 * f64::from(look));
            let seen = Observation { at, viewers: 0.0, rps, running, ready: running };
            running = hpa.desired(&seen, &mut memory);
            if all.last() != Some(&running) {
                all.push(running);
            }
        }
        all
    }

    #[test]
    fn golden_trace_of_cpu_that_is_pinned_at_its_limit() {
        // Work for 50 pods: no measure tells how much is missing while all are at 100 %.
        let unlimited = hpa("stabilise_down_s = 300\n");
        assert_eq!(trace(&unlimited, 10, 5_000.0), [10, 14, 19, 26, 35, 47, 63]);
    }

    #[test]
    fn golden_traces_of_the_default_limits() {
        // As by a metric that asks for all at once.
        let traced = |start: u32, wanted: u32| {
            let hpa = Hpa { target_utilisation: 0.01, ..hpa("") };
            let hpa = Hpa { bounds: Bounds { max_instances: wanted, ..hpa.bounds }, ..hpa };
            trace(&hpa, start, 1e9)
        };
        assert_eq!(traced(8, 200), [8, 16, 32, 64, 128, 200]);
        assert_eq!(traced(1, 100), [1, 5, 10, 20, 40, 80, 100]);
    }

    #[test]
    fn golden_trace_down_with_four_pods_and_ten_percent_a_minute() {
        let limits = "stabilise_down_s = 0\ndown = [{ instances = 4, period_s = 60 }, { percent = \
                      10, period_s = 60 }]\n";
        let down = trace(&hpa(limits), 80, 0.0);
        assert_eq!(down[..8], [80, 72, 64, 57, 51, 45, 40, 36]);
    }

    #[test]
    fn ten_percent_more_scales_and_ten_percent_less_does_not() {
        let after = |rps: f64| {
            let seen = Observation { at: MatchTime(0), viewers: 0.0, rps, running: 10, ready: 10 };
            let exact = Hpa { target_utilisation: 0.5, ..hpa("stabilise_down_s = 0\n") };
            exact.desired(&seen, &mut Memory::default())
        };
        assert_eq!([after(550.0), after(549.0), after(450.0), after(449.0)], [11, 10, 10, 9]);
    }

    #[test]
    fn pods_that_start_are_idle_where_more_are_wanted_and_never_turn_the_direction() {
        let after = |ready: u32, running: u32, rps: f64| {
            let seen = Observation { at: MatchTime(0), viewers: 0.0, rps, running, ready };
            hpa("stabilise_down_s = 0\n").desired(&seen, &mut Memory::default())
        };
        // 10 full pods ask for 14: with 3 that start the ratio is 1.03, and with 5 below 1.
        assert_eq!(
            [after(10, 10, 1e9), after(10, 12, 1e9), after(10, 13, 1e9), after(10, 15, 1e9)],
            [14, 14, 13, 15]
        );
        // Fewer: only those that are ready are counted.
        assert_eq!(after(10, 12, 300.0), 4);
    }

    #[test]
    fn fewer_are_wanted_only_after_the_window_and_then_the_most_in_it() {
        let hpa = hpa("");
        let (mut memory, mut last) = (Memory::default(), Vec::new());
        for look in 0..=21 {
            let rps = if look == 3 { 1_500.0 } else { 375.0 };
            let at = MatchTime::from_s(15.0 * f64::from(look));
            let seen = Observation { at, viewers: 0.0, rps, running: 40, ready: 40 };
            last.push(hpa.desired(&seen, &mut memory));
        }
        // The window of the first look holds nothing back: nothing is known of before.
        assert_eq!(last[0], 5);
        assert_eq!(last[3], 20);
        assert!(last[4..=22 - 1].iter().all(|wanted| *wanted == 20), "{last:?}");
    }
}
