//! What a policy has seen and said before.

use std::collections::VecDeque;

use hulk_record::MatchTime;

use super::Observation;

/// The looks of a policy, as far back as its rule asks, and since when its alarms ring.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// In order of time.
    looks: VecDeque<Look>,
    /// Since when, of each [`Alarm`].
    alarms: [Option<MatchTime>; 2],
    /// What the commentary asked for, and until when it counts.
    pub(super) ahead: Option<(AheadOf, MatchTime)>,
}

/// What is laid down on account of the commentary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AheadOf {
    /// The rungs of the rule.
    Rungs,
    /// So many instances.
    Instances(u32),
}

/// What must last before something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alarm {
    /// Too much is asked of the instances.
    High,
    /// Too little.
    Low,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Look {
    at: MatchTime,
    /// Instances that the measure asked for, before any limit.
    wanted: u32,
    /// Instances that were there.
    running: u32,
}

impl Memory {
    /// Notes a look; those more than `keep_s` match seconds before it are forgotten.
    pub(super) fn note(&mut self, seen: &Observation, wanted: u32, keep_s: f64) {
        let from = seen.at.plus_s(-keep_s);
        while self.looks.front().is_some_and(|look| look.at <= from) {
            self.looks.pop_front();
        }
        self.looks.push_back(Look { at: seen.at, wanted, running: seen.running });
    }

    /// What was wanted in the looks of the last `window_s` match seconds.
    pub(super) fn wanted_since(&self, now: MatchTime, window_s: f64) -> impl Iterator<Item = u32> {
        self.since(now, window_s).map(|look| look.wanted)
    }

    /// How many there were at the first look of the last `period_s` match seconds.
    pub(super) fn running_at_start(&self, now: MatchTime, period_s: f64) -> Option<u32> {
        self.since(now, period_s).next().map(|look| look.running)
    }

    /// Whether something has been true in each look of at least `for_s` match seconds, this one
    /// included.
    pub(super) fn lasts(&mut self, alarm: Alarm, now: MatchTime, is_so: bool, for_s: f64) -> bool {
        let since = &mut self.alarms[alarm as usize];
        *since = is_so.then(|| since.unwrap_or(now));
        since.is_some_and(|since| since <= now.plus_s(-for_s))
    }

    fn since(&self, now: MatchTime, window_s: f64) -> impl Iterator<Item = &Look> {
        let from = now.plus_s(-window_s);
        self.looks.iter().skip_while(move |look| look.at <= from)
    }
}
