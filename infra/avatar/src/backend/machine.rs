//! The backend as a state machine: callers' events and the time in, frames and losses out.

mod growth;
mod pools;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hulk_record::{Offset, seed_of};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::admission::Seats;
use super::faults::{FaultError, GpuFault, LostReason, Troubles, check};
use super::gpu::{Gpu, Made, StreamId};
use super::rollout::Pool;
use super::routing::{Affinity, Room, least_loaded};
use super::spec::{Admission, BackendSpec, GpuSpec, RefusalStyle};
use super::status::{BackendStatus, BackendTotals, GpuStatus, RolloutStatus, memory_used_mib};
use growth::Growth;
use pools::Pools;

/// How many streams there are at most, whatever the limits say.
const STREAMS_MAX: usize = 100_000;
/// How much waits to be fetched; beyond it the oldest is forgotten.
const OUTS_MAX: usize = 100_000;
/// A stream without a sign of life for longer is a zombie.
const ALIVE_US: i64 = 30_000_000;

/// A stream that was admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joined {
    /// Its number.
    pub stream: StreamId,
    /// The number of its GPU.
    pub gpu: usize,
}

/// A stream that was not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("refused: {}", .reason.text())]
pub struct Refused {
    /// The upgrade is answered by HTTP 403; else the socket is accepted and closed with 1011.
    pub before_accept: bool,
    /// Why.
    pub reason: RefusedReason,
}

/// Why a stream is not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedReason {
    /// Every healthy GPU has as many streams as it may.
    Full,
    /// No GPU is healthy.
    NoGpu,
}

impl RefusedReason {
    /// The reason of a close, as it is sent.
    pub fn text(self) -> &'static str {
        match self {
            Self::Full => "Maximum concurrent streams",
            Self::NoGpu => "No worker available",
        }
    }
}

/// What comes out of a backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Out {
    /// A frame for a stream's caller.
    Frame(Made),
    /// A stream is no more.
    Lost {
        /// Which.
        stream: StreamId,
        /// When.
        at: Offset,
        /// Why.
        reason: LostReason,
    },
}

/// One worker process and its GPU.
#[derive(Debug, Clone, PartialEq)]
struct Worker {
    spec: GpuSpec,
    distance_us: i64,
    gpu: Gpu,
    seats: Seats,
    troubles: Troubles,
}

impl Worker {
    fn new(backend: &BackendSpec, spec: &GpuSpec, open_us: i64, phase_seed: u64) -> Self {
        Self {
            distance_us: backend.distance_us(&spec.zone),
            gpu: Gpu::new(backend, spec, phase_seed),
            seats: Seats::new(spec.streams_max as usize, open_us),
            troubles: Troubles::default(),
            spec: spec.clone(),
        }
    }

    /// Lets its faults be felt.
    fn suffer(&mut self) {
        self.gpu.suffer(self.troubles.speed(), self.troubles.out_of_memory());
    }

    fn status(&self, number: usize, now: Offset, healthy: bool) -> GpuStatus {
        let memory_mib = self.spec.memory_mib;
        let used = memory_used_mib(self.seats.taken(), memory_mib);
        let clock_mhz = f64::from(self.spec.sm_clock_mhz) * self.troubles.clock();
        GpuStatus {
            gpu: number,
            kind: self.spec.kind.clone(),
            zone: self.spec.zone.clone(),
            distance_us: self.distance_us,
            streams: self.seats.taken(),
            streams_max: self.seats.limit(),
            utilisation: self.gpu.utilisation(now),
            memory_used_mib: if self.troubles.out_of_memory() { memory_mib } else { used },
            memory_mib,
            sm_clock_mhz: clock_mhz.round() as u32,
            waiting_frames: self.gpu.waiting(),
            dropped_frames: self.gpu.dropped(),
            failed_frames: self.gpu.failed(),
            xid: self.troubles.xid(),
            healthy,
            quality: if healthy { self.gpu.quality() } else { 0.0 },
        }
    }
}

/// Where a stream is, and when it last gave a sign of life.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    gpu: usize,
    alive_at: Offset,
}

