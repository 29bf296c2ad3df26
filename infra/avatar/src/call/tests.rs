use std::collections::VecDeque;
use std::ops::Range;

use hulk_settings::Source;
use proptest::prelude::*;

use super::*;
use crate::wire::{Code, FrameMessage, PIECE_BYTES, bytes};

const TICK_US: i64 = 40_000;
const MARKS: &str = "start_marker = { binary = \"start\" }\nend_marker = { binary = \"end\" }\n";

fn adapter(uplink: &str) -> Arc<Adapter> {
    let text = format!(
        "[socket]\npath = \"/ws\"\n[uplink]\npcm_binary = {{}}\n{MARKS}{uplink}\n[downlink]\n\
         protobuf = {{ video = 1, audio = 2, start_speech = 3, end_speech = 4 }}\n\
         width = 2\nheight = 2\n"
    );
    Arc::new(Adapter::read(&Source::new("a.toml", text)).unwrap())
}

fn turn(speak_ms: u64, pause_ms: u64, barge_in_after_ms: Option<u64>) -> Turn {
    Turn {
        speak_us: speak_ms * 1_000,
        pause_us: pause_ms * 1_000,
        barge_in_after_us: barge_in_after_ms.map(|ms| ms * 1_000),
    }
}

fn plan(turns: &[Turn]) -> CallPlan {
    CallPlan {
        turns: turns.to_vec(),
        leave: Leave::Close,
        silence_us_max: 3_000_000,
        first_frame_us_max: 10_000_000,
    }
}

fn opened() -> Opened {
    Opened {
        caller: 7,
        intended_at: Offset::from_s(10.0),
        at: Offset::from_s(10.2),
        setup: Setup::default(),
    }
}

fn call(uplink: &str, turns: &[Turn]) -> Call {
    Call::new(&adapter(uplink), plan(turns), opened())
}

fn after(ms: i64) -> Offset {
    opened().at.plus(ms * 1_000)
}

/// A frame of 2 × 2 pixels.
fn frame(is_open: bool, audio: &[u8]) -> Vec<u8> {
    let video = [if is_open { 200 } else { 40 }; 12];
    FrameMessage { video: &video, audio, start_speech: false, end_speech: false }.encode()
}

fn marker(text: &str) -> Up {
    Up::Binary(text.as_bytes().to_vec())
}

fn count(ups: &[Up], wanted: &Up) -> usize {
    ups.iter().filter(|up| *up == wanted).count()
}

/// A backend that sends a frame every 40 ms with the next piece that it heard, or with silence.
struct Echo {
    now: Offset,
    heard: VecDeque<u8>,
    /// How long a frame is on its way.
    hold_us: i64,
    on_the_way: VecDeque<(Offset, Vec<u8>)>,
    /// Which frames are lost, counted from 0.
    lost: Range<usize>,
    frames: usize,
    /// It says all that it heard, although the caller begins anew.
    is_stubborn: bool,
}

impl Echo {
    fn new(hold_us: i64) -> Self {
        Self {
            now: opened().at,
            heard: VecDeque::new(),
            hold_us,
            on_the_way: VecDeque::new(),
            lost: 0..0,
            frames: 0,
            is_stubborn: false,
        }
    }

    fn hear(&mut self, up: &Up) {
        match up {
            Up::Binary(bytes) if bytes == b"start" => {
                if !self.is_stubborn {
                    self.heard.clear();
                }
            }
            Up::Binary(bytes) if bytes == b"end" => {}
            Up::Binary(bytes) => self.heard.extend(bytes),
            Up::Text(_) | Up::Close(_) | Up::Vanish => {}
        }
    }

    fn send(&mut self) {
        let speaks = self.heard.len() >= PIECE_BYTES;
        let audio: Vec<u8> =
            if speaks { self.heard.drain(..PIECE_BYTES).collect() } else { vec![0; PIECE_BYTES] };
        if !self.lost.contains(&self.frames) {
            let at = self.now.plus(self.hold_us);
            self.on_the_way.push_back((at, frame(speaks, &audio)));
        }
        self.frames += 1;
    }
}

