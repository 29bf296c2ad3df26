//! `hulk trial` against a small server and against the embedded platform.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::bench::{Bench, Run, wait_for};
use crate::files::aimed_at;
use crate::served::Served;
use crate::servers::free_port;

const JOURNEY: &str = r#"
name = "shop"
timeout_ms = 500

[retry]
none = {}

[value.key]
file = { path = "key.txt" }

[[step]]
after = { name = "login", service = "login", post = "/login", headers = { authorization = "Bearer ${key}" }, body = '{"user":"${viewer}","key":"${key}"}', extract = { token = "/token" } }

[[step]]
after = { name = "front", service = "home", get = "/front?token=${token}", think_s = 60, check = [{ body_contains = "welcome" }] }

[[step]]
every = { name = "beat", service = "playback", get = "/beat?token=${token}", period_s = 30 }
"#;

/// What is sent and given, and must never be printed.
const SECRETS: [&str; 2] = ["k3y-of-the-shop", "t0ken-of-the-viewer"];

/// How the server answers: a status and a body; without them not at all.
type Answers = fn(path: &str, request: &str) -> Option<(u16, String)>;

/// A small HTTP server; it ends with this value.
struct Server {
    port: u16,
    requests: Arc<AtomicU32>,
    _served: Served,
}

impl Server {
    fn start(answers: Answers) -> Self {
        let requests = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&requests);
        let served = Served::by(move |stream| serve(stream, answers, &count));
        Self { port: served.port, requests, _served: served }
    }
}

fn serve(stream: TcpStream, answers: Answers, count: &AtomicU32) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let before = head.len();
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
            let line = head[before..].trim_end().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        count.fetch_add(1, Ordering::Relaxed);
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let request = head + &String::from_utf8_lossy(&body);
        match answers(&path, &request) {
            Some((status, body)) => {
                let length = body.len();
                let cookie = format!("set-cookie: sid={}", SECRETS[1]);
                let head =
                    format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{cookie}\r\n");
                if writer.write_all(format!("{head}\r\n{body}").as_bytes()).is_err() {
                    return;
                }
            }
            // Silence until the other side has had enough.
            None => {
                let _gone = reader.read_line(&mut String::new());
                return;
            }
        }
    }
}

/// Everything is well, and each answer repeats what it was asked: secrets come back.
fn well(path: &str, request: &str) -> Option<(u16, String)> {
    let echo = Value::from(request).to_string();
    let body = match path.split('?').next() {
        Some("/login") => format!("{{\"token\":\"{}\",\"echo\":{echo}}}", SECRETS[1]),
        _ => format!("<h1>welcome</h1> {request}"),
    };
    Some((200, body))
}

/// The bench with the shop's files, aimed at a port.
fn shop(name: &str, port: u16) -> Bench {
    let bench = Bench::take(name);
    let text = aimed_at(&format!("http://127.0.0.1:{port}"));
    let journeys = "journeys = [\"login\", \"signup\", \"streaming\", \"ads\"]";
    assert!(text.contains(journeys), "{text}");
    let text = text.replace(journeys, "journeys = [\"shop.toml\"]");
    let (head, _) = text.split_once("[[objective]]").unwrap();
    bench.write(
        "own.toml",
        head.replace("[on]\nexit = { journey = \"tsunami\", patience_s = 60 }\n", ""),
    );
    bench.write("shop.toml", JOURNEY);
    bench.write("key.txt", SECRETS[0]);
    bench
}

/// Ended like this, told all this, and gave no secret away.
#[track_caller]
fn assert_told(run: &Run, code: i32, wanted: &[&str]) {
    assert_eq!(run.code, code, "{run:#?}");
    for text in wanted {
        assert!(run.stdout.contains(text), "`{text}` is not in {}", run.stdout);
    }
    for secret in SECRETS {
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{}", run.stdout);
    }
    assert!(!run.has_folder() && !run.stdout.contains('\u{1b}'), "{run:#?}");
}

#[test]
fn a_trial_of_a_service_of_ones_own_goes_through_and_tells_no_secret() {
    let server = Server::start(well);
    let bench = shop("trial-own", server.port);
    let run = bench.hulk(&["trial", "own.toml"]);
    let wanted = [
        "1  shop/login  asks login",
        "authorization: Bearer ••••",
        "✓ token = •••• (19 chars)",
        "think 60.0 s (skipped)",
        "✓ `welcome` is in the body, at byte 4",
        "same connection",
        "all 4 requests did as expected",
    ];
    assert_told(&run, 0, &wanted);
    assert_eq!(server.requests.load(Ordering::Relaxed), 4);
    let run = bench.hulk(&["trial", "own.toml", "--json"]);
    assert_told(&run, 0, &[]);
    let lines: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1 + 4 + 1);
    assert_eq!(lines[5]["end"]["passed"], true);
    assert_eq!(lines[1]["step"]["answer"]["status"], 200);
    let wrong = bench.hulk(&["trial", "own.toml", "--set", "plan=paid"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""), "{wrong:#?}");
    assert!(wrong.stderr.contains("there is no choice `plan`"), "{wrong:#?}");
}

