//! Two versions at a time, in virtual time.

use super::*;

/// GPUs of the old version, one of the new one behind them, and phases of this length.
fn rolled(old: u32, phase_us: i64) -> Backend {
    let mut spec = in_zones(&[("a", old, 0), ("b", 1, 0)]);
    spec.rollout = Some(RolloutSpec { new_gpus: 1, phase_us });
    Backend::new(&spec, 40)
}

/// So many sessions of a user at this time.
fn join(backend: &mut Backend, s: f64, user: &str, sessions: usize) -> Vec<usize> {
    let mut join = |n| backend.join_as(Offset::from_s(s), &format!("{user} {n}"), user, 0);
    (0..sessions).map(|n| join(n).unwrap().gpu).collect()
}

fn streams(backend: &Backend, s: f64) -> Vec<usize> {
    backend.status(Offset::from_s(s)).gpus.iter().map(|gpu| gpu.streams).collect()
}

/// When and why it was taken back.
fn back(backend: &mut Backend, s: f64) -> Option<(f64, Vec<Trigger>)> {
    outs(backend, s);
    backend.rollout().unwrap().back.map(|back| (back.at.as_s(), back.why))
}

#[test]
fn users_are_led_to_the_gpus_of_their_version() {
    // The buckets of user-3, user-1 and alice are 6, 19 and 70.
    let mut backend = rolled(2, 0);
    assert_eq!(join(&mut backend, 0.0, "alice", 2), [0, 1]);
    assert_eq!(join(&mut backend, 0.0, "user-3", 12), [2; 12]);
    assert_eq!(join(&mut backend, 0.0, "user-1", 1), [0]);
    let full = backend.join_as(Offset(1), "one more", "user-3", 0).unwrap_err();
    assert_eq!(full.reason, RefusedReason::Full, "the old version's GPUs are not for it");
    backend.leave(Offset(1), StreamId(2));
    backend.go_on(Offset(1));
    assert_eq!(backend.join_as(Offset(2), "another", "user-1", 0).unwrap().gpu, 2);
    // Without a user the session's name is that of one; without any it is in bucket 87 or 93.
    assert_eq!(backend.join(Offset(3), "user-42", 0).unwrap().gpu, 1);
    assert_eq!(backend.join(Offset(3), "", 0).unwrap().gpu, 0);
    let status = backend.rollout().unwrap();
    assert_eq!((status.percent, status.old_streams, status.new_streams), (25, 5, 12));
    assert_eq!((status.back, status.moved), (None, 0));
}

#[test]
fn phases_follow_one_another_by_themselves() {
    let mut backend = rolled(1, 60_000_000);
    let percents = [0.0, 59.9, 60.0, 120.0, 180.0, 300.0].map(|s| {
        outs(&mut backend, s);
        backend.rollout().unwrap().percent
    });
    assert_eq!(percents, [10, 10, 25, 50, 100, 100]);
}

