//! What viewers of the stream feel, on a good day and when the edges are gone.

use hulk_record::{Measure, QoeCounts};
use hulk_scenarios::Rehearsal;
use hulk_scenarios::chaos::FaultKind;

use crate::driver::{Run, run};

/// From t = 0 on.
fn felt(run: &Run) -> QoeCounts {
    let mut all = QoeCounts::default();
    let judged = run.record.frames.iter().filter(|frame| frame.from.0 >= 0);
    judged.for_each(|frame| all.add(&frame.qoe));
    all
}

/// Starts of players in the whole record, as samples and as counts.
fn starts(run: &Run) -> (u64, u64) {
    let frames = &run.record.frames;
    let series = frames.iter().flat_map(|frame| &frame.series);
    let samples = series.filter(|(key, _)| key.measure == Measure::FirstFrame);
    let samples = samples.flat_map(|(_, samples)| &samples.counts).map(|(_, count)| count).sum();
    (samples, frames.iter().map(|frame| frame.qoe.starts()).sum())
}

/// The example of a lost edge, with these edges lost for its minute.
fn without(edges: &[&str]) -> QoeCounts {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/lost-edge.toml");
    let mut rehearsal = Rehearsal::load(file).expect("a valid rehearsal");
    let fault = rehearsal.faults.remove(0);
    for edge in edges {
        let mut fault = fault.clone();
        fault.name = format!("{edge} is lost");
        let FaultKind::EdgeLost(lost) = &mut fault.kind else { panic!("an edge is lost") };
        (*edge).clone_into(&mut lost.edge);
        rehearsal.faults.push(fault);
    }
    let run = run(&rehearsal);
    let (samples, counted) = starts(&run);
    assert_eq!(samples, counted, "each start is a sample");
    let felt = felt(&run);
    println!("{edges:?}: {felt:?}");
    let presence_us: u64 =
        run.record.frames.iter().filter(|f| f.from.0 >= 0).map(|f| f.audience.presence_us).sum();
    // What lasts is told when it is noticed: some of it is from before t = 0.
    let present_us = presence_us as f64 * rehearsal.clock.speed * 1.02;
    assert!(((felt.watched_us + felt.stalled_us) as f64) < present_us, "{present_us}");
    felt
}

#[test]
fn without_any_edge_the_video_stands_still_and_with_one_it_hardly_does() {
    let [good, one, none] = [&[][..], &["south"], &["south", "north"]].map(without);
    for felt in [good, one, none] {
        assert!(felt.viewers_watched >= 400, "{felt:?}");
        assert_eq!(felt.rated_us, felt.watched_us, "every master playlist tells its bitrates");
    }
    assert_eq!((good.stalls, good.gave_up, good.failed_starts), (0, 0, 0), "{good:?}");
    let ratio = |felt: &QoeCounts| felt.stall_ratio().expect("somebody watched");
    // Who is left without an edge goes to the other one before the buffer is empty.
    assert!(ratio(&one) < 0.01, "{one:?}");
    // A minute of four is gone, but for what is in the buffers: up to 18 s.
    let lost = none.stalled_us + none.down_us;
    let share = lost as f64 / (lost + none.watched_us) as f64;
    assert!((0.05..0.5).contains(&share), "{share}: {none:?}");
    // Most players give up before they are dry: what is lost then is told as `down`.
    assert!(none.stalls >= 20 && none.gave_up >= 300, "{none:?}");
    assert!(none.failed_starts >= 100, "{none:?}");
    assert!(none.viewers_stalled <= none.stalls, "{none:?}");
}

#[test]
fn on_a_healthy_match_day_the_video_practically_never_stands_still() {
    let run = crate::match_day::shipped();
    let felt = felt(run);
    println!("{felt:?}");
    assert!(felt.watched_us > 1_000_000_000_000, "2,000 viewers for ten minutes: {felt:?}");
    assert!(felt.stall_ratio().is_some_and(|ratio| ratio < 0.001), "{felt:?}");
    assert_eq!((felt.gave_up, felt.failed_starts), (0, 0), "{felt:?}");
    let (samples, counted) = starts(run);
    assert_eq!(samples, counted, "each start is a sample");
    let kbps = felt.rated_bits as f64 / felt.rated_us as f64 * 1e3;
    assert!((300.0..6_000.0).contains(&kbps), "{kbps}");
}
