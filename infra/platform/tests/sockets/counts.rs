//! The platform's own count.

use std::collections::BTreeMap;
use std::time::Duration;

use hulk_record::{LastRequest, TargetService};
use tokio::time::{sleep, timeout};

use crate::stage::{get, request, start};

fn last(viewer: u32, send: u32, service: &str, status: u16) -> LastRequest {
    LastRequest { viewer, send, service: service.into(), status: Some(status) }
}

#[tokio::test]
async fn counts_agree_with_what_was_sent() {
    let stage = start(1.0).await;
    let mut north = stage.viewer(0).await.unwrap();
    let mut south = stage.viewer(1).await.unwrap();
    for send in 1..=5 {
        assert_eq!(get(&mut north, "/front", (1, send)).await, 200);
    }
    for send in 1..=3 {
        assert_eq!(get(&mut south, "/live/240p/1.ts", (2, send)).await, 404);
    }
    // The origin is asked once, by the edge.
    assert_eq!(get(&mut south, "/live/master.m3u8", (2, 4)).await, 200);
    assert_eq!(get(&mut south, "/live/master.m3u8", (2, 5)).await, 200);
    drop((north, south));
    sleep(Duration::from_millis(100)).await;

    let mut counts = stage.control.counts().await.unwrap();
    counts.last.sort_by_key(|last| last.viewer);
    let told = |service: &str, edge: &str| {
        let found = counts.services.iter().find(|s| s.service == service && s.edge == edge);
        found.cloned().unwrap_or_else(|| panic!("{service} {edge} in {:?}", counts.services))
    };
    let wanted =
        |service: &str, edge: &str, requests, internal, answers: &[(u16, u64)]| TargetService {
            service: service.into(),
            edge: edge.into(),
            requests,
            internal,
            answers: BTreeMap::from_iter(answers.iter().copied()),
        };
    assert_eq!(told("home", ""), wanted("home", "", 5, 0, &[(200, 5)]));
    assert_eq!(told("edge", "north"), wanted("edge", "north", 0, 0, &[]));
    assert_eq!(told("edge", "south"), wanted("edge", "south", 5, 0, &[(404, 3), (200, 2)]));
    assert_eq!(told("slow", ""), wanted("slow", "", 0, 1, &[]));
    assert_eq!(counts.last, [last(1, 5, "home", 200), last(2, 5, "edge", 200)]);
    assert_eq!(counts.last_untold, 0);
}

#[tokio::test]
async fn a_cancelled_request_is_told_with_its_status() {
    let stage = start(1.0).await;
    let mut patient = stage.viewer(0).await.unwrap();
    // The second waits behind the first: 0.2 s each.
    let patient = tokio::spawn(async move { (get(&mut patient, "/slow", (1, 1)).await, patient) });
    sleep(Duration::from_millis(20)).await;
    let mut hasty = stage.viewer(1).await.unwrap();
    let cancelled = hasty.send(request("/slow?again=1", 2, 9));
    assert!(timeout(Duration::from_millis(50), cancelled).await.is_err());
    drop(hasty);
    let counts = stage.control.counts().await.unwrap();
    assert_eq!(counts.last, [last(2, 9, "slow", 200)]);
    let slow = counts.services.iter().find(|s| s.service == "slow").unwrap();
    assert_eq!((slow.requests, slow.answers.get(&200)), (2, Some(&2)));
    assert_eq!(patient.await.unwrap().0, 200);
}

#[tokio::test]
async fn a_viewer_who_leaves_while_the_answer_is_held_back_is_told_too() {
    let stage = start(1.0).await;
    stage.lend(1, r#"{"latency":{"service":"home","add_ms":5000}}"#, 10_000).await.unwrap();
    let mut viewer = stage.viewer(0).await.unwrap();
    let cancelled = viewer.send(request("/front", 3, 1));
    assert!(timeout(Duration::from_millis(100), cancelled).await.is_err());
    drop(viewer);
    sleep(Duration::from_millis(50)).await;
    assert_eq!(stage.control.counts().await.unwrap().last, [last(3, 1, "home", 200)]);
}
