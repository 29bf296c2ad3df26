//! What an executor's viewers do: once, so many times, or until it is time to leave.

use hulk_record::MatchTime;
use hulk_traffic_models::Then;

use super::tests::{arrival, ask, at, compile, due_s, read};
use super::{Note, Session};
use crate::Arrival;
use crate::script::Ingredients;

const FRONT: &str = r#"
name = "front"
retry = { backoff = { first_s = 1, max_s = 1, attempts_max = 2 } }
[[choice]]
name = "who"
of = { all = 1, nobody = 0 }
[[step]]
after = { name = "login", service = "login", get = "/login", once = true }
[[step]]
after = { name = "front", service = "web", get = "/front?visit=${visit}", think_s = 2 }
[[step]]
after = { name = "item", service = "web", get = "/item" }
"#;

fn session_of(journey: &str, then: Then) -> Session {
    let script = compile(Ingredients { journeys: vec![read(journey)], ..Ingredients::default() });
    Session::new(script, 1, &Arrival { then, leave: at(100.0), end: at(100.0), ..arrival(7) })
}

fn lines(session: &mut Session, count: usize) -> Vec<String> {
    (0..count).map(|_| ask(session, 0.5, 200, "").0.trim_end().to_owned()).collect()
}

fn started(since_s: f64) -> Note {
    Note::Started { since: Some(at(since_s)) }
}

fn notes(session: &mut Session) -> Vec<Note> {
    session.notes().collect()
}

const AGAIN: Then = Then::Again { times: None };

#[test]
fn golden_an_iteration_begins_as_the_one_before_is_answered_and_what_is_done_once_is_left_out() {
    let mut session = session_of(FRONT, AGAIN);
    let log = lines(&mut session, 6);
    assert_eq!(
        log,
        [
            "0 0: Get /login",
            "2.5 1: Get /front?visit=1",
            "3 2: Get /item",
            "5.5 1: Get /front?visit=2",
            "6 2: Get /item",
            "8.5 1: Get /front?visit=3",
        ]
    );
    // Each from its beginning, think time included.
    assert_eq!(notes(&mut session), [Note::Came, started(0.0), started(3.5)]);
    assert_eq!(session.until(), at(100.0));
    assert!(!session.turn(at(100.0)));
    assert_eq!(notes(&mut session), [Note::LeftVideo]);
}

#[test]
fn a_viewer_leaves_after_its_iterations() {
    for (then, times) in [(Then::Leave, 1), (Then::Again { times: Some(3) }, 3)] {
        let mut session = session_of(FRONT, then);
        lines(&mut session, 1 + 2 * times);
        assert_eq!(session.next(), None, "{then:?}");
        let done = at(3.5 + 3.0 * (times - 1) as f64);
        assert_eq!(session.until(), done, "{then:?}");
        assert!(!session.turn(done));
        let told = notes(&mut session);
        let iterations = told.iter().filter(|note| matches!(note, Note::Started { .. })).count();
        assert_eq!((iterations, told.last()), (times, Some(&Note::LeftVideo)));
    }
}

#[test]
fn after_a_failure_the_next_iteration_waits_a_tenth_of_a_wall_second() {
    let mut session = session_of(FRONT, AGAIN);
    assert!(ask(&mut session, 0.0, 500, "").1.is_failure());
    assert_eq!(due_s(&session), 1.0, "the journey's own retry comes first");
    for _ in 0..20 {
        // The last attempt of this iteration.
        if session.next().is_some_and(|planned| !planned.retry) {
            ask(&mut session, 0.0, 500, "");
        }
        let failed = session.next().expect("a retry").due;
        ask(&mut session, 0.0, 500, "");
        assert_eq!(session.next(), None);
        // 0.1 s of the wall is 0.2 s of a match that runs at twice its speed.
        let again = failed.plus(200_000);
        assert_eq!(session.until(), again);
        assert!(session.turn(again));
        assert_eq!(session.next().map(|planned| planned.due), Some(again));
    }
    assert_eq!(notes(&mut session), [Note::Came], "nothing was ever done");
    // It has never been logged in: that is not left out.
    assert!(lines(&mut session, 1)[0].ends_with("0: Get /login"));
}

