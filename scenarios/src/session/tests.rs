use std::path::Path;

use super::*;
use crate::Journey;
use crate::script::Ingredients;
use hulk_settings::Source;
use hulk_traffic_models::Then;

const RETRY: &str = "name = \"test\"\nretry = { backoff = { first_s = 1, max_s = 8 } }\n";
const TOKEN: &str = r#"
[[step]]
after = { name = "config", service = "home", get = "/config" }
[[step]]
after = { name = "token", service = "home", post = "/token", body = '{"v":${viewer}}', extract = { token = "/auth/token", ttl = "/ttl" }, on_resume = true }
[[step]]
after = { name = "tray", service = "home", get = "/tray/${index}?t=${token}&ttl=${ttl}", repeat = 3, think_s = 4 }
[[step]]
after = { name = "licence", service = "playback", post = "/licence", body = "${token}", think_s = 2 }
"#;
const GRID: &str = r#"
[[step]]
every = { name = "heartbeat", service = "playback", post = "/heartbeat", period_s = 60 }
"#;
const STREAM: &str = r#"
[[step]]
hls = { service = "edge", master = "/live/master.m3u8", kbps_max = 400 }
"#;

pub(super) fn read(text: &str) -> Journey {
    Journey::read(&Source::new("test.toml", text), Path::new(".")).expect("a valid journey")
}

pub(super) fn compile(from: Ingredients) -> Arc<Script> {
    let edges = vec!["north".to_owned(), "south".to_owned()];
    let from = Ingredients { edges, speed: 2.0, exit_patience_s: 60.0, ..from };
    Arc::new(Script::compile(from).expect("it compiles"))
}

fn script(steps: &[&str]) -> Arc<Script> {
    let journeys = vec![read(&format!("{RETRY}{}", steps.concat()))];
    compile(Ingredients { journeys, ..Ingredients::default() })
}

/// Somebody who watches from 0 to 1,000 s.
pub(super) fn arrival(viewer: u32) -> Arrival {
    Arrival {
        viewer,
        arrive: at(0.0),
        leave: at(1000.0),
        already_watching: false,
        push: None,
        back: None,
        acts: Vec::new(),
        then: Then::Watch,
        end: at(2000.0),
    }
}

fn viewer(script: &Arc<Script>, already_watching: bool) -> Session {
    Session::new(Arc::clone(script), 1, &Arrival { already_watching, ..arrival(7) })
}

/// When the watching began, if it has.
fn watches(session: &mut Session) -> bool {
    session.notes().any(|note| matches!(note, Note::Started { .. }))
}

pub(super) fn at(seconds: f64) -> MatchTime {
    MatchTime::from_s(seconds)
}

pub(super) fn due_s(session: &Session) -> f64 {
    session.next().expect("something is due").due.as_s()
}

/// Sends what is due, is answered after `after_s`, and tells both.
pub(super) fn ask(
    session: &mut Session,
    after_s: f64,
    status: u16,
    body: &str,
) -> (String, Outcome) {
    let planned = session.next().expect("something is due");
    let mut rendered = Rendered::default();
    let method = session.render(&planned, 0, &mut rendered);
    let again = if planned.retry { " again" } else { "" };
    let line = format!(
        "{} {}: {method:?} {} {}{again}",
        planned.due.as_s(),
        planned.step,
        rendered.path,
        rendered.body
    );
    let body = if planned.wants_body { body.as_bytes() } else { b"" };
    let now = planned.due.plus((after_s * 1e6) as i64);
    let headers: &[(&str, &str)] = &[];
    let ended = Ended::Answer { status, headers: &headers, body };
    (line, session.answered(&planned, now, after_s * 500.0, ended).outcome)
}

