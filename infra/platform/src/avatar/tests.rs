//! The backend behind real sockets: regions, a rollout, growth and streams that leak.

use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::Full;
use hulk_net::{Connection, HttpError, Permit, Scope, ask, dial, fetch};
use hulk_settings::{Source, read};
use hyper::{Method, Request};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::*;

const LIMIT: Duration = Duration::from_secs(5);

struct Backend {
    permit: Permit,
}

impl Backend {
    /// Two GPUs of this many streams each, and what the lines before them say.
    fn start(lines: &str, streams_max: u32) -> Self {
        let text = format!(
            "frame_px = 16\n{lines}\n[[gpu]]\nkind = \"4090\"\nzone = \"a\"\ncount = 2\n\
             streams_max = {streams_max}\nbatch_1_ms = 8\nbatch_8_ms = 25\nmemory_mib = 24_000\n"
        );
        let backend = read(&Source::new("b.toml", text), BackendSpec::read).unwrap();
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let address = serve_avatar(AvatarPlan { backend, seed: 1 }, anywhere).unwrap();
        Self { permit: Scope::default().permit(address).unwrap() }
    }

    /// What it answers, or the status and what it says.
    async fn ask(&self, method: Method, path: &str, body: &Value) -> Result<Value, (u16, String)> {
        let body = Bytes::from(body.to_string());
        match ask(self.permit, method, path, body, LIMIT).await {
            Ok(text) => Ok(serde_json::from_str(&text).unwrap()),
            Err(HttpError::Status { status, body, .. }) => Err((status.as_u16(), body)),
            Err(other) => panic!("{path}: {other}"),
        }
    }

    async fn get(&self, path: &str) -> Value {
        self.ask(Method::GET, path, &json!({})).await.unwrap()
    }

    async fn token(&self, session: &str) -> Result<Value, (u16, String)> {
        let body = json!({ "lessonId": "7", "sessionId": session, "location": "bombay" });
        self.ask(Method::POST, "/api/v1/livekit/token", &body).await
    }

    /// The sessions of each region.
    async fn sessions(&self) -> Vec<u64> {
        let told = self.get("/regions").await;
        let regions = told["regions"].as_array().unwrap().iter();
        regions.map(|region| region["sessions"].as_u64().unwrap()).collect()
    }

    async fn has_metric(&self, line: &str) -> bool {
        let metrics = fetch(self.permit, "/metrics", LIMIT).await.unwrap();
        metrics.lines().any(|known| known == line)
    }

    async fn frames(&self) -> u64 {
        let metrics = fetch(self.permit, "/metrics", LIMIT).await.unwrap();
        let mut lines = metrics.lines();
        let frames = lines.find_map(|line| line.strip_prefix("hulk_avatar_frames_total "));
        frames.unwrap().parse().unwrap()
    }

    async fn socket(&self, query: &str) -> Result<WebSocketStream<TcpStream>, Error> {
        let url = format!("ws://{}/ws/audio_to_video?{query}", self.permit.address());
        let stream = dial(self.permit).await.unwrap();
        Ok(client_async(url, stream).await?.0)
    }
}

/// Looks again and again, for ten seconds at most.
async fn eventually(mut look: impl AsyncFnMut() -> bool) -> bool {
    for _ in 0..1_000 {
        if look().await {
            return true;
        }
        sleep(Duration::from_millis(10)).await;
    }
    false
}

/// The status of an upgrade that was refused.
fn refusal(error: &Error) -> u16 {
    let Error::Http(response) = error else { panic!("{error}") };
    response.status().as_u16()
}

#[tokio::test]
async fn a_token_leads_to_a_region_and_its_session_counts_there_until_its_socket_ends() {
    let region = |name: &str, ms| {
        format!("[[region]]\nname = \"{name}\"\ncapacity = 1\ndistance_ms = {{ bombay = {ms} }}\n")
    };
    let backend = Backend::start(&[region("near", 5), region("far", 110)].concat(), 12);
    let token = backend.token("a").await.unwrap();
    let url = format!("ws://{}/ws/audio_to_video?region=near", backend.permit.address());
    let room = ["room", "serverUrl", "token", "region"].map(|key| token[key].clone());
    assert_eq!(room, [json!("lesson_7"), json!(url), json!("reference.a"), json!("near")]);
    assert_eq!(backend.token("b").await.unwrap()["region"], json!("far"));
    let refused = (503, "{\"error\":\"no region has room\"}".to_owned());
    assert_eq!(backend.token("c").await.unwrap_err(), refused);
    let named = json!({ "name": "near", "capacity": 1, "sessions": 1 });
    assert_eq!(backend.get("/regions").await["regions"][0], named);
    let mut socket = backend.socket("session=a&region=near").await.unwrap();
    assert_eq!(backend.sessions().await, [1, 1]);
    assert!(backend.has_metric("livekit_connection_seconds_count 1").await);
    let refused = backend.socket("session=d&region=far").await.unwrap_err();
    assert_eq!(refusal(&refused), 403, "the room that is left is that of a token");
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
    assert!(eventually(async || backend.sessions().await == [0, 1]).await);
}