#[test]
fn failed_iterations_count_and_a_viewer_of_one_leaves() {
    let mut session = session_of(FRONT, Then::Again { times: Some(2) });
    let fail = |session: &mut Session| {
        ask(session, 0.0, 500, "");
        ask(session, 0.0, 500, "");
    };
    fail(&mut session);
    assert!(session.turn(session.until()));
    fail(&mut session);
    assert_eq!((session.next(), session.until()), (None, at(2.2)));
    assert!(!session.turn(at(2.2)));
    let mut once = session_of(FRONT, Then::Leave);
    fail(&mut once);
    assert_eq!((once.next(), once.until()), (None, at(1.0)));
    assert!(!once.turn(at(1.0)));
    assert_eq!(notes(&mut once), [Note::Came, Note::LeftVideo]);
}

#[test]
fn a_pause_ends_with_the_stay() {
    let mut session = session_of(FRONT, AGAIN);
    let late = |session: &mut Session| {
        let due = session.next().expect("something").due;
        ask(session, 99.95 - due.as_s(), 500, "")
    };
    ask(&mut session, 0.0, 500, "");
    late(&mut session);
    assert_eq!(session.until(), at(100.0));
    assert!(!session.turn(at(100.0)));
    assert_eq!(notes(&mut session), [Note::Came, Note::LeftVideo]);
}

#[test]
fn one_for_whom_there_is_nothing_to_send_waits_and_never_spins() {
    let none = FRONT.replace("get = \"/", "when = { who = \"nobody\" }, get = \"/");
    let mut idle = session_of(&none, AGAIN);
    assert_eq!((idle.next(), idle.until()), (None, at(100.0)));
    assert!(!idle.turn(at(100.0)));
    assert_eq!(session_of(&none, Then::Again { times: Some(5) }).until(), MatchTime(0));
    assert_eq!(session_of(&none, Then::Leave).until(), MatchTime(0));
    // What is done once alone: the second iteration is empty.
    let once = FRONT
        .replace(", think_s = 2", ", once = true")
        .replace("\"/item\"", "\"/item\", once = true");
    let mut once = session_of(&once, AGAIN);
    lines(&mut once, 3);
    assert_eq!((once.next(), once.until()), (None, at(100.0)));
    // Whoever gives up by the journey's own word begins again after the pause.
    let tired = FRONT.replace("[[choice]]", "[[step]]\ngive_up = { name = \"tired\" }\n[[choice]]");
    let mut tired = session_of(&tired, AGAIN);
    for turn in 1..50 {
        let until = at(0.2 * f64::from(turn));
        assert_eq!((tired.next(), tired.until()), (None, until));
        assert!(tired.turn(until));
    }
}

#[test]
fn who_has_no_data_left_sends_nothing() {
    let folder = std::env::temp_dir();
    let name = format!("hulk-iteration-{}.csv", std::process::id());
    std::fs::write(folder.join(&name), "name\na\n").unwrap();
    let text = format!(
        "name = \"form\"\nretry = {{ none = {{}} }}\n[[feeder]]\nname = \"who\"\nfile = \"{name}\"\ntake = \
         \"unique\"\n[[step]]\nafter = {{ name = \"form\", service = \"web\", get = \"/${{who.name}}\" }}\n"
    );
    let source = hulk_settings::Source::new("form.toml", text);
    let journey = crate::Journey::read(&source, &folder).expect("a valid journey");
    std::fs::remove_file(folder.join(&name)).unwrap();
    let script = compile(Ingredients { journeys: vec![journey], ..Ingredients::default() });
    for (then, until) in [(AGAIN, 0.0), (Then::Leave, 0.0), (Then::Again { times: Some(2) }, 0.0)] {
        let mut session = Session::new(script.clone(), 1, &Arrival { then, ..arrival(7) });
        assert_eq!((session.next(), session.until()), (None, at(until)));
        assert_eq!(notes(&mut session).len(), 2, "it says so");
        // A closed user has closed the app, and is counted as such.
        assert_eq!(session.turn(at(0.0)), then == AGAIN);
    }
}
