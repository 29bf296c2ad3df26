//! `hulk listen` in front of `hulk feeds`, whose truth is known: each in a process of its own.

use std::thread::sleep;
use std::time::Duration;

use hulk_net::{Method, Scope, ask, fetch};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use crate::bench::{Bench, HULK, Running, wait_for};
use crate::platform::promtool;
use crate::processes::kill;

const LIMIT: Duration = Duration::from_secs(10);
/// How long thousands may take to be connected.
const CONNECT_LIMIT: Duration = Duration::from_secs(40);

/// Topics that say nothing by themselves.
const QUIET: &str = r#"
[[topic]]
name = "now"

[[topic]]
name = "later"
hold_ms = 50

[[topic]]
name = "late"
hold_ms = 200

[[topic]]
name = "friends"
rooms = 10
"#;

/// Twenty messages a second.
const STEADY: &str = "[[topic]]\nname = \"now\"\nevery_s = 0.05\n";

/// The reference service.
struct Service {
    running: Running,
    runtime: Runtime,
    port: u16,
}

impl Service {
    fn start(bench: &Bench, text: &str) -> Self {
        bench.write("feeds.toml", text);
        let running = bench.start(&[HULK, "feeds", "feeds.toml"]);
        let port = wait_for("the feed service", LIMIT, || {
            let said = running.said();
            let mut lines =
                said.lines().filter_map(|line| line.strip_prefix("metrics: http://127.0.0.1:"));
            lines.find_map(|rest| rest.strip_suffix("/metrics")?.parse().ok())
        });
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self { running, runtime, port }
    }

    fn metrics(&self) -> String {
        let permit = Scope::default().permit(([127, 0, 0, 1], self.port).into()).unwrap();
        self.runtime.block_on(fetch(permit, "/metrics", LIMIT)).unwrap()
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let permit = Scope::default().permit(([127, 0, 0, 1], self.port).into()).unwrap();
        let asked = ask(permit, Method::POST, path, body.to_string().into(), LIMIT);
        serde_json::from_str(&self.runtime.block_on(asked).unwrap()).unwrap()
    }

    fn publish(&self, topic: &str) {
        assert_eq!(self.post("/publish", &json!({ "topic": topic })), json!({ "published": 1 }));
    }

    /// Waits until so many listen to a topic.
    fn wait_for_receivers(&self, topic: &str, receivers: u32) {
        let wanted = format!("hulk_feed_receivers{{topic=\"{topic}\"}} {receivers}");
        wait_for(&wanted, CONNECT_LIMIT, || {
            // Not so often that looking slows them down.
            sleep(Duration::from_millis(50));
            self.metrics().lines().any(|line| line == wanted).then_some(())
        });
    }

    /// Starts `hulk listen` to a topic with these arguments.
    fn listen(&self, bench: &Bench, topic: &str, arguments: &str) -> Running {
        let url = format!("ws://127.0.0.1:{}/feed?topic={topic}", self.port);
        let mut words = vec![HULK, "listen", &url, "--json"];
        words.extend(arguments.split_whitespace());
        bench.start(&words)
    }
}

/// Exit code, and what was told.
fn heard(listening: Running) -> (i32, Value) {
    let run = listening.end();
    let told = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
    (run.code, told)
}

fn count(told: &Value, key: &str) -> u64 {
    told[key].as_u64().unwrap_or_else(|| panic!("`{key}` is no count in {told}"))
}

#[test]
fn broadcast_receivers_measure_delivery() {
    const RECEIVERS: u32 = 9_000;
    const BROADCASTS: u64 = 5;
    let bench = Bench::take("feeds-9000");
    let service = Service::start(&bench, QUIET);
    let listening = service.listen(
        &bench,
        "now",
        &format!("--receivers {RECEIVERS} --over-s 6 --for-s 16 --missed-max 0"),
    );
    service.wait_for_receivers("now", RECEIVERS);
    for _ in 0..BROADCASTS {
        service.publish("now");
        sleep(Duration::from_millis(500));
    }
    let (code, told) = heard(listening);
    assert_eq!(code, 0, "{told}");
    let all = u64::from(RECEIVERS) * BROADCASTS;
    assert_eq!(count(&told, "connected"), u64::from(RECEIVERS), "{told}");
    for key in ["received", "expected", "measured"] {
        assert_eq!(count(&told, key), all, "{key}: {told}");
    }
    for key in ["missed", "repeated", "malformed", "ahead", "reconnects", "gone"] {
        assert_eq!(count(&told, key), 0, "{key}: {told}");
    }
    let metrics = service.metrics();
    assert!(metrics.contains(&format!("hulk_feed_delivered_total {all}\n")), "{metrics}");
    assert_eq!(promtool(&metrics).1, "", "{metrics}");
    kill(service.running.id(), Signal::INT);
    assert_eq!(service.running.end().code, 130);
}