/// Lets both live until a time, or until the session ends; what was sent up.
fn run(call: &mut Call, echo: &mut Echo, until: Offset) -> Vec<Up> {
    let (mut all, mut lags) = (Vec::new(), Samples::new());
    while call.ended().is_none() && echo.now < until {
        while echo.on_the_way.front().is_some_and(|(at, _)| *at <= echo.now) {
            let (at, message) = echo.on_the_way.pop_front().unwrap();
            call.received(at, Down::Binary(&message)).unwrap();
        }
        let mut out = Vec::new();
        call.due(echo.now, &mut out, &mut lags);
        out.iter().for_each(|up| echo.hear(up));
        all.extend(out);
        echo.send();
        echo.now = echo.now.plus(TICK_US);
    }
    all
}

fn run_to_end(call: &mut Call, echo: &mut Echo) -> Vec<Up> {
    run(call, echo, Offset::from_s(1_000.0))
}

fn latencies(session: &Session) -> (u64, u64, u64) {
    let latency = &session.felt.latency;
    (latency.min_us, latency.max_us, latency.counts.iter().map(|(_, count)| count).sum())
}

const TWO: [Turn; 2] = [
    Turn { speak_us: 400_000, pause_us: 600_000, barge_in_after_us: None },
    Turn { speak_us: 400_000, pause_us: 600_000, barge_in_after_us: None },
];

#[test]
fn latency_is_measured_exactly() {
    let (mut call, mut echo) = (call("", &TWO), Echo::new(60_000));
    let ups = run_to_end(&mut call, &mut echo);
    assert_eq!((ups.len(), ups.last()), (2 * (1 + 10 + 1) + 1, Some(&Up::Close(1000))));
    let session = call.finish(echo.now);
    assert_eq!((session.caller, session.end), (7, SessionEnd::Completed));
    assert_eq!((session.wanted_us, session.setup_us), (2_000_000, Some(200_000)));
    assert_eq!(session.first_frame_us, Some(60_000));
    assert_eq!(latencies(&session), (60_000, 60_000, 20));
    assert_eq!((session.turn_us, session.lag_us_max), (vec![60_000, 60_000], 0));
    // Frames are sent at 0, 40, 80, … ms, and what is sent by 1,920 ms comes by 2 s: 49 of them.
    assert_eq!((session.felt.frames, session.felt.drops), (49, 0));
    assert_eq!(session.felt.av_offset_ms, Some(0.0));
}

#[test]
fn a_hold_of_100_ms_shows_as_100_ms() {
    let (mut call, mut echo) = (call("", &TWO), Echo::new(60_000));
    run(&mut call, &mut echo, after(1_000));
    echo.hold_us = 160_000;
    run_to_end(&mut call, &mut echo);
    let session = call.finish(echo.now);
    assert_eq!(latencies(&session), (60_000, 160_000, 20));
    assert_eq!(session.turn_us, [60_000, 160_000]);
}

#[test]
fn lost_frames_are_drops_and_shift_no_latency() {
    let (mut call, mut echo) = (call("", &TWO), Echo::new(60_000));
    echo.lost = 3..6;
    run_to_end(&mut call, &mut echo);
    let session = call.finish(echo.now);
    assert_eq!((latencies(&session), session.felt.drops), ((60_000, 60_000, 17), 3));
}