/// An avatar backend: sessions are led to GPUs, which make frames for their streams.
///
/// Whatever is told to it first brings it forward to that time; a time before the last is taken
/// for the last. What comes out waits until [`Self::advance`] fetches it.
#[derive(Debug, Clone, PartialEq)]
pub struct Backend {
    before_accept: bool,
    workers: Vec<Worker>,
    streams: BTreeMap<StreamId, Place>,
    affinity: Affinity,
    session_seed: u64,
    lost_zones: BTreeSet<String>,
    next: u64,
    now: Offset,
    outs: VecDeque<Out>,
    totals: BackendTotals,
    growth: Option<Growth>,
    pools: Option<Pools>,
    leak: bool,
}

impl Backend {
    /// A backend without streams; the seed spreads the phases of their frames.
    pub fn new(spec: &BackendSpec, seed: u64) -> Self {
        let open_us = match spec.admission {
            Admission::Atomic => 0,
            Admission::CheckThenAct => spec.check_to_act_us,
        };
        let phases = seed_of(seed, "frame phase");
        let each = spec.gpus.iter().flat_map(|gpu| (0..gpu.count).map(move |_| gpu));
        let workers: Vec<Worker> =
            each.map(|gpu| Worker::new(spec, gpu, open_us, phases)).collect();
        let growth = spec.scaler.as_ref().and_then(|scaler| {
            let fresh = Worker::new(spec, spec.gpus.get(scaler.entry)?, open_us, phases);
            Some(Growth::new(scaler, spec, fresh))
        });
        Self {
            before_accept: spec.refusal == RefusalStyle::BeforeAccept,
            growth,
            pools: spec.rollout.as_ref().map(|rollout| Pools::new(rollout, workers.len())),
            leak: spec.leak,
            workers,
            streams: BTreeMap::new(),
            affinity: Affinity::new(spec.affinity_ttl_us, open_us),
            session_seed: seed_of(seed, "session"),
            lost_zones: BTreeSet::new(),
            next: 0,
            now: Offset(i64::MIN),
            outs: VecDeque::new(),
            totals: BackendTotals::default(),
        }
    }

    /// A caller of `session` wants a stream (one without a name is led nowhere again); frames of priority 0 are made first.
    ///
    /// # Errors
    /// [`Refused`]: nothing has changed but the count.
    pub fn join(&mut self, now: Offset, session: &str, priority: u8) -> Result<Joined, Refused> {
        self.join_as(now, session, "", priority)
    }

    /// The same of a user, whose name says which version the session has where a new one is rolled
    /// out; without a user the session's name does.
    ///
    /// # Errors
    /// [`Refused`]: nothing has changed but the count.
    pub fn join_as(
        &mut self,
        now: Offset,
        name: &str,
        user: &str,
        priority: u8,
    ) -> Result<Joined, Refused> {
        let now = self.bring_to(now);
        let named = !name.is_empty();
        let session = seed_of(self.session_seed, name);
        let known = if named { self.affinity.get(now, session) } else { None };
        let pool = self.pools.as_ref().map(|pools| pools.pool(name, user));
        let again = known.filter(|gpu| self.is_of(pool, *gpu) && self.room(now, *gpu).is_some());
        let chosen = again.or_else(|| {
            let all = (0..self.workers.len()).filter(|gpu| self.is_of(pool, *gpu));
            least_loaded(all.filter_map(|gpu| self.room(now, gpu)))
        });
        let Some(gpu) = chosen.filter(|_| self.streams.len() < STREAMS_MAX) else {
            return Err(self.refuse(now, pool));
        };
        if known.is_some_and(|before| before != gpu) {
            self.totals.failovers += 1;
        }
        if named {
            self.affinity.put(now, session, gpu);
        }
        let stream = StreamId(self.next);
        self.next += 1;
        self.totals.admitted += 1;
        self.streams.insert(stream, Place { gpu, alive_at: now });
        if let Some(pools) = &mut self.pools {
            pools.joined(stream, gpu, name, user);
        }
        if let Some(worker) = self.workers.get_mut(gpu) {
            worker.gpu.add(now, stream, priority);
            worker.seats.take(now, stream);
            let over = worker.seats.over();
            self.totals.over_admitted_peak = self.totals.over_admitted_peak.max(over);
        }
        Ok(Joined { stream, gpu })
    }

    /// A caller leaves; what waits of its stream is forgotten.
    pub fn leave(&mut self, now: Offset, stream: StreamId) {
        self.bring_to(now);
        if let Some(worker) = self.worker_of(stream) {
            worker.gpu.remove(stream);
            worker.seats.release(stream);
        }
        self.streams.remove(&stream);
        if let Some(pools) = &mut self.pools {
            pools.left(stream);
        }
    }

