//! The backend in virtual time: its capacity, its faults, and who goes where.

use hulk_record::Offset;
use proptest::prelude::*;

use super::*;

mod adaptive;
mod growth;
mod pools;

/// A backend with so many streams, all from the start on.
fn filled(spec: &BackendSpec, seed: u64, streams: usize) -> Backend {
    let mut backend = Backend::new(spec, seed);
    for n in 0..streams {
        backend.join(Offset(0), &format!("s{n}"), 0).unwrap();
    }
    backend
}

fn outs(backend: &mut Backend, s: f64) -> Vec<Out> {
    let mut outs = Vec::new();
    backend.advance(Offset::from_s(s), &mut outs);
    outs
}

fn frames(backend: &mut Backend, s: f64) -> Vec<Made> {
    let frame = |out: Out| if let Out::Frame(made) = out { Some(made) } else { None };
    outs(backend, s).into_iter().filter_map(frame).collect()
}

fn losses(backend: &mut Backend, s: f64) -> Vec<(u64, LostReason)> {
    let loss = |out: Out| match out {
        Out::Lost { stream, reason, .. } => Some((stream.0, reason)),
        Out::Frame(_) => None,
    };
    outs(backend, s).into_iter().filter_map(loss).collect()
}

fn waiting(backend: &Backend, s: f64) -> usize {
    backend.status(Offset::from_s(s)).gpus[0].waiting_frames
}

fn totals(backend: &Backend) -> BackendTotals {
    backend.status(Offset(0)).totals
}

/// GPUs of 12 streams: so many in each of the zones.
fn in_zones(zones: &[(&str, u32, i64)]) -> BackendSpec {
    let mut spec = BackendSpec::one_gpu(8, 25, 12);
    let gpu = spec.gpus[0].clone();
    let of = |(zone, count, _): &(&str, u32, i64)| GpuSpec {
        zone: (*zone).to_owned(),
        count: *count,
        ..gpu.clone()
    };
    spec.gpus = zones.iter().map(of).collect();
    let zone = |(name, _, distance_us): &(&str, u32, i64)| ZoneSpec {
        name: (*name).to_owned(),
        distance_us: *distance_us,
    };
    spec.zones = zones.iter().map(zone).collect();
    spec
}

fn is_near(value: f64, expected: f64, share: f64) {
    assert!((value / expected - 1.0).abs() <= share, "{value} is not near {expected}");
}

/// p50 and p99 of done − due in ms, of the frames that fall due within a minute.
fn p50_p99_ms(streams: usize) -> (f64, f64) {
    let mut backend = filled(&BackendSpec::one_gpu(8, 25, 20), 1, streams);
    let made = frames(&mut backend, 70.0);
    let within = made.iter().filter(|frame| frame.due < Offset::from_s(60.0));
    let mut late: Vec<i64> = within.map(|frame| frame.done.since(frame.due)).collect();
    assert_eq!(late.len(), streams * 60 * 25);
    late.sort_unstable();
    let at = |percent: usize| late[late.len() * percent / 100] as f64 / 1e3;
    (at(50), at(99))
}

#[test]
fn twelve_streams_are_served_and_the_thirteenth_is_a_cliff() {
    let (p50, p99) = p50_p99_ms(12);
    assert!((30.0..42.0).contains(&p50) && (45.0..60.0).contains(&p99), "{p50} {p99}");
    // 8 ÷ 25 ms = 320 frames a second are made. 13 streams want 325: after a minute 300 frames
    // wait, 300 ÷ 320 = 0.94 s, of which half and 99 %, and some 35 ms for the batch.
    let (p50, p99) = p50_p99_ms(13);
    is_near(p50, 507.0, 0.1);
    is_near(p99, 967.0, 0.1);
    // 14 want 350: 30 · 60 ÷ 320 = 5.6 s.
    let (p50, p99) = p50_p99_ms(14);
    is_near(p50, 2_847.0, 0.05);
    is_near(p99, 5_604.0, 0.05);
}

