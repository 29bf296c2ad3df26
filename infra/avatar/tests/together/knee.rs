//! How many callers a GPU carries, as they find it themselves.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use hulk_avatar::{
    Adapter, Backend, BackendSpec, Call, CallPlan, Down, FrameMessage, GpuFault, Level, Opened,
    Out, PIECE_BYTES, StreamId, Turn, Up, expected_streams, figures, knee, misses,
};
use hulk_record::{CallObjectives, CallersSample, Offset, Samples, Session, Setup};
use hulk_settings::{Source, read};

const START: &[u8] = b"start_of_stream";
const END: &[u8] = b"end_of_stream";
/// Pictures are small here: what is in them does not depend on how many pixels say it.
const SIDE_PX: u32 = 16;
const HOUR: Offset = Offset(3_600_000_000);

/// A GPU with these times, which would let 20 in.
pub(crate) fn one_gpu(batch_1_ms: f64, batch_8_ms: f64, streams_max: u32) -> BackendSpec {
    let text = format!(
        "frame_px = {SIDE_PX}\n[[gpu]]\nkind = \"GPU\"\nzone = \"here\"\nstreams_max = \
         {streams_max}\nbatch_1_ms = {batch_1_ms}\nbatch_8_ms = {batch_8_ms}\nmemory_mib = 24_000\n"
    );
    read(&Source::new("gpu.toml", text), BackendSpec::read).unwrap()
}

fn adapter() -> Arc<Adapter> {
    let shipped = Adapter::shipped("rapido_ws").unwrap();
    let text = shipped.text.replace("= 128 ", &format!("= {SIDE_PX} "));
    let text = text.replace("height = 128", &format!("height = {SIDE_PX}"));
    Arc::new(Adapter::read(&Source::new("adapter.toml", text)).unwrap())
}

/// A caller, and what the backend holds of its speech.
struct Caller {
    call: Call,
    pieces: VecDeque<(u64, Vec<u8>)>,
    next: u64,
    speaks: bool,
}

/// A caller who speaks for so long without a break.
fn plan(speak_s: f64) -> CallPlan {
    let speak_us = (speak_s * 1e6) as u64;
    CallPlan {
        turns: vec![Turn { speak_us, pause_us: 500_000, barge_in_after_us: None }],
        leave: hulk_avatar::Leave::Close,
        silence_us_max: 30_000_000,
        first_frame_us_max: 10_000_000,
    }
}

/// Faults that come and go: from when until when, in s.
pub(crate) type Faults<'a> = &'a [(f64, f64, GpuFault)];
/// What came back in a second of a run: its start, its end, and how late.
pub(crate) type Second = (Offset, Offset, CallersSample);

/// So many callers at once on a backend, each for so long; their sessions, and how many were refused.
fn run(
    spec: &BackendSpec,
    seed: u64,
    callers: u32,
    speak_s: f64,
    faults: Faults<'_>,
) -> (Vec<Session>, u32) {
    let (sessions, refused, _) = run_heard(spec, seed, callers, speak_s, faults);
    (sessions, refused)
}

/// The same, with what came back in each second.
pub(crate) fn run_heard(
    spec: &BackendSpec,
    seed: u64,
    callers: u32,
    speak_s: f64,
    faults: Faults<'_>,
) -> (Vec<Session>, u32, Vec<Second>) {
    let mut heard: BTreeMap<i64, Samples> = BTreeMap::new();
    let (mut backend, adapter) = (Backend::new(spec, seed), adapter());
    let mut all: BTreeMap<StreamId, Caller> = BTreeMap::new();
    let (mut sessions, mut refused) = (Vec::new(), 0);
    for caller in 0..callers {
        match backend.join(Offset(0), &format!("{seed}-{caller}"), 0) {
            Err(_) => refused += 1,
            Ok(joined) => {
                let setup = Setup::default();
                let opened = Opened { caller, intended_at: Offset(0), at: Offset(0), setup };
                let call = Call::new(&adapter, plan(speak_s), opened);
                let caller = Caller { call, pieces: VecDeque::new(), next: 0, speaks: false };
                all.insert(joined.stream, caller);
            }
        }
    }
    let mut edges: Vec<(Offset, bool, &GpuFault)> = Vec::new();
    for (from_s, to_s, fault) in faults {
        edges.push((Offset::from_s(*from_s), true, fault));
        edges.push((Offset::from_s(*to_s), false, fault));
    }
    edges.sort_by_key(|(at, ..)| *at);
    let mut edges = edges.into_iter().peekable();
    let mut outs = Vec::new();
    while !all.is_empty() {
        let dues = all.values().filter_map(|caller| caller.call.next_due());
        let edge = edges.peek().map(|(at, ..)| *at);
        let now = dues.chain(backend.next_wake()).chain(edge).min().unwrap_or(HOUR);
        assert!(now < HOUR, "nobody ever leaves");
        if let Some((_, begins, fault)) = edges.next_if(|(at, ..)| *at <= now) {
            if begins { backend.inject(now, fault).unwrap() } else { backend.heal(now, fault) }
        }
        backend.advance(now, &mut outs);
        for out in outs.drain(..) {
            let latency_us = deliver(&mut all, now, out);
            let second = heard.entry(now.0.div_euclid(1_000_000)).or_default();
            latency_us.iter().for_each(|us| second.record(*us));
        }
        let mut gone = Vec::new();
        for (stream, caller) in &mut all {
            say(caller, &mut backend, *stream, now);
            if caller.call.ended().is_some() {
                gone.push(*stream);
            }
        }
        for stream in gone {
            backend.leave(now, stream);
            sessions.extend(all.remove(&stream).map(|caller| caller.call.finish(now)));
        }
    }
    let second = |(at, samples): (i64, Samples)| {
        let latency = samples.sparse();
        let (from, until) = (Offset(at * 1_000_000), Offset((at + 1) * 1_000_000));
        (from, until, CallersSample { latency, ..CallersSample::default() })
    };
    (sessions, refused, heard.into_iter().map(second).collect())
}

