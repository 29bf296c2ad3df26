//! A record with its frames merged: what every judge and renderer looks at.

use std::collections::BTreeMap;

use hulk_record::{
    ArrivalCounts, AudienceSample, Frame, Manifest, MergeError, Merged, Offset, Record, RunEnd,
    Samples, SendTotals, SeriesKey,
};

/// Since this version records tell of steps' requests and of viewers not served.
const VERSION_OF_VIEWERS: u32 = 2;
/// Since this version records tell of playback.
const VERSION_OF_PLAYBACK: u32 = 3;

/// A record, merged.
pub(crate) struct View<'a> {
    pub(crate) record: &'a Record,
    pub(crate) merged: Merged,
    /// The first frame that contradicts another one.
    pub(crate) contradiction: Option<MergeError>,
    /// End of what can be judged: the planned end, or the last frame's when the run was cut short.
    pub(crate) end: Offset,
    /// Requests by service and due interval, those due before t = 0 left out.
    pub(crate) sends: BTreeMap<(String, i32), SendTotals>,
    services: BTreeMap<(&'a str, &'a str), &'a str>,
}

impl<'a> View<'a> {
    pub(crate) fn of(record: &'a Record) -> Self {
        let mut merged = Merged::default();
        let mut contradiction = None;
        for frame in &record.frames {
            if let Err(error) = merged.add(frame.clone()) {
                contradiction.get_or_insert(error);
            }
        }
        let manifest = &record.manifest;
        let last = merged.frames().map(|frame| frame.to).max().unwrap_or_default();
        let complete = matches!(record.end, RunEnd::Completed { .. });
        // A run of iterations is complete when all are done.
        let early = manifest.load.as_ref().is_some_and(|load| load.ends_early);
        let end = if complete && !early { manifest.until } else { manifest.until.min(last) };
        let mut sends = merged.sends();
        sends.retain(|(_, due), _| *due >= 0);
        let services = manifest
            .journeys
            .iter()
            .flat_map(|journey| journey.steps.iter().map(move |step| (journey, step)))
            .map(|(journey, step)| {
                ((journey.name.as_str(), step.name.as_str()), step.service.as_str())
            })
            .collect();
        Self { record, merged, contradiction, end, sends, services }
    }

