//! Fewer frames where a GPU does not keep up, and streams that are never given back.

use super::*;

/// 8 streams on one GPU whose clock is slower by this factor from the start on.
fn throttled(factor: f64, adaptive_quality: bool, priorities: [u8; 8]) -> Backend {
    let spec = BackendSpec { adaptive_quality, ..BackendSpec::one_gpu(8, 25, 12) };
    let mut backend = Backend::new(&spec, 30);
    for (n, priority) in priorities.into_iter().enumerate() {
        backend.join(Offset(0), &format!("s{n}"), priority).unwrap();
    }
    backend.inject(Offset(0), &GpuFault::ClockThrottle { gpu: 0, factor }).unwrap();
    backend
}

fn quality(backend: &Backend, s: f64) -> f64 {
    backend.status(Offset::from_s(s)).gpus[0].quality
}

#[test]
fn a_gpu_that_does_not_keep_up_halves_half_then_all_and_recovers() {
    // 80 of 200 frames a second are made: after 0.34 s the oldest has waited 0.2 s. With half of
    // the streams halved 150 are wanted, with all of them 100.
    let mut backend = throttled(0.25, true, [0; 8]);
    let seen = [3.0, 8.0, 10.0].map(|s| {
        outs(&mut backend, s);
        quality(&backend, s)
    });
    assert_eq!(seen, [0.75, 0.5, 0.5]);
    backend.heal(Offset::from_s(10.0), &GpuFault::ClockThrottle { gpu: 0, factor: 0.25 });
    // Some 490 frames wait; 220 a second fewer until there are none, and then 5 s.
    let seen = [15.0, 20.0].map(|s| {
        outs(&mut backend, s);
        quality(&backend, s)
    });
    assert_eq!(seen, [0.5, 1.0]);
    let bus = GpuFault::OffTheBus { gpu: 0 };
    backend.inject(Offset::from_s(20.0), &bus).unwrap();
    assert_eq!(quality(&backend, 20.0), 0.0);
    backend.heal(Offset::from_s(20.0), &bus);
    assert_eq!(quality(&backend, 20.0), 1.0);
}

#[test]
fn unless_it_is_asked_for_every_frame_is_made() {
    let mut backend = throttled(0.25, false, [0; 8]);
    let made = frames(&mut backend, 10.0);
    assert_eq!(quality(&backend, 10.0), 1.0);
    assert!(made.iter().all(|frame| frame.skipped.is_none()));
}

#[test]
fn a_halved_stream_says_every_word_in_its_order() {
    let mut backend = throttled(0.25, true, [0; 8]);
    let last = StreamId(7);
    (0..200).for_each(|piece| assert_eq!(backend.speak(Offset(0), last, piece), None));
    let mut made = frames(&mut backend, 10.0);
    backend.heal(Offset::from_s(10.0), &GpuFault::ClockThrottle { gpu: 0, factor: 0.25 });
    made.extend(frames(&mut backend, 25.0));
    made.retain(|frame| frame.stream == last);
    let heard = made.iter().flat_map(|frame| [frame.skipped.and_then(|s| s.audio), frame.audio]);
    assert_eq!(heard.flatten().collect::<Vec<u64>>(), (0..200).collect::<Vec<u64>>());
    // It is halved from 0.4 to 17 s at least: 208 of its frames carry the one before them.
    let double: Vec<u64> =
        made.iter().filter(|frame| frame.skipped.is_some()).map(|frame| frame.number).collect();
    assert!((180..=240).contains(&double.len()), "{}", double.len());
    assert!(double.iter().all(|number| number % 2 == 0));
}

#[test]
fn those_of_the_lowest_priority_are_halved_first() {
    // 160 of 200 frames a second are made, and those of the first priority first.
    let mut backend = throttled(0.5, true, [9, 9, 9, 9, 0, 0, 0, 0]);
    let made = frames(&mut backend, 4.0);
    let halved: std::collections::BTreeSet<u64> =
        made.iter().filter(|frame| frame.skipped.is_some()).map(|frame| frame.stream.0).collect();
    assert_eq!(halved.into_iter().collect::<Vec<u64>>(), [0, 1, 2, 3]);
}

#[test]
fn a_stream_whose_caller_vanished_stays_where_streams_leak() {
    for (leak, streams) in [(false, 1), (true, 2)] {
        let spec = BackendSpec { leak, ..BackendSpec::one_gpu(8, 25, 2) };
        let mut backend = filled(&spec, 31, 2);
        backend.vanish(Offset::from_s(1.0), StreamId(0));
        assert_eq!(totals(&backend).streams, streams);
        assert_eq!(backend.join(Offset::from_s(2.0), "next", 0).is_ok(), !leak);
        backend.leave(Offset::from_s(3.0), StreamId(1));
        let zombies = backend.zombies(Offset::from_s(31.0));
        assert_eq!(zombies, usize::from(leak), "who joined at 2 s is not silent for 30 s");
    }
}
