use super::*;
use hulk_record::{hash_of, unit_of};

/// The wait after the `attempt`th failure in a row.
fn failed(state: &mut RetryState, attempt: u32) -> Option<f64> {
    state.wait_s(attempt, 0.5, None)
}

#[test]
fn golden_a_polite_client_tries_three_times_while_its_budget_lasts() {
    let mut state = RetryState::default();
    // Ten good ones: the budget is 2.
    (0..10).for_each(|_| state.succeeded(Attempt::First));
    assert_eq!(failed(&mut state, 1), Some(1.0));
    assert_eq!(failed(&mut state, 2), Some(2.0));
    assert_eq!(failed(&mut state, 3), None, "three attempts are enough");
    // 0.1 is left. What fails adds its own 0.1; a repetition that succeeds adds nothing.
    state.succeeded(Attempt::Again);
    for number in 0..8 {
        assert_eq!(failed(&mut { state }, 1), None, "{number}");
        state.succeeded(Attempt::First);
    }
    assert_eq!(failed(&mut state, 1), Some(1.0));
    assert_eq!(failed(&mut state, 2), None);
}

#[test]
fn a_polite_client_waits_as_long_as_it_is_asked_to() {
    let mut before = RetryState::default();
    before.succeeded(Attempt::First);
    let wait = |asked| { before }.wait_s(1, 0.0, asked);
    assert_eq!(wait(Some(30.0)), Some(30.0));
    assert_eq!(wait(Some(0.1)), Some(0.5));
    assert_eq!(wait(None), Some(0.5));
}

#[test]
fn golden_the_local_throttle() {
    // The ninth request fails, 3 were accepted: (9 - 2·3) / (9 + 1) = 0.3.
    let before = RetryState { tenths: 100, requests: 8.0, accepts: 3.0 };
    let wait = |draw| { before }.wait_s(1, draw, None);
    assert_eq!(wait(0.29), None);
    // The rest of the draw jitters: (0.65 - 0.3) / 0.7 = 0.5.
    assert!((wait(0.65).unwrap() - 1.0).abs() < 1e-6);
    // Half accepted: nothing is held back.
    let half = RetryState { accepts: 4.5, ..before };
    assert_eq!({ half }.wait_s(1, 0.0, None), Some(0.5));
}

#[test]
fn the_budget_is_bounded_and_old_answers_are_forgotten() {
    let mut state = RetryState::default();
    (0..1000).for_each(|_| state.succeeded(Attempt::First));
    assert_eq!((state.tenths, state.reject_probability()), (100, 0.0));
    // A history of at most 32: after 60 failures most of it is bad.
    for _ in 0..60 {
        failed(&mut state, 1);
    }
    assert!(state.reject_probability() > 0.5, "{state:?}");
}

/// However a polite client's requests end, its repetitions stay within a tenth of its first
/// attempts, and the one that it starts with.
#[test]
fn repetitions_stay_within_their_budget() {
    for percent in 0..=100 {
        let mut draws = (0..).map(|number| unit_of(hash_of(percent, number)));
        let mut draw = || draws.next().unwrap_or_default();
        let (mut state, mut again) = (RetryState::default(), 0);
        for first in 1..=1000 {
            let mut attempt = 1;
            loop {
                if draw() >= percent as f64 / 100.0 {
                    let which = if attempt == 1 { Attempt::First } else { Attempt::Again };
                    break state.succeeded(which);
                }
                let Some(_) = state.wait_s(attempt, draw(), None) else { break };
                (again, attempt) = (again + 1, attempt + 1);
            }
            assert!(again <= 1 + first / 10, "{percent} %: {again} of {first}");
        }
        // It does try again while others are answered.
        assert!(!(20..40).contains(&percent) || again >= 95, "{percent} %: {again}");
    }
}
