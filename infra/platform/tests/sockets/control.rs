//! What the control port refuses, and what it tells.

use hyper::Method;

use crate::stage::{get, start};

#[tokio::test]
async fn a_body_that_cannot_be_meant_is_refused_with_the_reason() {
    let stage = start(1.0).await;
    let latency = r#"{"latency":{"service":"home","add_ms":400}}"#;
    for (fault, lease_ms, reason) in [
        (r#"{"latency":{"service":"hom","add_ms":4}}"#, 3000, "has no service, edge or tier `hom`"),
        (r#"{"edge_lost":{"edge":"west"}}"#, 3000, "has no edge `west`: it has north, south"),
        (r#"{"gpu":"affinity_lost"}"#, 3000, "the platform has no GPUs"),
        (r#"{"flood":{}}"#, 3000, "unknown variant `flood`"),
        (latency, 99, "`lease_ms` must be from 100 to 60000"),
    ] {
        let refused = stage.lend(1, fault, lease_ms).await.unwrap_err();
        assert!(refused.starts_with("400: ") && refused.contains(reason), "{refused}");
    }
    let refused = stage.ask(Method::POST, "/faults", "{\"id\":1}").await.unwrap_err();
    assert!(
        refused.contains("missing field `fault`") && refused.contains("for example {"),
        "{refused}"
    );
    let refused = stage.ask(Method::PUT, "/faults/x", "").await.unwrap_err();
    assert_eq!(refused, "400: a fault's number is expected after /faults/");
    let refused = stage.ask(Method::PUT, "/faults/4", "{\"lease_ms\":3000}").await.unwrap_err();
    assert_eq!(refused, "409: fault 4 is not on: its lease has lapsed, or it was never injected");
    stage.lend(1, latency, 3000).await.unwrap();
    let other = stage.lend(1, r#"{"edge_lost":{"edge":"north"}}"#, 3000).await.unwrap_err();
    assert_eq!(other, "409: fault 1 is another one: give this one a number of its own");
    let again = stage.ask(Method::POST, "/start", "{\"in_ms\":5}").await.unwrap_err();
    assert_eq!(again, "409: the match has been started already");
    let unknown = stage.ask(Method::GET, "/", "").await.unwrap_err();
    assert!(unknown.starts_with("404: known here: GET /metrics, GET /counts"), "{unknown}");
    assert!(stage.ask(Method::GET, "/faults", "").await.unwrap_err().starts_with("405"));
}

#[tokio::test]
async fn metrics_tell_services_edges_and_faults_apart() {
    let stage = start(1.0).await;
    let mut viewer = stage.viewer(1).await.unwrap();
    assert_eq!(get(&mut viewer, "/front", (1, 1)).await, 200);
    assert_eq!(get(&mut viewer, "/nowhere", (1, 2)).await, 404);
    stage.lend(3, r#"{"latency":{"service":"home","add_ms":1}}"#, 3000).await.unwrap();
    let metrics = stage.ask(Method::GET, "/metrics", "").await.unwrap();
    for line in [
        "hulk_platform_requests_total{service=\"home\"} 1",
        "hulk_platform_internal_requests_total{service=\"home\"} 0",
        "hulk_platform_requests_total{service=\"edge\",edge=\"north\"} 0",
        "hulk_platform_responses_total{service=\"edge\",edge=\"south\",status=\"404\"} 1",
        "hulk_platform_responses_total{service=\"home\",status=\"200\"} 1",
        "hulk_platform_instances_ready{service=\"home\"} 1",
        "hulk_platform_connections 1",
        "hulk_platform_fault{id=\"3\",kind=\"latency\",at=\"home\"} 1",
    ] {
        assert!(metrics.lines().any(|known| known == line), "{line} not in\n{metrics}");
    }
    assert!(metrics.ends_with("\n# EOF\n"));
    assert!(stage.control.heal(3).await.unwrap());
    let metrics = stage.ask(Method::GET, "/metrics", "").await.unwrap();
    assert!(metrics.contains("hulk_platform_fault{id=\"3\",kind=\"latency\",at=\"home\"} 0\n"));
}