#[test]
fn a_trial_looks_at_each_feed_of_capacity_and_says_what_it_tells() {
    let server = Server::start(|path, request| match path {
        "/status" => Some((200, r#"{"pool": {"ready": 3, "wanted": "4"}}"#.to_owned())),
        _ => well(path, request),
    });
    let bench = shop("trial-feed", server.port);
    let own = std::fs::read_to_string(bench.path("own.toml")).unwrap();
    let observed = |pointer: &str| {
        let port = server.port;
        let feed = format!("url = \"http://127.0.0.1:{port}/status\", ready = \"{pointer}\"");
        let own = own.replace("speed = 7.5", "speed = 1");
        let json = format!("json = {{ {feed}, desired = \"/pool/wanted\" }}");
        bench.write("own.toml", format!("{own}\n[observe.home]\nrated_rps = 9\n{json}\n"));
        bench.hulk(&["trial", "own.toml"])
    };
    assert_told(&observed("/pool/ready"), 0, &["✓ home, by json: 3 ready, 4 wanted"]);
    let lost = "✗ home, by json: could not be seen: nothing at `/pool/redy`";
    assert_told(&observed("/pool/redy"), 3, &[lost, "all 4 requests did as expected"]);
}

#[test]
fn a_failing_step_says_why_and_where_and_what_to_change() {
    let cases: [(Answers, &[&str]); 4] = [
        (
            |_, _| Some((404, "nothing here".into())),
            &["FAILED shop/login (http_error): expected status 200, got 404: nothing here"],
        ),
        (
            |_, _| Some((200, "{\"data\":{\"token\":\"t0ken-of-the-viewer\"}}".into())),
            &[
                "token: pointer /token found nothing; at / there are `data`; did you mean `/data/token`?",
            ],
        ),
        (
            |path, request| match path {
                "/login" => well(path, request),
                _ => Some((200, "WELCOME".into())),
            },
            &["FAILED shop/front (check_failed)", "there in another case", "beat"],
        ),
        (|_, _| None, &["FAILED shop/login (timeout): no answer within 500 ms", "`timeout_ms`"]),
    ];
    for (answers, wanted) in cases {
        let server = Server::start(answers);
        let bench = shop("trial-fails", server.port);
        let run = bench.hulk(&["trial", "own.toml"]);
        assert_told(&run, 3, wanted);
        assert_told(&run, 3, &["where: shop.toml:", "never reached by this viewer"]);
    }
    // Nobody listens: the port was another's a moment ago.
    let port = free_port();
    let bench = shop("trial-refused", port);
    let run = bench.hulk(&["trial", "own.toml"]);
    let nobody = format!("nothing listens on 127.0.0.1:{port}");
    assert_told(&run, 3, &[&nobody, "start your service, or change target.url.base in own.toml"]);
}

#[test]
fn a_trial_ends_at_its_limit_and_on_ctrl_c() {
    let server = Server::start(|_, _| None);
    let bench = shop("trial-ends", server.port);
    bench.write("shop.toml", JOURNEY.replace("timeout_ms = 500", "timeout_ms = 60_000"));
    let run = bench.hulk(&["trial", "own.toml", "--limit-ms", "300"]);
    assert_told(&run, 3, &["the time was over after", "see --limit-ms"]);
    let before = server.requests.load(Ordering::Relaxed);
    let running = bench.start(&[crate::bench::HULK, "trial", "own.toml"]);
    let sent = || (server.requests.load(Ordering::Relaxed) > before).then_some(());
    wait_for("a request", Duration::from_secs(20), sent);
    let id = running.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_told(&running.end(), 130, &["interrupted after"]);
}

#[test]
fn every_journey_of_match_day_passes_its_trial() {
    let bench = Bench::take("trial-match-day");
    let run = bench.hulk(&["trial", "match-day"]);
    let wanted =
        ["tsunami/back-home", "streaming/segment", "ads/ad-beacon", "requests did as expected"];
    assert_told(&run, 0, &wanted);
    // A minute of match time between two heartbeats: nobody has waited for it.
    assert!(run.took < Duration::from_secs(20), "{:?}", run.took);
    let otp = ["--set", "token_state=otp", "--set", "otp=second_code", "--set", "plan=paid"];
    let run = bench.hulk(&[&["trial", "match-day"], &otp[..]].concat());
    assert_told(&run, 0, &["signup/otp-verify", "signup/payment", "✓ json /verified is `true`"]);
}
