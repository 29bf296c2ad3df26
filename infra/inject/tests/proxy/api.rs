//! The API, as Toxiproxy's clients know it and as ours extends it, asked over real connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hulk_inject::{Desk, serve};
use hulk_net::{Method, Scope, answer_to};
use hyper::Request;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::world;

/// An API that somebody can ask.
struct Api(SocketAddr);

struct Said {
    status: u16,
    kind: String,
    body: String,
    id: Option<String>,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{}: {error}", self.body))
    }

    /// The status, and the message of an error.
    fn error(&self) -> (u16, String) {
        let body = self.json();
        assert_eq!(body["status"], self.status, "{body}");
        (self.status, body["error"].as_str().unwrap().to_owned())
    }
}

impl Api {
    async fn open() -> Self {
        let desk = Desk::new(Scope::default(), 1, Duration::from_secs(60));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(Arc::clone(&desk).keep());
        tokio::spawn(serve(listener, desk));
        Self(address)
    }

    async fn ask_as(&self, agent: &str, method: &str, path: &str, body: &str) -> Said {
        let method: Method = method.parse().unwrap();
        let request = Request::builder().method(method).uri(path).header("user-agent", agent);
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        let permit = Scope::default().permit(self.0).unwrap();
        let answer = answer_to(permit, request, Duration::from_secs(5), 1 << 20).await.unwrap();
        let header = |name| answer.headers().get(name).map(|v| v.to_str().unwrap().to_owned());
        Said {
            status: answer.status().as_u16(),
            kind: header("content-type").unwrap_or_default(),
            id: header("x-toxiproxy-request-id"),
            body: String::from_utf8(answer.into_body().to_vec()).unwrap(),
        }
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> Said {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.ask_as("test", method, path, &body).await
    }

    async fn get(&self, path: &str) -> Said {
        self.ask("GET", path, &Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Said {
        self.ask("POST", path, &body).await
    }

    async fn delete(&self, path: &str) -> Said {
        self.ask("DELETE", path, &Value::Null).await
    }

    /// A proxy `p` to an address that is not used.
    async fn with_proxy() -> Self {
        let api = Self::open().await;
        let spec = json!({ "name": "p", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9" });
        assert_eq!(api.post("/proxies", spec).await.status, 201);
        api
    }
}

#[tokio::test]
async fn every_call_is_answered_as_toxiproxy_answers_it() {
    let api = Api::open().await;
    let version = api.get("/version").await;
    assert_eq!((version.status, version.kind.as_str()), (200, "application/json;charset=utf-8"));
    assert!(version.json()["version"].is_string() && version.id.is_some());
    assert_eq!(api.get("/proxies").await.json(), json!({}));
    let spec = json!({
        "NAME": "a", "Listen": "localhost:0", "upstream": "localhost:9", "toxics": [{}], "x": 1,
    });
    let made = api.post("/proxies", spec).await;
    let listen = made.json()["listen"].as_str().unwrap().to_owned();
    let proxy = |enabled: bool, toxics: Value| json!({ "name": "a", "listen": listen, "upstream": "localhost:9", "enabled": enabled, "toxics": toxics });
    assert_eq!((made.status, made.json()), (201, proxy(true, json!([]))));
    assert!(!listen.ends_with(":0"), "{listen}");
    let toxic =
        api.post("/proxies/a/toxics", json!({ "type": "latency", "attributes": null })).await;
    let latency = json!({
        "attributes": { "latency": 0, "jitter": 0 }, "name": "latency_downstream", "type": "latency",
        "stream": "downstream", "toxicity": 1.0,
    });
    assert_eq!((toxic.status, toxic.json()), (200, latency.clone()));
    let slicer = json!({
        "type": "slicer", "stream": "Upstream", "toxicity": 0.5, "name": "s",
        "attributes": { "average_size": 64, "size_variation": 32, "delay": 10 },
    });
    assert_eq!(api.post("/proxies/a/toxics", slicer).await.status, 200);
    let all = api.get("/proxies/a/toxics").await.json();
    let names: Vec<&str> =
        all.as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["s", "latency_downstream"], "the chain upstream comes first");
    let changed = json!({ "attributes": { "LATENCY": 100 }, "toxicity": 0.25, "name": "x", "stream": "upstream" });
    let changed = api.ask("PATCH", "/proxies/a/toxics/latency_downstream", &changed).await.json();
    assert_eq!(changed["attributes"], json!({ "latency": 100, "jitter": 0 }));
    assert_eq!((&changed["toxicity"], &changed["stream"]), (&json!(0.25), &json!("downstream")));
    assert_eq!(api.get("/proxies/a/toxics/latency_downstream").await.json(), changed);
    let down = api.post("/proxies/a", json!({ "enabled": false, "name": "b" })).await;
    assert_eq!((down.status, &down.json()["enabled"]), (200, &json!(false)));
    assert_eq!(down.json()["listen"], json!(listen), "the port is kept");
    assert_eq!(api.delete("/proxies/a/toxics/s").await.status, 204);
    let reset = api.ask("POST", "/reset", &Value::Null).await;
    assert_eq!((reset.status, reset.body.as_str()), (204, ""));
    assert_eq!(api.get("/proxies/a").await.json(), proxy(true, json!([])));
    assert_eq!(api.delete("/proxies/a").await.status, 204);
    assert_eq!(api.delete("/proxies/a").await.status, 404);
}

#[tokio::test]
async fn every_error_has_the_status_and_the_words_that_clients_know() {
    let api = Api::with_proxy().await;
    let wrong = |method: &'static str, path: &'static str, body: Value| {
        let api = &api;
        async move { api.ask(method, path, &body).await.error() }
    };
    for (method, path, body, status, message) in [
        ("POST", "/proxies", json!({ "upstream": "a" }), 400, "missing required field: name"),
        ("POST", "/proxies", json!({ "name": "x" }), 400, "missing required field: upstream"),
        (
            "POST",
            "/proxies",
            json!({ "name": "p", "upstream": "127.0.0.1:9" }),
            409,
            "proxy already exists",
        ),
        ("GET", "/proxies/x", Value::Null, 404, "proxy not found"),
        ("POST", "/proxies/x", json!({}), 404, "proxy not found"),
        ("POST", "/proxies/x/toxics", json!({}), 404, "proxy not found"),
        ("GET", "/proxies/p/toxics/x", Value::Null, 404, "toxic not found"),
        ("POST", "/proxies/p/toxics/x", json!({}), 404, "toxic not found"),
        ("DELETE", "/proxies/p/toxics/x", Value::Null, 404, "toxic not found"),
        (
            "POST",
            "/proxies/p/toxics",
            json!({ "type": "nap", "stream": "side" }),
            400,
            "stream was invalid, can be either upstream or downstream",
        ),
        ("POST", "/proxies/p/toxics", json!({ "type": "nap" }), 400, "invalid toxic type"),
        ("POST", "/proxies/p/toxics", json!({}), 400, "invalid toxic type"),
        (
            "POST",
            "/populate",
            json!([{ "name": "q", "upstream": "127.0.0.1:9" }, { "upstream": "a" }]),
            400,
            "missing required field: name at proxy 2",
        ),
    ] {
        assert_eq!(
            wrong(method, path, body.clone()).await,
            (status, message.to_owned()),
            "{path} {body}"
        );
    }
    let bad = api.ask_as("test", "POST", "/proxies", "{").await;
    assert_eq!((bad.status, bad.kind.as_str()), (400, "text/plain; charset=utf-8"));
    assert!(bad.error().1.starts_with("bad request body: ") && bad.body.ends_with('\n'));
    let empty = api.ask_as("test", "POST", "/proxies", "").await;
    assert_eq!(empty.error(), (400, "bad request body: EOF".to_owned()));
    let unknown = api.get("/nowhere").await;
    assert_eq!((unknown.status, unknown.body.as_str()), (404, "404 page not found\n"));
    assert_eq!(api.ask("PUT", "/proxies", &json!({})).await.status, 405);
    let browser = api.ask_as("Mozilla/5.0", "GET", "/proxies", "").await;
    assert_eq!((browser.status, browser.body.as_str()), (403, "User agent not allowed\n"));
}

#[tokio::test]
async fn bad_attributes_are_refused_and_nothing_is_set() {
    let api = Api::with_proxy().await;
    for (kind, attributes) in [
        ("bandwidth", json!({ "rate": -1 })),
        ("slicer", json!({ "average_size": 0 })),
        ("slicer", json!({ "average_size": 10, "size_variation": 10 })),
        ("latency", json!({ "latency": "100" })),
        ("latency", json!({ "latency": 1.5 })),
        ("timeout", json!({ "timeout": -1 })),
        ("limit_data", json!({ "bytes": 1e300 })),
        ("http_status", json!({ "status": 503 })),
        ("loss", json!({ "share": 0.1 })),
    ] {
        let body = json!({ "type": kind, "attributes": attributes });
        let said = api.post("/proxies/p/toxics", body.clone()).await;
        assert_eq!(said.error().0, 400, "{body}: {}", said.body);
    }
    let body = json!({ "type": "noop", "toxicity": 1.5 });
    assert_eq!(api.post("/proxies/p/toxics", body).await.error().0, 400);
    assert_eq!(api.get("/proxies/p/toxics").await.json(), json!([]));
}

#[tokio::test]
async fn nothing_outside_the_loopback_is_listened_on_or_led_to() {
    let api = Api::open().await;
    for (listen, upstream) in [
        ("0.0.0.0:0", "127.0.0.1:9"),
        ("10.0.0.1:0", "127.0.0.1:9"),
        ("127.0.0.1:0", "example.com:80"),
        ("127.0.0.1:0", "8.8.8.8:53"),
    ] {
        let spec = json!({ "name": "x", "listen": listen, "upstream": upstream });
        let said = api.post("/proxies", spec).await;
        assert_eq!(said.error().0, 403, "{listen} {upstream}: {}", said.body);
    }
    let spec = json!({ "name": "x", "listen": ":0", "upstream": "127.0.0.1:9" });
    let listen = api.post("/proxies", spec).await.json()["listen"].as_str().unwrap().to_owned();
    assert!(
        listen.starts_with("127.0.0.1:"),
        "no host is the loopback, not every address: {listen}"
    );
    for address in ["nowhere", "127.0.0.1:x", "127.0.0.1:70000"] {
        let spec = json!({ "name": "y", "upstream": address });
        assert_eq!(api.post("/proxies", spec).await.error().0, 400, "{address}");
    }
}

#[tokio::test]
async fn populate_leaves_what_is_the_same_and_replaces_what_is_not() {
    let api = Api::open().await;
    let listen = world::free_port().await;
    let spec = |upstream: &str| json!([{ "name": "a", "listen": listen.to_string(), "upstream": upstream }]);
    assert_eq!(api.post("/populate", json!([])).await.json(), json!({ "proxies": null }));
    let made = api.post("/populate", spec("127.0.0.1:9")).await;
    assert_eq!((made.status, &made.json()["proxies"][0]["name"]), (201, &json!("a")));
    assert_eq!(api.post("/proxies/a/toxics", json!({ "type": "noop" })).await.status, 200);
    let again = api.post("/populate", spec("localhost:9")).await.json();
    assert_eq!(again["proxies"][0]["toxics"].as_array().unwrap().len(), 1, "untouched: {again}");
    let other = api.post("/populate", spec("127.0.0.1:10")).await.json();
    assert_eq!(other["proxies"][0]["toxics"], json!([]), "replaced: {other}");
    // The port of another process: what was made before stays.
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let both = json!([
        { "name": "b", "upstream": "127.0.0.1:9" },
        { "name": "c", "listen": taken, "upstream": "127.0.0.1:9" },
    ]);
    let held = TcpListener::bind(&*taken).await;
    let failed = api.post("/populate", both).await;
    drop(held);
    assert_eq!((failed.status, &failed.json()["proxies"][0]["name"]), (500, &json!("b")));
    assert_eq!(api.get("/proxies/c").await.status, 404);
}

#[tokio::test]
async fn a_lease_that_is_not_renewed_heals() {
    let api = Api::with_proxy().await;
    let lent = json!({ "type": "latency", "attributes": { "latency": 5 }, "ttl_ms": 300 });
    let set = api.ask("PUT", "/v1/proxies/p/toxics/slow", &lent).await;
    assert_eq!((set.status, &set.json()["bit"]), (200, &json!(false)));
    assert!(set.json()["ttl_ms"].as_i64().unwrap() <= 300);
    // Renewed for longer than it would have lived.
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let renewed =
            api.ask("PUT", "/v1/proxies/p/toxics/slow/lease", &json!({ "ttl_ms": 300 })).await;
        assert_eq!(renewed.status, 200, "{}", renewed.body);
    }
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(api.get("/proxies/p/toxics").await.json(), json!([]));
    let gone = api.get("/v1/proxies/p/toxics/slow").await.json();
    assert_eq!(gone["ended"], json!("lapsed"), "what it did is remembered");
    let late = api.ask("PUT", "/v1/proxies/p/toxics/slow/lease", &json!({ "ttl_ms": 300 })).await;
    assert_eq!(late.error().0, 404, "what has lapsed is not woken");
}

#[tokio::test]
async fn our_own_api_refuses_what_it_does_not_know() {
    let api = Api::with_proxy().await;
    for (body, wanted) in [
        (json!({ "type": "latency" }), "`ttl_ms` must be a whole number from 100 to 86400000"),
        (json!({ "type": "latency", "ttl_ms": 1 }), "`ttl_ms` must be"),
        (json!({ "type": "latency", "ttl_ms": 500, "ttl": 1 }), "unknown field `ttl`"),
        (
            json!({ "type": "latency", "ttl_ms": 500, "attributes": { "delay": 1 } }),
            "attribute `delay` is not one",
        ),
        (
            json!({ "type": "latency", "ttl_ms": 500, "ramp_from": { "latency": 1 } }),
            "`ramp_ms` is missing",
        ),
        (
            json!({ "type": "http_status", "ttl_ms": 500, "attributes": { "status": 500 } }),
            "needs a proxy of protocol http",
        ),
    ] {
        let said = api.ask("PUT", "/v1/proxies/p/toxics/t", &body).await;
        let (status, message) = said.error();
        assert!(status == 400 && message.contains(wanted), "{body}: {message}");
    }
    let proxy = api.get("/v1/proxies/p").await.json();
    assert_eq!((&proxy["protocol"], &proxy["toxics"]), (&json!("tcp"), &json!([])));
}

#[tokio::test]
async fn a_ramp_makes_a_toxic_stronger_step_by_step() {
    let api = Api::with_proxy().await;
    let body = json!({
        "type": "latency", "attributes": { "latency": 1000 }, "ttl_ms": 60000,
        "ramp_from": { "latency": 0 }, "ramp_ms": 1000,
    });
    let first = api.ask("PUT", "/v1/proxies/p/toxics/t", &body).await.json();
    let latency = |toxic: &Value| toxic["attributes"]["latency"].as_i64().unwrap();
    let mut seen = vec![latency(&first)];
    while seen.last() != Some(&1000) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        // Asked for again as it is, it is renewed and climbs on.
        let now = latency(&api.ask("PUT", "/v1/proxies/p/toxics/t", &body).await.json());
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        assert!(seen.len() < 1000, "{seen:?}");
    }
    assert!(seen.is_sorted() && seen.len() >= 5 && seen[0] < 500, "{seen:?}");
}