    pub(crate) fn manifest(&self) -> &'a Manifest {
        &self.record.manifest
    }

    /// Whether the run came to its planned end.
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.record.end, RunEnd::Completed { .. })
    }

    /// Whether callers of an avatar backend were alone: no viewer was to come.
    pub(crate) fn callers_alone(&self) -> bool {
        self.manifest().callers.is_some() && self.manifest().arrivals_planned == 0
    }

    /// The ledger of arrivals over the run. What a lost worker did not tell of is lost: what had
    /// come due with it, and, in a run that came to its end, what never came due with anybody.
    pub(crate) fn arrivals(&self) -> ArrivalCounts {
        let mut all = self.merged.arrivals();
        let lost = self.record.end.lost();
        for worker in lost {
            let key = (worker.worker, worker.incarnation);
            let mut told = ArrivalCounts::default();
            let frames = self.merged.frames().filter(|of| (of.worker, of.incarnation) == key);
            frames.for_each(|frame| told.add(&frame.arrivals));
            let accounted = told.sent() + told.dropped() + told.lost;
            all.lost += told.intended.saturating_sub(accounted);
        }
        if self.is_complete() && !lost.is_empty() {
            let untold = self.manifest().arrivals_planned.saturating_sub(all.intended);
            all.intended += untold;
            all.lost += untold;
        }
        all
    }

    /// Whether the record tells how many viewers were not served.
    pub(crate) fn tells_viewers(&self) -> bool {
        self.manifest().version >= VERSION_OF_VIEWERS
    }

    /// Whether the record tells what viewers of a stream felt.
    pub(crate) fn tells_playback(&self) -> bool {
        self.manifest().version >= VERSION_OF_PLAYBACK
    }

    /// Requests due from t = 0 on by journey and step.
    pub(crate) fn steps(&self) -> BTreeMap<(&str, &str), SendTotals> {
        let mut steps: BTreeMap<(&str, &str), SendTotals> = BTreeMap::new();
        let sends = self.merged.frames().flat_map(|frame| &frame.sends);
        for send in sends.filter(|send| send.due_interval >= 0 && !send.step.is_empty()) {
            steps.entry((&send.journey, &send.step)).or_default().add(send);
        }
        steps
    }

    /// The frames from t = 0 on: the lead-in is never judged. Those after the planned end hold late
    /// answers and are judged.
    pub(crate) fn judged(&self) -> impl Iterator<Item = &Frame> {
        self.merged.frames().filter(|frame| frame.from >= Offset(0))
    }

    /// The service that a step asks.
    pub(crate) fn service_of(&self, journey: &str, step: &str) -> Option<&'a str> {
        self.services.get(&(journey, step)).copied()
    }

    /// Length of an interval in µs, at least 1.
    pub(crate) fn interval_us(&self) -> i64 {
        i64::try_from(self.manifest().interval_us).unwrap_or(i64::MAX).max(1)
    }

    /// How many intervals the judged window has; the last may be shorter than the others.
    pub(crate) fn intervals(&self) -> i64 {
        (self.end.0.max(0) as u64).div_ceil(self.interval_us() as u64) as i64
    }

    /// The interval that an instant lies in.
    pub(crate) fn interval_at(&self, at: Offset) -> i64 {
        at.0.div_euclid(self.interval_us())
    }

    /// The interval that a number of match seconds since the window's start lies in.
    pub(crate) fn interval_at_match_s(&self, match_s: f64) -> i64 {
        // A start that is computed may lie a little before its interval.
        (match_s / self.manifest().interval_match_s() + 1e-6).floor() as i64
    }

    /// Start of an interval, or the end of the window when that is earlier.
    pub(crate) fn start_of(&self, interval: i64) -> Offset {
        Offset(interval.saturating_mul(self.interval_us())).min(self.end)
    }

    /// The match minute at which an interval starts.
    pub(crate) fn minute_of(&self, interval: i64) -> f64 {
        self.manifest().match_minute(Offset(interval.saturating_mul(self.interval_us())))
    }

    /// Match seconds since the window's start.
    pub(crate) fn match_s(&self, at: Offset) -> f64 {
        self.manifest().clock.match_time(at).as_s()
    }

    /// The match minute of a number of match seconds since the window's start.
    pub(crate) fn minute_at(&self, match_s: f64) -> f64 {
        self.manifest().from_match_min + match_s / 60.0
    }

    /// Viewers present at the end of each judged interval, over all workers; none where no worker
    /// told.
    pub(crate) fn present(&self) -> Vec<Option<u64>> {
        self.gauge(|audience| audience.present)
    }

    /// A number of viewers at the end of each judged interval, over all workers; none where no
    /// worker told.
    pub(crate) fn gauge(&self, of: impl Fn(&AudienceSample) -> u64) -> Vec<Option<u64>> {
        let mut latest: BTreeMap<(i64, u32), (Offset, u64)> = BTreeMap::new();
        for frame in self.judged() {
            // A frame belongs to the interval that it ends in, its end included.
            let interval = self.interval_at(frame.to.plus(-1));
            let entry = latest.entry((interval, frame.worker)).or_default();
            if frame.to >= entry.0 {
                *entry = (frame.to, of(&frame.audience));
            }
        }
        let mut all = vec![None; self.intervals().max(0) as usize];
        for ((interval, _), (_, viewers)) in latest {
            if let Some(sum) = usize::try_from(interval).ok().and_then(|at| all.get_mut(at)) {
                *sum = Some(sum.unwrap_or(0) + viewers);
            }
        }
        all
    }

    /// The samples of all series that `wants`, in judged frames that `keep` accepts.
    pub(crate) fn samples(
        &self,
        keep: impl Fn(&Frame) -> bool,
        wants: impl Fn(&SeriesKey) -> bool,
    ) -> Samples {
        let mut total = Samples::new();
        for frame in self.judged().filter(|frame| keep(frame)) {
            for (_, samples) in frame.series.iter().filter(|(key, _)| wants(key)) {
                total.merge(samples);
            }
        }
        total
    }
}
