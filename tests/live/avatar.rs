//! `hulk avatar` in front of a caller that knows nothing of HULK: Python's websockets and protobuf, written from
//! the wire format's description alone.

use std::time::Duration;

use hulk_net::{Method, Scope, ask, fetch};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::bench::{Bench, HULK, Running, wait_for};
use crate::platform::promtool;
use crate::processes::kill;
use crate::servers::{Server, free_port, program};

const LIMIT: Duration = Duration::from_secs(10);
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/.venv/bin/python");
const CALLER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live/avatar_caller.py");
const FRONT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/avatar-front/nginx.conf");

/// One GPU that carries five streams.
const FIVE: &str = r#"
admission = "ADMISSION"
check_to_act_ms = 200
refusal = "REFUSAL"
frame_px = 64

[[gpu]]
kind = "RTX 4090"
zone = "here"
streams_max = 5
batch_1_ms = 8
batch_8_ms = 25
memory_mib = 24_000
"#;

/// A backend alone.
pub(crate) struct Backend {
    running: Running,
    runtime: Runtime,
    pub(crate) port: u16,
}

impl Backend {
    pub(crate) fn start(bench: &Bench, arguments: &[&str]) -> Self {
        let running = bench.start(&[&[HULK, "avatar"], arguments].concat());
        let port = wait_for("the avatar backend", LIMIT, || {
            let said = running.said();
            let mut lines =
                said.lines().filter_map(|line| line.strip_prefix("REST: http://127.0.0.1:"));
            lines.find_map(|rest| rest.strip_suffix("/status")?.parse().ok())
        });
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self { running, runtime, port }
    }

    /// One GPU of five streams with this admission and refusal.
    fn of_five(bench: &Bench, admission: &str, refusal: &str) -> Self {
        bench.write("five.toml", FIVE.replace("ADMISSION", admission).replace("REFUSAL", refusal));
        Self::start(bench, &["five.toml"])
    }

    fn get(&self, path: &str) -> String {
        let permit = Scope::default().permit(([127, 0, 0, 1], self.port).into()).unwrap();
        self.runtime.block_on(fetch(permit, path, LIMIT)).unwrap()
    }

    fn send(&self, method: Method, path: &str, body: &Value) -> Result<String, String> {
        let permit = Scope::default().permit(([127, 0, 0, 1], self.port).into()).unwrap();
        let asked = ask(permit, method, path, body.to_string().into(), LIMIT);
        self.runtime.block_on(asked).map_err(|error| error.to_string())
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.get("/status")).unwrap()
    }

    /// The value of a metric, with its labels.
    fn metric(&self, name: &str) -> f64 {
        let metrics = self.get("/metrics");
        let found = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("{name} is not in\n{metrics}")).parse().unwrap()
    }
}

/// What the caller tells of its calls.
fn calls(bench: &Bench, port: u16, seconds: &str, more: &[&str]) -> Value {
    let url = format!("ws://127.0.0.1:{port}");
    let run = bench.start(&[&[PYTHON, CALLER, &url, seconds], more].concat()).end();
    assert_eq!(run.code, 0, "{run:?}");
    serde_json::from_str(&run.stdout).unwrap()
}

/// A call in which everything was right.
fn assert_served(call: &Value, square: u64) {
    assert_eq!(call["refused"], Value::Null, "{call}");
    assert_eq!(call["square"], json!(square), "{call}");
    assert_eq!(call["video_bytes"], json!(square * square * 3), "{call}");
    assert_eq!(call["audio_samples"], json!([640]), "{call}");
    assert_eq!(call["unknown_fields"], json!(0), "{call}");
    let fps = call["fps"].as_f64().unwrap();
    assert!((24.0..=26.0).contains(&fps), "{call}");
    // 2 s are 50 frames of speech; one may be cut in two at either end, and one may come while the next waits.
    for key in ["voiced_frames", "bright_frames"] {
        let frames = call[key].as_u64().unwrap();
        assert!((48..=52).contains(&frames), "{key}: {call}");
    }
    assert_eq!(call["start_speech"], call["end_speech"], "{call}");
}

#[test]
fn a_stranger_s_caller_talks_to_the_reference_backend_and_gets_frames() {
    let bench = Bench::take("avatar-stranger");
    let backend = Backend::start(&bench, &["t4"]);
    let rest = format!("http://127.0.0.1:{}", backend.port);
    let told = calls(&bench, backend.port, "2", &["--rest", &rest, "--calls", "3"]);
    let all = told["calls"].as_array().unwrap();
    assert_eq!(all.len(), 3, "{told}");
    all.iter().for_each(|call| assert_served(call, 128));
    let answers = told["rest"].as_object().unwrap();
    let statuses: Vec<(&str, u64)> = answers
        .iter()
        .map(|(asked, said)| (asked.as_str(), said["status"].as_u64().unwrap()))
        .collect();
    let wanted = [
        ("GET /api/v1/rooms/status", 200),
        ("GET /health", 200),
        ("GET /models", 200),
        ("GET /status", 200),
        ("GET /streams", 200),
        ("POST /api/v1/livekit/token", 200),
        // It asks for a model that is not there.
        ("POST /load_model", 404),
    ];
    assert_eq!(statuses, wanted);
    let capacity = &told["rest"]["GET /status"]["body"]["capacity"];
    assert_eq!(capacity, &json!({ "current": 0, "maximum": 5, "available": 5 }));
    // Who has hung up holds nothing.
    wait_for("the streams' end", LIMIT, || {
        (backend.status()["capacity"]["current"] == json!(0)).then_some(())
    });
    assert_eq!(
        promtool(&backend.get("/metrics"))
            .1
            .lines()
            .filter(|line| !line.contains("concurrent_streams_total"))
            .count(),
        0
    );
    assert!(backend.metric("hulk_avatar_frames_total") >= 3.0 * 50.0);
    kill(backend.running.id(), Signal::INT);
    assert_eq!(backend.running.end().code, 130);
}