#[test]
fn twelve_streams_leave_no_backlog() {
    let mut backend = filled(&BackendSpec::one_gpu(8, 25, 12), 2, 12);
    outs(&mut backend, 60.0);
    let gpu = backend.status(Offset::from_s(60.0)).gpus.remove(0);
    assert!(gpu.waiting_frames < 20 && gpu.dropped_frames == 0, "{gpu:?}");
    // 300 of the 320 frames that it can make a second.
    is_near(gpu.utilisation, 0.94, 0.07);
    // 2,000 + 12 · 1,400.
    assert_eq!((gpu.memory_used_mib, gpu.streams, gpu.streams_max), (18_800, 12, 12));
    assert_eq!((gpu.sm_clock_mhz, gpu.xid, gpu.healthy), (2_000, None, true));
}

/// The frames that wait after 10 s of a clock ×0.6, and how long until they are made.
fn after_a_throttle(streams: usize) -> (usize, f64) {
    let mut backend = filled(&BackendSpec::one_gpu(8, 25, 12), 3, streams);
    let throttle = GpuFault::ClockThrottle { gpu: 0, factor: 0.6 };
    backend.inject(Offset::from_s(20.0), &throttle).unwrap();
    assert_eq!(backend.status(Offset::from_s(20.0)).gpus[0].sm_clock_mhz, 1_200);
    backend.heal(Offset::from_s(30.0), &throttle);
    let left = waiting(&backend, 30.0);
    let mut drained_s = 0.0;
    while waiting(&backend, 30.0 + drained_s) > 16 {
        drained_s += 0.1;
        outs(&mut backend, 30.0 + drained_s);
    }
    (left, drained_s)
}

#[test]
fn a_short_throttle_of_a_full_gpu_is_felt_for_long() {
    // 300 − 0.6 · 320 = 108 frames a second more than are made; then 20 a second less.
    let (left, drained_s) = after_a_throttle(12);
    is_near(left as f64, 1_080.0, 0.1);
    is_near(drained_s, 54.0, 0.1);
    // 200 − 192 = 8 frames a second; then 120 a second less.
    let (left, drained_s) = after_a_throttle(8);
    assert!(left < 120 && drained_s < 1.0, "{left} {drained_s}");
}

/// Whether the frames that wait become more and more.
fn grows(spec: &BackendSpec, seed: u64, streams: usize) -> bool {
    let mut backend = filled(spec, seed, streams);
    let [early, late] = [10.0, 20.0].map(|s| {
        outs(&mut backend, s);
        waiting(&backend, s)
    });
    late > early + 20
}

#[test]
fn growth_begins_where_the_full_batches_say() {
    for (batch_1_ms, batch_8_ms) in [(8, 25), (16, 62), (6, 18)] {
        // ⌊8 ÷ t(8) ÷ 25⌋: 12, 5 and 17.
        let fits = 8_000 / batch_8_ms / 25;
        let spec = BackendSpec::one_gpu(batch_1_ms, batch_8_ms, 20);
        for seed in 0..5 {
            let begins = (1..=20).find(|streams| grows(&spec, seed, *streams)).unwrap();
            assert!((begins as i64).abs_diff(fits) <= 1, "{batch_8_ms} {seed}: {begins}");
        }
    }
}

#[test]
fn a_t4_has_five_streams() {
    let spec = BackendSpec::one_gpu(16, 62, 20);
    assert!(!grows(&spec, 4, 5) && grows(&spec, 4, 6));
}

#[test]
fn seventy_two_need_the_two_smaller_gpus() {
    let admitted = |zones: &[(&str, u32, i64)]| {
        let mut backend = Backend::new(&in_zones(zones), 5);
        let joins = (0..200).map(|n| backend.join(Offset(n), &format!("s{n}"), 0));
        let admitted = joins.filter(Result::is_ok).count();
        let status = backend.status(Offset(200));
        assert!(status.gpus.iter().all(|gpu| gpu.streams == 12));
        assert_eq!(status.totals.streams, admitted);
        assert_eq!(status.totals.refused, 200 - admitted as u64);
        admitted
    };
    assert_eq!(admitted(&[("4090", 4, 0), ("3090", 2, 0)]), 72);
    assert_eq!(admitted(&[("4090", 4, 0)]), 48);
}

