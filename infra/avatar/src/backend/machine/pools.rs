//! Two versions at a time: who is led to which, and the way back.

use std::collections::BTreeMap;
use std::ops::Range;

use hulk_record::{Offset, seed_of};

use super::{Backend, Worker};
use crate::backend::gpu::{StreamId, Tally};
use crate::backend::rollout::{Pool, PoolSample, Rollout};
use crate::backend::routing::{Room, least_loaded};
use crate::backend::spec_rollout::RolloutSpec;
use crate::backend::status::RolloutStatus;

/// How often it is judged.
const LOOK_US: i64 = 1_000_000;

/// A rollout at work.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pools {
    rollout: Rollout,
    /// The GPUs of the new version; those that come up later are the old one's.
    new: Range<usize>,
    phase_us: i64,
    /// When the next phase begins by itself.
    phase: Offset,
    look: Offset,
    /// The streams of sessions that have a name.
    names: BTreeMap<StreamId, String>,
    /// Streams that the new version ever had, and those of them that faults ended.
    began: u64,
    lost: u64,
    underruns: u64,
    moved: u64,
}

impl Pools {
    /// A rollout to the last of so many GPUs.
    pub(super) fn new(spec: &RolloutSpec, gpus: usize) -> Self {
        Self {
            rollout: Rollout::new(),
            new: gpus.saturating_sub(spec.new_gpus as usize)..gpus,
            phase_us: spec.phase_us,
            phase: Offset(if spec.phase_us > 0 { spec.phase_us } else { i64::MAX }),
            look: Offset(LOOK_US),
            names: BTreeMap::new(),
            began: 0,
            lost: 0,
            underruns: 0,
            moved: 0,
        }
    }

    /// When something happens next; nothing after it was taken back.
    pub(super) fn next(&self) -> Option<Offset> {
        self.rollout.back().is_none().then(|| self.look.min(self.phase))
    }

    /// The version that a session's GPU must be of.
    pub(super) fn pool(&self, session: &str, user: &str) -> Pool {
        let kept = if session.is_empty() { None } else { self.rollout.keeps(session) };
        kept.unwrap_or_else(|| self.rollout.route(if user.is_empty() { session } else { user }))
    }

    /// The version of a GPU.
    pub(super) fn pool_of(&self, gpu: usize) -> Pool {
        if self.new.contains(&gpu) { Pool::New } else { Pool::Old }
    }

    /// A stream of a session was let in.
    pub(super) fn joined(&mut self, stream: StreamId, gpu: usize, session: &str, user: &str) {
        self.began += u64::from(self.new.contains(&gpu));
        if !session.is_empty() {
            self.rollout.start(session, if user.is_empty() { session } else { user });
            self.names.insert(stream, session.to_owned());
        }
    }

    /// A stream's caller left.
    pub(super) fn left(&mut self, stream: StreamId) {
        if let Some(session) = self.names.remove(&stream)
            && !self.names.values().any(|name| *name == session)
        {
            self.rollout.end(&session);
        }
    }

    /// A fault ended a stream; its session keeps its version for when it comes back.
    pub(super) fn lost(&mut self, stream: StreamId, gpu: usize) {
        self.names.remove(&stream);
        self.lost += u64::from(self.new.contains(&gpu));
    }

    pub(super) fn ran_dry(&mut self, gpu: usize) {
        self.underruns += u64::from(self.new.contains(&gpu));
    }

    pub(super) fn go_on(&mut self) {
        self.rollout.go_on();
    }

    pub(super) fn status(&self, workers: &[Worker]) -> RolloutStatus {
        let streams: usize = workers.iter().map(|worker| worker.seats.taken()).sum();
        let new = workers.get(self.new.clone()).unwrap_or_default();
        let new_streams = new.iter().map(|worker| worker.seats.taken()).sum();
        RolloutStatus {
            percent: self.rollout.percent(),
            old_streams: streams.saturating_sub(new_streams),
            new_streams,
            back: self.rollout.back().cloned(),
            moved: self.moved,
        }
    }

    /// What was seen of the new version: in the last second, where it is not said otherwise.
    fn sample(&self, new: Tally, old: Tally) -> PoolSample {
        let frames = new.made + new.failed_frames;
        let lost = share(self.lost as f64, self.began);
        PoolSample {
            // Sessions lost since it began, or frames whose batch failed: the larger share.
            error_rate: lost.max(share(new.failed_frames as f64, frames)),
            latency_ms: share(new.latency_us as f64 / 1e3, new.made),
            latency_old_ms: (old.made > 0).then(|| share(old.latency_us as f64 / 1e3, old.made)),
            // Since it began.
            underruns_per_session: share(self.underruns as f64, self.began),
            gpu_memory_errors: new.failed_batches,
        }
    }
}

impl Backend {
    /// The next phase begins, and the new version is judged, where it is time.
    pub(super) fn roll(&mut self, now: Offset) {
        let Some(pools) = &mut self.pools else { return };
        if pools.rollout.back().is_some() {
            return;
        }
        if pools.phase <= now {
            pools.phase = pools.phase.plus(pools.phase_us);
            pools.go_on();
        }
        if pools.look > now {
            return;
        }
        pools.look = pools.look.plus(LOOK_US);
        let (mut new, mut old) = (Tally::default(), Tally::default());
        for (gpu, worker) in self.workers.iter_mut().enumerate() {
            let sum = if pools.new.contains(&gpu) { &mut new } else { &mut old };
            *sum = sum.and(worker.gpu.take_tally());
        }
        let sample = pools.sample(new, old);
        if pools.rollout.judge(now, &sample).is_some() {
            self.lead_back(now);
        }
    }

    /// Moves the streams of the new version to GPUs of the old one. For whom there is no room
    /// there stays where it is.
    fn lead_back(&mut self, now: Offset) {
        let Some(mut pools) = self.pools.take() else { return };
        let of_new = self.streams.iter().filter(|(_, place)| pools.new.contains(&place.gpu));
        let streams: Vec<StreamId> = of_new.map(|(stream, _)| *stream).collect();
        for stream in streams {
            let old = (0..self.workers.len()).filter(|gpu| !pools.new.contains(gpu));
            // They come one by one: each seat that is taken is seen.
            let Some(to) = least_loaded(old.filter_map(|gpu| self.seat(now, gpu))) else { break };
            self.move_to(now, stream, to);
            pools.moved += 1;
            if let Some(session) = pools.names.get(&stream) {
                pools.rollout.move_back(session);
                self.affinity.put(now, seed_of(self.session_seed, session), to);
            }
        }
        self.pools = Some(pools);
    }

    /// A GPU's load, counted to the last stream, if it has room for one more.
    fn seat(&self, now: Offset, gpu: usize) -> Option<Room> {
        let room = self.workers.get(gpu).filter(|worker| self.is_healthy(now, worker))?;
        let (streams, limit) = (room.seats.taken(), room.seats.limit());
        (streams < limit).then_some(Room { gpu, streams, limit, distance_us: room.distance_us })
    }

    /// A stream goes on with another GPU; nothing of it is lost.
    fn move_to(&mut self, now: Offset, stream: StreamId, to: usize) {
        let moving = self.worker_of(stream).and_then(|worker| {
            worker.seats.release(stream);
            worker.gpu.take(stream)
        });
        let (Some(moving), Some(worker)) = (moving, self.workers.get_mut(to)) else { return };
        worker.gpu.put(stream, moving);
        worker.seats.take_over(now, stream);
        if let Some(place) = self.streams.get_mut(&stream) {
            place.gpu = to;
        }
    }
}

fn share(part: f64, of: u64) -> f64 {
    part / of.max(1) as f64
}