    /// A caller is gone without a word: it leaves, or where streams leak, its stream stays.
    pub fn vanish(&mut self, now: Offset, stream: StreamId) {
        if self.leak {
            self.bring_to(now);
        } else {
            self.leave(now, stream);
        }
    }

    /// The avatar of a stream fell silent in the middle of a speech, for want of audio.
    pub fn run_dry(&mut self, stream: StreamId) {
        if let (Some(pools), Some(place)) = (&mut self.pools, self.streams.get(&stream)) {
            pools.ran_dry(place.gpu);
        }
    }

    /// The next phase of a rollout begins, if there is one.
    pub fn go_on(&mut self, now: Offset) {
        self.bring_to(now);
        if let Some(pools) = &mut self.pools {
            pools.go_on();
        }
    }

    /// How far a rollout is; none without one.
    pub fn rollout(&self) -> Option<RolloutStatus> {
        self.pools.as_ref().map(|pools| pools.status(&self.workers))
    }

    /// A stream gave a sign of life.
    pub fn alive(&mut self, now: Offset, stream: StreamId) {
        let now = self.bring_to(now);
        if let Some(place) = self.streams.get_mut(&stream) {
            place.alive_at = now;
        }
    }

    /// A caller sent the audio of one frame, which is told apart by `piece`. Each frame takes the
    /// oldest piece at the time that it is due, so they come back in their order; a piece that did
    /// not come back before a later one did never will.
    ///
    /// What was given up for it is the answer: the oldest of too many pieces, or the piece itself
    /// if there is no such stream.
    pub fn speak(&mut self, now: Offset, stream: StreamId, piece: u64) -> Option<u64> {
        self.bring_to(now);
        let Some(worker) = self.worker_of(stream) else { return Some(piece) };
        let given_up = worker.gpu.speak(stream, piece);
        self.totals.dropped_pieces += u64::from(given_up.is_some());
        given_up
    }

    /// A caller interrupts: the pieces that no frame has taken are forgotten, and are the answer.
    pub fn barge_in(&mut self, now: Offset, stream: StreamId) -> Vec<u64> {
        self.bring_to(now);
        self.worker_of(stream).map(|worker| worker.gpu.hush(stream)).unwrap_or_default()
    }

    /// Brings it forward to `now` and adds what came out of it, in the order of time.
    pub fn advance(&mut self, now: Offset, outs: &mut Vec<Out>) {
        self.run(now);
        outs.extend(self.outs.drain(..));
    }

    /// When to advance it next so that nothing comes late; none if nothing will come by itself.
    pub fn next_wake(&self) -> Option<Offset> {
        if !self.outs.is_empty() {
            return Some(self.now);
        }
        let made = self.workers.iter().filter_map(|worker| worker.gpu.next_wake());
        made.chain(self.next_turn()).min()
    }

    /// A fault begins. The same one twice does no harm; only slowing factors add to each other.
    ///
    /// # Errors
    /// There is no such GPU or zone, or the factor is no slowing one: nothing has changed.
    pub fn inject(&mut self, now: Offset, fault: &GpuFault) -> Result<(), FaultError> {
        let now = self.bring_to(now);
        check(fault)?;
        match (fault, fault.gpu()) {
            (_, Some(gpu)) => {
                let gpus = self.workers.len();
                let worker = self.workers.get_mut(gpu).ok_or(FaultError::Gpu { gpu, gpus })?;
                let lost = worker.troubles.inject(now, fault);
                worker.suffer();
                if let Some(reason) = lost {
                    self.lose(now, gpu, reason);
                }
            }
            (GpuFault::ZoneLost { zone }, None) => {
                let there = |(_, worker): &(usize, &Worker)| worker.spec.zone == *zone;
                let gpus: Vec<usize> =
                    self.workers.iter().enumerate().filter(there).map(|(gpu, _)| gpu).collect();
                if gpus.is_empty() {
                    return Err(FaultError::Zone { zone: zone.clone() });
                }
                self.lost_zones.insert(zone.clone());
                gpus.into_iter().for_each(|gpu| self.lose(now, gpu, LostReason::ZoneLost));
            }
            (_, None) => self.affinity.lose(now),
        }
        Ok(())
    }