#[test]
fn a_full_backend_refuses_in_its_style() {
    for (refusal, before_accept) in
        [(RefusalStyle::BeforeAccept, true), (RefusalStyle::AfterAccept, false)]
    {
        let spec = BackendSpec { refusal, ..BackendSpec::one_gpu(8, 25, 5) };
        let mut backend = filled(&spec, 6, 5);
        let refused = backend.join(Offset(1), "one more", 0).unwrap_err();
        assert_eq!(refused, Refused { before_accept, reason: RefusedReason::Full });
        assert_eq!(refused.reason.text(), "Maximum concurrent streams");
        backend.leave(Offset(2), StreamId(3));
        backend.leave(Offset(2), StreamId(3));
        assert_eq!(backend.join(Offset(3), "one more", 0).unwrap().stream, StreamId(5));
    }
}

#[test]
fn a_session_that_joins_twice_at_once_may_land_on_two_gpus() {
    let second_join = |admission| {
        let spec = BackendSpec { admission, ..in_zones(&[("a", 2, 0)]) };
        let mut backend = Backend::new(&spec, 7);
        backend.join(Offset(0), "other", 0).unwrap();
        let first = backend.join(Offset(10_000), "session", 0).unwrap().gpu;
        // The other one is counted by now, and the session is not written yet.
        (first, backend.join(Offset(55_000), "session", 0).unwrap().gpu)
    };
    assert_eq!(second_join(Admission::CheckThenAct), (0, 1));
    assert_eq!(second_join(Admission::Atomic), (1, 1));
}

#[test]
fn the_nearer_zone_is_first_and_a_lost_one_is_left() {
    let mut backend = Backend::new(&in_zones(&[("far", 1, 30_000), ("near", 1, 2_000)]), 8);
    assert_eq!(backend.join(Offset(0), "a", 0).unwrap().gpu, 1);
    assert_eq!(backend.join(Offset(0), "b", 0).unwrap().gpu, 0, "the less loaded one");
    let lost = GpuFault::ZoneLost { zone: "near".to_owned() };
    backend.inject(Offset(1), &lost).unwrap();
    backend.inject(Offset(1), &lost).unwrap();
    assert_eq!(losses(&mut backend, 0.0), [(0, LostReason::ZoneLost)]);
    let status = backend.status(Offset(1));
    assert_eq!([status.gpus[0].healthy, status.gpus[1].healthy], [true, false]);
    assert_eq!([status.gpus[0].distance_us, status.gpus[1].distance_us], [30_000, 2_000]);
    assert_eq!(backend.join(Offset(2), "a", 0).unwrap().gpu, 0);
    assert_eq!((totals(&backend).failovers, totals(&backend).lost_streams), (1, 1));
    backend.heal(Offset(3), &lost);
    backend.heal(Offset(3), &lost);
    assert_eq!(backend.join(Offset(4), "c", 0).unwrap().gpu, 1);
    assert_eq!(backend.join(Offset(4), "a", 0).unwrap().gpu, 0, "it stays where it went");
    assert_eq!(totals(&backend).failovers, 1);
}

#[test]
fn a_session_whose_gpu_is_full_goes_to_another() {
    let mut spec = in_zones(&[("a", 2, 0)]);
    spec.gpus[0].streams_max = 1;
    let mut backend = Backend::new(&spec, 9);
    let first = backend.join(Offset(0), "a", 0).unwrap();
    backend.leave(Offset(1), first.stream);
    assert_eq!(backend.join(Offset(2), "b", 0).unwrap().gpu, 0);
    assert_eq!((first.gpu, backend.join(Offset(3), "a", 0).unwrap().gpu), (0, 1));
    assert_eq!(totals(&backend).failovers, 1);
}