#[test]
fn golden_the_start_goes_step_by_step_and_what_an_answer_gave_reaches_later_requests() {
    let mut session = viewer(&script(&[TOKEN, GRID]), false);
    let mut log = Vec::new();
    for _ in 0..7 {
        let (line, outcome) = ask(&mut session, 0.5, 200, r#"{"auth":{"token":"abc"},"ttl":900}"#);
        assert_eq!(outcome, Outcome::Ok, "{line}");
        log.push(line);
    }
    assert_eq!(
        log,
        [
            "0 0: Get /config ",
            "0.5 1: Post /token {\"v\":7}",
            "5 2: Get /tray/0?t=abc&ttl=900 ",
            "5.5 2: Get /tray/1?t=abc&ttl=900 ",
            "6 2: Get /tray/2?t=abc&ttl=900 ",
            "8.5 3: Post /licence abc",
            "60 4: Post /heartbeat ",
        ]
    );
    assert!(watches(&mut session));
}

#[test]
fn an_extraction_that_finds_nothing_is_tried_again_after_1_2_4_8_8_seconds() {
    let mut session = viewer(&script(&[TOKEN]), false);
    assert_eq!(ask(&mut session, 0.0, 200, "").1, Outcome::Ok);
    let mut waits = Vec::new();
    for body in ["", "<html>", "{}", r#"{"auth":{}}"#, r#"{"auth":{"token":[]},"ttl":1}"#] {
        assert_eq!(ask(&mut session, 0.25, 200, body).1, Outcome::CheckFailed, "{body}");
        let answered = due_s(&session);
        waits.push(answered);
        assert!(session.next().is_some_and(|next| next.retry && next.step == 1), "{body}");
    }
    let waits: Vec<f64> = waits
        .iter()
        .scan(0.0, |last, due| Some(due - std::mem::replace(last, *due) - 0.25))
        .collect();
    assert_eq!(waits, [1.0, 2.0, 4.0, 8.0, 8.0]);
    let found = ask(&mut session, 0.0, 200, r#"{"auth":{"token":true},"ttl":1}"#);
    assert_eq!(found.1, Outcome::Ok);
    let (line, _) = ask(&mut session, 0.0, 503, "");
    assert!(line.ends_with("/tray/0?t=true&ttl=1 "), "a new step is no retry: {line}");
    let due = due_s(&session);
    let (line, _) = ask(&mut session, 0.0, 200, "");
    assert!(line.ends_with("again"), "{line}");
    assert_eq!(line.split(' ').next(), Some(due.to_string().as_str()));
    assert!(ask(&mut session, 0.0, 200, "").0.contains("/tray/1?"), "the repetitions go on");
}

#[test]
fn a_failure_is_counted_by_its_kind_and_the_next_try_is_a_retry() {
    let journey = script(&[TOKEN]);
    let headers: &[(&str, &str)] = &[];
    let answer = |status| Ended::Answer { status, headers: &headers, body: b"" };
    let ends = [
        (answer(503), Outcome::Rejected),
        (answer(429), Outcome::Rejected),
        (answer(500), Outcome::HttpError),
        (answer(204), Outcome::HttpError),
        (Ended::Failed(Outcome::Timeout), Outcome::Timeout),
        (Ended::Failed(Outcome::ConnectError), Outcome::ConnectError),
    ];
    for (ended, wanted) in ends {
        let mut session = viewer(&journey, false);
        let planned = session.next().expect("a first step");
        assert!(!planned.retry);
        let told = session.answered(&planned, at(3.0), 1500.0, ended);
        assert_eq!((told.outcome, told.service_failed_first), (wanted, true));
        let next = session.next().expect("it is tried again");
        assert_eq!((next.due, next.step, next.retry), (at(4.0), 0, true), "{wanted:?}");
    }
}

#[test]
fn a_slow_answer_never_shifts_the_grid() {
    let mut session = viewer(&script(&[GRID]), false);
    let mut due = Vec::new();
    // The second answer takes two and a half periods, the third fails.
    for (after_s, status) in [(0.1, 200), (150.0, 200), (0.1, 503), (0.1, 200), (0.1, 200)] {
        let planned = session.next().expect("the grid has no end");
        assert!(!planned.retry, "the next point of the grid repeats nothing");
        due.push(planned.due.as_s());
        ask(&mut session, after_s, status, "");
    }
    assert_eq!(due, [60.0, 120.0, 180.0, 240.0, 300.0]);
}

#[test]
fn points_of_the_grid_before_the_watching_were_not_meant() {
    let one = "[[step]]\nafter = { name = \"config\", service = \"home\", get = \"/config\" }\n";
    let mut session = viewer(&script(&[one, GRID]), false);
    assert!(!watches(&mut session));
    ask(&mut session, 130.0, 200, "");
    assert!(watches(&mut session));
    assert_eq!(due_s(&session), 180.0);
}

#[test]
fn who_is_already_watching_does_only_the_steps_of_resuming() {
    let journey = script(&[TOKEN, GRID]);
    let mut phases = Vec::new();
    for number in 0..200 {
        let resumed = Arrival { already_watching: true, ..arrival(number) };
        let mut session = Session::new(Arc::clone(&journey), 1, &resumed);
        let (line, _) = ask(&mut session, 0.0, 200, r#"{"auth":{"token":"a"},"ttl":1}"#);
        assert!(line.starts_with("0 1: Post /token"), "{line}");
        assert!(watches(&mut session), "nothing else is to be done");
        let planned = session.next().expect("the grid");
        assert_eq!(planned.step, 4);
        phases.push(planned.due.as_s());
    }
    assert!(phases.iter().all(|phase| (0.0..60.0).contains(phase)), "{phases:?}");
    let mean = phases.iter().sum::<f64>() / phases.len() as f64;
    assert!((mean - 30.0).abs() < 5.0, "their grids are spread: {mean}");
}

#[test]
fn a_stream_is_tried_again_and_a_segment_that_is_gone_is_given_up() {
    const MASTER: &str = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=400000\n/live/media.m3u8\n";
    const MEDIA: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:1\n\
                         #EXTINF:6,\n/1.ts\n#EXTINF:6,\n/2.ts\n#EXTINF:6,\n/3.ts\n";
    let mut session = viewer(&script(&[STREAM]), false);
    let mut log = Vec::new();
    let answers = [
        (503, ""),
        (200, "<html>"),
        (200, MASTER),
        (200, "<html>"),
        (200, MEDIA),
        (404, ""),
        (500, ""),
        (200, ""),
        (200, ""),
    ];
    for (status, body) in answers {
        let (line, outcome) = ask(&mut session, 0.0, status, body);
        log.push(format!("{line}: {outcome:?}"));
    }
    assert_eq!(
        log,
        [
            "0 0: Get /live/master.m3u8 : Rejected",
            "1 0: Get /live/master.m3u8  again: CheckFailed",
            "2 0: Get /live/master.m3u8  again: Ok",
            "2 1: Get /live/media.m3u8 : CheckFailed",
            "3 1: Get /live/media.m3u8  again: Ok",
            "3 2: Get /1.ts : HttpError",
            "3 2: Get /2.ts : HttpError",
            "4 2: Get /2.ts  again: Ok",
            "4 2: Get /3.ts : Ok",
        ]
    );
}

#[test]
fn a_journey_without_watching_comes_to_its_end() {
    let one = "[[step]]\nafter = { name = \"config\", service = \"home\", get = \"/config\" }\n";
    let mut session = viewer(&script(&[one]), false);
    ask(&mut session, 1.0, 200, "");
    assert_eq!(session.next(), None);
    // Someone who resumes has nothing to do from the start.
    assert_eq!(viewer(&script(&[one]), true).next(), None);
}

#[test]
fn what_a_viewer_feels_of_the_stream_is_told_once() {
    const MASTER: &str = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=400000\n/live/media.m3u8\n";
    const MEDIA: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:1\n\
                         #EXTINF:6,\n/1.ts\n#EXTINF:6,\n/2.ts\n#EXTINF:6,\n/3.ts\n";
    let mut session = viewer(&script(&[STREAM]), false);
    for (after_s, status, body) in
        [(0.5, 200, MASTER), (0.5, 200, MEDIA), (1.0, 404, ""), (2.0, 200, ""), (0.0, 200, "")]
    {
        ask(&mut session, after_s, status, body);
    }
    let start = session.notes().find_map(|note| match note {
        Note::FirstFrame { since, outcome, .. } => Some((since, outcome)),
        _ => None,
    });
    assert_eq!(start, Some((at(0.0), Outcome::Ok)));
    let begun = session.take_qoe(at(4.0)).expect("something was felt");
    assert_eq!((begun.started, begun.segments_skipped, begun.viewers_watched), (1, 1, 0));
    assert_eq!(session.take_qoe(at(4.0)), None);
    // From 3 s on two segments are played, until 15 s: the viewer stays until 1,000 s.
    assert!(session.turn(at(1000.0)) || session.next().is_none());
    let felt = session.take_qoe(at(1000.0)).expect("something was felt");
    assert_eq!((felt.watched_us, felt.stalls), (12_000_000, 1));
    assert_eq!((felt.viewers_watched, felt.viewers_stalled), (1, 1));
    assert_eq!(felt.stalled_us, 985_000_000);
}
