//! One GPU: frames fall due, wait in line, and are made in batches.
//!
//! ```text
//! streams ──due──▶ waiting (by priority, then first in first out) ──batch──▶ running ──▶ made
//! ```

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hulk_record::{Offset, hash_of};
use serde::{Deserialize, Serialize};

use super::adaptive::Adaptive;
use super::spec::{BackendSpec, GpuSpec};

/// How many frames wait at most; beyond it the oldest is given up.
const WAITING_MAX: usize = 100_000;
/// How many pieces of audio wait at most in a stream: 10 s of 40 ms each.
const PIECES_MAX: usize = 250;
const SECOND_US: i64 = 1_000_000;

/// A stream of a backend; no other ever gets its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamId(pub u64);

/// A frame that a GPU made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Of which stream.
    pub stream: StreamId,
    /// Its number in the stream, from 0; one that is missing was given up, or not asked for.
    pub number: u64,
    /// When it fell due.
    pub due: Offset,
    /// When its batch was done.
    pub done: Offset,
    /// The piece of audio that it answers; none in silence.
    pub audio: Option<u64>,
    /// The frame before it that was not asked for, whose sound it carries too.
    pub skipped: Option<Skipped>,
}

/// A frame that was not asked for, where a stream is at half its rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The piece of audio that it would have answered; none in silence.
    pub audio: Option<u64>,
}

/// What a GPU did since it was asked last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) made: u64,
    /// Of all frames made, from due to done.
    pub(crate) latency_us: i64,
    pub(crate) failed_frames: u64,
    pub(crate) failed_batches: u64,
}

impl Tally {
    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            made: self.made + other.made,
            latency_us: self.latency_us.saturating_add(other.latency_us),
            failed_frames: self.failed_frames + other.failed_frames,
            failed_batches: self.failed_batches + other.failed_batches,
        }
    }
}

/// A stream on its way to another GPU, with its frames that are not made yet.
pub(crate) struct Moving {
    stream: Stream,
    frames: Vec<Frame>,
}

#[derive(Debug, Clone, PartialEq)]
struct Frame {
    stream: StreamId,
    number: u64,
    due: Offset,
    audio: Option<u64>,
    skipped: Option<Skipped>,
}

/// What frames come from.
#[derive(Debug, Clone, PartialEq)]
struct Stream {
    priority: u8,
    /// When its first frame is due.
    first: Offset,
    /// The number of its next frame.
    next: u64,
    pieces: VecDeque<u64>,
    /// The frame that was not asked for, until the next one.
    skipped: Option<Skipped>,
}

impl Stream {
    /// When the next frame is due; from the start each time, so that rounding never adds up.
    fn due(&self, fps: i64) -> Offset {
        self.first.plus((self.next as i64).saturating_mul(SECOND_US) / fps)
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Batch {
    frames: Vec<Frame>,
    done: Offset,
}

/// What happens at one time, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Done,
    Due,
    Start,
}

/// The streams of one GPU and the line of their frames.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gpu {
    fps: i64,
    batch_max: usize,
    wait_us: i64,
    batch_1_us: i64,
    batch_8_us: i64,
    phase_seed: u64,
    /// How fast it works, as a share of its full speed.
    speed: f64,
    /// Batches fail without a word.
    failing: bool,
    at: Offset,
    streams: BTreeMap<StreamId, Stream>,
    dues: BTreeSet<(Offset, StreamId)>,
    waiting: BTreeMap<u8, VecDeque<Frame>>,
    waiting_count: usize,
    running: Option<Batch>,
    /// From when to when it worked; older than a second only the latest.
    busy: VecDeque<(Offset, Offset)>,
    dropped: u64,
    failed: u64,
    tally: Tally,
    /// Where streams are halved if it does not keep up.
    adaptive: Option<Adaptive>,
    /// The streams at half their rate.
    halved: BTreeSet<StreamId>,
}

impl Gpu {
    pub(crate) fn new(backend: &BackendSpec, gpu: &GpuSpec, phase_seed: u64) -> Self {
        Self {
            fps: i64::from(backend.fps.max(1)),
            batch_max: backend.batch_max.max(1) as usize,
            wait_us: backend.batch_wait_us,
            batch_1_us: gpu.batch_1_us,
            batch_8_us: gpu.batch_8_us,
            phase_seed,
            speed: 1.0,
            failing: false,
            at: Offset(i64::MIN),
            streams: BTreeMap::new(),
            dues: BTreeSet::new(),
            waiting: BTreeMap::new(),
            waiting_count: 0,
            running: None,
            busy: VecDeque::new(),
            dropped: 0,
            failed: 0,
            tally: Tally::default(),
            adaptive: backend.adaptive_quality.then(Adaptive::default),
            halved: BTreeSet::new(),
        }
    }

