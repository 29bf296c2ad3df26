//! The legs of a stay, and what happens to a viewer on the way.

use std::sync::Arc;

use hulk_record::{MatchTime, Outcome};
use hulk_traffic_models::{Back, Stay};

use super::tests::{arrival, ask, at, compile, due_s, read};
use super::{Ended, Note, Rendered, Session};
use crate::script::Ingredients;
use crate::{Arrival, Script};

const WATCH: &str = r#"
name = "watch"
retry = { backoff = { first_s = 1, max_s = 8 } }
[[step]]
after = { name = "login", service = "login", post = "/login", extract = { token = "/token" }, once = true }
[[step]]
after = { name = "watch", service = "playback", get = "/watch?t=${token}&visit=${visit}" }
[[step]]
every = { name = "heartbeat", service = "playback", post = "/heartbeat?t=${token}", period_s = 60 }
"#;
const HOME: &str = r#"
name = "home"
retry = { backoff = { first_s = 10, max_s = 10, attempts_max = 3 } }
[[step]]
after = { name = "home", service = "home", get = "/home?t=${token}" }
[[step]]
after = { name = "tray", service = "home", get = "/tray/${index}", repeat = 2, unless = ["static_home"] }
"#;
const EMOJI: &str = r#"
name = "emoji"
retry = { none = {} }
[[step]]
after = { name = "emoji", service = "social", post = "/emoji" }
"#;
/// Of one who came at 0.
const STARTED: Note = Note::Started { since: Some(MatchTime(0)) };
const TOKEN: &str = r#"{"token":"abc"}"#;

fn script() -> Arc<Script> {
    let journeys = vec![read(WATCH)];
    compile(Ingredients {
        journeys,
        exit: Some(read(HOME)),
        act: Some(read(EMOJI)),
        ..Ingredients::default()
    })
}

fn backs(to_home: bool, returns: Option<(f64, f64)>) -> Arrival {
    let stay = |(arrive, leave)| Stay { arrive: at(arrive), leave: at(leave) };
    let back = Back { moment: 3, to_home, returns: returns.map(stay) };
    Arrival { back: Some(back), leave: at(100.0), ..arrival(7) }
}

/// A viewer who has just begun to watch, and whose notes so far are read.
fn watching(arrival: &Arrival) -> Session {
    let mut session = Session::new(script(), 1, arrival);
    ask(&mut session, 0.5, 200, TOKEN);
    ask(&mut session, 0.5, 200, "");
    let notes: Vec<Note> = session.notes().collect();
    assert_eq!(notes, [Note::Came, STARTED]);
    session
}

fn notes(session: &mut Session) -> Vec<Note> {
    session.notes().collect()
}

/// One that answers with these headers.
fn answer(session: &mut Session, headers: &[(&str, &str)], body: &str) -> (String, Outcome) {
    let planned = session.next().expect("something is due");
    let mut rendered = Rendered::default();
    session.render(&planned, 0, &mut rendered);
    let ended = Ended::Answer { status: 200, headers: &headers, body: body.as_bytes() };
    let told = session.answered(&planned, planned.due, 1.0, ended);
    (rendered.path, told.outcome)
}

#[test]
fn who_presses_back_loads_the_home_page_and_all_its_trays_and_is_gone() {
    let mut session = watching(&backs(true, None));
    assert_eq!(session.until(), at(100.0));
    assert!(session.turn(at(100.0)));
    assert_eq!(notes(&mut session), [Note::LeftVideo, Note::Woken(3), Note::AtHome]);
    let paths: Vec<String> = (0..3).map(|_| ask(&mut session, 1.0, 200, "").0).collect();
    assert_eq!(
        paths,
        ["100 0: Get /home?t=abc ", "101 1: Get /tray/0 ", "102 1: Get /tray/1 "],
        "the token of the visit is still there"
    );
    assert_eq!((session.until(), session.next()), (at(103.0), None));
    assert!(!session.turn(at(103.0)));
    let left = [Note::LeftHome, Note::Loaded(3), Note::Disconnect, Note::Left(3)];
    assert_eq!(notes(&mut session), left);
}

#[test]
fn who_waits_too_long_for_the_home_page_abandons_it() {
    let mut session = watching(&backs(true, None));
    session.turn(at(100.0));
    ask(&mut session, 1.0, 200, "");
    assert_eq!(session.until(), at(160.0), "60 s of patience");
    assert!(!session.turn(at(160.0)));
    let told: Vec<Note> = notes(&mut session);
    assert!(told.ends_with(&[Note::Abandoned(3), Note::Disconnect, Note::Left(3)]), "{told:?}");
    // One whose client gives up does not wait that long.
    let mut session = watching(&backs(true, None));
    session.turn(at(100.0));
    (0..2).for_each(|_| drop(ask(&mut session, 0.0, 503, "")));
    assert_eq!(session.until(), at(160.0));
    ask(&mut session, 0.0, 503, "");
    assert_eq!((session.until(), session.next()), (at(120.0), None));
}

