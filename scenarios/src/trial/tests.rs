//! Trials with canned answers, as they are printed.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::target::UrlSettings;
use crate::{Journey, Source};

const LOGIN: &str = r#"name = "shop"
timeout_ms = 2_000

[retry]
backoff = { first_s = 1, max_s = 4 }

[[choice]]
name = "plan"
of = { free = 1.0, paid = 0.0 }

[value.key]
fixed = { text = "KEY" }

[[step]]
after = { name = "login", service = "web", post = "/v1/login?key=${key}", headers = { x-custom = "${key}" }, body = '{"user":"${viewer}","password":"hunter22"}', extract = { token = "/data/token" }, check = [{ json = "/data" }] }

[[step]]
after = { name = "pay", service = "web", get = "/v1/pay", when = { plan = "paid" } }

[[step]]
after = { name = "item", service = "web", get = "/v1/item/${index}", headers = { authorization = "Bearer ${token}" }, think_s = 6.2, repeat = 2 }

[[step]]
every = { name = "news", service = "web", get = "/v1/news?token=${token}", period_s = 5 }
"#;

/// What answers in a property test.
pub(super) struct Server {
    pub(super) status: u16,
    pub(super) token: String,
    pub(super) other: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body_bytes: usize,
}

fn rehearsal(journey: &str) -> Rehearsal {
    let source = Source::new("shop.toml", journey);
    let journey = Journey::read(&source, Path::new(".")).expect("a valid journey");
    let script = Arc::new(Script::of(journey).expect("it compiles"));
    let base = Source::new("base.toml", "base = \"http://127.0.0.1:8080\"");
    let services = script.services.clone();
    let own = hulk_settings::read(&base, |root| {
        Some(UrlSettings::read(root, Path::new("."))?.compile(&services))
    });
    let target = Target::Url(own.expect("a valid target"));
    let shipped = Rehearsal::load("match-day").expect("a shipped rehearsal");
    Rehearsal { name: "own".into(), file: "own.toml".into(), script, target, ..shipped }
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Came {
    let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    Came::Answer(status, headers.collect(), body.as_bytes().to_vec(), body.len() as u64)
}

const JSON: &[(&str, &str)] = &[("content-type", "application/json"), ("x-odd", "1")];
const TOKEN: &str = r#"{"data":{"token":"abcdefghij"},"ok":true}"#;

/// The whole of a trial, as it is printed.
fn tried(
    rehearsal: &Rehearsal,
    options: TrialOptions,
    printer: Printer,
    mut answers: impl FnMut(&str) -> Came,
) -> (String, Ending) {
    let mut trial = Trial::new(rehearsal, options).expect("valid options");
    trial.aim(&[]);
    let mut out = printer.opening(trial.opening());
    let mut rendered = Rendered::default();
    while let Some(upcoming) = trial.upcoming() {
        let (_, exchange) = trial.send(&upcoming, 1_700_000_000_000, &mut rendered);
        let first = exchange.number == 1;
        out += &printer.request(exchange);
        let came = answers(&rendered.path);
        let connect_us = first.then_some(210);
        let head = matches!(came, Came::Answer(..)).then_some(1_000);
        let timing = Timing { connect_us, first_byte_us: head, total_us: 1_340 };
        out += &printer.answer(&trial.ended(came, timing));
    }
    let ending = trial.finish(None);
    out += &printer.ending(&ending);
    (out, ending)
}

fn options() -> TrialOptions {
    TrialOptions { body_bytes: 400, ..TrialOptions::default() }
}

const PLAIN: Printer = Printer::Text(Paint::Plain);

#[track_caller]
fn assert_golden(found: &str, golden: &str) {
    assert!(found == golden, "printed is\n{found}\nwanted was\n{golden}");
}

/// All that is printed with this key in the file, in both forms.
pub(super) fn shown(key: &str, server: &Server) -> String {
    let journey = LOGIN.replace("\"KEY\"", &serde_json::Value::from(key).to_string());
    let rehearsal = rehearsal(&journey);
    let printed = [PLAIN, Printer::Json].map(|printer| {
        let options = TrialOptions { body_bytes: server.body_bytes, ..options() };
        tried(&rehearsal, options, printer, |path| {
            let login = path.starts_with("/v1/login");
            let (status, body) =
                if login { (200, &server.token) } else { (server.status, &server.other) };
            Came::Answer(
                status,
                server.headers.clone(),
                body.clone().into_bytes(),
                body.len() as u64,
            )
        })
        .0
    });
    printed.concat()
}

#[test]
fn golden_all_steps_do_as_expected() {
    let (found, ending) = tried(&rehearsal(LOGIN), options(), PLAIN, |_| answer(200, JSON, TOKEN));
    assert!(ending.passed);
    assert_golden(&found, include_str!("golden/passed.txt"));
}

#[test]
fn golden_a_wrong_path_to_a_value_names_the_right_one() {
    let (found, ending) = tried(&rehearsal(LOGIN), options(), PLAIN, |path| match path {
        "/v1/login?key=KEY" => answer(200, JSON, r#"{"data":{"auth":{"token":"abcdefghij"}}}"#),
        _ => answer(401, JSON, "{}"),
    });
    assert_eq!((ending.passed, ending.first_failure), (false, Some(1)));
    assert_golden(&found, include_str!("golden/extraction.txt"));
}

#[test]
fn golden_lines_of_json_say_the_same() {
    let (found, _) =
        tried(&rehearsal(LOGIN), options(), Printer::Json, |_| answer(200, JSON, TOKEN));
    let lines: Vec<serde_json::Value> =
        found.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert_eq!(lines.len(), 7);
    assert_eq!(lines[0]["trial"]["viewer"], 0);
    assert_eq!(lines[1]["step"]["sent_headers"][1][1], "••••");
    assert_eq!(lines[1]["step"]["looks"][1]["text"], "token = •••• (10 chars)");
    assert_eq!(lines[6]["end"]["passed"], true);
    assert_eq!(lines[6]["end"]["unreached"][0]["step"], "pay");
}

/// The first failure when everything is answered like this.
fn failure(came: &Came) -> Failure {
    let mut trial = Trial::new(&rehearsal(LOGIN), options()).expect("valid options");
    let upcoming = trial.upcoming().expect("a step");
    trial.send(&upcoming, 0, &mut Rendered::default());
    let exchange = trial.ended(came.clone(), Timing::default());
    assert_eq!(exchange.place, "shop.toml:15");
    exchange.failure.expect("it fails")
}

#[test]
fn golden_every_kind_of_failure_says_why_and_what_to_do() {
    let refused = Came::Failed(Broke::Refused("127.0.0.1:8080".into()));
    let cases: [(Came, &str, &str); 10] = [
        (
            refused,
            "nothing listens on 127.0.0.1:8080",
            "start your service, or change target.url.base in own.toml",
        ),
        (
            Came::Failed(Broke::TimedOut(false)),
            "no answer within 2000 ms",
            "make it faster, or raise `timeout_ms`",
        ),
        (
            Came::Failed(Broke::TimedOut(true)),
            "the answer did not end within 2000 ms",
            "make it faster",
        ),
        (
            Came::Failed(Broke::Overlong(crate::Phase::FirstByte)),
            "no answer within first_byte_ms",
            "raise `first_byte_ms` in the target's `timeouts`",
        ),
        (
            Came::Failed(Broke::Broken("reset".into())),
            "the connection broke: reset",
            "look into the service's own log",
        ),
        (
            answer(404, &[], "no such\n page"),
            "expected status 200, got 404: no such page",
            "is the path right? POST",
        ),
        (
            answer(201, &[], ""),
            "expected status 200, got 201 with an empty body",
            "`expect_status = 201`",
        ),
        (answer(302, &[("location", "/b")], ""), "expected status 200, got 302", "it leads to /b"),
        (
            answer(415, &[], "{}"),
            "expected status 200, got 415",
            "the body was sent without a content-type",
        ),
        (
            answer(200, &[], "<html>"),
            "json /data: expected it there; the body is no JSON",
            "change `extract`",
        ),
    ];
    for (came, why, hint) in cases {
        let failure = failure(&came);
        assert!(failure.why.contains(why), "{failure:?}");
        assert!(failure.hints.iter().any(|it| it.contains(hint)), "{failure:?}");
        assert_eq!(failure.then, "the viewer tries again");
    }
}

#[test]
fn what_fails_is_tried_three_times_and_then_nothing_follows() {
    let (found, ending) = tried(&rehearsal(LOGIN), options(), PLAIN, |_| answer(500, &[], "oh"));
    assert_eq!(ending.steps.iter().map(|row| row.requests).sum::<u32>(), 3, "{found}");
    let why: Vec<&str> = ending.unreached.iter().map(|step| step.why.as_str()).collect();
    let stopped = "`shop/login` failed as often as a trial tries";
    assert_eq!(why, ["only when plan = \"paid\"; try --set plan=paid", stopped, stopped]);
}

#[test]
fn a_choice_that_is_set_is_drawn_and_a_wrong_one_is_told() {
    let rehearsal = rehearsal(LOGIN);
    let set = |name: &str, value: &str| TrialOptions {
        forced: vec![(name.to_owned(), value.to_owned())],
        ..options()
    };
    let (_, ending) = tried(&rehearsal, set("plan", "paid"), PLAIN, |_| answer(200, JSON, TOKEN));
    assert!(ending.passed && ending.unreached.is_empty(), "{ending:?}");
    let told = |name, value| Trial::new(&rehearsal, set(name, value)).unwrap_err().remove(0);
    assert_eq!(
        told("plam", "paid"),
        "--set plam=paid: there is no choice `plam`; did you mean `plan`?"
    );
    assert_eq!(
        told("plan", "pad"),
        "--set plan=pad: `plan` has no value `pad`; did you mean `paid`?"
    );
    let shipped = Rehearsal::load("match-day").expect("a shipped rehearsal");
    let told = Trial::new(&shipped, set("home", "legacy")).unwrap_err().remove(0);
    assert!(told.contains("`home` follows from the device; try --set device="), "{told}");
}

#[test]
fn the_journeys_of_moments_are_tried_too_and_with_what_came_before() {
    let shipped = Rehearsal::load("match-day").expect("a shipped rehearsal");
    let mut paths = Vec::new();
    let (_, ending) = tried(&shipped, options(), PLAIN, |path| {
        paths.push(path.to_owned());
        let media = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:1\n#EXTINF:6.0,\n/1.ts\n\
                     #EXTINF:6.0,\n/2.ts\n#EXTINF:6.0,\n/3.ts\n#EXTINF:6.0,\n/4.ts\n";
        let master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=400000\n/media.m3u8\n";
        answer(
            200,
            &[],
            match path {
                path if path.ends_with("master.m3u8") => master,
                path if path.ends_with("media.m3u8") => media,
                _ => r#"{"token":"abcdefghij","code":"123456","verified":true}"#,
            },
        )
    });
    assert!(ending.passed, "{ending:?}");
    let count = |wanted: &str| paths.iter().filter(|path| path.contains(wanted)).count();
    assert_eq!(["heartbeat", "beacon", "media.m3u8", ".ts"].map(count), [2, 2, 1, 3]);
    assert_eq!(paths.iter().filter(|path| path.starts_with("/v1/home?")).count(), 2);
    assert!(
        paths.iter().rfind(|path| path.contains("home?")).unwrap().contains("token=abcdefghij")
    );
    let unreached =
        |step: &str| ending.unreached.iter().find(|it| it.step == step).map(|it| it.why.as_str());
    let wanted = "only when token_state = \"otp\"; try --set token_state=otp";
    assert_eq!(unreached("otp-verify"), Some(wanted));
}

#[test]
fn who_closes_the_app_is_told_how_to_go_on() {
    let shipped = Rehearsal::load("match-day").expect("a shipped rehearsal");
    let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let forced = vec![set("token_state", "otp"), set("otp", "given_up")];
    let (_, ending) =
        tried(&shipped, TrialOptions { forced, ..options() }, PLAIN, |_| answer(200, JSON, "{}"));
    let home = ending.unreached.iter().find(|it| it.step == "home").expect("it is never reached");
    assert_eq!(home.why, "the viewer closes the app at `otp-given-up`; try --set otp=first_code");
}

#[test]
fn a_long_body_is_cut_and_bytes_are_counted() {
    let mut trial =
        Trial::new(&rehearsal(LOGIN), TrialOptions { body_bytes: 5, ..options() }).unwrap();
    let cut = trial.body("äöü and more".as_bytes(), Some(1_000_000));
    assert_eq!(
        (cut.text.as_str(), cut.left_out.as_deref()),
        ("äö", Some("about 999996 bytes more"))
    );
    let binary = trial.body(&[0, 159, 146, 150, 0, 0], None);
    assert_eq!((binary.text.as_str(), binary.left_out.as_deref()), ("", Some("not text")));
}
