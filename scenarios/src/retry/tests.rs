use super::*;
use hulk_settings::{Problems, Source, read};

fn read_text(text: &str) -> Result<Retry, Problems> {
    read(&Source::new("test.toml", text), Retry::read)
}

/// The waits after the first, second, … failure in a row, until it gives up, at most ten.
fn waits(policy: &str, failure: Failure, draw: f64) -> Vec<f64> {
    let retry = read_text(policy).expect("a valid policy");
    let mut state = RetryState::default();
    let wait = |attempt| retry.wait_s(failure, attempt, &mut state, draw, None);
    (1..=10).map_while(wait).collect()
}

#[test]
fn golden_backoff() {
    let forever = waits("backoff = { first_s = 1, max_s = 8 }", Failure::Error, 0.3);
    assert_eq!(forever, [1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0]);
    let three = "backoff = { first_s = 0.5, max_s = 60, attempts_max = 3 }";
    assert_eq!(waits(three, Failure::TimeOut, 0.3), [0.5, 1.0]);
    let retry = read_text("backoff = { first_s = 1, max_s = 8 }").unwrap();
    let late = retry.wait_s(Failure::Error, u32::MAX, &mut RetryState::default(), 0.0, Some(60.0));
    assert_eq!(late, Some(8.0));
}

#[test]
fn golden_hls_js() {
    let errors = [1.0, 2.0, 4.0, 8.0, 8.0, 8.0];
    assert_eq!(waits("hls_js = {}", Failure::Error, 0.3), errors);
    assert_eq!(waits("hls_js = {}", Failure::Rejected, 0.3), errors);
    assert_eq!(waits("hls_js = {}", Failure::TimeOut, 0.3), [0.0; 4]);
}

#[test]
fn golden_exo_player() {
    assert_eq!(waits("exo_player = {}", Failure::Error, 0.3), [0.0, 1.0, 2.0]);
    assert_eq!(waits("exo_player = {}", Failure::TimeOut, 0.3), [0.0, 1.0, 2.0]);
}

#[test]
fn golden_shaka() {
    let with = |draw| waits("shaka = {}", Failure::Error, draw);
    assert_eq!([with(0.0), with(0.5), with(0.75)], [[0.5], [1.0], [1.25]]);
}

#[test]
fn golden_none() {
    assert!(waits("none = {}", Failure::Error, 0.3).is_empty());
}

#[test]
fn golden_the_pace_doubles_and_halves() {
    let source = Source::new("test.toml", "latency_ms = 1000");
    let slow_down = read(&source, SlowDown::read).unwrap();
    assert_eq!(slow_down, SlowDown { latency_ms: 1000.0, factor: 2.0, factor_max: 8.0 });
    let mut pace = Pace::default();
    let answers = [
        (1000.0, false, 1.0),
        (1001.0, false, 2.0),
        (5.0, true, 4.0),
        (2000.0, true, 8.0),
        (2000.0, false, 8.0),
        (5.0, false, 4.0),
        (5.0, false, 2.0),
        (5.0, false, 1.0),
        (5.0, false, 1.0),
    ];
    for (latency_ms, rejected, wanted) in answers {
        pace.saw(&slow_down, latency_ms, rejected);
        assert_eq!(pace.factor(), wanted);
    }
}

#[test]
fn a_policy_has_one_name_and_its_own_keys() {
    let shown = |text: &str| read_text(text).unwrap_err().to_string();
    assert!(shown("hlsjs = {}").contains("did you mean `hls_js`?"));
    assert!(shown("none = {}\nshaka = {}").contains("only one of"));
    assert!(shown("shaka = { first_s = 1 }").contains("unknown key `first_s` in shaka"));
    let attempts = "backoff = { first_s = 1, max_s = 2, attempts_max = 0 }";
    assert!(shown(attempts).contains("`attempts_max` is 0"));
}

#[test]
fn policies_survive_the_way_to_a_worker() {
    let backoff = Backoff { first_s: 1.0, max_s: 8.0, attempts_max: Some(3) };
    let all = vec![Retry::Backoff(backoff), Retry::HlsJs, Retry::None, Retry::Polite];
    let bytes = postcard::to_stdvec(&all).unwrap();
    assert_eq!(postcard::from_bytes::<Vec<Retry>>(&bytes).unwrap(), all);
}