#[test]
fn a_known_hold_moves_the_reported_p99() {
    /// The topics take turns, so that whatever disturbs the machine falls on all three alike; and
    /// of so many messages that the p99 is not that of the worst two.
    const CYCLES: u32 = 200;
    /// With holds of 0, 50 and 200 ms messages go out 0, 90 and 280 ms after a cycle's start: 0, 90
    /// and 40 ms into a cycle, never together.
    const TURN: Duration = Duration::from_millis(40);
    let topics = ["now", "later", "late"];
    let bench = Bench::take("feeds-hold");
    let service = Service::start(&bench, QUIET);
    let listening =
        topics.map(|topic| service.listen(&bench, topic, "--receivers 300 --over-s 1 --for-s 29"));
    topics.iter().for_each(|topic| service.wait_for_receivers(topic, 300));
    let start = Instant::now();
    for cycle in 0..CYCLES {
        for (place, topic) in (0..).zip(topics) {
            let due = start + TURN * (3 * cycle + place);
            sleep(due.saturating_duration_since(Instant::now()));
            service.publish(topic);
        }
    }
    let p99_ms = listening.map(|listening| {
        let (code, told) = heard(listening);
        assert_eq!(code, 0, "{told}");
        assert_eq!(count(&told, "received"), 300 * u64::from(CYCLES), "{told}");
        assert_eq!((count(&told, "missed"), count(&told, "ahead")), (0, 0), "{told}");
        told["latency_ms"]["p99"].as_f64().unwrap()
    });
    for (hold_ms, p99) in [(50.0, p99_ms[1]), (200.0, p99_ms[2])] {
        let moved = p99 - p99_ms[0];
        assert!((moved - hold_ms).abs() <= 2.0, "{hold_ms} ms moved it by {moved}: {p99_ms:?}");
    }
}

#[test]
fn a_reconnect_storm_is_told_and_everybody_comes_back() {
    let bench = Bench::take_beside("feeds-storm");
    let service = Service::start(&bench, STEADY);
    let arguments = "--receivers 1000 --over-s 2 --for-s 12 --storm-at-s 4 --storm-share 0.5";
    let listening = service.listen(&bench, "now", arguments);
    // The storm's own reconnects are over, and then the service loses some.
    sleep(Duration::from_secs(6));
    service.wait_for_receivers("now", 1_000);
    assert_eq!(service.post("/drop", &json!({ "share": 0.2 })), json!({ "dropped": 200 }));
    let (code, told) = heard(listening);
    assert_eq!(code, 0, "{told}");
    let storm = &told["storm"];
    assert_eq!((count(storm, "cut"), count(storm, "back")), (500, 500), "{told}");
    assert!(storm["last_back_s"].as_f64().unwrap() > 0.0, "{told}");
    assert_eq!((count(&told, "reconnects"), count(&told, "gone")), (700, 0), "{told}");
    assert_eq!(told["troubles"], json!([["cut off", 200]]), "{told}");
    // Those who came back after a wait have missed something, and nobody who was there has.
    let (missed, away) = (count(&told, "missed"), count(&told, "missed_away"));
    assert!(missed > 0 && missed == away, "{told}");
}

#[test]
fn a_burst_of_emojis_reaches_everybody() {
    let bench = Bench::take_beside("feeds-emoji");
    let service = Service::start(&bench, QUIET);
    let arguments = "--receivers 1000 --over-s 2 --for-s 6 --missed-max 0 --p99-ms 2000";
    let listening = service.listen(&bench, "now", arguments);
    service.wait_for_receivers("now", 1_000);
    let burst = json!({ "topic": "now", "count": 50, "within_ms": 1000 });
    assert_eq!(service.post("/publish", &burst), json!({ "published": 50 }));
    let (code, told) = heard(listening);
    assert_eq!(code, 0, "{told}");
    assert_eq!((count(&told, "received"), count(&told, "expected")), (50_000, 50_000), "{told}");
}

#[test]
fn friends_hear_their_own_room_and_limits_are_judged() {
    let bench = Bench::take_beside("feeds-friends");
    let service = Service::start(&bench, QUIET);
    let arguments = "--receivers 30 --rooms 10 --for-s 4 --p99-ms 1 --missed-max 0";
    let listening = service.listen(&bench, "friends", arguments);
    service.wait_for_receivers("friends", 30);
    // Two messages for each room, of which three receivers have the same; none comes within 1 ms.
    let held = json!({ "topic": "friends", "count": 20, "within_ms": 500, "hold_ms": 20 });
    service.post("/publish", &held);
    let (code, told) = heard(listening);
    assert_eq!((count(&told, "received"), count(&told, "expected")), (60, 60), "{told}");
    let held: Vec<&Value> =
        told["limits"].as_array().unwrap().iter().map(|limit| &limit["holds"]).collect();
    assert_eq!((code, held), (3, vec![&json!(true), &json!(false), &json!(true)]), "{told}");
    // Nobody gets in without a room.
    let outside = service.listen(&bench, "friends", "--receivers 2 --for-s 2");
    let (code, told) = heard(outside);
    assert_eq!((code, count(&told, "connected")), (3, 0), "{told}");
    let reason = told["troubles"][0][0].as_str().unwrap();
    assert!(reason.starts_with("upgrade: 400 `friends` has rooms"), "{told}");
}

#[test]
fn listening_ends_with_ctrl_c_and_wrong_words_say_what_is_right() {
    let bench = Bench::take_beside("feeds-words");
    let service = Service::start(&bench, QUIET);
    let listening = service.listen(&bench, "now", "--for-s 60");
    service.wait_for_receivers("now", 1);
    kill(listening.id(), Signal::INT);
    let run = listening.end();
    assert_eq!((run.code, run.stdout.as_str()), (130, ""), "{run:?}");
    for (arguments, reason) in [
        (&["listen", "http://127.0.0.1:1/feed"][..], "is not a URL as `ws://127.0.0.1:8100/feed"),
        (&["listen", "ws://10.0.0.1:1/feed"], "10.0.0.1 is not loopback"),
        (&["listen", "ws://127.0.0.1:1/", "--over-s", "30"], "raise `--for-s`"),
        (&["feeds", "match-feds"], "did you mean `match-feeds`?"),
        (&["feeds", "match-day"], "shipped, by their names: match-feeds"),
    ] {
        let run = bench.hulk(arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {run:?}");
        assert!(run.stderr.contains(reason), "{arguments:?}: {}", run.stderr);
    }
}
