//! One GPU: frames fall due, wait in line, and are made in batches.
//!
//! ```text
//! streams ──due──▶ waiting (by priority, then first in first out) ──batch──▶ running ──▶ made
//! ```

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hulk_record::{Offset, hash_of};
use serde::{Deserialize, Serialize};

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
    /// Its number in the stream, from 0; one that is missing was given up.
    pub number: u64,
    /// When it fell due.
    pub due: Offset,
    /// When its batch was done.
    pub done: Offset,
    /// The piece of audio that it answers; none in silence.
    pub audio: Option<u64>,
}

#[derive(Debug, Clone, PartialEq)]
struct Frame {
    stream: StreamId,
    number: u64,
    due: Offset,
    audio: Option<u64>,
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
        self.dues.insert((first, stream));
        self.streams.insert(stream, Stream { priority, first, next: 0, pieces: VecDeque::new() });
    }

    /// Forgets a stream with all that waits of it.
    pub(crate) fn remove(&mut self, stream: StreamId) {
        if let Some(gone) = self.streams.remove(&stream) {
            self.dues.remove(&(gone.due(self.fps), stream));
            self.waiting.values_mut().for_each(|queue| queue.retain(|f| f.stream != stream));
            self.waiting_count = self.waiting.values().map(VecDeque::len).sum();
        }
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
        std::mem::take(&mut self.streams).into_keys().collect()
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
        let oldest = self.waiting.values().filter_map(VecDeque::front).map(|f| f.due).min()?;
        let full = self.waiting_count >= self.batch_max;
        Some(if full { self.at } else { oldest.plus(self.wait_us).max(self.at) })
    }

    fn fall_due(&mut self) {
        let Some((due, id)) = self.dues.pop_first() else { return };
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let audio = stream.pieces.pop_front();
        let frame = Frame { stream: id, number: stream.next, due, audio };
        stream.next += 1;
        self.dues.insert((stream.due(self.fps), id));
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

    fn start(&mut self) {
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
            return;
        }
        // A stream may have gone while its frame was being made.
        let wanted = frames.into_iter().filter(|frame| self.streams.contains_key(&frame.stream));
        made.extend(wanted.map(|frame| {
            let Frame { stream, number, due, audio } = frame;
            Made { stream, number, due, done, audio }
        }));
    }

    /// t(n) = t(1) + (n − 1)·(t(8) − t(1)) ÷ 7, by the speed; beyond 8 as well.
    fn batch_us(&self, frames: usize) -> i64 {
        let more = frames.saturating_sub(1) as i64;
        let sevenfold = 7 * self.batch_1_us + more * (self.batch_8_us - self.batch_1_us);
        ((sevenfold as f64 / 7.0 / self.speed).round() as i64).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gpu(streams: u64) -> Gpu {
        let spec = BackendSpec::one_gpu(8, 25, 20);
        let mut gpu = Gpu::new(&spec, &spec.gpus[0], 7);
        (0..streams).for_each(|n| gpu.add(Offset(0), StreamId(n), 0));
        gpu
    }

    fn made(gpu: &mut Gpu, s: f64) -> Vec<Made> {
        let mut made = Vec::new();
        gpu.run(Offset::from_s(s), &mut made);
        made
    }

    #[test]
    fn a_batch_takes_as_long_as_its_frames_say() {
        // 8 + (n − 1)·17 ÷ 7 ms: for 4, 8 + 7.2857; for 16, 8 + 36.4286; at 0.6 of the speed,
        // 25 ÷ 0.6 = 41.667 ms.
        let mut gpu = gpu(0);
        let times = [1, 4, 8, 16].map(|frames| gpu.batch_us(frames));
        assert_eq!(times, [8_000, 15_286, 25_000, 44_429]);
        gpu.suffer(0.6, false);
        assert_eq!(gpu.batch_us(8), 41_667);
    }

    #[test]
    fn a_stream_alone_waits_for_company_and_is_made() {
        // Each frame waits 30 ms in vain and takes 8 ms; the GPU works 25 times 8 ms a second.
        let mut gpu = gpu(1);
        let made = made(&mut gpu, 4.0);
        assert!(made.len() >= 99, "{}", made.len());
        for (n, frame) in made.iter().enumerate() {
            assert_eq!(frame.number, n as u64);
            assert_eq!(frame.due.since(made[0].due), n as i64 * 40_000);
            assert_eq!(frame.done.since(frame.due), 38_000);
            assert_eq!(frame.audio, None);
        }
        assert!(made[0].due < Offset(40_000));
        assert!((gpu.utilisation(Offset::from_s(4.0)) - 0.2).abs() < 1e-9);
    }

    #[test]
    fn a_full_batch_does_not_wait() {
        // 200 frames fall due in 40 ms, eight of them long before 30 ms are over; then batches of
        // 25 ms follow one another.
        let mut gpu = gpu(200);
        let made = made(&mut gpu, 0.2);
        let eighth = made[7].due;
        assert!(made[..8].iter().all(|frame| frame.done == eighth.plus(25_000)));
        assert!(made[8..16].iter().all(|frame| frame.done == eighth.plus(50_000)));
        assert!(made.windows(2).all(|pair| pair[0].due <= pair[1].due), "first in, first out");
        assert!(gpu.utilisation(Offset(200_000)) > 0.15);
    }

    #[test]
    fn phases_differ_from_stream_to_stream() {
        let firsts: BTreeSet<i64> = gpu(20).dues.iter().map(|(at, _)| at.0).collect();
        assert_eq!(firsts.len(), 20);
        assert!(firsts.iter().all(|us| (0..40_000).contains(us)));
    }

    #[test]
    fn those_of_the_first_priority_are_made_first() {
        // 15 streams are more than the 12.8 that it can do: the first 8 do not feel it.
        let mut gpu = gpu(0);
        (0..15).for_each(|n| gpu.add(Offset(0), StreamId(n), u8::from(n >= 8)));
        let made = made(&mut gpu, 20.0);
        let late = |first: bool| {
            let of = made.iter().filter(|frame| (frame.stream.0 < 8) == first);
            of.map(|frame| frame.done.since(frame.due)).max().unwrap()
        };
        assert!(late(true) < 100_000, "{}", late(true));
        assert!(late(false) > 2_000_000, "{}", late(false));
    }

    #[test]
    fn frames_take_the_audio_that_waits_when_they_fall_due() {
        let mut gpu = gpu(1);
        let one = StreamId(0);
        assert_eq!([10, 11].map(|piece| gpu.speak(one, piece)), [None, None]);
        let with_audio = |gpu: &mut Gpu, s| -> Vec<Option<u64>> {
            made(gpu, s).into_iter().map(|frame| frame.audio).collect()
        };
        let heard = with_audio(&mut gpu, 0.4);
        assert_eq!(heard[..3], [Some(10), Some(11), None]);
        assert_eq!([12, 13].map(|piece| gpu.speak(one, piece)), [None, None]);
        assert_eq!(gpu.hush(one), [12, 13]);
        // The frame that fell due before the pieces came is silent, and so are those after.
        assert!(with_audio(&mut gpu, 0.8).iter().all(Option::is_none));
        assert_eq!(gpu.speak(StreamId(9), 1), Some(1), "nobody is there");
        let given_up: Vec<u64> = (0..252).filter_map(|piece| gpu.speak(one, piece)).collect();
        assert_eq!(given_up, [0, 1], "250 pieces are kept");
    }

    #[test]
    fn a_stream_that_leaves_takes_its_frames_along() {
        let mut gpu = gpu(14);
        made(&mut gpu, 10.0);
        (1..14).for_each(|n| gpu.remove(StreamId(n)));
        gpu.remove(StreamId(99));
        // 14 streams leave 30 frames a second behind, of which one stream has its share.
        assert!((10..=40).contains(&gpu.waiting()), "{}", gpu.waiting());
        let rest = made(&mut gpu, 20.0);
        assert!(rest.iter().all(|frame| frame.stream == StreamId(0)));
        gpu.remove(StreamId(0));
        assert_eq!((gpu.waiting(), made(&mut gpu, 30.0).len()), (0, 0));
        assert_eq!(gpu.next_wake(), None);
    }

    #[test]
    fn a_batch_that_fails_is_a_gap_in_the_numbers() {
        let mut gpu = gpu(1);
        let before = made(&mut gpu, 1.0).len() as u64;
        gpu.suffer(1.0, true);
        assert!(made(&mut gpu, 2.0).is_empty());
        gpu.suffer(1.0, false);
        assert_eq!(gpu.failed(), 25);
        assert_eq!(made(&mut gpu, 3.0)[0].number, before + 25);
    }

    #[test]
    fn what_is_lost_leaves_nothing_behind() {
        let mut gpu = gpu(14);
        made(&mut gpu, 5.0);
        let lost: Vec<u64> = gpu.lose(Offset::from_s(5.0)).into_iter().map(|id| id.0).collect();
        assert_eq!(lost, (0..14).collect::<Vec<u64>>());
        assert_eq!((gpu.waiting(), gpu.next_wake()), (0, None));
        assert_eq!(gpu.utilisation(Offset::from_s(5.5)), 0.5, "it worked until it was lost");
    }

    #[test]
    fn too_many_waiting_frames_push_the_oldest_out() {
        // 1,000 streams bring 25,000 frames a second, and 320 are made: in 5 s, 125,000 less some
        // 1,600 wait, of which 100,000 are kept.
        let mut gpu = gpu(1_000);
        let made = made(&mut gpu, 5.0).len();
        let running = gpu.running.as_ref().map_or(0, |batch| batch.frames.len());
        let due: u64 = gpu.streams.values().map(|stream| stream.next).sum();
        assert_eq!(gpu.waiting(), WAITING_MAX);
        assert_eq!(due, (made + running + WAITING_MAX) as u64 + gpu.dropped());
        assert!((23_000..24_000).contains(&gpu.dropped()), "{}", gpu.dropped());
    }
}
