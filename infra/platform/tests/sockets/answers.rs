//! What comes with an answer.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request};
use tokio::time::sleep;

use crate::stage::{request, start, text};

#[tokio::test]
async fn cookies_and_bodies_know_the_query() {
    let stage = start(1.0).await;
    let mut viewer = stage.viewer(0).await.unwrap();
    let answer = viewer.send(request("/front/page?device=tv&viewer=77", 1, 1)).await.unwrap();
    assert_eq!(answer.headers()["set-cookie"], "visit=77");
    assert!(!answer.headers().contains_key("x-panic"));
    assert!(!answer.headers().contains_key("retry-after"));
    assert_eq!(text(answer).await, "for tv");
}

#[tokio::test]
async fn a_request_with_a_body_leaves_the_connection_usable() {
    let stage = start(1.0).await;
    let mut viewer = stage.viewer(0).await.unwrap();
    for _ in 0..2 {
        let post = Request::post("/front").header("host", "test");
        let body = Full::new(Bytes::from(vec![b'x'; 300_000]));
        let answer = viewer.send(post.body(body).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
        text(answer).await;
        assert!(viewer.is_open());
    }
}

/// One in 4 match seconds: at speed 2 the next one may come after 2 s on the wall.
#[tokio::test]
async fn who_is_turned_away_hears_when_to_come_again_on_the_wall() {
    let stage = start(2.0).await;
    let mut viewer = stage.viewer(0).await.unwrap();
    let mut after = None;
    for send in 1..=3 {
        let answer = viewer.send(request("/limited", 1, send)).await.unwrap();
        if answer.status() == 429 {
            after = answer.headers().get("retry-after").cloned();
        }
        text(answer).await;
    }
    let after: u32 = after.expect("nobody was turned away").to_str().unwrap().parse().unwrap();
    assert!((1..=2).contains(&after), "{after}");
}

#[tokio::test]
async fn panic_switches_are_named_in_every_answer() {
    let stage = start(1.0).await;
    let mut viewers = Vec::new();
    for _ in 0..4 {
        viewers.push(stage.viewer(0).await.unwrap());
    }
    sleep(Duration::from_millis(50)).await;
    let answer = viewers[0].send(request("/front", 1, 1)).await.unwrap();
    assert_eq!(answer.headers()["x-panic"], "slow_refresh,no_recommendations");
    text(answer).await;
    let metrics = stage.ask(Method::GET, "/metrics", "").await.unwrap();
    assert!(metrics.contains("hulk_platform_switch{name=\"slow_refresh\"} 1\n"), "{metrics}");
    assert!(metrics.contains("hulk_platform_switch{name=\"static_home\"} 0\n"), "{metrics}");
    viewers.truncate(1);
    sleep(Duration::from_millis(50)).await;
    let answer = viewers[0].send(request("/front", 1, 2)).await.unwrap();
    assert!(!answer.headers().contains_key("x-panic"));
}
