//! The backend's state machine between its sockets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hulk_avatar::{
    Backend, BackendStatus, FaultError, GpuFault, Lobby, NoRegion, Out, Refused, RolloutStatus,
    StreamId,
};
use hulk_net::Epoch;
use hulk_record::Offset;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::AvatarPlan;
use super::histogram::Histogram;
use super::outbox::Outbox;
use super::picture::Picture;
use super::stream::Stream;
use crate::faults::{Faults, NotLent};

/// The backend, its clock, and who gets its frames.
pub(crate) struct Stage {
    plan: AvatarPlan,
    address: SocketAddr,
    born: Epoch,
    picture: Picture,
    state: Mutex<State>,
    /// Something may be due earlier than the time keeper thinks.
    sooner: Notify,
    /// Held while a model is loaded.
    pub(crate) loading: tokio::sync::Mutex<()>,
}

struct State {
    backend: Backend,
    lobby: Lobby,
    streams: BTreeMap<StreamId, Stream>,
    faults: Faults<GpuFault>,
    counts: SocketCounts,
    outs: Vec<Out>,
    /// When the time keeper wakes.
    wake: Option<Offset>,
}

/// What the sockets count beside the backend.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SocketCounts {
    /// Frames handed to connections.
    pub(crate) frames: u64,
    /// Frames that a full queue of a caller's dropped.
    pub(crate) frames_dropped: u64,
    /// How often the avatar fell silent in the middle of a speech, because no audio was there.
    pub(crate) underruns: u64,
    /// Callers who were gone without a closing handshake.
    pub(crate) vanished: u64,
    /// From when a frame was due to when it was made.
    pub(crate) latency: Histogram,
    /// From a session's token to its socket.
    pub(crate) connection: Histogram,
}

/// Who asks for a socket: the names of a session, a user and a region, as far as they are given.
pub(crate) struct Asked {
    pub(crate) session: String,
    pub(crate) user: String,
    pub(crate) region: Option<String>,
}