/// What the backend does with what a caller sends.
fn say(caller: &mut Caller, backend: &mut Backend, stream: StreamId, now: Offset) {
    let mut ups = Vec::new();
    caller.call.due(now, &mut ups, &mut Samples::new());
    for up in ups {
        match up {
            Up::Binary(bytes) if bytes == START => {
                backend.barge_in(now, stream);
                caller.pieces.clear();
            }
            Up::Binary(bytes) if bytes == END => {}
            Up::Binary(bytes) => {
                assert_eq!(bytes.len(), PIECE_BYTES, "the adapter's chunks are pieces");
                caller.pieces.push_back((caller.next, bytes));
                backend.speak(now, stream, caller.next);
                caller.next += 1;
            }
            Up::Text(_) | Up::Close(_) | Up::Vanish => {}
        }
    }
}

/// Hands over what comes; the latency of each piece of speech that comes back by it, in µs.
fn deliver(all: &mut BTreeMap<StreamId, Caller>, now: Offset, out: Out) -> Vec<u64> {
    let (stream, made) = match out {
        Out::Lost { stream, reason, .. } => {
            let Some(caller) = all.get_mut(&stream) else { return Vec::new() };
            let lost = Down::Close { code: 1011, reason: reason.text() };
            assert!(caller.call.received(now, lost).is_err());
            return Vec::new();
        }
        Out::Frame(made) => (made.stream, made),
    };
    let Some(caller) = all.get_mut(&stream) else { return Vec::new() };
    let mut piece = None;
    while let Some((token, _)) = caller.pieces.front()
        && made.audio.is_some_and(|wanted| *token <= wanted)
    {
        // One that a barge-in has taken back is not there any more; those said since stay.
        let kept = caller.pieces.pop_front();
        piece = kept.filter(|(token, _)| Some(*token) == made.audio).map(|(_, bytes)| bytes);
    }
    let changed = piece.is_some() != caller.speaks;
    caller.speaks = piece.is_some();
    let video = vec![if caller.speaks { 200 } else { 40 }; (SIDE_PX * SIDE_PX * 3) as usize];
    let audio = piece.unwrap_or_else(|| vec![0; PIECE_BYTES]);
    let message = FrameMessage {
        video: &video,
        audio: &audio,
        start_speech: changed && caller.speaks,
        end_speech: changed && !caller.speaks,
    };
    caller.call.received(now, Down::Binary(&message.encode())).unwrap();
    caller.call.brought().latency_us.clone()
}

fn level(spec: &BackendSpec, seed: u64, callers: u32) -> Level {
    let (sessions, refused) = run(spec, seed, callers, 30.0, &[]);
    assert_eq!(refused, 0);
    let objectives = CallObjectives::default().session;
    let good = sessions.iter().filter(|session| misses(session, &objectives).is_empty()).count();
    Level { sessions: callers, good: good as u64, attempted: sessions.len() as u64 }
}

#[test]
fn the_knee_is_within_one_stream_of_the_formula_five_of_five() {
    // ⌊8 ÷ 0.025 ÷ 25⌋ = 12, ⌊8 ÷ 0.062 ÷ 25⌋ = 5, ⌊8 ÷ 0.020 ÷ 25⌋ = 16.
    for (batch_1_ms, batch_8_ms, formula) in [(8.0, 25.0, 12), (16.0, 62.0, 5), (6.0, 20.0, 16)] {
        assert_eq!(expected_streams(batch_8_ms, 25.0), formula);
        let spec = one_gpu(batch_1_ms, batch_8_ms, 20);
        for seed in 0..5 {
            let levels: Vec<Level> =
                (formula - 2..=formula + 2).map(|callers| level(&spec, seed, callers)).collect();
            let found = knee(&levels, 0.95).expect("two fewer are carried");
            let off = found.sessions.abs_diff(formula);
            assert!(off <= 1, "t(8) = {batch_8_ms}, seed {seed}: {found:?}\n{levels:?}");
            // A cliff: with two more than the formula's nobody is served well.
            assert_eq!(levels.last().map(|level| level.good), Some(0), "{levels:?}");
        }
    }
}

