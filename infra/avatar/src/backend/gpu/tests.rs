//! One GPU: its batches, and what becomes of streams that come, go and move.

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
fn a_stream_that_moves_takes_its_frames_and_words_along() {
    let (mut from, mut to) = (gpu(14), gpu(0));
    let one = StreamId(3);
    let mut all = made(&mut from, 10.0);
    made(&mut to, 10.0);
    assert_eq!(from.speak(one, 7), None);
    let moving = from.take(one).unwrap();
    // 14 streams leave 30 frames a second behind, of which one stream has its share.
    assert!((15..=25).contains(&moving.frames.len()), "{}", moving.frames.len());
    to.put(one, moving);
    assert!(from.take(one).is_none());
    all.extend(made(&mut to, 12.0));
    assert!(made(&mut from, 12.0).iter().all(|frame| frame.stream != one));
    all.retain(|frame| frame.stream == one);
    assert!(all.len() >= 296, "{} of 300", all.len());
    for (n, frame) in all.iter().enumerate() {
        assert_eq!((frame.number, frame.due), (n as u64, all[0].due.plus(n as i64 * 40_000)));
    }
    assert_eq!(all.iter().filter_map(|frame| frame.audio).collect::<Vec<u64>>(), [7]);
}

#[test]
fn a_batch_that_fails_is_a_gap_in_the_numbers() {
    let mut gpu = gpu(1);
    let before = made(&mut gpu, 1.0).len() as u64;
    gpu.suffer(1.0, true);
    assert!(made(&mut gpu, 2.0).is_empty());
    gpu.suffer(1.0, false);
    assert_eq!(gpu.failed(), 25);
    let (latency_us, failed) = (38_000 * before as i64, 25);
    let tally = Tally { made: before, latency_us, failed_frames: failed, failed_batches: failed };
    assert_eq!([gpu.take_tally(), gpu.take_tally()], [tally, Tally::default()]);
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