/// Why a caller is not let in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotIn {
    #[error(transparent)]
    Region(#[from] NoRegion),
    #[error(transparent)]
    Backend(#[from] Refused),
}

/// Why a fault is not on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unlent {
    #[error(transparent)]
    Lease(#[from] NotLent),
    #[error(transparent)]
    Fault(#[from] FaultError),
}

/// A stream as `/streams` tells of it.
pub(crate) struct StreamTold {
    pub(crate) id: u64,
    pub(crate) session: String,
    pub(crate) since_s: f64,
}

/// A caller who was let in.
pub(crate) struct Admitted {
    pub(crate) stream: StreamId,
    pub(crate) outbox: Arc<Outbox>,
}

impl Stage {
    pub(crate) fn new(plan: AvatarPlan, address: SocketAddr) -> Self {
        let state = State {
            backend: Backend::new(&plan.backend, plan.seed),
            lobby: Lobby::new(plan.backend.regions.clone()),
            streams: BTreeMap::new(),
            faults: Faults::default(),
            counts: SocketCounts::default(),
            outs: Vec::new(),
            wake: None,
        };
        Self {
            picture: Picture::new(plan.backend.frame_px),
            plan,
            address,
            born: Epoch(Instant::now()),
            state: Mutex::new(state),
            sooner: Notify::new(),
            loading: tokio::sync::Mutex::default(),
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn now(&self) -> Offset {
        Offset(self.born.now_us())
    }

    /// Gives a session a token; the region that it is led to, where there are regions.
    pub(crate) fn token(
        &self,
        session: &str,
        location: Option<&str>,
    ) -> Result<Option<String>, NoRegion> {
        let mut state = self.state();
        let region = state.lobby.token(self.now(), session, location)?;
        Ok(region.map(str::to_owned))
    }

    /// Lets a caller in, or not.
    pub(crate) fn join(&self, asked: &Asked) -> Result<Admitted, NotIn> {
        let mut state = self.state();
        let now = self.forward(&mut state);
        let Asked { session, user, region } = asked;
        let entered = state.lobby.enter(now, session, region.as_deref())?;
        let joined = match state.backend.join_as(now, session, user, 0) {
            Ok(joined) => joined,
            Err(refused) => {
                state.lobby.turn_away(entered);
                return Err(refused.into());
            }
        };
        state.lobby.open(joined.stream, entered);
        if let Some(us) = entered.since_token_us {
            state.counts.connection.add(us);
        }
        let outbox = Arc::new(Outbox::new(self.plan.backend.send_queue_frames as usize));
        let stream = Stream::new(session, now, Arc::clone(&outbox));
        state.streams.insert(joined.stream, stream);
        self.woken(&mut state);
        Ok(Admitted { stream: joined.stream, outbox })
    }

    /// A caller left, by a closing handshake or without.
    pub(crate) fn leave(&self, stream: StreamId, said_so: bool) {
        let mut state = self.state();
        let now = self.forward(&mut state);
        state.streams.remove(&stream);
        state.lobby.close(stream);
        if said_so {
            state.backend.leave(now, stream);
        } else {
            state.backend.vanish(now, stream);
        }
        state.counts.vanished += u64::from(!said_so);
        self.woken(&mut state);
    }

    /// Each region: its name, how many sessions it takes, and how many it has.
    pub(crate) fn regions(&self) -> Vec<(String, u32, u32)> {
        let mut state = self.state();
        let regions = state.lobby.regions(self.now());
        regions.map(|(region, sessions)| (region.name.clone(), region.capacity, sessions)).collect()
    }

    /// How far a rollout is, after its next phase has begun if that is wanted; none without one.
    pub(crate) fn rollout(&self, goes_on: bool) -> Option<RolloutStatus> {
        let mut state = self.state();
        let now = self.forward(&mut state);
        if goes_on {
            state.backend.go_on(now);
        }
        state.backend.rollout()
    }

    /// A piece of a caller's speech.
    pub(crate) fn speak(&self, stream: StreamId, piece: Vec<u8>) {
        let mut state = self.state();
        let now = self.forward(&mut state);
        let State { backend, streams, .. } = &mut *state;
        let Some(known) = streams.get_mut(&stream) else { return };
        let token = known.keep(piece);
        // A piece that found no room is forgotten with those that are older than the next one taken.
        let _given_up = backend.speak(now, stream, token);
        self.woken(&mut state);
    }

    /// A caller begins to speak. What the avatar has not said yet of what came before it will not say: a
    /// caller who begins early falls into its word.
    pub(crate) fn begin_speech(&self, stream: StreamId) {
        let mut state = self.state();
        let now = self.forward(&mut state);
        let _unsaid = state.backend.barge_in(now, stream);
        if let Some(known) = state.streams.get_mut(&stream) {
            known.begin_speech();
        }
    }

    /// A caller has said all, with the rest that is no whole piece.
    pub(crate) fn end_speech(&self, stream: StreamId, rest: Option<Vec<u8>>) {
        if let Some(rest) = rest {
            self.speak(stream, rest);
        }
        if let Some(known) = self.state().streams.get_mut(&stream) {
            known.end_speech();
        }
    }

    /// The backend as it is now, and what the sockets have counted.
    pub(crate) fn status(&self) -> (BackendStatus, SocketCounts, Vec<(u32, GpuFault, bool)>) {
        let mut state = self.state();
        let now = self.forward(&mut state);
        (state.backend.status(now), state.counts, state.faults.all())
    }

    /// All streams, in the order in which they came.
    pub(crate) fn streams(&self) -> Vec<StreamTold> {
        let state = self.state();
        let now = self.now();
        let told = state.streams.iter().map(|(id, stream)| StreamTold {
            id: id.0,
            session: stream.session.clone(),
            since_s: now.since(stream.since) as f64 / 1e6,
        });
        told.collect()
    }

    /// Lends a fault for so long: injects it, if it is not there.
    pub(crate) fn lend(&self, id: u32, fault: &GpuFault, lease: Duration) -> Result<(), Unlent> {
        let mut state = self.state();
        let now = self.forward(&mut state);
        if state.faults.lend(id, fault, (now, until(now, lease)))?
            && let Err(error) = state.backend.inject(now, fault)
        {
            let _it_was_never_on = state.faults.end(id);
            return Err(error.into());
        }
        self.woken(&mut state);
        Ok(())
    }

    /// A caller has taken a frame: it is still there.
    pub(crate) fn alive(&self, stream: StreamId) {
        let mut state = self.state();
        let now = self.forward(&mut state);
        state.backend.alive(now, stream);
    }

    /// Lends a fault for longer.
    pub(crate) fn renew(&self, id: u32, lease: Duration) -> Result<(), NotLent> {
        let now = self.now();
        self.state().faults.renew(id, now, until(now, lease))
    }

    /// Heals a fault; whether it was there.
    pub(crate) fn heal(&self, id: u32) -> bool {
        let mut state = self.state();
        let healed = state.faults.end(id);
        self.heal_all(&mut state, healed.as_slice());
        healed.is_some()
    }

    /// Heals what was not renewed.
    pub(crate) fn heal_lapsed(&self) {
        let mut state = self.state();
        let lapsed = state.faults.lapsed(self.now());
        self.heal_all(&mut state, &lapsed);
    }

    /// Wakes the backend whenever something is due.
    pub(crate) async fn keep_time(self: Arc<Self>) {
        loop {
            let due = {
                let mut state = self.state();
                self.forward(&mut state);
                state.wake = state.backend.next_wake();
                state.wake
            };
            match due {
                Some(due) => tokio::select! {
                    () = sleep_until(self.born.at_us(due.0)) => {}
                    () = self.sooner.notified() => {}
                },
                None => self.sooner.notified().await,
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heal_all(&self, state: &mut State, faults: &[GpuFault]) {
        if faults.is_empty() {
            return;
        }
        let now = self.forward(state);
        for fault in faults {
            // The same fault may be lent under another number; only factors add to each other.
            let others = state.faults.all();
            if fault.adds_up() || !others.iter().any(|(_, other, on)| *on && other == fault) {
                state.backend.heal(now, fault);
            }
        }
        self.woken(state);
    }

    /// Brings the backend to now and hands its frames to those whose they are.
    fn forward(&self, state: &mut State) -> Offset {
        let now = self.now();
        let State { backend, streams, outs, counts, .. } = state;
        backend.advance(now, outs);
        for out in outs.drain(..) {
            match out {
                Out::Frame(made) => {
                    counts.latency.add(made.done.since(made.due));
                    let Some(stream) = streams.get_mut(&made.stream) else { continue };
                    let sound = stream.sound(&made);
                    counts.frames += 1;
                    if sound.ran_dry {
                        counts.underruns += 1;
                        backend.run_dry(made.stream);
                    }
                    let message = self.picture.message(&sound);
                    counts.frames_dropped += u64::from(stream.outbox.push(message));
                }
                Out::Lost { stream, reason, .. } => {
                    if let Some(stream) = streams.remove(&stream) {
                        stream.outbox.lose(reason.text());
                    }
                }
            }
        }
        now
    }

    /// Wakes the time keeper where something is due sooner than it sleeps.
    fn woken(&self, state: &mut State) {
        let next = state.backend.next_wake();
        if next.is_some_and(|next| state.wake.is_none_or(|wake| next < wake)) {
            state.wake = next;
            self.sooner.notify_one();
        }
    }
}

fn until(now: Offset, lease: Duration) -> Offset {
    now.plus(lease.as_micros() as i64)
}