#[test]
fn who_comes_back_watches_again_without_another_login() {
    let mut session = watching(&backs(true, Some((150.0, 400.0))));
    session.turn(at(100.0));
    (0..3).for_each(|_| drop(ask(&mut session, 0.0, 200, "")));
    assert!(session.turn(session.until()));
    assert_eq!((session.until(), session.next()), (at(150.0), None), "away");
    session.notes().for_each(drop);
    assert!(session.turn(at(150.0)));
    assert_eq!(notes(&mut session), [Note::Came, Note::Returned(3)]);
    assert_eq!(session.until(), at(400.0));
    assert_eq!(ask(&mut session, 0.0, 200, "").0, "150 1: Get /watch?t=abc&visit=2 ");
    assert_eq!(due_s(&session), 210.0, "the grid of the new visit");
    assert!(!session.turn(at(400.0)), "a second time nobody presses Back");
    assert_eq!(notes(&mut session), [Note::Started { since: None }, Note::LeftVideo]);
}

#[test]
fn who_does_not_go_home_leaves_at_once() {
    let mut session = watching(&backs(false, None));
    assert!(!session.turn(at(100.0)));
    let left = [Note::LeftVideo, Note::Woken(3), Note::LeftAtOnce(3), Note::Disconnect];
    assert_eq!(notes(&mut session), [&left[..], &[Note::Left(3)]].concat());
}

#[test]
fn the_end_of_the_run_cuts_off_without_a_fate() {
    let mut session = watching(&Arrival { end: at(110.0), ..backs(true, None) });
    session.turn(at(100.0));
    assert_eq!(session.until(), at(110.0));
    session.notes().for_each(drop);
    assert!(!session.turn(at(110.0)));
    assert_eq!(notes(&mut session), [Note::LeftHome, Note::Disconnect]);
}

#[test]
fn a_static_home_page_has_no_trays() {
    let mut session = watching(&backs(true, None));
    session.turn(at(100.0));
    let (path, outcome) = answer(&mut session, &[("x-panic", "slow_refresh,static_home")], "");
    assert_eq!((path.as_str(), outcome), ("/home?t=abc", Outcome::Ok));
    assert_eq!(session.next(), None);
    assert!(notes(&mut session).contains(&Note::AtHome));
    session.turn(session.until());
    assert!(notes(&mut session).contains(&Note::Loaded(3)));
}

#[test]
fn a_platform_in_need_is_asked_half_as_often() {
    let mut session = watching(&arrival(7));
    let flags = [("x-panic", "slow_refresh")];
    let dues: Vec<f64> = (0..3)
        .map(|_| {
            let due = due_s(&session);
            answer(&mut session, &flags, "");
            due
        })
        .collect();
    assert_eq!(dues, [60.0, 180.0, 300.0]);
    answer(&mut session, &[], "");
    assert_eq!(due_s(&session), 480.0, "as soon as the flag is down, as always");
}

#[test]
fn a_moment_is_answered_at_the_viewer_s_own_offset_while_watching() {
    let acts = vec![(at(0.2), 1), (at(75.0), 2), (at(90.0), 4)];
    let mut session = watching(&Arrival { acts, ..arrival(7) });
    let lines: Vec<String> = (0..4).map(|_| ask(&mut session, 0.0, 200, "").0).collect();
    assert_eq!(
        lines,
        [
            "60 2: Post /heartbeat?t=abc ",
            "75 0: Post /emoji ",
            "90 0: Post /emoji ",
            "120 2: Post /heartbeat?t=abc ",
        ],
        "the first was over before the viewer watched"
    );
    assert_eq!(notes(&mut session), [Note::Acted(2), Note::Acted(4)]);
}