#[test]
fn without_its_store_a_session_is_a_new_one() {
    let place = |fault: Option<GpuFault>| {
        let mut backend = Backend::new(&in_zones(&[("a", 2, 0)]), 10);
        let first = backend.join(Offset(0), "a", 0).unwrap();
        backend.leave(Offset(1), first.stream);
        backend.join(Offset(2), "b", 0).unwrap();
        fault.iter().for_each(|fault| backend.inject(Offset(3), fault).unwrap());
        let again = backend.join(Offset(4), "a", 0).unwrap().gpu;
        (first.gpu, again, totals(&backend).failovers)
    };
    assert_eq!(place(None), (0, 0, 0));
    assert_eq!(place(Some(GpuFault::AffinityLost)), (0, 1, 0));
}

#[test]
fn a_gpu_off_the_bus_loses_its_streams_and_admits_none() {
    let mut backend = filled(&BackendSpec::one_gpu(8, 25, 12), 11, 2);
    outs(&mut backend, 1.0);
    let bus = GpuFault::OffTheBus { gpu: 0 };
    backend.inject(Offset::from_s(1.0), &bus).unwrap();
    backend.inject(Offset::from_s(1.0), &bus).unwrap();
    assert_eq!(backend.next_wake(), Some(Offset::from_s(1.0)), "losses are to be fetched");
    let lost = [(0, LostReason::OffTheBus), (1, LostReason::OffTheBus)];
    assert_eq!(losses(&mut backend, 1.0), lost);
    assert_eq!((backend.next_wake(), outs(&mut backend, 9.0).len()), (None, 0));
    let refused = backend.join(Offset::from_s(9.0), "a", 0).unwrap_err();
    assert_eq!(refused.reason, RefusedReason::NoGpu);
    assert_eq!(backend.status(Offset::from_s(9.0)).gpus[0].xid, Some(79));
    backend.heal(Offset::from_s(9.0), &bus);
    assert!(backend.join(Offset::from_s(9.0), "a", 0).is_ok());
}

#[test]
fn a_driver_is_back_after_a_while_and_mps_at_once() {
    let mut backend = filled(&BackendSpec::one_gpu(8, 25, 12), 12, 1);
    backend.inject(Offset(0), &GpuFault::DriverRestart { gpu: 0, ms: 5_000 }).unwrap();
    assert_eq!(losses(&mut backend, 0.0), [(0, LostReason::DriverRestart)]);
    assert!(backend.join(Offset(4_999_999), "a", 0).is_err());
    assert!(backend.join(Offset(5_000_000), "a", 0).is_ok());
    backend.inject(Offset(5_000_000), &GpuFault::MpsFatal { gpu: 0 }).unwrap();
    assert_eq!(losses(&mut backend, 5.0), [(1, LostReason::MpsFatal)]);
    assert!(backend.join(Offset(5_000_000), "a", 0).is_ok());
}

#[test]
fn what_slows_a_gpu_shows_in_each_batch() {
    // A stream alone: 30 ms of waiting, and 8 ms twice as long.
    for fault in [
        GpuFault::SlowNode { gpu: 0, factor: 2.0 },
        GpuFault::ClockThrottle { gpu: 0, factor: 0.5 },
    ] {
        let mut backend = filled(&BackendSpec::one_gpu(8, 25, 12), 13, 1);
        backend.inject(Offset(0), &fault).unwrap();
        let made = frames(&mut backend, 1.0);
        assert!(made.len() > 20 && made.iter().all(|f| f.done.since(f.due) == 46_000), "{made:?}");
        backend.heal(Offset::from_s(1.0), &fault);
        frames(&mut backend, 1.1);
        assert!(frames(&mut backend, 2.0).iter().all(|f| f.done.since(f.due) == 38_000));
    }
}