    /// Does all that happens until `now`; what is made is added in the order of time.
    pub(crate) fn run(&mut self, now: Offset, made: &mut Vec<Made>) {
        while let Some((at, step)) = self.next_step().filter(|(at, _)| *at <= now) {
            self.at = self.at.max(at);
            match step {
                Step::Done => self.finish(made),
                Step::Due => self.fall_due(),
                Step::Start => self.start(),
            }
        }
        self.at = self.at.max(now);
    }

    /// When it must be run next so that nothing made comes late.
    pub(crate) fn next_wake(&self) -> Option<Offset> {
        // What falls due while a batch runs is found in time when that is done.
        let done = self.running.as_ref().map(|batch| batch.done);
        done.or_else(|| self.next_step().map(|(at, _)| at))
    }

    /// Takes a stream; it must have been run to `now`.
    pub(crate) fn add(&mut self, now: Offset, stream: StreamId, priority: u8) {
        let phases = (SECOND_US / self.fps).max(1).unsigned_abs();
        let first = now.plus((hash_of(self.phase_seed, stream.0) % phases) as i64);
        let fresh = Stream { priority, first, next: 0, pieces: VecDeque::new(), skipped: None };
        self.put(stream, Moving { stream: fresh, frames: Vec::new() });
    }

    /// Forgets a stream with all that waits of it.
    pub(crate) fn remove(&mut self, stream: StreamId) {
        let _forgotten = self.take(stream);
    }

    /// Gives a stream away; the other GPU makes also what this one has begun.
    pub(crate) fn take(&mut self, id: StreamId) -> Option<Moving> {
        let stream = self.streams.remove(&id)?;
        self.dues.remove(&(stream.due(self.fps), id));
        let mut frames = Vec::new();
        if let Some(batch) = &mut self.running {
            let all = std::mem::take(&mut batch.frames).into_iter();
            (frames, batch.frames) = all.partition(|frame| frame.stream == id);
        }
        if let Some(queue) = self.waiting.get_mut(&stream.priority) {
            let all = std::mem::take(queue).into_iter();
            let theirs: VecDeque<Frame>;
            (theirs, *queue) = all.partition(|frame| frame.stream == id);
            frames.extend(theirs);
        }
        self.waiting_count = self.waiting.values().map(VecDeque::len).sum();
        self.choose_halved();
        Some(Moving { stream, frames })
    }

    /// Takes a stream from another GPU of the backend; both must have been run to the same time.
    pub(crate) fn put(&mut self, id: StreamId, moving: Moving) {
        let Moving { stream, frames } = moving;
        self.dues.insert((stream.due(self.fps), id));
        if !frames.is_empty() {
            self.waiting_count += frames.len();
            let queue = self.waiting.entry(stream.priority).or_default();
            queue.extend(frames);
            // What came from elsewhere may be older than what is here.
            queue.make_contiguous().sort_by_key(|frame| (frame.due, frame.stream));
        }
        self.streams.insert(id, stream);
        self.choose_halved();
    }

    /// Loses every stream and all work, as when the GPU falls silent.
    pub(crate) fn lose(&mut self, now: Offset) -> Vec<StreamId> {
        if self.running.take().is_some()
            && let Some((_, to)) = self.busy.back_mut()
        {
            *to = now;
        }
        self.dues.clear();
        self.waiting.clear();
        self.waiting_count = 0;
        let lost = std::mem::take(&mut self.streams).into_keys().collect();
        self.choose_halved();
        lost
    }

    /// Queues a piece of audio for the next frame that falls due without one. What is given up for
    /// it: the oldest of too many, or itself if there is no such stream.
    pub(crate) fn speak(&mut self, stream: StreamId, piece: u64) -> Option<u64> {
        let Some(stream) = self.streams.get_mut(&stream) else { return Some(piece) };
        stream.pieces.push_back(piece);
        if stream.pieces.len() > PIECES_MAX { stream.pieces.pop_front() } else { None }
    }

    /// Forgets the pieces of audio that no frame has taken.
    pub(crate) fn hush(&mut self, stream: StreamId) -> Vec<u64> {
        let stream = self.streams.get_mut(&stream);
        stream.map(|stream| stream.pieces.drain(..).collect()).unwrap_or_default()
    }

    /// Sets what faults do to batches: their speed from the next on, and whether they fail.
    pub(crate) fn suffer(&mut self, speed: f64, failing: bool) {
        self.speed = speed;
        self.failing = failing;
    }