#[test]
fn nginx_of_the_shipped_configuration_stands_between() {
    let bench = Bench::take("avatar-nginx");
    let backend = Backend::start(&bench, &["t4"]);
    let port = free_port();
    let text = std::fs::read_to_string(FRONT).unwrap();
    assert_eq!(
        (text.matches("127.0.0.1:8000").count(), text.matches("127.0.0.1:8080").count()),
        (2, 1)
    );
    let text = text.replace("127.0.0.1:8000", &format!("127.0.0.1:{}", backend.port));
    let text = text.replace("127.0.0.1:8080", &format!("127.0.0.1:{port}"));
    bench.write("nginx.conf", text);
    let folder = bench.path("");
    let nginx = program("nginx");
    let place = folder.to_str().unwrap();
    let _front =
        Server::start(&bench, &[&nginx, "-p", place, "-c", "nginx.conf", "-e", "error.log"], port);
    let told = calls(&bench, port, "2", &["--calls", "2"]);
    told["calls"].as_array().unwrap().iter().for_each(|call| assert_served(call, 128));
    let permit = Scope::default().permit(([127, 0, 0, 1], port).into()).unwrap();
    let health = backend.runtime.block_on(fetch(permit, "/health", LIMIT)).unwrap();
    assert_eq!(health, "{\"status\":\"ok\"}");
    // What is not public is not led on.
    assert!(backend.runtime.block_on(fetch(permit, "/metrics", LIMIT)).is_err());
}

#[test]
fn a_burst_is_admitted_beyond_the_limit_only_where_checking_and_acting_are_two_steps() {
    let bench = Bench::take("avatar-burst");
    for (admission, refusal, over) in [
        ("atomic", "before_accept", false),
        ("atomic", "after_accept", false),
        ("check_then_act", "after_accept", true),
    ] {
        let backend = Backend::of_five(&bench, admission, refusal);
        let told = calls(&bench, backend.port, "1", &["--calls", "8"]);
        let calls = told["calls"].as_array().unwrap();
        let served = calls.iter().filter(|call| call["refused"] == Value::Null).count();
        assert_eq!(served > 5, over, "{admission}: {served} of 8\n{told}");
        assert!(over || served == 5, "{admission}: {served} of 8\n{told}");
        let refused = match refusal {
            "before_accept" => json!({ "status": 403 }),
            _ => json!({ "close": 1011, "reason": "Maximum concurrent streams" }),
        };
        let others = calls.iter().filter(|call| call["refused"] != Value::Null);
        others.for_each(|call| assert_eq!(call["refused"], refused, "{admission}"));
    }
}

#[test]
fn a_lost_gpu_ends_its_sessions_and_comes_back_when_its_lease_ends() {
    let bench = Bench::take("avatar-xid");
    let backend = Backend::of_five(&bench, "atomic", "before_accept");
    let fault = json!({ "id": 1, "fault": { "off_the_bus": { "gpu": 0 } }, "lease_ms": 3000 });
    let wrong = json!({ "id": 2, "fault": { "off_the_bus": { "gpu": 7 } }, "lease_ms": 3000 });
    let refused = backend.send(Method::POST, "/faults", &wrong).unwrap_err();
    assert!(refused.contains("400"), "{refused}");
    let url = format!("ws://127.0.0.1:{}", backend.port);
    let calling = bench.start(&[PYTHON, CALLER, &url, "6", "--calls", "2"]);
    wait_for("the calls", LIMIT, || {
        (backend.status()["capacity"]["current"] == json!(2)).then_some(())
    });
    backend.send(Method::POST, "/faults", &fault).unwrap();
    let run = calling.end();
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    for call in told["calls"].as_array().unwrap() {
        assert_eq!(call["refused"]["close"], json!(1011), "{told}");
    }
    assert_eq!(
        backend.metric("DCGM_FI_DEV_XID_ERRORS{gpu=\"0\",kind=\"RTX 4090\",zone=\"here\"}"),
        79.0
    );
    // Meanwhile it takes nobody; then its lease is over, and nobody has renewed it.
    let told = calls(&bench, backend.port, "0.2", &[]);
    assert_eq!(told["calls"][0]["refused"], json!({ "status": 403 }), "{told}");
    wait_for("the lease's end", LIMIT, || {
        (backend.metric("hulk_avatar_fault{id=\"1\",kind=\"off_the_bus\"}") == 0.0).then_some(())
    });
    let told = calls(&bench, backend.port, "2", &[]);
    assert_served(&told["calls"][0], 64);
}
