use proptest::prelude::*;

use super::*;

fn at(seconds: f64) -> MatchTime {
    MatchTime::from_s(seconds)
}

const SEGMENT_US: i64 = 6_000_000;

/// A player chosen at 10 s, at the speed of the wall.
fn player() -> (Playback, QoeCounts) {
    (Playback::new(at(10.0), stall_min_us(1.0)), QoeCounts::default())
}

/// Segments of 6 s that are complete then.
fn load(player: &mut Playback, qoe: &mut QoeCounts, times_s: &[f64]) {
    for &time in times_s {
        player.loaded(at(time), SEGMENT_US, qoe);
    }
}

#[test]
fn golden_a_start_of_three_seconds_and_no_stall() {
    let (mut player, mut qoe) = player();
    player.tell(at(12.0), &mut qoe);
    let started = player.loaded(at(13.0), SEGMENT_US, &mut qoe);
    assert_eq!(started, Some(Started { since: at(10.0), outcome: Outcome::Ok }));
    // 18 s are loaded at 14 s: they last until 31 s.
    load(&mut player, &mut qoe, &[13.5, 14.0]);
    assert_eq!(player.leave(at(30.0), Leaves::Viewer, &mut qoe), None);
    let wanted = QoeCounts { started: 1, watched_us: 17_000_000, ..QoeCounts::default() };
    assert_eq!(qoe, wanted);
}

#[test]
fn golden_one_stall_of_known_length() {
    let (mut player, mut qoe) = player();
    player.rated(400.0);
    // Dry at 17 s, the next segment at 21.5 s.
    load(&mut player, &mut qoe, &[11.0, 21.5]);
    player.tell(at(24.5), &mut qoe);
    let wanted = QoeCounts {
        started: 1,
        stalls: 1,
        stalled_us: 4_500_000,
        watched_us: 9_000_000,
        rated_us: 9_000_000,
        rated_bits: 3_600_000,
        ..QoeCounts::default()
    };
    assert_eq!(qoe, wanted);
    assert_eq!(qoe.stall_ratio(), Some(4.5 / 13.5));
}

#[test]
fn golden_two_stalls_told_in_pieces_are_two_stalls() {
    let (mut player, mut qoe) = player();
    load(&mut player, &mut qoe, &[10.0]);
    // Dry from 16 to 19 s, with looks between; dry again from 25 to 27 s.
    for look in [12.0, 16.0, 16.1, 17.0, 18.5] {
        player.tell(at(look), &mut qoe);
    }
    assert_eq!((qoe.stalls, qoe.stalled_us, qoe.watched_us), (1, 2_500_000, 6_000_000));
    load(&mut player, &mut qoe, &[19.0, 27.0]);
    player.leave(at(28.0), Leaves::Viewer, &mut qoe);
    assert_eq!((qoe.stalls, qoe.stalled_us), (2, 5_000_000));
    assert_eq!(qoe.watched_us, 13_000_000);
}

#[test]
fn golden_who_leaves_in_a_stall_has_stalled_until_then() {
    let (mut player, mut qoe) = player();
    load(&mut player, &mut qoe, &[10.0]);
    player.leave(at(23.0), Leaves::Viewer, &mut qoe);
    assert_eq!((qoe.stalls, qoe.stalled_us, qoe.watched_us), (1, 7_000_000, 6_000_000));
}

#[test]
fn golden_a_start_that_fails_and_one_that_is_left() {
    let (mut player, mut qoe) = player();
    let failed = player.gave_up(at(14.0), at(44.0), &mut qoe);
    assert_eq!(failed, Some(Started { since: at(10.0), outcome: Outcome::Abandoned }));
    player.tell(at(20.0), &mut qoe);
    assert_eq!(qoe.down_us, 6_000_000);
    let left = player.leave(at(50.0), Leaves::Viewer, &mut qoe);
    assert_eq!(left, Some(Started { since: at(44.0), outcome: Outcome::Abandoned }));
    let wanted = QoeCounts {
        failed_starts: 1,
        left_before_start: 1,
        gave_up: 1,
        down_us: 30_000_000,
        ..QoeCounts::default()
    };
    assert_eq!(qoe, wanted);
}

