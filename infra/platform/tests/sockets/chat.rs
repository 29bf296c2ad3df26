//! A policy's chat endpoint: a server that speaks the OpenAI wire format, well and badly.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hulk_record::{BallEvent, Feed, MatchTime, Message};
use hulk_scaling::Policy;
use hyper::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::stage::{Stage, eventually, parse, start_with};

/// How the endpoint answers, and what it was asked: heads and bodies.
#[derive(Clone)]
struct Endpoint {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Endpoint {
    /// Answers each question with this status and content, after a while.
    async fn start(status: u16, content: &'static str, after: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::default());
        let endpoint = Self { address, asked };
        let kept = endpoint.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(kept.clone().answer(stream, status, content, after));
            }
        });
        endpoint
    }

    async fn answer(self, mut stream: TcpStream, status: u16, content: &str, after: Duration) {
        let (mut text, mut buffer) = (String::new(), [0; 4096]);
        let (head, body) = loop {
            let read = stream.read(&mut buffer).await.unwrap();
            text += std::str::from_utf8(&buffer[..read]).unwrap();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() == length.unwrap().parse::<usize>().unwrap() {
                break (head.to_owned(), serde_json::from_str(body).unwrap());
            }
        };
        self.asked.lock().unwrap().push((head, body));
        sleep(after).await;
        let message = json!({ "role": "assistant", "content": content });
        let choice = json!({ "index": 0, "message": message, "finish_reason": "stop" });
        let body =
            json!({ "id": "c1", "object": "chat.completion", "choices": [choice] }).to_string();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        // Who has given up does not read it.
        let _heard = stream.write_all((head + &body).as_bytes()).await;
    }

    fn asked(&self) -> Vec<(String, Value)> {
        self.asked.lock().unwrap().clone()
    }
}

fn message(id: u32, at_s: f64) -> Message {
    let at = MatchTime::from_s(at_s);
    Message {
        id,
        happened: at,
        at,
        event: BallEvent::In,
        player: Some("MS Dhoni".into()),
        key_player: true,
        moment: None,
        text: format!("message {id}"),
    }
}

/// A platform whose `home` asks the endpoint about messages at these seconds.
async fn hears(endpoint: &Endpoint, at_s: &[f64], more: &str) -> Stage {
    let url = format!("http://{}/v1/chat/completions", endpoint.address);
    let policy = parse(
        &format!(
            "commentary = {{ role = \"recommendation\", rungs = 1, for_s = 600, max_instances = 50, \
             ladder = {{ rung_viewers = 1000, buffer_viewers = 0, rps_per_viewer = 1, rps_buffer = 0, \
             rps_per_instance = 1000 }}, chat = {{ url = \"{url}\", model = \"tiny\"{more} }} }}"
        ),
        Policy::read,
    );
    let messages = (1..).zip(at_s).map(|(id, at)| message(id, *at)).collect();
    let feed = Feed { key_players: vec!["MS Dhoni".into()], teams: Vec::new(), messages };
    start_with(1.0, Some(policy), feed).await
}

impl Stage {
    /// A number among the metrics of `home`.
    async fn metric(&self, name: &str) -> Option<f64> {
        let metrics = self.ask(Method::GET, "/metrics", "").await.unwrap();
        metrics.lines().find_map(|line| line.strip_prefix(&format!("{name} "))?.parse().ok())
    }

    async fn desired(&self) -> Option<f64> {
        self.metric("hulk_platform_instances_desired{service=\"home\"}").await
    }

    async fn outcome(&self, outcome: &str) -> Option<f64> {
        let labels = format!("{{service=\"home\",outcome=\"{outcome}\"}}");
        self.metric(&format!("hulk_platform_advice_total{labels}")).await
    }
}

