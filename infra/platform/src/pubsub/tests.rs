//! Receivers on real sockets.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hulk_net::{HttpError, Scope, dial, fetch, post};
use hulk_settings::{Source, read};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::*;

const LIMIT: Duration = Duration::from_secs(10);
const UNIX_US: i64 = 1_800_000_000_000_000;

struct Service {
    address: SocketAddr,
    epoch: Epoch,
}

type Socket = WebSocketStream<TcpStream>;

impl Service {
    fn start(text: &str) -> Self {
        let spec = read(&Source::new("a.toml", text), PubSubSpec::read).unwrap();
        let epoch = Epoch(Instant::now());
        let plan = PubSubPlan { spec, seed: 1, epoch, unix_us: UNIX_US };
        let address = serve_pubsub(plan, ([127, 0, 0, 1], 0).into()).unwrap();
        Self { address, epoch }
    }

    /// Listens; the status where it may not.
    async fn listen(&self, query: &str) -> Result<Socket, u16> {
        let permit = Scope::default().permit(self.address).unwrap();
        let url = format!("ws://{}/feed?{query}", self.address);
        match client_async(url, dial(permit).await.unwrap()).await {
            Ok((socket, _)) => Ok(socket),
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    async fn post(&self, path: &str, body: Value) -> Result<String, HttpError> {
        let permit = Scope::default().permit(self.address).unwrap();
        post(permit, path, body.to_string(), LIMIT).await
    }

    async fn publish(&self, body: Value) {
        self.post("/publish", body).await.unwrap();
    }

    /// Waits until a metric has a value.
    async fn wait_for(&self, line: &str) {
        let permit = Scope::default().permit(self.address).unwrap();
        let look = async {
            loop {
                let metrics = fetch(permit, "/metrics", LIMIT).await.unwrap();
                if metrics.lines().any(|known| known == line) {
                    return;
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(LIMIT, look).await.unwrap_or_else(|_| panic!("never `{line}`"));
    }
}

fn status_of(error: &HttpError) -> u16 {
    match error {
        HttpError::Status { status, .. } => status.as_u16(),
        other => panic!("{other}"),
    }
}

/// The next message, as JSON.
async fn heard(socket: &mut Socket) -> Value {
    match timeout(LIMIT, socket.next()).await.expect("a message").unwrap().unwrap() {
        Message::Text(text) => serde_json::from_str(&text).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn everybody_gets_each_broadcast_with_its_stamp_and_number() {
    let service = Service::start("[[topic]]\nname = \"a\"\nbytes = 3\n");
    let mut receivers = Vec::new();
    for _ in 0..3 {
        receivers.push(service.listen("topic=a&user=7").await.unwrap());
    }
    let before_us = UNIX_US + service.epoch.now_us();
    service.publish(json!({ "topic": "a", "count": 2 })).await;
    let after_us = UNIX_US + service.epoch.now_us();
    for receiver in &mut receivers {
        for number in 0..2 {
            let message = heard(receiver).await;
            let stamp_us = message["stamp_us"].as_i64().unwrap();
            assert!((before_us..=after_us).contains(&stamp_us), "{message}");
            let wanted = json!({
                "topic": "a", "room": null, "sequence": number, "stamp_us": stamp_us, "hold_ms": 0,
                "padding": "xxx",
            });
            assert_eq!(message, wanted);
        }
    }
    service.wait_for("hulk_feed_delivered_total 6").await;
    service.wait_for("hulk_feed_published_total{topic=\"a\"} 2").await;
}

#[tokio::test]
async fn who_may_not_listen_is_told_why() {
    let service = Service::start(
        "receivers_max = 1\n[[topic]]\nname = \"a\"\n[[topic]]\nname = \"b\"\nrooms = 2\n",
    );
    for (query, status) in [
        ("topic=c", 404),
        ("", 404),
        ("topic=b", 400),
        ("topic=b&room=2", 400),
        ("topic=b&room=x", 400),
        ("topic=a&room=0", 400),
    ] {
        assert_eq!(service.listen(query).await.err(), Some(status), "{query}");
    }
    let first = service.listen("topic=b&room=1").await.unwrap();
    assert_eq!(service.listen("topic=a").await.err(), Some(503), "it is full");
    drop(first);
    service.wait_for("hulk_feed_receivers{topic=\"b\"} 0").await;
    assert!(service.listen("topic=a").await.is_ok(), "there is room again");
    service.wait_for("hulk_feed_refused_total 1").await;
    let permit = Scope::default().permit(service.address).unwrap();
    let plain = fetch(permit, "/feed?topic=a", LIMIT).await.unwrap_err();
    assert_eq!(status_of(&plain), 426);
}

#[tokio::test]
async fn a_message_goes_to_one_room_and_the_rooms_take_turns() {
    let service = Service::start("[[topic]]\nname = \"a\"\nrooms = 2\n");
    let mut first = service.listen("topic=a&room=0").await.unwrap();
    let mut second = service.listen("topic=a&room=1").await.unwrap();
    service.publish(json!({ "topic": "a", "count": 4, "within_ms": 20 })).await;
    for number in 0..2 {
        for (room, socket) in [(0, &mut first), (1, &mut second)] {
            let message = heard(socket).await;
            assert_eq!((&message["room"], &message["sequence"]), (&json!(room), &json!(number)));
        }
    }
}

#[tokio::test]
async fn a_hold_lies_between_the_stamp_and_the_first_connection() {
    let service = Service::start("[[topic]]\nname = \"a\"\nhold_ms = 60\n");
    let mut receiver = service.listen("topic=a").await.unwrap();
    for (hold, hold_ms) in [(json!(null), 60), (json!(20), 20), (json!(0), 0)] {
        service.publish(json!({ "topic": "a", "hold_ms": hold })).await;
        let message = heard(&mut receiver).await;
        let late_us = UNIX_US + service.epoch.now_us() - message["stamp_us"].as_i64().unwrap();
        assert!(late_us >= hold_ms * 1_000, "{late_us} µs: {message}");
        assert_eq!(message["hold_ms"], json!(hold_ms));
    }
}

#[tokio::test]
async fn a_topic_with_an_interval_publishes_by_itself() {
    let service = Service::start("[[topic]]\nname = \"a\"\nevery_s = 0.02\n");
    let mut receiver = service.listen("topic=a").await.unwrap();
    let first = heard(&mut receiver).await;
    let fifth = {
        for _ in 0..3 {
            heard(&mut receiver).await;
        }
        heard(&mut receiver).await
    };
    let number = |message: &Value| message["sequence"].as_i64().unwrap();
    assert_eq!(number(&fifth), number(&first) + 4);
}

#[tokio::test]
async fn a_receiver_that_does_not_read_is_closed_as_too_slow() {
    let service = Service::start("queue_messages = 16\n[[topic]]\nname = \"a\"\nbytes = 65_536\n");
    let mut slow = service.listen("topic=a").await.unwrap();
    // More than the buffers of both sockets hold.
    let body = json!({ "topic": "a", "count": 2_000, "within_ms": 4_000 });
    service.publish(body).await;
    service.wait_for("hulk_feed_dropped_slow_total 1").await;
    let (mut texts, mut close) = (0, None);
    while let Some(Ok(message)) = timeout(LIMIT, slow.next()).await.expect("an end") {
        match message {
            Message::Text(_) => texts += 1,
            Message::Close(frame) => close = frame,
            other => panic!("{other:?}"),
        }
    }
    let close = close.expect("a reason");
    assert_eq!((close.code, &*close.reason), (CloseCode::Again, "too slow"));
    assert!((1..2_000).contains(&texts), "{texts}");
    service.wait_for("hulk_feed_receivers{topic=\"a\"} 0").await;
}

#[tokio::test]
async fn a_share_of_the_receivers_is_cut_off_and_may_come_back() {
    let service = Service::start("[[topic]]\nname = \"a\"\n");
    let mut receivers = Vec::new();
    for _ in 0..10 {
        receivers.push(service.listen("topic=a").await.unwrap());
    }
    let dropped = service.post("/drop", json!({ "share": 0.4 })).await.unwrap();
    assert_eq!(dropped, "{\"dropped\":4}");
    service.publish(json!({ "topic": "a" })).await;
    let mut cut = 0;
    for receiver in &mut receivers {
        match timeout(LIMIT, receiver.next()).await.expect("a message or an end") {
            Some(Ok(Message::Text(_))) => {}
            Some(Err(_)) => cut += 1,
            other => panic!("no closing handshake is wanted: {other:?}"),
        }
    }
    assert_eq!(cut, 4);
    assert!(service.listen("topic=a").await.is_ok());
    service.wait_for("hulk_feed_cut_total 4").await;
}

#[tokio::test]
async fn pings_and_a_closing_handshake_are_answered() {
    let service = Service::start("[[topic]]\nname = \"a\"\n");
    let mut socket = service.listen("topic=a").await.unwrap();
    socket.send(Message::Ping("here".into())).await.unwrap();
    let pong = timeout(LIMIT, socket.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(pong, Message::Pong("here".into()));
    socket.close(None).await.unwrap();
    let close = timeout(LIMIT, socket.next()).await.unwrap();
    assert!(matches!(close, Some(Ok(Message::Close(_)))), "{close:?}");
    assert!(timeout(LIMIT, socket.next()).await.unwrap().is_none(), "it hangs up");
}

#[tokio::test]
async fn what_cannot_be_published_or_cut_is_refused() {
    let service = Service::start("[[topic]]\nname = \"a\"\n");
    for (path, body, status) in [
        ("/publish", json!({ "topic": "b" }), 404),
        ("/publish", json!({ "topic": "a", "count": 10_001 }), 400),
        ("/publish", json!({ "topic": "a", "within_ms": 60_001 }), 400),
        ("/publish", json!({ "topic": "a", "hold_ms": 10_001 }), 400),
        ("/publish", json!({ "topic": "a", "count": -1 }), 400),
        ("/publish", json!({ "topic": "a", "rooms": 1 }), 400),
        ("/drop", json!({ "share": 1.5 }), 400),
        ("/drop", json!({}), 400),
        ("/nothing", json!({}), 404),
    ] {
        let refused = service.post(path, body.clone()).await.unwrap_err();
        assert_eq!(status_of(&refused), status, "{path} {body}: {refused}");
    }
    for _ in 0..10 {
        service.publish(json!({ "topic": "a", "count": 10_000, "within_ms": 60_000 })).await;
    }
    let full = service.post("/publish", json!({ "topic": "a", "count": 10_000 })).await;
    assert_eq!(status_of(&full.unwrap_err()), 503);
}
