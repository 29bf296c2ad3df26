//! A target of one's own on loopback.

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use hulk_record::{Measure, Record};
use serde_json::Value;

use crate::bench::Bench;
use crate::counts::OWN_COUNT;
use crate::files::{aimed_at, replaced};
use crate::served::Served;

const JOURNEY: &str = r#"
name = "shop"
timeout_ms = 2_000

[retry]
backoff = { first_s = 1, max_s = 8 }

[[step]]
after = { name = "front", service = "shop", get = "/front?viewer=${viewer}", extract = { token = "/token" }, on_resume = true }

[[step]]
after = { name = "basket", service = "shop", post = "/basket", body = '{"token":"${token}"}', think_s = 0.2, repeat = 3, on_resume = true }

[[step]]
every = { name = "beat", service = "shop", get = "/beat?token=${token}", period_s = 0.5 }
"#;

const OBJECTIVES: &str = r#"
[[objective]]
name = "the shop is open"
service = "shop"
served_share = { min = 0.999 }

[[objective]]
name = "the shop is quick"
service = "shop"
latency = { measure = "response", quantile = 0.9, max_ms = 500 }
"#;

/// What a request said: its path, its body, and its id.
struct Seen {
    path: String,
    body: String,
    id: Option<String>,
}

/// A small HTTP server; it ends with this value.
struct Server {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    _served: Served,
}

impl Server {
    fn start() -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let own = Arc::clone(&seen);
        let served = Served::by(move |stream| answer_all(stream, &own));
        Self { port: served.port, seen, _served: served }
    }
}

/// Answers what comes on a connection until it ends.
fn answer_all(stream: TcpStream, seen: &Mutex<Vec<Seen>>) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader) {
        let body = r#"{"token":"t1"}"#;
        seen.lock().unwrap().push(request);
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        if writer.write_all(format!("{head}{body}").as_bytes()).is_err() {
            return;
        }
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<Seen> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let target = line.split(' ').nth(1)?;
    let path = target.split('?').next()?.to_owned();
    let (mut id, mut length) = (None, 0);
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "x-hulk-request" => id = Some(value.to_owned()),
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Seen { path, body: String::from_utf8(body).ok()?, id })
}

/// How often each step was sent by the record, the lead-in included.
fn sent_by_step(record: &Record) -> BTreeMap<String, u64> {
    let mut sent = BTreeMap::new();
    for (key, samples) in record.frames.iter().flat_map(|frame| &frame.series) {
        if key.measure == Measure::Response {
            let count: u64 = samples.counts.iter().map(|(_, count)| count).sum();
            *sent.entry(key.step.clone()).or_default() += count;
        }
    }
    sent
}

/// Five seconds of twenty viewers in the shop.
fn shop_file(port: u16) -> String {
    let text = aimed_at(&format!("http://127.0.0.1:{port}"));
    let journeys = "journeys = [\"login\", \"signup\", \"streaming\", \"ads\"]";
    let text = replaced(&text, journeys, "journeys = [\"shop.toml\"]");
    let text = replaced(&text, "speed = 7.5", "speed = 1");
    let text = replaced(&text, "to_min = 257\n", "to_min = 256.08333333333333\n");
    let text = replaced(&text, "scale = 4.5e-5", "scale = 9.4e-7");
    let text = replaced(&text, "lead_in_ms = 5000", "lead_in_ms = 1000");
    let (head, _) = text.split_once("[[objective]]").unwrap();
    format!("{head}{OBJECTIVES}")
}

#[test]
fn the_engine_sends_what_a_target_of_ones_own_counts() {
    let bench = Bench::take("own");
    let server = Server::start();
    bench.write("own.toml", shop_file(server.port));
    bench.write("shop.toml", JOURNEY);
    server.seen.lock().unwrap().clear();
    let run = bench.rehearse("own.toml");
    run.assert_ended(0, "PASS");
    let seen = server.seen.lock().unwrap();
    let mut received: BTreeMap<String, u64> = BTreeMap::new();
    for request in seen.iter() {
        *received.entry(request.path.trim_start_matches('/').to_owned()).or_default() += 1;
    }
    let record = run.record();
    assert_eq!(received, sent_by_step(&record));
    assert!(received["front"] >= 20 && received["beat"] >= 100, "{received:?}");
    assert_eq!(received["basket"], 3 * received["front"], "{received:?}");
    let ids: HashSet<&str> = seen.iter().filter_map(|request| request.id.as_deref()).collect();
    assert_eq!(ids.len(), seen.len(), "every request has an id, and no two the same");
    let baskets = seen.iter().filter(|request| request.path == "/basket");
    assert!({ baskets }.all(|request| request.body == r#"{"token":"t1"}"#));
    let answers = record.frames.iter().flat_map(|frame| &frame.answers);
    let complete: u64 = { answers }
        .map(|answer| {
            assert_eq!((answer.service.as_str(), answer.status), ("shop", 200));
            answer.count
        })
        .sum();
    let unanswered: usize = record.frames.iter().map(|frame| frame.unanswered.len()).sum();
    // What the last viewers leave behind may or may not have come here.
    let received = complete..=complete + unanswered as u64;
    assert!(received.contains(&(seen.len() as u64)), "{received:?} against {}", seen.len());
    // Nobody observes its capacity, and the run says so by judging none; nor does it count itself.
    assert!(record.capacity.is_empty() && record.target.is_none());
    assert_eq!(run.summary().check(OWN_COUNT)["measured"], Value::Null);
}