#[tokio::test]
async fn an_endpoint_is_asked_in_its_format_and_its_advice_is_followed() {
    let good = "{\"direction\": \"out\", \"count\": 7}";
    let endpoint = Endpoint::start(200, good, Duration::ZERO).await;
    // A variable that every test has.
    let stage = hears(&endpoint, &[0.1], ", api_key_env = \"CARGO_MANIFEST_DIR\"").await;
    assert!(eventually(|| async { stage.desired().await == Some(7.0) }).await);
    assert_eq!(stage.outcome("answered").await, Some(1.0));
    let [(head, body)] = &endpoint.asked()[..] else { panic!("asked once") };
    assert!(head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{head}");
    let key = concat!("authorization: Bearer ", env!("CARGO_MANIFEST_DIR"));
    assert!(head.lines().any(|line| line == key), "{head}");
    assert!(head.lines().any(|line| line == "content-type: application/json"), "{head}");
    assert_eq!((&body["model"], &body["temperature"]), (&json!("tiny"), &json!(0)));
    let roles: Vec<&Value> =
        body["messages"].as_array().unwrap().iter().map(|message| &message["role"]).collect();
    assert_eq!(roles, ["system", "user"]);
    let told = body["messages"][1]["content"].as_str().unwrap();
    let told: Value = serde_json::from_str(told).unwrap();
    assert_eq!((&told["service"], &told["role"]), (&json!("home"), &json!("recommendation")));
    assert_eq!(told["message"]["text"], "message 1");
    assert_eq!(told["key_players"], json!(["MS Dhoni"]));
    assert_eq!((&told["max_instances"], &told["viewers"]), (&json!(50), &json!(0.0)));
    assert_eq!(told["ladder"]["rung_viewers"], 1000.0);
}

#[tokio::test]
async fn without_a_key_none_is_sent() {
    let endpoint = Endpoint::start(200, "{\"direction\": \"hold\"}", Duration::ZERO).await;
    let stage = hears(&endpoint, &[0.05], "").await;
    assert!(eventually(|| async { stage.outcome("answered").await == Some(1.0) }).await);
    assert!(!endpoint.asked()[0].0.contains("authorization"));
    assert_eq!(stage.desired().await, Some(0.0));
}

#[tokio::test]
async fn what_is_no_good_answer_falls_back_to_the_ladder_and_is_counted_by_its_kind() {
    let good = "{\"direction\": \"out\", \"count\": 7}";
    let all = [
        ("timeout", 200, good, Duration::from_secs(60)),
        ("refused", 500, good, Duration::ZERO),
        ("bad_json", 200, "Scale out by 7, please.", Duration::ZERO),
        ("absurd", 200, "{\"direction\": \"out\", \"count\": 51}", Duration::ZERO),
        ("absurd", 200, "{\"direction\": \"in\", \"count\": 1}", Duration::ZERO),
    ];
    for (outcome, status, content, after) in all {
        let endpoint = Endpoint::start(status, content, after).await;
        let stage = hears(&endpoint, &[0.05], ", timeout_ms = 200").await;
        assert!(
            eventually(|| async { stage.outcome(outcome).await == Some(1.0) }).await,
            "{outcome}"
        );
        assert_eq!(stage.desired().await, Some(0.0), "{outcome}: the ladder of nobody");
        assert_eq!(stage.outcome("answered").await, None);
    }
}

#[tokio::test]
async fn one_question_is_under_way_and_a_newer_message_replaces_one_that_waits() {
    let hold = "{\"direction\": \"hold\"}";
    let endpoint = Endpoint::start(200, hold, Duration::from_millis(600)).await;
    let stage = hears(&endpoint, &[0.05, 0.2, 0.3, 0.4], "").await;
    assert!(eventually(|| async { stage.outcome("answered").await == Some(2.0) }).await);
    let about = |(_, body): &(String, Value)| {
        let told = body["messages"][1]["content"].as_str().unwrap();
        serde_json::from_str::<Value>(told).unwrap()["message"]["id"].clone()
    };
    assert_eq!(endpoint.asked().iter().map(about).collect::<Vec<_>>(), [1, 4]);
}