    /// A fault ends; one that is not there does no harm.
    pub fn heal(&mut self, now: Offset, fault: &GpuFault) {
        let now = self.bring_to(now);
        match (fault, fault.gpu()) {
            (_, Some(gpu)) => {
                if let Some(worker) = self.workers.get_mut(gpu) {
                    worker.troubles.heal(fault);
                    worker.suffer();
                }
            }
            (GpuFault::ZoneLost { zone }, None) => {
                self.lost_zones.remove(zone);
            }
            (_, None) => self.affinity.heal(now),
        }
    }

    /// Streams of which no sign of life came for 30 s.
    pub fn zombies(&self, now: Offset) -> usize {
        self.streams.values().filter(|place| now.since(place.alive_at) > ALIVE_US).count()
    }

    /// The truth at `now`, to which it must have been advanced.
    pub fn status(&self, now: Offset) -> BackendStatus {
        let each = self.workers.iter().enumerate();
        let gpus = each.map(|(n, worker)| worker.status(n, now, self.is_healthy(now, worker)));
        let (streams, zombies) = (self.streams.len(), self.zombies(now));
        BackendStatus {
            gpus: gpus.collect(),
            totals: BackendTotals { streams, zombies, ..self.totals },
            scaling: self.growth.as_ref().map(Growth::status),
            rollout: self.rollout(),
        }
    }

    fn is_healthy(&self, now: Offset, worker: &Worker) -> bool {
        worker.troubles.is_up(now) && !self.lost_zones.contains(&worker.spec.zone)
    }

    /// A GPU's load, as a check sees it, if it may take another stream.
    fn room(&self, now: Offset, gpu: usize) -> Option<Room> {
        let worker = self.workers.get(gpu)?;
        let free = self.is_healthy(now, worker) && worker.seats.has_room(now);
        free.then(|| Room {
            gpu,
            streams: worker.seats.counted(now),
            limit: worker.seats.limit(),
            distance_us: worker.distance_us,
        })
    }

    /// Whether a GPU has the version that a session is led to; any has where there is one version.
    fn is_of(&self, pool: Option<Pool>, gpu: usize) -> bool {
        self.pools.as_ref().is_none_or(|pools| Some(pools.pool_of(gpu)) == pool)
    }

    fn refuse(&mut self, now: Offset, pool: Option<Pool>) -> Refused {
        self.totals.refused += 1;
        let mut all = self.workers.iter().enumerate();
        let any = all.any(|(gpu, worker)| self.is_of(pool, gpu) && self.is_healthy(now, worker));
        let reason = if any { RefusedReason::Full } else { RefusedReason::NoGpu };
        Refused { before_accept: self.before_accept, reason }
    }

    fn worker_of(&mut self, stream: StreamId) -> Option<&mut Worker> {
        self.workers.get_mut(self.streams.get(&stream)?.gpu)
    }

    fn lose(&mut self, now: Offset, gpu: usize, reason: LostReason) {
        let Some(worker) = self.workers.get_mut(gpu) else { return };
        worker.seats.clear();
        for stream in worker.gpu.lose(now) {
            self.streams.remove(&stream);
            if let Some(pools) = &mut self.pools {
                pools.lost(stream, gpu);
            }
            self.totals.lost_streams += 1;
            self.outs.push_back(Out::Lost { stream, at: now, reason });
        }
    }

    /// Runs to `now`, or to where it is already, and keeps no more than a fetch is worth.
    fn bring_to(&mut self, now: Offset) -> Offset {
        let now = self.run(now);
        let too_many = self.outs.len().saturating_sub(OUTS_MAX);
        self.outs.drain(..too_many);
        self.totals.unfetched += too_many as u64;
        now
    }

    /// When the scaler or a rollout is due next.
    fn next_turn(&self) -> Option<Offset> {
        let turns =
            [self.growth.as_ref().map(Growth::next), self.pools.as_ref().and_then(Pools::next)];
        turns.into_iter().flatten().min()
    }

    fn run(&mut self, now: Offset) -> Offset {
        while let Some(at) = self.next_turn().filter(|at| *at <= now) {
            self.make(at);
            self.grow(at);
            self.roll(at);
        }
        self.make(now)
    }

    /// Lets the GPUs work to then, or to where they are already.
    fn make(&mut self, now: Offset) -> Offset {
        self.now = self.now.max(now);
        let mut made = Vec::new();
        self.workers.iter_mut().for_each(|worker| worker.gpu.run(self.now, &mut made));
        made.sort_by_key(|frame| frame.done);
        self.outs.extend(made.into_iter().map(Out::Frame));
        self.now
    }
}
