//! A small platform, and viewers who ask it.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hulk_net::{Connection, HttpError, Permit, Scope, ask};
use hulk_platform::{Alone, ControlClient, Plan, Ports, serve, stand_alone};
use hulk_record::{Clock, Feed, Offset};
use hulk_scaling::{PlatformSpec, Policy};
use hulk_settings::{Section, Source, read};
use hyper::body::Incoming;
use hyper::{Method, Request, Response};

/// `home` answers at once, `slow` one request in 0.2 s, `limited` one in 4 match seconds. Panic
/// switches go on at the fourth viewer.
const PLATFORM: &str = r#"
[edge.north]
base_latency_ms = 0
cache_entries = 16
[edge.south]
base_latency_ms = 0
cache_entries = 16
[media]
origin = "slow"
segment_s = 6
window_segments = 5
playlist_ttl_s = 60
segment_ttl_s = 600
rendition = { 240p = { kbps = 8 } }
[service]
home = { rated_rps = 100000, patience_s = 10, base_latency_ms = 0, decision_window_s = 60, provisioning = { evaluate_s = 60, decide_s = 0, node_s = 0, app_s = 0, scale_in_hold_s = 0 } }
slow = { rated_rps = 5, patience_s = 10, base_latency_ms = 0, decision_window_s = 60, provisioning = { evaluate_s = 60, decide_s = 0, node_s = 0, app_s = 0, scale_in_hold_s = 0 } }
limited = { rated_rps = 100000, rate_limit_rps = 0.25, patience_s = 10, base_latency_ms = 0, decision_window_s = 60, provisioning = { evaluate_s = 60, decide_s = 0, node_s = 0, app_s = 0, scale_in_hold_s = 0 } }
[[route]]
path = "/front"
service = "home"
json = { text = "for ${query.device}" }
set_cookie = "visit=${query.viewer}"
[[route]]
path = "/slow"
service = "slow"
bytes = { size = 100 }
[[route]]
path = "/limited"
service = "limited"
bytes = { size = 0 }
[panic]
forecast_viewers = 100
slow_refresh = 0.04
no_recommendations = 0.04
static_home = 2
funnel_jitter = 2
home = "home"
recommendation = "limited"
"#;

pub(crate) const ONE_INSTANCE: &str = "ladder = { rung_viewers = 1000000, buffer_viewers = 1, \
                            rps_per_viewer = 1, rps_buffer = 0, rps_per_instance = 1 }";

pub(crate) fn parse<T>(text: &str, of: impl FnOnce(&Section<'_>) -> Option<T>) -> T {
    read(&Source::new("test", text), |root| of(root))
        .map_err(|problems| problems.to_string())
        .unwrap()
}

pub(crate) struct Stage {
    pub(crate) ports: Ports,
    pub(crate) control: ControlClient,
}

pub(crate) fn permit(address: SocketAddr) -> Permit {
    Scope::default().permit(address).unwrap()
}

/// A platform whose match runs at `speed` since now.
pub(crate) async fn start(speed: f64) -> Stage {
    start_with(speed, None, Feed::default()).await
}

/// The same with another policy for the first service by name, `home`, and a commentary.
pub(crate) async fn start_with(speed: f64, home: Option<Policy>, commentary: Feed) -> Stage {
    let mut plan = Plan { commentary, ..plan(speed) };
    if let Some(home) = home {
        plan.policies[0] = home;
    }
    let ports = serve(plan).unwrap();
    let control = ControlClient::new(permit(ports.control));
    control.start(Duration::ZERO).await.unwrap();
    Stage { ports, control }
}

/// The same alone, where policies look ten times a second.
pub(crate) async fn start_alone() -> Stage {
    let plan = plan(600.0);
    let choices = vec![("small".to_owned(), plan.policies.clone())];
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let wanted = Ports { edges: vec![free; 2], control: free };
    let ports = stand_alone(plan, Alone { name: "small".into(), choices }, &wanted).unwrap();
    let control = ControlClient::new(permit(ports.control));
    Stage { ports, control }
}

fn plan(speed: f64) -> Plan {
    let policy = parse(ONE_INSTANCE, Policy::read);
    Plan {
        platform: parse(PLATFORM, PlatformSpec::read),
        policies: vec![policy; 3],
        clock: Clock { speed },
        scale: 1.0,
        lead_in_from: Offset(0),
        viewers_at_0: 0.0,
        commentary: Feed::default(),
        seed: 1,
    }
}

impl Stage {
    pub(crate) async fn viewer(&self, edge: usize) -> Result<Connection, HttpError> {
        Connection::open(permit(self.ports.edges[edge])).await
    }

    /// What the control port says: the body, or status and body of a refusal.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: &str,
    ) -> Result<String, String> {
        let (body, limit) = (Bytes::copy_from_slice(body.as_bytes()), Duration::from_secs(5));
        ask(self.control.permit(), method, path, body, limit).await.map_err(|error| match error {
            HttpError::Status { status, body, .. } => {
                format!("{}: {}", status.as_u16(), body.trim())
            }
            other => other.to_string(),
        })
    }

    /// Injects a fault, or renews it.
    pub(crate) async fn lend(&self, id: u32, fault: &str, lease_ms: u64) -> Result<String, String> {
        let body = format!("{{\"id\":{id},\"fault\":{fault},\"lease_ms\":{lease_ms}}}");
        self.ask(Method::POST, "/faults", &body).await
    }
}

pub(crate) fn request(path: &str, viewer: u32, send: u32) -> Request<Full<Bytes>> {
    Request::builder()
        .uri(path)
        .header("host", "test")
        .header("x-hulk-request", format!("0000000a-{viewer}-{send}"))
        .body(Full::new(Bytes::new()))
        .unwrap()
}

pub(crate) async fn text(answer: Response<Incoming>) -> String {
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

/// Asks and reads the whole answer; its status.
pub(crate) async fn get(viewer: &mut Connection, path: &str, by: (u32, u32)) -> u16 {
    let answer = viewer.send(request(path, by.0, by.1)).await.unwrap();
    let status = answer.status().as_u16();
    text(answer).await;
    status
}

/// Looks again and again, for ten seconds at most.
pub(crate) async fn eventually<F: Future<Output = bool>>(mut look: impl FnMut() -> F) -> bool {
    for _ in 0..1000 {
        if look().await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}