#[test]
fn chunks_of_any_length_carry_the_same_speech() {
    for (chunk_ms, chunks) in [(10, 40), (20, 20), (70, 6), (1_000, 1)] {
        let mut call = call(&format!("chunk_ms = {chunk_ms}"), &TWO);
        let (mut out, mut lags) = (Vec::new(), Samples::new());
        call.due(after(999), &mut out, &mut lags);
        assert_eq!(out.len(), 1 + chunks + 1, "{chunk_ms}");
        let pcm: Vec<u8> = out[1..=chunks]
            .iter()
            .flat_map(|up| match up {
                Up::Binary(bytes) => bytes.clone(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(pcm, bytes(&Code::new(16_000).speech(0, 0..10 * 640)));
    }
}

#[test]
fn a_late_wake_sends_all_that_is_due_and_tells_how_late() {
    let mut call = call("", &[turn(2_000, 1_000, None)]);
    let (mut out, mut lags) = (Vec::new(), Samples::new());
    call.due(after(1_000), &mut out, &mut lags);
    // The start and the chunks at 0, 40, … 1,000 ms.
    assert_eq!(out.len(), 1 + 26);
    assert_eq!((lags.count(), lags.max_us(), lags.min_us()), (27, 1_000_000, 0));
    assert_eq!(call.next_due(), Some(after(1_040)));
    // Piece 0 was meant to be spoken at 0 ms, however late it was sent.
    let Up::Binary(first) = &out[1] else { panic!("speech") };
    call.received(after(1_050), Down::Binary(&frame(true, first))).unwrap();
    let session = call.finish(after(1_050));
    assert_eq!((latencies(&session), session.lag_us_max), ((1_050_000, 1_050_000, 1), 1_000_000));
}

#[test]
fn a_burst_sends_a_turn_at_once_and_every_piece_of_it_is_known() {
    // More than a thousand pieces are on their way at once.
    let (mut call, mut echo) =
        (call("pacing = \"burst\"", &[turn(60_000, 1_000, None)]), Echo::new(60_000));
    let ups = run(&mut call, &mut echo, after(40));
    assert_eq!((ups.len(), ups.last()), (1 + 1_500 + 1, Some(&marker("end"))));
    run_to_end(&mut call, &mut echo);
    assert_eq!(latencies(&call.finish(echo.now)), (60_000, 60_000, 1_500));
}

#[test]
fn a_barge_in_is_over_when_the_old_words_are() {
    let turns = [turn(2_000, 1_000, Some(800)), turn(400, 1_000, None)];
    let (mut call, mut echo) = (call("", &turns), Echo::new(100_000));
    let ups = run_to_end(&mut call, &mut echo);
    // The chunks at 0 to 760 ms, and those of the second turn.
    assert_eq!(ups[20..24], [ups[20].clone(), marker("end"), marker("start"), ups[23].clone()]);
    assert_eq!((count(&ups, &marker("start")), count(&ups, &marker("end"))), (2, 2));
    assert_eq!(ups.len(), 1 + 20 + 2 + 10 + 1 + 1);
    let session = call.finish(echo.now);
    assert_eq!((session.wanted_us, session.end), (2_200_000, SessionEnd::Completed));
    // The last old piece is sent at 760 ms and comes 60 ms after the barge-in at 800 ms.
    assert_eq!((session.barge_ins, session.barge_in_us), (1, vec![60_000]));
    assert_eq!(session.turn_us, [100_000, 100_000]);
}

#[test]
fn a_backend_that_talks_on_is_measured_too() {
    let turns = [turn(2_000, 1_000, Some(800)), turn(400, 2_000, None)];
    let (mut call, mut echo) = (call("pacing = \"burst\"", &turns), Echo::new(100_000));
    echo.is_stubborn = true;
    let ups = run_to_end(&mut call, &mut echo);
    assert_eq!((count(&ups, &marker("start")), count(&ups, &marker("end"))), (2, 2));
    let session = call.finish(echo.now);
    let latencies = latencies(&session);
    // The fifty old pieces last until 2 s: the last is sent at 1,960 ms, the first new one at 2 s.
    assert_eq!((session.barge_ins, session.barge_in_us), (1, vec![1_260_000]));
    assert_eq!(session.turn_us, [100_000, 1_300_000]);
    assert_eq!(latencies, (100_000, 1_300_000, 60));
}

#[test]
fn an_interrupt_takes_the_place_of_the_end() {
    let turns = [turn(2_000, 1_000, Some(800)), turn(400, 1_000, None)];
    let mut call = call("interrupt = { text = \"stop\" }", &turns);
    let ups = run_to_end(&mut call, &mut Echo::new(0));
    assert_eq!(ups[21..23], [Up::Text("stop".to_owned()), marker("start")]);
    assert_eq!(count(&ups, &marker("end")), 1);
}

#[test]
fn a_caller_may_vanish() {
    let vanishing = CallPlan { leave: Leave::Vanish, ..plan(&TWO) };
    let (mut call, mut echo) = (Call::new(&adapter(""), vanishing, opened()), Echo::new(0));
    let ups = run_to_end(&mut call, &mut echo);
    assert_eq!((ups.last(), call.next_due()), (Some(&Up::Vanish), None));
    assert_eq!(call.finish(echo.now).end, SessionEnd::Vanished);
}

#[test]
fn what_cannot_be_read_loses_the_session() {
    let long = vec![0; (4 << 20) + 1];
    for (message, trouble) in [
        (&[0x0b][..], "wire type 3 is not read: expected 0, 1, 2 or 5"),
        (&[0x0a, 1, 0][..], "a picture has 1 bytes: 12 were expected"),
        (&[0x12, 1, 0][..], "the audio has an odd number of bytes: 2 a sample were expected"),
        (&long[..], "a message has 4194305 bytes: at most 4194304 are allowed"),
    ] {
        let mut call = call("", &TWO);
        let lost = SessionEnd::Lost(Cause::Server);
        assert_eq!(call.received(after(5), Down::Binary(message)), Err(lost));
        assert_eq!(
            (call.trouble(), call.ended(), call.next_due()),
            (Some(trouble), Some(lost), None)
        );
        // The first end counts.
        assert_eq!(call.received(after(6), Down::Gone), Err(lost));
        assert_eq!(call.finish(after(7)).end, lost);
    }
}

#[test]
fn the_backend_may_close_and_the_connection_may_break() {
    for (down, cause, trouble) in [
        (
            Down::Close { code: 1011, reason: "Maximum concurrent streams" },
            Cause::Capacity,
            Some("close 1011 Maximum concurrent streams"),
        ),
        (Down::Close { code: 1000, reason: "" }, Cause::Server, Some("close 1000")),
        (Down::Gone, Cause::Network, None),
    ] {
        let mut call = call("", &TWO);
        assert_eq!(call.received(after(5), Down::Text("hello")), Ok(()));
        assert_eq!(call.received(after(6), down), Err(SessionEnd::Lost(cause)));
        assert_eq!(call.trouble(), trouble);
    }
    assert_eq!(call("", &TWO).finish(after(5)).end, SessionEnd::Abandoned);
}

#[test]
fn a_session_without_frames_is_lost() {
    let end_of = |frame_at_ms: Option<i64>| {
        let mut call = call("", &[turn(400, 60_000, None)]);
        let (mut out, mut lags, mut last) = (Vec::new(), Samples::new(), opened().at);
        if let Some(ms) = frame_at_ms {
            call.received(after(ms), Down::Binary(&frame(false, &[]))).unwrap();
        }
        while let Some(at) = call.next_due() {
            last = at;
            call.due(at, &mut out, &mut lags);
        }
        assert_eq!(out.last(), Some(&Up::Close(1001)));
        assert_eq!(call.finish(last).end, SessionEnd::Lost(Cause::Server));
        last
    };
    assert_eq!(end_of(None), after(10_000));
    assert_eq!(end_of(Some(1_000)), after(4_000));
}

#[test]
fn json_goes_up_and_comes_down_at_any_rate() {
    let text = "[socket]\npath = \"/ws\"\n[uplink]\njson_base64 = { template = '{\"out\":{\"audio\":\
                \"{audio}\"}}' }\nrate_hz = 24_000\nchunk_ms = 200\n[downlink]\njson = { audio = \
                \"/out/audio\" }\nrate_hz = 24_000\n";
    let adapter = Arc::new(Adapter::read(&Source::new("a.toml", text)).unwrap());
    let mut call = Call::new(&adapter, plan(&TWO), opened());
    let (mut out, mut lags) = (Vec::new(), Samples::new());
    call.due(after(0), &mut out, &mut lags);
    let [Up::Text(text)] = &out[..] else { panic!("one message: {out:?}") };
    assert_eq!(call.received(after(10), Down::Text("{\"type\":\"hello\"}")), Ok(()));
    assert_eq!(call.received(after(50), Down::Text(text)), Ok(()));
    let session = call.finish(after(60));
    // Five pieces, meant for 0, 40, … 160 ms: at 50 ms the first is 50 ms late, the second 10 ms,
    // and the others come before their time.
    assert_eq!((latencies(&session), session.first_frame_us), ((0, 50_000, 5), Some(50_000)));
    assert_eq!(session.turn_us, [50_000]);
}

#[test]
fn a_voice_of_the_backend_s_own_answers_a_turn() {
    let mut call = call("", &TWO);
    let (mut out, mut lags) = (Vec::new(), Samples::new());
    let (tone, quiet) = (bytes(&[4_000; 640]), bytes(&[0; 640]));
    call.due(after(0), &mut out, &mut lags);
    for (ms, audio) in [(40, &quiet), (90, &tone), (130, &tone), (170, &quiet)] {
        call.received(after(ms), Down::Binary(&frame(false, audio))).unwrap();
    }
    call.due(after(1_000), &mut out, &mut lags);
    call.received(after(1_300), Down::Binary(&frame(false, &tone))).unwrap();
    let session = call.finish(after(1_400));
    assert_eq!(session.turn_us, [90_000, 300_000]);
    assert_eq!((latencies(&session).2, session.felt.av_offset_ms), (0, None));
}

#[test]
fn a_picture_that_comes_after_its_sound_is_seen() {
    let mut call = call("", &TWO);
    let (mut out, mut lags) = (Vec::new(), Samples::new());
    let tone = bytes(&[4_000; 640]);
    call.due(after(0), &mut out, &mut lags);
    for (ms, is_open) in [(100, false), (140, false), (180, true), (220, true)] {
        call.received(after(ms), Down::Binary(&frame(is_open, &tone))).unwrap();
    }
    assert_eq!(call.finish(after(300)).felt.av_offset_ms, Some(80.0));
}

proptest! {
    #[test]
    fn however_seldom_it_wakes_all_is_said_once_and_in_order(
        gaps_us in prop::collection::vec(1_i64..400_000, 1..60),
    ) {
        let mut call = call("chunk_ms = 30", &TWO);
        let (mut out, mut lags, mut now) = (Vec::new(), Samples::new(), opened().at);
        for gap_us in gaps_us.into_iter().chain([3_000_000]) {
            now = now.plus(gap_us);
            call.due(now, &mut out, &mut lags);
        }
        // Nobody has answered: that is no call that was completed.
        prop_assert_eq!(out.pop(), Some(Up::Close(1001)));
        prop_assert_eq!(call.ended(), Some(SessionEnd::Lost(Cause::Server)));
        let mut said = Vec::new();
        for up in out.iter().filter(|up| **up != marker("start") && **up != marker("end")) {
            if let Up::Binary(bytes) = up {
                said.extend_from_slice(bytes);
            }
        }
        prop_assert_eq!(said, bytes(&Code::new(16_000).speech(0, 0..20 * 640)));
    }

    #[test]
    fn rubbish_ends_a_session_or_does_not(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..20),
    ) {
        let mut call = call("", &TWO);
        for (place, message) in messages.iter().enumerate() {
            let taken = call.received(after(place as i64), Down::Binary(message));
            prop_assert_eq!(taken.err(), call.ended());
        }
    }
}
