//! The record of a run in virtual time: a frame an interval, a look at the capacity each second.

use std::collections::HashMap;
use std::sync::Arc;

use hulk_record::{
    CapacitySample, Frame, FrameHead, LastRequest, MachineSample, Offset, Presence, Recorder,
    RecorderPlan, decode, encode,
};
use hulk_scenarios::scaling::ServiceStatus;
use hulk_scenarios::{Books, Rehearsal};

/// How often the capacity is looked at, in µs of wall time.
const LOOK_US: i64 = 1_000_000;

/// Writes down what the driver sees.
pub(crate) struct Scribe {
    pub(crate) books: Books,
    /// Answers on their way, as the platform would name them if they were given up.
    pub(crate) pending: HashMap<u64, LastRequest>,
    pub(crate) frames: Vec<Frame>,
    pub(crate) capacity: Vec<CapacitySample>,
    from: Offset,
    next_look: Offset,
    interval_us: i64,
    until: Offset,
}

impl Scribe {
    pub(crate) fn new(rehearsal: &Rehearsal) -> Self {
        let plan = RecorderPlan {
            journeys: rehearsal.script.info(),
            moments: rehearsal.moments(),
            region: "local".into(),
            interval_us: rehearsal.interval_us(),
            raw: false,
        };
        let from = rehearsal.lead_in_from();
        Self {
            books: Books { recorder: Recorder::new(Arc::new(plan)), presence: Presence::new(from) },
            pending: HashMap::new(),
            frames: Vec::new(),
            capacity: Vec::new(),
            from,
            next_look: from,
            interval_us: rehearsal.interval_us() as i64,
            until: rehearsal.until(),
        }
    }

    /// When there is something to write next.
    pub(crate) fn next(&self) -> Offset {
        self.next_frame().min(self.next_look)
    }

    /// Writes what is due at `at`; whether the record is complete.
    pub(crate) fn write(&mut self, at: Offset, status: Vec<ServiceStatus>) -> bool {
        if at >= self.next_look {
            self.next_look = at.plus(LOOK_US);
            let scaling = status.into_iter().filter(|service| {
                service.ready > 0 && service.edge.is_empty() && service.name != "mid-tier"
            });
            let mut samples: Vec<CapacitySample> =
                scaling.map(|service| sample(at, service)).collect();
            samples.sort_by(|a, b| a.service.cmp(&b.service));
            self.capacity.append(&mut samples);
        }
        if at < self.next_frame() {
            return false;
        }
        let frame = self.frame(at);
        let bytes = encode(&frame).expect("a frame has a wire form");
        self.frames.push(decode(&bytes).expect("what was encoded can be decoded"));
        self.from = at;
        at >= self.until
    }

    fn next_frame(&self) -> Offset {
        Offset((self.from.0.div_euclid(self.interval_us) + 1) * self.interval_us)
    }

    fn frame(&mut self, to: Offset) -> Frame {
        let head = FrameHead {
            worker: 0,
            incarnation: 0,
            sequence: self.frames.len() as u64,
            from: self.from,
            to,
            watermark: to,
        };
        let audience = self.books.presence.drain(to);
        self.books.recorder.drain().into_frame(head, audience, MachineSample::default())
    }
}

fn sample(at: Offset, service: ServiceStatus) -> CapacitySample {
    let rejected = [429, 503].map(|status| service.answers.get(&status).copied().unwrap_or(0));
    CapacitySample {
        at,
        ready: f64::from(service.ready),
        pending: Some(f64::from(service.pending)),
        desired: Some(f64::from(service.desired)),
        requests_total: Some(service.requests as f64),
        rejected_total: Some(rejected.iter().sum::<u64>() as f64),
        wait_match_s: Some(service.wait_s),
        stalled_ms_total: None,
        service: service.name,
    }
}