#[test]
fn out_of_memory_is_a_gap_and_nothing_else() {
    let mut backend = filled(&BackendSpec::one_gpu(8, 25, 12), 14, 1);
    let before = frames(&mut backend, 1.0).len() as u64;
    backend.inject(Offset::from_s(1.0), &GpuFault::OutOfMemory { gpu: 0 }).unwrap();
    assert!(outs(&mut backend, 2.0).is_empty());
    let gpu = backend.status(Offset::from_s(2.0)).gpus.remove(0);
    assert_eq!((gpu.failed_frames, gpu.memory_used_mib, gpu.streams), (25, 24_000, 1));
    backend.heal(Offset::from_s(2.0), &GpuFault::OutOfMemory { gpu: 0 });
    assert_eq!(frames(&mut backend, 3.0)[0].number, before + 25);
}

#[test]
fn a_fault_of_nothing_is_told() {
    let mut backend = filled(&BackendSpec::one_gpu(8, 25, 12), 15, 1);
    let mut inject = |fault: GpuFault| backend.inject(Offset(0), &fault).unwrap_err().to_string();
    assert_eq!(
        [
            inject(GpuFault::OffTheBus { gpu: 1 }),
            inject(GpuFault::ZoneLost { zone: "z".to_owned() }),
            inject(GpuFault::ClockThrottle { gpu: 0, factor: 2.0 }),
        ],
        [
            "there is no gpu 1: they are numbered from 0, and there are 1",
            "no gpu stands in a zone `z`: expected the zone of a gpu",
            "the factor is 2: it must be from 0.01 to 1",
        ]
    );
    backend.heal(Offset(0), &GpuFault::OffTheBus { gpu: 1 });
    assert_eq!(totals(&backend).lost_streams, 0);
}

#[test]
fn a_stream_without_a_sign_of_life_is_a_zombie() {
    let mut backend = filled(&BackendSpec::one_gpu(8, 25, 12), 16, 2);
    backend.alive(Offset::from_s(20.0), StreamId(0));
    backend.alive(Offset::from_s(20.0), StreamId(99));
    let zombies = [30.0, 30.1, 50.0, 50.1].map(|s| backend.zombies(Offset::from_s(s)));
    assert_eq!(zombies, [0, 1, 1, 2]);
    assert_eq!(backend.status(Offset::from_s(50.1)).totals.zombies, 2);
    backend.leave(Offset::from_s(51.0), StreamId(1));
    assert_eq!(backend.zombies(Offset::from_s(51.0)), 1);
}

#[test]
fn audio_comes_back_with_the_frames_and_is_counted_when_it_does_not() {
    let mut backend = filled(&BackendSpec::one_gpu(8, 25, 12), 17, 1);
    let one = StreamId(0);
    assert_eq!(backend.speak(Offset(0), StreamId(9), 5), Some(5));
    let given_up: Vec<u64> =
        (0..251).filter_map(|piece| backend.speak(Offset(0), one, piece)).collect();
    assert_eq!((given_up, totals(&backend).dropped_pieces), (vec![0], 1));
    let heard: Vec<Option<u64>> =
        frames(&mut backend, 1.0).iter().take(20).map(|frame| frame.audio).collect();
    assert_eq!(heard, (1..21).map(Some).collect::<Vec<_>>());
    let left = backend.barge_in(Offset::from_s(1.0), one);
    // 25 frames fell due within the second.
    assert_eq!(left, (26..251).collect::<Vec<u64>>());
    assert!(backend.barge_in(Offset::from_s(1.0), StreamId(9)).is_empty());
}

#[test]
fn what_nobody_fetches_is_forgotten_in_the_end() {
    // 20 streams for 400 s: some 128,000 frames are made.
    let mut backend = filled(&BackendSpec::one_gpu(8, 25, 20), 18, 20);
    backend.alive(Offset::from_s(400.0), StreamId(0));
    let fetched = outs(&mut backend, 400.0).len() as u64;
    let unfetched = totals(&backend).unfetched;
    assert_eq!(fetched, 100_000);
    is_near((fetched + unfetched) as f64, 128_000.0, 0.01);
}

