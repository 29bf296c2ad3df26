//! Executors against a target of one's own on loopback.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use crate::bench::{Bench, Run};
use crate::served::Served;

const FRONT: &str = r#"
name = "front"
timeout_ms = 2_000
retry = { none = {} }

[[step]]
after = { name = "front", service = "shop", get = "/front" }

[[step]]
after = { name = "item", service = "shop", get = "/item", think_s = 0.05 }
"#;
const BUY: &str = r#"
name = "buy"
timeout_ms = 2_000
retry = { none = {} }

[[step]]
after = { name = "buy", service = "shop", get = "/buy" }
"#;

/// How often each path was asked for.
type Seen = Arc<Mutex<BTreeMap<String, u64>>>;

fn answer_all(stream: TcpStream, seen: &Seen) {
    let mut writer = stream.try_clone().unwrap();
    let mut path = None;
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        if path.is_none() {
            path = line.split(' ').nth(1).map(str::to_owned);
        }
        if line.is_empty() {
            *seen.lock().unwrap().entry(path.take().unwrap_or_default()).or_default() += 1;
            if writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").is_err() {
                return;
            }
        }
    }
}

/// A run with this load, and what the target saw of it.
fn run(name: &str, load: &str) -> (Bench, Run, BTreeMap<String, u64>) {
    let bench = Bench::take(name);
    let seen = Seen::default();
    let own = Arc::clone(&seen);
    let served = Served::by(move |stream| answer_all(stream, &own));
    bench.write("front.toml", FRONT);
    bench.write("buy.toml", BUY);
    let file = format!(
        "name = \"{name}\"\njourneys = [\"front.toml\"]\n{load}\n[target.url]\nbase = \
         \"http://127.0.0.1:{}\"\n[[objective]]\nname = \"open\"\nservice = \"shop\"\nserved_share = {{ min \
         = 1.0 }}\n",
        served.port
    );
    bench.write("load.toml", file);
    let run = bench.rehearse_each("load.toml", || {
        seen.lock().unwrap().clear();
        bench.rehearsal("load.toml").end()
    });
    run.assert_ended(0, "PASS");
    let seen = seen.lock().unwrap().clone();
    (bench, run, seen)
}

#[test]
fn iterations_are_over_when_all_are_done() {
    let (_bench, run, seen) =
        run("iterations", "[load]\niterations = { users = 5, each = 4, limit_s = 600 }");
    assert_eq!((seen["/front"], seen["/item"]), (20, 20));
    let last = run.record().frames.last().map(|frame| frame.to.as_s());
    assert!(last.is_some_and(|last| last < 60.0), "{last:?} s of 600");
    assert!(run.stdout.contains("It held, with iterations: 5 users"), "{}", run.stdout);
}

#[test]
fn arrivals_come_at_their_rate_and_users_come_back_for_more() {
    let (_bench, run, seen) =
        run("rate", "[load]\nconstant_arrival_rate = { per_s = 50, duration_s = 3 }");
    // The last few are cut off before their second request.
    assert_eq!(seen["/front"], 150);
    assert!((140..=150).contains(&seen["/item"]), "{seen:?}");
    assert_eq!(run.summary().check("presence")["measured"], serde_json::Value::Null);
}

#[test]
fn everybody_acts_once() {
    let load = "[on]\nact = { journey = \"buy.toml\" }\n[load]\nmass_action = { users = 200, at_s = 1, \
                within_s = 0.5, duration_s = 2 }";
    let (_bench, _, seen) = run("mass-action", load);
    assert_eq!((seen["/front"], seen["/item"], seen["/buy"]), (200, 200, 200));
}
