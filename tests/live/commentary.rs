//! The commentary of a run, heard outside: by a webhook, and as server-sent events.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hulk_scenarios::Rehearsal;
use serde_json::Value;

use crate::bench::{Bench, wait_for};
use crate::files::replaced;
use crate::served::Served;

/// The example of docs/commentary.md, told where to publish.
fn example(bench: &Bench, webhook: u16, sse: u16) -> Vec<u32> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples");
    let text = fs::read_to_string(examples.join("commentary.toml")).unwrap();
    let ports = [("127.0.0.1:9000", webhook), ("127.0.0.1:9001", sse)];
    let text = ports.into_iter().fold(text, |text, (from, port)| {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text.replace(from, &format!("127.0.0.1:{port}"))
    });
    let text = replaced(&text, "lead_in_ms = 10_000", "lead_in_ms = 4_000");
    bench.write("commentary.toml", text);
    bench.write("two-edges.toml", fs::read(examples.join("two-edges.toml")).unwrap());
    let rehearsal = Rehearsal::load(bench.path("commentary.toml").to_str().unwrap()).unwrap();
    rehearsal.feed().messages.iter().map(|message| message.id).collect()
}

/// Keeps the messages that are posted.
fn webhook(heard: Arc<Mutex<Vec<Value>>>) -> Served {
    Served::by(move |mut stream: TcpStream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut line, mut length) = (String::new(), 0);
        while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
            if let Some(told) = line.strip_prefix("content-length: ") {
                length = told.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        heard.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    })
}

/// A port that was free just now.
fn free_port() -> u16 {
    Served::by(drop).port
}

/// All that a reader gets who has read nothing yet.
#[expect(clippy::disallowed_methods, reason = "this reader is no part of the project")]
fn read_events(port: u16) -> String {
    let mut reader = wait_for("the port of the events", Duration::from_secs(30), || {
        TcpStream::connect(("127.0.0.1", port)).ok()
    });
    write!(reader, "GET /commentary HTTP/1.1\r\nlast-event-id: 0\r\n\r\n").unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    text
}

fn ids(messages: &[Value]) -> Vec<u32> {
    messages.iter().map(|message| message["id"].as_u64().unwrap() as u32).collect()
}

#[test]
fn a_webhook_and_a_reader_hear_every_message_of_the_feed_once_and_in_order() {
    let bench = Bench::take("commentary");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hook = webhook(Arc::clone(&heard));
    let sse = free_port();
    let feed = example(&bench, hook.port, sse);
    assert!(feed.len() >= 4, "{feed:?}");
    let text = Mutex::new(String::new());
    let run = bench.rehearse_each("commentary.toml", || {
        heard.lock().unwrap().clear();
        let running = bench.rehearsal("commentary.toml");
        *text.lock().unwrap() = read_events(sse);
        running.end()
    });
    run.assert_ended(0, "PASS");
    assert_eq!(ids(&heard.lock().unwrap()), feed, "the webhook");
    let text = text.into_inner().unwrap();
    let told: Vec<u32> =
        text.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect();
    assert_eq!(told, feed, "server-sent events");
    assert!(text.ends_with("event: end\ndata: {}\n\n"), "{text}");
    let stars = heard.lock().unwrap();
    let star = stars.iter().find(|message| message["moment"] == "dhoni-in").unwrap();
    assert_eq!((&star["key_player"], &star["event"]), (&true.into(), &"in".into()));
    // The embedded services heard it as well, and at once.
    let said = &run.summary().0["commentary"][0];
    let changed: BTreeSet<&str> = said["services"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|service| service["match_s"].as_f64().is_some_and(|took| took < 60.0))
        .map(|service| service["service"].as_str().unwrap())
        .collect();
    assert!(changed.contains("home") && changed.contains("playback"), "{said}");
}

#[test]
fn a_webhook_and_a_chat_endpoint_that_are_not_there_are_told_and_stop_nobody() {
    let bench = Bench::take("commentary-nobody");
    let feed = example(&bench, free_port(), free_port());
    let text = fs::read_to_string(bench.path("commentary.toml")).unwrap();
    let chat = format!(
        "chat = {{ url = \"http://127.0.0.1:{}/v1/chat/completions\", model = \"m\" }}\nrole = \"video\"",
        free_port()
    );
    bench.write("commentary.toml", text.replace("role = \"video\"", &chat));
    let run = bench.rehearse("commentary.toml");
    run.assert_ended(0, "PASS");
    let summary = run.summary();
    let events = summary.0["events"].as_array().unwrap();
    let told = |kind: &str| -> Vec<&str> {
        let told = events.iter().filter(|event| event["kind"] == kind);
        told.map(|event| event["text"].as_str().unwrap()).collect()
    };
    let of_chat =
        "playback: the chat endpoint cannot be reached, or refuses; the ladder alone counts";
    assert!(told("chat").len() > 1 && told("chat").iter().all(|text| *text == of_chat));
    let told = told("commentary");
    assert_eq!(told.len(), feed.len(), "{told:?}");
    assert!(told.iter().all(|text| text.contains("did not reach the webhook: no connection")));
}