#[test]
fn sessions_go_back_to_the_old_version_and_go_on() {
    let mut backend = rolled(2, 0);
    join(&mut backend, 0.0, "alice", 8);
    join(&mut backend, 0.0, "user-3", 10);
    outs(&mut backend, 5.0);
    assert_eq!(streams(&backend, 5.0), [4, 4, 10]);
    backend.inject(Offset::from_s(5.0), &GpuFault::OutOfMemory { gpu: 2 }).unwrap();
    // No frame of the new version is made in the sixth second.
    let why = vec![Trigger::ErrorRate, Trigger::GpuMemory];
    let mut outs_of_it = outs(&mut backend, 6.0);
    assert_eq!(back(&mut backend, 6.0), Some((6.0, why)));
    assert_eq!(streams(&backend, 6.0), [9, 9, 0]);
    let status = backend.rollout().unwrap();
    assert_eq!((status.percent, status.old_streams, status.new_streams), (0, 18, 0));
    assert_eq!(status.moved, 10);
    outs_of_it = [outs_of_it, outs(&mut backend, 9.0)].concat();
    assert!(outs_of_it.iter().all(|out| matches!(out, Out::Frame(_))), "nobody is lost");
    for stream in 8..18 {
        let numbers: Vec<u64> = outs_of_it
            .iter()
            .filter_map(|out| if let Out::Frame(made) = out { Some(made) } else { None })
            .filter(|made| made.stream == StreamId(stream))
            .filter(|made| made.done > Offset::from_s(6.0))
            .map(|made| made.number)
            .collect();
        assert!(numbers.len() >= 72, "stream {stream} has {} frames in 3 s", numbers.len());
        let first = numbers[0];
        let wanted: Vec<u64> = (first..first + numbers.len() as u64).collect();
        assert_eq!(numbers, wanted, "none is lost, and they keep their order");
    }
    // It comes again, to the old version, and to the GPU that it was moved to.
    let moved = backend.status(Offset::from_s(9.0)).totals.failovers;
    backend.leave(Offset::from_s(9.0), StreamId(8));
    let again = backend.join_as(Offset::from_s(9.0), "user-3 0", "user-3", 0).unwrap();
    assert!(again.gpu < 2);
    assert_eq!(backend.status(Offset::from_s(9.0)).totals.failovers, moved);
}

#[test]
fn for_whom_there_is_no_room_stays() {
    let mut backend = rolled(1, 0);
    join(&mut backend, 0.0, "alice", 7);
    join(&mut backend, 0.0, "user-3", 10);
    backend.inject(Offset(0), &GpuFault::OutOfMemory { gpu: 1 }).unwrap();
    outs(&mut backend, 1.0);
    assert_eq!(streams(&backend, 1.0), [12, 5]);
    let status = backend.rollout().unwrap();
    assert_eq!((status.moved, status.new_streams), (5, 5));
    // Who is new goes to the old version, and is not let in where that is full.
    backend.leave(Offset::from_s(2.0), StreamId(0));
    assert_eq!(backend.join_as(Offset::from_s(2.0), "x", "user-3", 0).unwrap().gpu, 0);
    assert!(backend.join_as(Offset::from_s(2.0), "y", "user-3", 0).is_err());
}

#[test]
fn a_latency_more_than_half_as_long_again_leads_back() {
    // A stream alone takes 30 + 8 ms; with batches 3 times as long 54, with 4 times 62: 1.42 and
    // 1.63 times as much.
    let slowed = |factor| {
        let mut backend = rolled(1, 0);
        join(&mut backend, 0.0, "alice", 1);
        join(&mut backend, 0.0, "user-3", 1);
        backend.inject(Offset(0), &GpuFault::SlowNode { gpu: 1, factor }).unwrap();
        back(&mut backend, 10.0)
    };
    assert_eq!(slowed(3.0), None);
    assert_eq!(slowed(4.0), Some((1.0, vec![Trigger::Latency])));
}

#[test]
fn lost_sessions_and_underruns_lead_back() {
    let begun = || {
        let mut backend = rolled(1, 0);
        join(&mut backend, 0.0, "user-3", 2);
        backend
    };
    let mut lost = begun();
    lost.inject(Offset(0), &GpuFault::OffTheBus { gpu: 1 }).unwrap();
    assert_eq!(back(&mut lost, 1.0), Some((1.0, vec![Trigger::ErrorRate])));
    assert_eq!(lost.rollout().unwrap().moved, 0, "nobody is there any more");
    // 20 underruns of two sessions are 10 each, and 21 are more.
    let mut dry = begun();
    (0..20).for_each(|_| dry.run_dry(StreamId(0)));
    assert_eq!(back(&mut dry, 1.0), None);
    dry.run_dry(StreamId(1));
    assert_eq!(back(&mut dry, 2.0), Some((2.0, vec![Trigger::Underruns])));
    assert_eq!(streams(&dry, 2.0), [2, 0]);
}
