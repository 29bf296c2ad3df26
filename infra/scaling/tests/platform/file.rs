//! Descriptions of platforms: the shipped one, and wrong ones.

use hulk_record::MatchTime;
use hulk_scaling::{Body, Event, PlatformSpec};
use hulk_settings::{Source, read};

use crate::world::{World, lost, slow, spec};

const SHIPPED: &str = include_str!("../../../../scenarios/platforms/streaming.toml");

#[test]
fn the_platform_grows_a_cascade_two_edges_a_rate_limit_and_panic_switches() {
    let shipped = spec(SHIPPED);
    let edges: Vec<&str> = shipped.edges.iter().map(|edge| edge.name.as_str()).collect();
    assert_eq!(edges, ["north", "south"]);
    assert_eq!(shipped.media.feeds.len(), 4);
    let named = |name: &str| shipped.services.iter().find(|known| known.name == name).unwrap();
    let mut chain = vec!["home"];
    while let Some(call) = named(chain[chain.len() - 1]).calls.first() {
        chain.push(&call.service);
    }
    assert_eq!(chain, ["home", "content", "personalisation", "recommendation"]);
    let held = shipped.services.iter().filter(|known| known.always_on);
    assert_eq!(held.map(|s| s.name.as_str()).collect::<Vec<_>>(), ["ads", "payment", "playback"]);
    for kind in [slow("recommendation", 800.0), slow("mid-tier", 1.0), lost("south")] {
        assert_eq!(shipped.check_fault(&kind), Ok(()), "{kind:?}");
    }
    let refused = shipped.check_fault(&lost("home")).unwrap_err();
    assert_eq!(refused, "the platform has no edge `home`: it has north, south");

    let mut world = World::with(shipped, (1.0, 1.0), &[]);
    let ms = |world: &mut World, at, path: &str| world.asks(at, path, at + 0.5);
    // Each of the four serves a request in 0.4 ms.
    assert_eq!(ms(&mut world, 0.0, "/v1/home?device=tv"), (200, 22.0));
    assert_eq!(ms(&mut world, 1.0, "/v1/home/trays/3"), (200, 8.0));
    assert_eq!(ms(&mut world, 2.0, "/v1/config"), (200, 5.0));
    world.inject(&slow("recommendation", 500.0));
    assert_eq!(ms(&mut world, 3.0, "/v1/home"), (200, 522.0));
    for (path, status) in [("/live/north-1/master.m3u8", 200), ("/live/master.m3u8", 404)] {
        assert_eq!(ms(&mut world, 4.0, path).0, status, "{path}");
    }
    assert_eq!(world.platform.connections(), 0);
    world.step(MatchTime::from_s(9.0), Event::Connected { edge: 1 });
    assert!(world.switches().is_empty(), "one viewer of thirty-two million");
}

#[test]
fn a_viewer_signs_up_with_the_code_of_the_own_number() {
    let mut world = World::new(SHIPPED);
    let text = |world: &mut World, at, path: &str| {
        let id = world.ask(at, 0, path);
        world.run_to(at + 0.5);
        let reply = &world.replies[&id];
        let Body::Text(text) = &reply.body else { panic!("{reply:?}") };
        (text.to_string(), reply.set_cookie.as_deref().map(str::to_owned))
    };
    let plain = |text: &str| (text.to_owned(), None);
    assert_eq!(text(&mut world, 0.0, "/v1/otp/request?viewer=42"), plain("{\"sent\":true}"));
    assert_eq!(text(&mut world, 1.0, "/v1/otp/inbox?viewer=42"), plain("{\"code\":\"42\"}"));
    let verified = "{\"verified\":true,\"token\":\"t2\",\"expires_s\":900}";
    assert_eq!(text(&mut world, 2.0, "/v1/otp/verify"), plain(verified));
    let token = "{\"token\":\"t3\",\"expires_s\":900}".to_owned();
    assert_eq!(text(&mut world, 3.0, "/v1/login"), (token, Some("sid=s3".to_owned())));
    let sizes = ["mobile", "web", "tv", "watch"].map(|device| {
        let id = world.ask(4.0, 0, &format!("/v1/home?device={device}"));
        world.run_to(4.5);
        world.replies[&id].body.clone()
    });
    assert_eq!(sizes, [25_000, 60_000, 45_000, 25_000].map(Body::Bytes));
}

#[test]
fn every_problem_of_a_platform_is_shown_at_once() {
    let source = Source::new("p.toml", WRONG);
    let problems = read(&source, PlatformSpec::read).unwrap_err();
    let found: Vec<&str> = problems.list.iter().map(|p| p.message.as_str()).collect();
    let wanted = [
        "a platform needs at least one edge",
        "there is no service `x`",
        "there is no service `reco`",
        "the switches must go on in their order",
        "the name `mid-tier` is taken",
        "`a` asks itself, directly or through others",
        "`b` asks itself, directly or through others",
        "there is no service `nobody`",
        "nobody knows the slot `${viewer}`",
        "`/a` has an answer already",
        "only answers of the home service become static",
        "`huge` must be a size from 0 to 100000000",
        "there is no service `gone`",
        "`p/q` cannot be a feed: names differ and hold no `/`",
    ];
    for message in wanted {
        assert!(found.contains(&message), "{message} not in {found:#?}");
    }
    assert_eq!(found.len(), wanted.len(), "{found:#?}");
}

const WRONG: &str = r#"
[media]
origin = "x"
feeds = ["n", "p/q"]
segment_s = 6
window_segments = 5
playlist_ttl_s = 2
segment_ttl_s = 60
rendition = { low = { kbps = 1 } }
[panic]
forecast_viewers = 10
slow_refresh = 0.9
no_recommendations = 0.8
static_home = 1
funnel_jitter = 1
home = "a"
recommendation = "reco"
[service.a]
rated_rps = 1
patience_s = 1
base_latency_ms = 1
decision_window_s = 1
provisioning = { evaluate_s = 1, decide_s = 1, node_s = 1, app_s = 1, scale_in_hold_s = 1 }
calls = [{ service = "b", timeout_ms = 1 }]
[service.b]
rated_rps = 1
patience_s = 1
base_latency_ms = 1
decision_window_s = 1
provisioning = { evaluate_s = 1, decide_s = 1, node_s = 1, app_s = 1, scale_in_hold_s = 1 }
calls = [{ service = "a", timeout_ms = 1 }]
[service.mid-tier]
rated_rps = 1
patience_s = 1
base_latency_ms = 1
decision_window_s = 1
provisioning = { evaluate_s = 1, decide_s = 1, node_s = 1, app_s = 1, scale_in_hold_s = 1 }
calls = [{ service = "nobody", timeout_ms = 1 }]
[[route]]
path = "/a"
service = "a"
json = { text = "${request}" }
[[route]]
path = "/a"
service = "b"
static = true
json = { text = "" }
[[route]]
path = "/slot"
service = "b"
json = { text = "${viewer}" }
[[route]]
path = "/huge"
service = "b"
bytes = { size = 1, by = { query = "device", huge = 1e9 } }
[[route]]
path = "/gone"
service = "gone"
bytes = { size = 1 }
"#;