#[test]
fn who_wakes_it_when_it_says_misses_nothing() {
    let mut backend = filled(&in_zones(&[("a", 2, 0)]), 19, 20);
    let mut count = 0;
    while let Some(wake) = backend.next_wake().filter(|wake| *wake <= Offset::from_s(2.0)) {
        for made in frames(&mut backend, wake.as_s()) {
            assert_eq!(made.done, wake);
            count += 1;
        }
    }
    // 20 · 25 · 2, less those that are still being made.
    assert!((950..=1_000).contains(&count), "{count}");
}

/// Does one of a few things to a backend.
fn act(backend: &mut Backend, now: Offset, what: u8, n: u64) {
    let (gpu, stream) = ((n % 2) as usize, StreamId(n));
    let faults = [
        GpuFault::ClockThrottle { gpu, factor: 0.5 },
        GpuFault::OutOfMemory { gpu },
        GpuFault::OffTheBus { gpu },
        GpuFault::AffinityLost,
    ];
    let fault = &faults[n as usize % faults.len()];
    match what {
        0..=3 => {
            let _ = backend.join(now, &format!("s{}", n % 7), (n % 3) as u8);
        }
        4 => backend.leave(now, stream),
        5 => {
            backend.speak(now, stream, n);
        }
        6 => {
            backend.barge_in(now, stream);
        }
        7 => backend.inject(now, fault).unwrap(),
        _ => backend.heal(now, fault),
    }
}

proptest! {
    #[test]
    fn a_burst_goes_over_the_limit_unless_check_and_take_are_one(
        mut times in prop::collection::vec(0_i64..50_000, 10..30),
    ) {
        times.sort_unstable();
        for (admission, admitted) in
            [(Admission::Atomic, 5), (Admission::CheckThenAct, times.len())]
        {
            let spec = BackendSpec { admission, ..BackendSpec::one_gpu(16, 62, 5) };
            let mut backend = Backend::new(&spec, 20);
            for (n, us) in times.iter().enumerate() {
                let joined = backend.join(Offset(*us), &format!("s{n}"), 0);
                prop_assert_eq!(joined.is_ok(), n < admitted);
            }
            prop_assert_eq!(totals(&backend).streams, admitted);
            prop_assert_eq!(totals(&backend).over_admitted_peak, admitted - 5);
        }
    }

    #[test]
    fn looking_in_between_changes_nothing(
        admission in prop::sample::select(vec![Admission::Atomic, Admission::CheckThenAct]),
        deeds in prop::collection::vec((0_i64..100_000, 0_u8..9, 0_u64..12), 1..60),
        has_all in any::<bool>(),
    ) {
        let mut spec = BackendSpec { admission, ..in_zones(&[("a", 1, 0), ("b", 1, 1)]) };
        if has_all {
            (spec.adaptive_quality, spec.leak) = (true, true);
            spec.rollout = Some(RolloutSpec { new_gpus: 1, phase_us: 700_000 });
            spec.scaler = Some(growth::scaler(250_000, 500_000));
        }
        let mut often = Backend::new(&spec, 21);
        let mut seldom = often.clone();
        let (mut seen_often, mut seen_seldom) = (Vec::new(), Vec::new());
        let mut now = Offset(0);
        for (gap_us, what, n) in deeds {
            (1..4).for_each(|step| often.advance(now.plus(gap_us * step / 4), &mut seen_often));
            now = now.plus(gap_us);
            act(&mut often, now, what, n);
            act(&mut seldom, now, what, n);
        }
        let end = now.plus_s(1.0);
        often.advance(end, &mut seen_often);
        seldom.advance(end, &mut seen_seldom);
        prop_assert_eq!(seen_often, seen_seldom);
        prop_assert_eq!(often.status(end), seldom.status(end));
    }
}
