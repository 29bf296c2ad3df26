//! A platform that stands alone: its policies and switches by hand, its page, and who may ask.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hulk_net::Connection;
use hyper::{Method, Request, Response};

use crate::stage::{ONE_INSTANCE, eventually, get, permit, request, start, start_alone};

const SIX: &str = r#"{"requests": {"rated_per_min": 60, "min_instances": 6, "max_instances": 6}}"#;

#[tokio::test]
async fn a_policy_is_taken_in_the_form_of_a_file_and_another_number_is_wanted() {
    let stage = start_alone().await;
    let metrics = || async { stage.ask(Method::GET, "/metrics", "").await.unwrap() };
    let is = |metrics: &str, line: &str| metrics.lines().any(|known| known == line);
    let desired = "hulk_platform_instances_desired{service=\"home\"}";
    let policy = "hulk_platform_policy_info{service=\"home\"";
    assert!(is(&metrics().await, &format!("{policy},policy=\"ladder\"}} 1")));
    stage.ask(Method::PUT, "/policies/home", SIX).await.unwrap();
    assert!(is(&metrics().await, &format!("{policy},policy=\"requests\"}} 1")));
    let six = format!("{desired} 6");
    assert!(eventually(|| async { is(&metrics().await, &six) }).await);
    // Back to what may be chosen by its name.
    stage.ask(Method::PUT, "/policies/home", r#"{"like": "small"}"#).await.unwrap();
    assert!(is(&metrics().await, &format!("{policy},policy=\"ladder\"}} 1")));
    let one = format!("{desired} 1");
    assert!(eventually(|| async { is(&metrics().await, &one) }).await);
}

#[tokio::test]
async fn a_policy_that_is_none_is_refused_with_every_reason() {
    let stage = start_alone().await;
    let odd = r#"{"hpa": {"rps_per_instance": "many", "min_instances": 2, "max_instances": 1}}"#;
    for (path, body, reasons) in [
        ("/policies/hom", SIX, &["no service `hom`: the platform has home, limited, slow"][..]),
        ("/policies/home", "[]", &["expected a map", "for example {\"like\""]),
        ("/policies/home", "{}", &["cloud_group"]),
        ("/policies/home", r#"{"like": "big"}"#, &["`like` stands alone and is one of small"]),
        ("/policies/home", r#"{"like": "small", "hpa": {}}"#, &["`like` stands alone"]),
        ("/policies/home", r#"{"ladder": null}"#, &["null is no value"]),
        ("/policies/home", r#"{"laddr": {}}"#, &["ladder"]),
        ("/policies/home", odd, &["rps_per_instance", "target_utilisation", "min_instances"]),
        (
            "/policies/home",
            r#"{"ladder": {"x\u007f\"\n": [1, {"y": true}]}}"#,
            &["rung_viewers", "rps_per_viewer"],
        ),
        (
            "/policies/home",
            r#"{"requests": {"rated_per_min": 60, "min_instances": 6, "max_instances": 6},
                "ahead": [{"at_min": 3, "before_s": 1, "after_s": 1, "min_instances": 3}]}"#,
            &["`ahead` is for files"],
        ),
    ] {
        let refused = stage.ask(Method::PUT, path, body).await.unwrap_err();
        assert!(refused.starts_with("400: "), "{refused}");
        for reason in reasons {
            assert!(refused.contains(reason), "{body}: {refused}");
        }
    }
    let long = format!("{{\"like\": \"{}\"}}", "x".repeat(5000));
    let refused = stage.ask(Method::PUT, "/policies/home", &long).await.unwrap_err();
    assert!(refused.contains("longer than 4096 bytes"), "{refused}");
    assert!(stage.ask(Method::GET, "/policies/home", "").await.unwrap_err().starts_with("405"));
}

#[tokio::test]
async fn a_switch_by_hand_shows_in_every_answer() {
    let stage = start_alone().await;
    let mut viewer = stage.viewer(0).await.unwrap();
    let press = async |state: &str| {
        let body = format!("{{\"state\": \"{state}\"}}");
        stage.ask(Method::PUT, "/switches/static_home", &body).await
    };
    let mut panic = async || {
        let answer = viewer.send(request("/front", 1, 1)).await.unwrap();
        let panic = answer.headers().get("x-panic").cloned();
        answer.into_body().collect().await.unwrap();
        panic.map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(panic().await, None);
    press("on").await.unwrap();
    assert_eq!(panic().await.as_deref(), Some("static_home"));
    press("automatic").await.unwrap();
    assert_eq!(panic().await, None);
    let refused = press("maybe").await.unwrap_err();
    assert!(refused.starts_with("400: unknown variant `maybe`"), "{refused}");
    let refused =
        stage.ask(Method::PUT, "/switches/home", "{\"state\": \"on\"}").await.unwrap_err();
    assert!(refused.starts_with("404: there is no switch `home`: there are slow_r"), "{refused}");
}

#[tokio::test]
async fn in_a_rehearsal_nobody_changes_anything_by_hand() {
    let stage = start(1.0).await;
    for (method, path, body) in [
        (Method::PUT, "/policies/home", SIX),
        (Method::PUT, "/switches/static_home", "{\"state\": \"on\"}"),
    ] {
        assert!(stage.ask(method, path, body).await.unwrap_err().starts_with("404"), "{path}");
    }
    assert!(stage.ask(Method::GET, "/events", "").await.is_err());
}

async fn control(stage: &crate::stage::Stage) -> Connection {
    Connection::open(permit(stage.ports.control)).await.unwrap()
}

fn asked(method: Method, path: &str, headers: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(Bytes::from("{\"state\": \"on\"}"))).unwrap()
}

#[tokio::test]
async fn pages_from_elsewhere_and_names_that_only_lead_here_are_refused() {
    let stage = start_alone().await;
    let mut control = control(&stage).await;
    let host = stage.ports.control.to_string();
    let (own, json) = (format!("http://{host}"), ("content-type", "application/json"));
    let mut sent = async |headers: &[(&str, &str)]| -> u16 {
        let request = asked(Method::PUT, "/switches/static_home", headers);
        let answer = control.send(request).await.unwrap();
        let status = answer.status().as_u16();
        answer.into_body().collect().await.unwrap();
        status
    };
    assert_eq!(sent(&[("host", &host), json, ("origin", &own)]).await, 200);
    assert_eq!(sent(&[("host", "localhost"), json]).await, 200);
    assert_eq!(sent(&[("host", &host), json, ("origin", "http://example.org")]).await, 403);
    assert_eq!(sent(&[("host", "example.org"), json]).await, 403);
    assert_eq!(sent(&[json]).await, 403);
    assert_eq!(sent(&[("host", &host), ("content-type", "text/plain")]).await, 415);
}

fn header(answer: &Response<hyper::body::Incoming>, name: &str) -> String {
    answer.headers().get(name).unwrap().to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_page_stands_alone_and_its_events_come_by_themselves() {
    let stage = start_alone().await;
    let (mut control, host) = (control(&stage).await, stage.ports.control.to_string());
    let page = control.send(asked(Method::GET, "/", &[("host", &host)])).await.unwrap();
    assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
    let policy = header(&page, "content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    let page = page.into_body().collect().await.unwrap().to_bytes();
    let page = String::from_utf8(page.to_vec()).unwrap();
    assert!(page.contains("new EventSource(\"/events\")") && !page.contains("{{"), "{page}");
    assert!(!page.contains("https://"), "nothing is asked for elsewhere");

    let events = control.send(asked(Method::GET, "/events", &[("host", &host)])).await.unwrap();
    assert_eq!(header(&events, "content-type"), "text/event-stream");
    let mut events = events.into_body();
    let mut event = async || {
        let next = tokio::time::timeout(Duration::from_secs(5), events.frame()).await.unwrap();
        let data = next.unwrap().unwrap().into_data().unwrap();
        let text = String::from_utf8(data.to_vec()).unwrap();
        let json = text.strip_prefix("data: ").unwrap().strip_suffix("\n\n").unwrap();
        serde_json::from_str::<serde_json::Value>(json).unwrap()
    };
    let first = event().await;
    assert_eq!(first["name"], "small");
    assert_eq!(first["connections"], 0);
    assert_eq!(first["services"][0]["name"], "home");
    assert_eq!(first["services"][0]["like"], "small");
    assert_eq!(first["edges"][1]["address"], stage.ports.edges[1].to_string());
    assert!(ONE_INSTANCE.contains("rps_per_instance = 1"));
    assert_eq!(first["services"][0]["policy"]["ladder"]["rps_per_instance"], 1.0);
    let mut viewer = stage.viewer(1).await.unwrap();
    assert_eq!(get(&mut viewer, "/front", (1, 1)).await, 200);
    stage.lend(1, r#"{"edge_lost":{"edge":"north"}}"#, 60_000).await.unwrap();
    // The look of a second may come before the change.
    let mut told = event().await;
    if told["edges"][0]["lost"] == false {
        told = event().await;
    }
    assert_eq!(
        (&told["edges"][0]["lost"], &told["faults"][0]["at"]),
        (&true.into(), &"north".into())
    );
    assert_eq!(told["connections"], 1);
    // And once a second without any change.
    let later = event().await;
    assert!(later["match_s"].as_f64() > told["match_s"].as_f64());
    assert_eq!(first["services"].as_array().unwrap().len(), 3);
}