    /// Frames that fell due and are in no batch yet.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting_count
    }

    /// Frames that were given up because too many waited.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Frames of batches that failed.
    pub(crate) fn failed(&self) -> u64 {
        self.failed
    }

    /// What it did since it was asked last.
    pub(crate) fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// The mean of its streams: 1 at their full rate, 0.5 at half.
    pub(crate) fn quality(&self) -> f64 {
        1.0 - 0.5 * self.halved.len() as f64 / self.streams.len().max(1) as f64
    }

    /// For which share of the second before `now` it worked.
    pub(crate) fn utilisation(&self, now: Offset) -> f64 {
        let from = now.plus(-SECOND_US);
        let within = |&(start, end): &(Offset, Offset)| end.min(now).since(start.max(from)).max(0);
        self.busy.iter().map(within).sum::<i64>() as f64 / SECOND_US as f64
    }

    fn next_step(&self) -> Option<(Offset, Step)> {
        let done = self.running.as_ref().map(|batch| (batch.done, Step::Done));
        let due = self.dues.first().map(|(at, _)| (*at, Step::Due));
        let start = self.start_at().map(|at| (at, Step::Start));
        [done, due, start].into_iter().flatten().min()
    }

    /// When the next batch starts, if nothing else falls due.
    fn start_at(&self) -> Option<Offset> {
        if self.running.is_some() {
            return None;
        }
        let oldest = self.oldest()?;
        let full = self.waiting_count >= self.batch_max;
        Some(if full { self.at } else { oldest.plus(self.wait_us).max(self.at) })
    }

    /// Since when the frame waits that has waited longest.
    fn oldest(&self) -> Option<Offset> {
        self.waiting.values().filter_map(VecDeque::front).map(|frame| frame.due).min()
    }

    fn fall_due(&mut self) {
        let Some((due, id)) = self.dues.pop_first() else { return };
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let audio = stream.pieces.pop_front();
        let number = stream.next;
        stream.next += 1;
        self.dues.insert((stream.due(self.fps), id));
        if self.halved.contains(&id) && number % 2 == 1 {
            stream.skipped = Some(Skipped { audio });
            return;
        }
        let frame = Frame { stream: id, number, due, audio, skipped: stream.skipped.take() };
        self.waiting.entry(stream.priority).or_default().push_back(frame);
        self.waiting_count += 1;
        if self.waiting_count > WAITING_MAX {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let queues = self.waiting.values_mut().filter(|queue| !queue.is_empty());
        let oldest = queues.min_by_key(|queue| queue.front().map(|frame| frame.due));
        if oldest.and_then(VecDeque::pop_front).is_some() {
            self.waiting_count -= 1;
            self.dropped += 1;
        }
    }

    /// Which streams are at half their rate: those of the lowest priority, the last to come first.
    fn choose_halved(&mut self) {
        let Some(adaptive) = &mut self.adaptive else { return };
        if self.streams.is_empty() {
            *adaptive = Adaptive::default();
        }
        let count = adaptive.count(self.streams.len());
        let mut all: Vec<(u8, StreamId)> =
            self.streams.iter().map(|(id, stream)| (stream.priority, *id)).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        self.halved = all.into_iter().take(count).map(|(_, id)| id).collect();
    }

    fn start(&mut self) {
        let (at, oldest) = (self.at, self.oldest().unwrap_or(self.at));
        if self.adaptive.as_mut().is_some_and(|adaptive| adaptive.look(at, at.since(oldest))) {
            self.choose_halved();
        }
        let mut frames = Vec::with_capacity(self.batch_max);
        for queue in self.waiting.values_mut() {
            let count = queue.len().min(self.batch_max - frames.len());
            frames.extend(queue.drain(..count));
        }
        self.waiting_count -= frames.len();
        let done = self.at.plus(self.batch_us(frames.len()));
        match self.busy.back_mut() {
            Some((_, to)) if *to == self.at => *to = done,
            _ => self.busy.push_back((self.at, done)),
        }
        let from = self.at.plus(-SECOND_US);
        while self.busy.front().is_some_and(|(_, to)| *to < from) {
            self.busy.pop_front();
        }
        self.running = Some(Batch { frames, done });
    }

    fn finish(&mut self, made: &mut Vec<Made>) {
        let Some(Batch { frames, done }) = self.running.take() else { return };
        if self.failing {
            self.failed += frames.len() as u64;
            self.tally.failed_frames += frames.len() as u64;
            self.tally.failed_batches += u64::from(!frames.is_empty());
            return;
        }
        for Frame { stream, number, due, audio, skipped } in frames {
            self.tally.made += 1;
            self.tally.latency_us = self.tally.latency_us.saturating_add(done.since(due));
            made.push(Made { stream, number, due, done, audio, skipped });
        }
    }

    /// t(n) = t(1) + (n − 1)·(t(8) − t(1)) ÷ 7, by the speed; beyond 8 as well.
    fn batch_us(&self, frames: usize) -> i64 {
        let more = frames.saturating_sub(1) as i64;
        let sevenfold = 7 * self.batch_1_us + more * (self.batch_8_us - self.batch_1_us);
        ((sevenfold as f64 / 7.0 / self.speed).round() as i64).max(1)
    }
}

#[cfg(test)]
mod tests;