#[test]
fn at_the_formula_s_number_everything_holds_and_the_backlog_grows_from_one_more_on() {
    let spec = one_gpu(8.0, 25.0, 20);
    let growing = |callers| {
        let (sessions, _) = run(&spec, 1, callers, 30.0, &[]);
        let slopes = sessions.iter().filter_map(|session| session.felt.backlog_slope);
        // 5 frames a second more than 320 are 15.6 ms a second.
        (sessions.len(), slopes.filter(|slope| slope.is_growing(5.0)).count())
    };
    assert_eq!(growing(12), (12, 0));
    assert_eq!(growing(13), (13, 13));
    let (sessions, _) = run(&spec, 1, 12, 30.0, &[]);
    for figure in figures(&sessions, &CallObjectives::default()) {
        assert_ne!(figure.holds(), Some(false), "{figure:?}");
    }
}

#[test]
fn speech_comes_back_as_late_as_the_model_says() {
    let (sessions, _) = run(&one_gpu(8.0, 25.0, 20), 3, 1, 10.0, &[]);
    let felt = &sessions[0].felt;
    // One stream: 30 ms until its batch of one starts, 8 ms in it, and up to 40 ms until a frame is due.
    let (least, most) = (felt.latency.min_us, felt.latency.max_us);
    assert!(least >= 38_000 && most <= 78_000, "{least} to {most} µs");
    assert_eq!((felt.freezes, felt.drops, felt.underrun_ticks), (0, 0, 0));
    assert_eq!(felt.av_offset_ms, Some(0.0), "sound and picture are of one frame");
}

#[test]
fn a_throttled_clock_is_felt_long_after_it_is_well_again_at_the_limit_and_hardly_below() {
    let spec = one_gpu(8.0, 25.0, 20);
    let throttle = [(10.0, 20.0, GpuFault::ClockThrottle { gpu: 0, factor: 0.6 })];
    let late = |callers| {
        let (sessions, _) = run(&spec, 2, callers, 100.0, &throttle);
        let late = |session: &Session| {
            let mut all = Samples::new();
            all.merge(&session.felt.latency);
            all.count_above(300_000) as f64 * 0.04
        };
        sessions.iter().map(late).fold(0.0, f64::max)
    };
    // 1,080 frames too few in 10 s, and 20 a second of headroom: 54 s, but for what is below 300 ms anyway.
    let at_the_limit = late(12);
    assert!((45.0..=64.0).contains(&at_the_limit), "{at_the_limit} s");
    // At 8 streams it makes 192 frames a second for 200 that are due: 80 too few, and 120 a second of headroom.
    let below = late(8);
    assert!(below < 8.0, "{below} s");
}

#[test]
fn a_gpu_that_falls_off_the_bus_loses_its_sessions_and_a_batch_out_of_memory_is_a_freeze() {
    let spec = one_gpu(8.0, 25.0, 20);
    let bus = [(5.0, 6.0, GpuFault::OffTheBus { gpu: 0 })];
    let (sessions, _) = run(&spec, 1, 3, 10.0, &bus);
    let lost = hulk_record::SessionEnd::Lost(hulk_record::Cause::Server);
    assert_eq!(sessions.iter().map(|session| session.end).collect::<Vec<_>>(), [lost; 3]);
    let memory = [(5.0, 5.5, GpuFault::OutOfMemory { gpu: 0 })];
    let (sessions, _) = run(&spec, 1, 3, 10.0, &memory);
    for session in &sessions {
        assert_eq!(session.end, hulk_record::SessionEnd::Completed);
        assert_eq!(session.felt.freezes, 1, "{:?}", session.felt);
        assert!((12..=13).contains(&session.felt.drops), "half a second: {:?}", session.felt.drops);
    }
}

#[test]
fn each_shipped_gpu_carries_what_its_file_lets_in() {
    let t4 = include_str!("../../../../scenarios/avatars/t4.toml");
    let spec = read(&Source::new("t4.toml", t4), BackendSpec::read).unwrap();
    assert_eq!(level(&spec, 1, 5).good, 5, "one T4");
    let six = include_str!("../../../../scenarios/avatars/avatar-72.toml");
    let spec = read(&Source::new("avatar-72.toml", six), BackendSpec::read).unwrap();
    assert_eq!(level(&spec, 1, 72).good, 72, "four 4090 and two 3090");
    assert_eq!(spec.monthly_cost(), 1850.0);
}