#[tokio::test]
async fn without_regions_a_token_is_as_it_was() {
    let backend = Backend::start("", 12);
    let url = format!("ws://{}", backend.permit.address());
    let wanted = json!({ "room": "lesson_7", "serverUrl": url, "token": "reference.a" });
    assert_eq!(backend.token("a").await, Ok(wanted));
    assert_eq!(backend.get("/regions").await, json!({ "regions": [] }));
    let none = backend.ask(Method::GET, "/rollout", &json!({})).await.unwrap_err();
    assert_eq!(none, (404, "{\"error\":\"nothing is rolled out\"}".to_owned()));
}

#[tokio::test]
async fn a_rollout_is_led_on_and_back_and_sessions_keep_their_sockets() {
    let backend = Backend::start("[rollout]\nnew_gpus = 1", 12);
    // The bucket of user-3 is 6: it has the new version, on the second GPU.
    let mut socket = backend.socket("session=s&user=user-3").await.unwrap();
    let on = backend.ask(Method::POST, "/rollout", &json!({ "go_on": true })).await.unwrap();
    let sessions = json!({ "old": 0, "new": 1 });
    let wanted = json!({ "percent": 25, "sessions": sessions, "rolled_back": null });
    assert_eq!((&on, &backend.get("/rollout").await), (&wanted, &wanted));
    let wrong = backend.ask(Method::POST, "/rollout", &json!({ "go": 1 })).await.unwrap_err();
    assert_eq!(wrong.0, 400);
    let foreign = Request::builder().method(Method::POST).uri("/rollout");
    let foreign = foreign.header("host", "127.0.0.1").header("content-type", "text/plain");
    let mut connection = Connection::open(backend.permit).await.unwrap();
    let answer = connection.send(foreign.body(Full::new(Bytes::new())).unwrap()).await.unwrap();
    assert_eq!(answer.status().as_u16(), 415, "a page from elsewhere leads nobody anywhere");
    let fault = json!({ "id": 1, "fault": { "out_of_memory": { "gpu": 1 } }, "lease_ms": 30_000 });
    backend.ask(Method::POST, "/faults", &fault).await.unwrap();
    let has_gone_back = async || backend.get("/rollout").await["rolled_back"] != Value::Null;
    assert!(eventually(has_gone_back).await);
    let back = backend.get("/rollout").await;
    assert_eq!(back["sessions"], json!({ "old": 1, "new": 0 }));
    assert_eq!(back["rolled_back"]["moved_sessions"], json!(1));
    assert!(back["rolled_back"]["why"].as_array().unwrap().contains(&json!("gpu_memory")));
    assert!(backend.has_metric("hulk_avatar_rolled_back_sessions_total 1").await);
    assert!(backend.has_metric("hulk_avatar_rollout_percent 0").await);
    // Only the first GPU makes any now.
    let before = backend.frames().await;
    assert!(eventually(async || backend.frames().await > before + 10).await);
    let message = timeout(LIMIT, socket.next()).await.unwrap();
    assert!(matches!(message, Some(Ok(Message::Binary(_)))), "{message:?}");
}

#[tokio::test]
async fn a_gpu_that_was_ordered_takes_streams_once_it_serves() {
    let scaler = "[scaler]\nmax_gpus = 3\nprovisioning_ms = 100\nevery_ms = 100\n\
                  target_streams = 0.8";
    let backend = Backend::start(scaler, 1);
    assert_eq!(backend.get("/status").await["capacity"]["maximum"], json!(2));
    let _both = [backend.socket("").await.unwrap(), backend.socket("").await.unwrap()];
    let maximum = async || backend.get("/status").await["capacity"]["maximum"] == json!(3);
    assert!(eventually(maximum).await);
    let _third = backend.socket("").await.unwrap();
    assert_eq!(refusal(&backend.socket("").await.unwrap_err()), 403);
}

#[tokio::test]
async fn a_caller_who_vanishes_leaves_a_stream_behind_only_where_streams_leak() {
    for leak in [false, true] {
        let backend = Backend::start(&format!("leak = {leak}"), 12);
        drop(backend.socket("").await.unwrap());
        let gone = async || backend.has_metric("hulk_avatar_vanished_total 1").await;
        assert!(eventually(gone).await);
        let current = backend.get("/status").await["capacity"]["current"].clone();
        assert_eq!(current, json!(u32::from(leak)));
    }
}