#[test]
fn a_viewer_gives_up_and_is_counted_until_the_stay_is_over() {
    let text = WATCH.replace(
        "[[step]]\nafter = { name = \"watch\"",
        "[[step]]\ngive_up = { name = \"tired\", think_s = 20 }\n[[step]]\nafter = { name = \"watch\"",
    );
    let script = compile(Ingredients { journeys: vec![read(&text)], ..Ingredients::default() });
    let mut session = Session::new(script, 1, &arrival(7));
    ask(&mut session, 0.0, 200, TOKEN);
    assert_eq!((session.until(), session.next()), (at(20.0), None));
    assert!(session.turn(at(20.0)));
    assert_eq!(notes(&mut session), [Note::Came, Note::GaveUp, Note::Disconnect]);
    assert_eq!((session.until(), session.next()), (at(1000.0), None));
    assert!(!session.turn(at(1000.0)));
    assert_eq!(notes(&mut session), [Note::GaveUpOver, Note::LeftVideo]);
}

#[test]
fn a_broken_connection_sends_the_viewer_to_the_other_edge() {
    let mut session = watching(&arrival(7));
    let home = session.edge();
    let fail = |session: &mut Session, outcome| {
        let planned = session.next().expect("something is due");
        session.answered(&planned, planned.due, 1.0, Ended::Failed(outcome));
    };
    fail(&mut session, Outcome::Timeout);
    assert_eq!(session.edge(), home, "a slow edge is no lost edge");
    fail(&mut session, Outcome::Broken);
    assert_eq!(session.edge(), 1 - home);
    fail(&mut session, Outcome::ConnectError);
    assert_eq!(session.edge(), home);
}

#[test]
fn cookies_go_back_to_who_set_them_and_retry_after_is_in_wall_seconds() {
    let mut session = Session::new(script(), 1, &arrival(7));
    answer(&mut session, &[("set-cookie", "sid=42; Path=/")], TOKEN);
    let planned = session.next().expect("something is due");
    let mut rendered = Rendered::default();
    session.render(&planned, 0, &mut rendered);
    assert_eq!(rendered.headers, [("cookie".to_owned(), "sid=42".to_owned())]);
    let polite = WATCH.replace("backoff = { first_s = 1, max_s = 8 }", "polite = {}");
    let script = compile(Ingredients { journeys: vec![read(&polite)], ..Ingredients::default() });
    let mut session = Session::new(script, 1, &arrival(7));
    answer(&mut session, &[], TOKEN);
    let planned = session.next().expect("something is due");
    let headers: &[(&str, &str)] = &[("retry-after", "30")];
    let ended = Ended::Answer { status: 429, headers: &headers, body: b"" };
    session.answered(&planned, MatchTime(0), 1.0, ended);
    // Two match seconds a wall second.
    assert!(due_s(&session) >= 60.0, "{}", due_s(&session));
}

#[test]
fn what_a_journey_lacks_is_counted_and_named() {
    let mut session = Session::new(script(), 1, &arrival(7));
    assert_eq!(ask(&mut session, 0.0, 200, "{}").1, Outcome::CheckFailed);
    let told = notes(&mut session);
    let named = |what: &str| {
        let wanted = Note::Trouble { journey: 0, step: 0, what: what.to_owned() };
        assert!(told.contains(&wanted), "{told:?}");
    };
    named("pointer /token found nothing");
}

#[test]
fn a_grid_or_an_act_whose_feeder_is_dry_is_named_and_not_sent() {
    let folder = std::env::temp_dir().join(format!("hulk-dry-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("users.csv"), "name\nann\n").unwrap();
    let feeder = "[[feeder]]\nname = \"users\"\nfile = \"users.csv\"\ntake = \"unique\"\n";
    let journey = |text: &str| {
        let source = hulk_settings::Source::new("test.toml", text);
        crate::Journey::read(&source, &folder).expect("a valid journey")
    };
    let watch = WATCH.replace("/heartbeat?t=${token}", "/heartbeat?u=${users.name}");
    let watch = journey(&watch.replace(
        "[[step]]\nafter = { name = \"login\"",
        &format!("{feeder}[[step]]\nafter = {{ name = \"login\""),
    ));
    let act = journey(&EMOJI.replace("/emoji", "/emoji?u=${users.name}"));
    std::fs::remove_dir_all(&folder).unwrap();
    let script =
        compile(Ingredients { journeys: vec![watch], act: Some(act), ..Ingredients::default() });
    let acts = vec![(at(75.0), 2)];
    let mut session = Session::new(script, 1, &Arrival { acts, ..arrival(7) });
    ask(&mut session, 0.5, 200, TOKEN);
    ask(&mut session, 0.5, 200, "");
    assert_eq!(session.next(), None, "the only row is the first viewer's");
    let dry = |journey, step| Note::Trouble { journey, step, what: "feeder users ran dry".into() };
    assert_eq!(notes(&mut session), [Note::Came, STARTED, dry(0, 2), dry(1, 0)]);
}
