//! The backend's state machine between its sockets.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hulk_avatar::{Backend, BackendStatus, FaultError, GpuFault, Out, Refused, StreamId};
use hulk_net::Epoch;
use hulk_record::Offset;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::AvatarPlan;
use super::outbox::Outbox;
use super::picture::Picture;
use crate::faults::{Faults, NotLent};

/// So many pieces of a caller's speech wait for their frames: 164 s.
const PIECES_MAX: usize = 4096;

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
    streams: BTreeMap<StreamId, Stream>,
    faults: Faults<GpuFault>,
    counts: SocketCounts,
    outs: Vec<Out>,
    /// When the time keeper wakes.
    wake: Option<Offset>,
}

/// A caller's stream.
struct Stream {
    session: String,
    since: Offset,
    outbox: Arc<Outbox>,
    /// The audio of the pieces that no frame has carried yet, by their tokens, oldest first.
    pieces: VecDeque<(u64, Bytes)>,
    next_token: u64,
    /// Whether its last frame had speech.
    speaks: bool,
    /// Whether its caller is in the middle of a speech.
    is_spoken_to: bool,
    /// Whether its caller has just begun anew: that the avatar falls silent then is meant.
    is_cut: bool,
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

    /// Lets a caller in, or not.
    pub(crate) fn join(&self, session: &str, priority: u8) -> Result<Admitted, Refused> {
        let mut state = self.state();
        let now = self.forward(&mut state);
        let joined = state.backend.join(now, session, priority)?;
        let outbox = Arc::new(Outbox::new(self.plan.backend.send_queue_frames as usize));
        let stream = Stream {
            session: session.to_owned(),
            since: now,
            outbox: Arc::clone(&outbox),
            pieces: VecDeque::new(),
            next_token: 0,
            speaks: false,
            is_spoken_to: false,
            is_cut: false,
        };
        state.streams.insert(joined.stream, stream);
        self.woken(&mut state);
        Ok(Admitted { stream: joined.stream, outbox })
    }

    /// A caller left, by a closing handshake or without.
    pub(crate) fn leave(&self, stream: StreamId, said_so: bool) {
        let mut state = self.state();
        let now = self.forward(&mut state);
        state.streams.remove(&stream);
        state.backend.leave(now, stream);
        state.counts.vanished += u64::from(!said_so);
        self.woken(&mut state);
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
            known.pieces.clear();
            known.is_spoken_to = true;
            known.is_cut = true;
        }
    }

    /// A caller has said all, with the rest that is no whole piece.
    pub(crate) fn end_speech(&self, stream: StreamId, rest: Option<Vec<u8>>) {
        if let Some(rest) = rest {
            self.speak(stream, rest);
        }
        if let Some(known) = self.state().streams.get_mut(&stream) {
            known.is_spoken_to = false;
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
                    let Some(stream) = streams.get_mut(&made.stream) else { continue };
                    let piece = made.audio.and_then(|token| stream.take(token));
                    let changed = piece.is_some() != stream.speaks;
                    stream.speaks = piece.is_some();
                    counts.frames += 1;
                    // In the middle of a word, and the next piece has not come yet.
                    let underrun =
                        piece.is_none() && changed && stream.is_spoken_to && !stream.is_cut;
                    counts.underruns += u64::from(underrun);
                    stream.is_cut &= piece.is_none();
                    let message = self.picture.message(piece.as_deref(), changed);
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

impl Stream {
    /// Keeps the audio of a piece, and gives up the oldest where too many wait.
    fn keep(&mut self, piece: Vec<u8>) -> u64 {
        let token = self.next_token;
        self.next_token += 1;
        self.pieces.push_back((token, piece.into()));
        if self.pieces.len() > PIECES_MAX {
            self.pieces.pop_front();
        }
        token
    }

    /// The audio of a piece; older ones will not be asked for any more. One that a barge-in has taken back is
    /// not there, and those that were said since stay.
    fn take(&mut self, token: u64) -> Option<Bytes> {
        while self.pieces.front().is_some_and(|(known, _)| *known < token) {
            self.pieces.pop_front();
        }
        self.pieces.pop_front_if(|(known, _)| *known == token).map(|(_, piece)| piece)
    }
}

fn until(now: Offset, lease: Duration) -> Offset {
    now.plus(lease.as_micros() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Stream {
        Stream {
            session: String::new(),
            since: Offset(0),
            outbox: Arc::new(Outbox::new(1)),
            pieces: VecDeque::new(),
            next_token: 0,
            speaks: false,
            is_spoken_to: true,
            is_cut: false,
        }
    }

    #[test]
    fn a_frame_of_before_a_barge_in_takes_nothing_of_what_was_said_since() {
        let mut stream = stream();
        let before = [stream.keep(vec![1]), stream.keep(vec![2])];
        stream.pieces.clear();
        let since = [stream.keep(vec![3]), stream.keep(vec![4])];
        assert_eq!(before.map(|token| stream.take(token)), [None, None]);
        assert_eq!(since.map(|token| stream.take(token).unwrap()[0]), [3, 4]);
    }

    #[test]
    fn a_piece_that_no_frame_took_goes_with_the_next_and_too_many_are_not_kept() {
        let mut stream = stream();
        let tokens: Vec<u64> = (0..3).map(|piece| stream.keep(vec![piece])).collect();
        assert_eq!(stream.take(tokens[2]).unwrap()[0], 2);
        assert_eq!(stream.pieces.len(), 0);
        (0..PIECES_MAX + 10).for_each(|_| {
            stream.keep(vec![0]);
        });
        assert_eq!(stream.pieces.len(), PIECES_MAX);
    }
}
