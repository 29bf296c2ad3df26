//! A lost edge: refused, reset, healed.

use std::io::ErrorKind;
use std::time::Duration;

use hulk_net::{HttpError, dial};
use hulk_scaling::chaos::{EdgeLost, FaultKind};
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, sleep};

use crate::stage::{eventually, get, permit, request, start};

const NORTH_IS_LOST: &str = r#"{"edge_lost":{"edge":"north"}}"#;

#[tokio::test]
async fn a_lost_edge_refuses_and_resets_and_heals_by_itself() {
    let stage = start(1.0).await;
    let mut north = dial(permit(stage.ports.edges[0])).await.unwrap();
    let mut south = stage.viewer(1).await.unwrap();
    assert_eq!(get(&mut stage.viewer(0).await.unwrap(), "/front", (1, 1)).await, 200);
    assert_eq!(stage.lend(7, NORTH_IS_LOST, 1000).await.unwrap(), r#"{"applied":true}"#);
    let lent = Instant::now();

    let reset = north.read_u8().await.unwrap_err();
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
    let refused = stage.viewer(0).await.unwrap_err();
    let HttpError::Connect { source, .. } = refused else { panic!("{refused}") };
    assert_eq!(source.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(get(&mut south, "/front", (2, 1)).await, 200);

    // Renewed for a while, and then no more.
    while lent.elapsed() < Duration::from_millis(1500) {
        assert_eq!(stage.lend(7, NORTH_IS_LOST, 1000).await.unwrap(), r#"{"applied":true}"#);
        assert!(stage.viewer(0).await.is_err(), "renewed, it is still lost");
        sleep(Duration::from_millis(100)).await;
    }
    let renewed = Instant::now();
    assert!(eventually(|| async { stage.viewer(0).await.is_ok() }).await, "never healed");
    assert!(renewed.elapsed() > Duration::from_millis(500), "healed long before its lease ended");
    assert_eq!(get(&mut stage.viewer(0).await.unwrap(), "/front", (3, 1)).await, 200);
    assert_eq!(get(&mut south, "/front", (2, 2)).await, 200);
    assert!(stage.control.renew(7).await.is_err(), "what has lapsed is not woken");
    assert!(stage.viewer(0).await.is_ok());
    assert!(!stage.control.heal(7).await.unwrap(), "it was healed already");
}

#[tokio::test]
async fn an_edge_is_lost_and_healed_when_that_is_said_as_often_as_wanted() {
    let stage = start(1.0).await;
    let lost = FaultKind::EdgeLost(EdgeLost { edge: "north".into() });
    for round in 0..20 {
        stage.control.inject(round, &lost).await.unwrap();
        assert!(stage.viewer(0).await.is_err(), "{round}");
        stage.control.renew(round).await.unwrap();
        assert!(stage.control.heal(round).await.unwrap());
        assert_eq!(get(&mut stage.viewer(0).await.unwrap(), "/front", (1, round)).await, 200);
    }
}

/// Of two faults at one place, the first healing heals one.
#[tokio::test]
async fn an_edge_that_is_lost_twice_is_healed_twice() {
    let stage = start(1.0).await;
    let lost = FaultKind::EdgeLost(EdgeLost { edge: "north".into() });
    stage.control.inject(1, &lost).await.unwrap();
    stage.control.inject(2, &lost).await.unwrap();
    stage.control.heal(1).await.unwrap();
    assert!(stage.viewer(0).await.is_err());
    stage.control.heal(2).await.unwrap();
    assert!(stage.viewer(0).await.is_ok());
}

#[tokio::test]
async fn what_was_under_way_at_a_lost_edge_is_received_and_never_answered() {
    let stage = start(1.0).await;
    // At the other edge, in front of the one that is to be lost: 0.2 s each.
    let mut others = Vec::new();
    for viewer in 1..=3 {
        let mut south = stage.viewer(1).await.unwrap();
        others.push(tokio::spawn(async move { get(&mut south, "/slow", (viewer, 1)).await }));
    }
    let mut viewer = stage.viewer(0).await.unwrap();
    assert_eq!(get(&mut viewer, "/front", (5, 1)).await, 200);
    let asked = tokio::spawn(async move { viewer.send(request("/slow?x=1", 5, 2)).await.is_ok() });
    sleep(Duration::from_millis(50)).await;
    stage.lend(1, NORTH_IS_LOST, 3000).await.unwrap();
    assert!(!asked.await.unwrap(), "an answer came from a lost edge");
    for other in others {
        assert_eq!(other.await.unwrap(), 200);
    }
    sleep(Duration::from_millis(300)).await;
    let counts = stage.control.counts().await.unwrap();
    let lost = counts.last.iter().find(|last| last.viewer == 5).unwrap();
    assert_eq!((lost.send, lost.service.as_str(), lost.status), (2, "slow", None));
    let slow = counts.services.iter().find(|s| s.service == "slow").unwrap();
    assert_eq!((slow.requests, slow.answers.get(&200)), (4, Some(&3)));
}