#[test]
fn golden_a_player_that_gave_up_starts_again_with_nothing() {
    let (mut player, mut qoe) = player();
    load(&mut player, &mut qoe, &[10.0, 10.5]);
    assert_eq!(player.gave_up(at(15.0), at(45.0), &mut qoe), None, "there was a first frame");
    assert_eq!(player.room_at(SEGMENT_US, SEGMENT_US), None);
    let again = player.loaded(at(47.0), SEGMENT_US, &mut qoe);
    assert_eq!(again, Some(Started { since: at(45.0), outcome: Outcome::Ok }));
    player.leave(at(48.0), Leaves::Viewer, &mut qoe);
    let wanted = QoeCounts {
        started: 2,
        gave_up: 1,
        watched_us: 6_000_000,
        down_us: 30_000_000,
        ..QoeCounts::default()
    };
    assert_eq!(qoe, wanted);
}

#[test]
fn who_leaves_before_the_player_is_started_again_waits_for_nothing() {
    let (mut player, mut qoe) = player();
    player.gave_up(at(11.0), at(41.0), &mut qoe);
    assert_eq!(player.leave(at(21.0), Leaves::Viewer, &mut qoe), None);
    assert_eq!((qoe.left_before_start, qoe.down_us), (0, 10_000_000));
}

#[test]
fn who_is_cut_off_by_the_run_did_not_leave() {
    let (mut player, mut qoe) = player();
    assert_eq!(player.leave(at(11.0), Leaves::Run, &mut qoe), None);
    assert_eq!((qoe.cut_before_start, qoe.left_before_start), (1, 0));
}

#[test]
fn an_interruption_below_the_resolution_is_told_apart() {
    let (mut player, mut qoe) = player();
    // Dry at 16 s, for 0.2 s; then at 22.2 s, for exactly 0.25 s.
    load(&mut player, &mut qoe, &[10.0, 16.2, 22.45]);
    assert_eq!((qoe.short_stalls, qoe.short_stalled_us), (1, 200_000));
    assert_eq!((qoe.stalls, qoe.stalled_us, qoe.watched_us), (1, 250_000, 12_000_000));
    assert_eq!([0.5, 1.0, 7.5].map(stall_min_us), [250_000, 250_000, 1_875_000]);
}

#[test]
fn the_buffer_has_room_later_by_the_time_that_playback_stood_still() {
    let (mut player, mut qoe) = player();
    // Plays from 10 s on; 12 s are loaded: room for 6 more in a buffer of 12 s at 16 s.
    load(&mut player, &mut qoe, &[10.0, 11.0]);
    let room = |player: &Playback| player.room_at(SEGMENT_US, 12_000_000).map(MatchTime::as_s);
    assert_eq!(room(&player), Some(16.0));
    // Dry at 22 s; the next two come at 25 s. Of the three, two are ahead: room at 31 s.
    load(&mut player, &mut qoe, &[25.0, 25.0]);
    assert_eq!(room(&player), Some(31.0));
    assert_eq!(qoe.stalled_us, 3_000_000);
}

proptest! {
    /// Whatever happens to a player: every µs of its viewer's time is told at most once, and each
    /// start ends in one way.
    #[test]
    fn time_is_told_once(
        events in prop::collection::vec((0..5_u8, 0..9_000_000_i64), 1..60),
        speed in prop_oneof![Just(1.0), 0.5..20.0],
    ) {
        let mut player = Playback::new(MatchTime(0), stall_min_us(speed));
        let mut qoe = QoeCounts::default();
        let (mut now, mut starts, mut waits) = (MatchTime(0), 0_u64, 0_u64);
        let mut waits_since = Some(MatchTime(0));
        for (kind, after_us) in events {
            now = now.plus(after_us);
            let ended = match kind {
                0 => player.gave_up(now, now.plus(2_000_000), &mut qoe),
                1 | 2 => player.loaded(now.max(player.chosen), after_us, &mut qoe),
                _ => { player.tell(now, &mut qoe); None }
            };
            now = if matches!(kind, 1 | 2) { now.max(player.chosen) } else { now };
            if let Some(ended) = ended {
                prop_assert_eq!(Some(ended.since), waits_since);
                waits += now.since(ended.since).max(0) as u64;
                starts += 1;
                waits_since = None;
            }
            waits_since = if kind == 0 { Some(player.chosen) } else { waits_since };
        }
        if player.leave(now, Leaves::Viewer, &mut qoe).is_some() {
            waits += now.since(waits_since.unwrap_or(now)) as u64;
            starts += 1;
        }
        prop_assert_eq!(qoe.starts(), starts);
        let told = qoe.watched_us + qoe.stalled_us + qoe.short_stalled_us + qoe.down_us;
        prop_assert!(told + waits <= now.0 as u64, "{told} + {waits} of {now:?}");
        prop_assert!(qoe.watched_us + qoe.stalled_us <= now.0 as u64);
        prop_assert!(qoe.rated_us == 0 && qoe.stalls * stall_min_us(speed) as u64 <= qoe.stalled_us);
    }
}
